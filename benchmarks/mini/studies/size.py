"""Does the gap change with the model's size? Miniatures of other widths beside the shipped one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mini.cell import Cell
from mini.effort import MODEL, Effort
from mini.files import Groups
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import both, both_table, from_cells
from mini.studies.study import SEEDS, Found, Study
from vrft.errors import InputError


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """The other miniatures; the shipped one stands in the main table.

    Raises:
        InputError: no second model was named.
    """
    if not models:
        raise InputError(
            "The study needs a second miniature. Train one of another width with "
            "'python -m vrft.miniature.pretrain OUT --width 128': --study size --models OUT/model."
        )
    for model in models:
        for seed in SEEDS:
            cell, name = Cell(setting, SETTINGS[setting].reference, seed), Path(model).name
            own = replace(effort, model=model)
            yield Point("size", f"{setting}-{name}-{seed}", cell, own, both, {"model": name})


def size_table(found: Found, groups: Groups) -> str:
    """Base, SFT and RFT of the shipped miniature, from the main table, and of the others."""
    places = dict.fromkeys((point["setting"], point["shots"]) for point in found)
    shipped = [cell for place in places for cell in from_cells(groups, *place, model=MODEL)]
    return both_table("model", [*shipped, *found])


STUDY = Study("size", "Miniatures of different width", points, size_table)
