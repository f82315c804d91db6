"""What only the card of this task has: each category by itself, and names that nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from vrft.tasks.metrics.metric import per_group
from vrft.tasks.metrics.shared_metrics import AP
from vrft.tasks.multi_detection.names import by_name, counted_names
from vrft.tasks.number_format import hundred, mapping, one_line, plain
from vrft.tasks.section import ScoredPredictions, Section, Table

MOST_NAMES = 10


def _categories(scored: ScoredPredictions) -> Mapping[str, Any]:
    single = [one for several in scored.predictions for one in by_name(several)]
    return {name: {"n": row.n, "value": row.value} for name, row in per_group(single, AP).items()}


def _categories_tables(measured: Any) -> Sequence[Table]:
    found = {name: mapping(row) for name, row in mapping(measured).items()}
    rows = tuple(
        (one_line(name), plain(row.get("n")), hundred(row.get("value"))) for name, row in found.items()
    )
    note = "Images whose labels say all there is of the category, and AP over them."
    return [Table("Each category", ("Category", "Images", "AP"), rows, note, "categories")]


def _names_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    rows = [
        ("Boxes", plain(found.get("boxes"))),
        ("of a name that was not asked for", plain(found.get("unasked"))),
        ("without a name", plain(found.get("unnamed"))),
    ]
    written = islice(mapping(found.get("unasked_names")).items(), MOST_NAMES)
    rows += [(f"'{one_line(name)}'", plain(count)) for name, count in written]
    note = "Boxes of other names, and without one, count for no category. They cost reward."
    return [Table("Names beside boxes", ("", "Boxes"), tuple(rows), note, "names")]


SECTIONS = (
    Section("categories", _categories, tables=_categories_tables),
    Section("names", lambda scored: counted_names(scored.predictions), tables=_names_tables),
)
"""In the order of reading."""
