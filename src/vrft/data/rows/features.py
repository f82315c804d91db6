"""Rows that Hugging Face datasets wrote, and the names of classes in the schema beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vrft.data.rows.row_form import LabelRow

BATCH = 64
"""Rows that are decoded together."""
_DROP = "Leave the row out: dataset.filter(lambda row, n: n != {}, with_indices=True)."


def hub_row(
    file: Path, number: int, entry: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]
) -> LabelRow:
    """A row with its place, and what to do where it cannot be used."""
    return LabelRow(f"{file}, row {number}", entry, names, fix=_DROP.format(number))


def class_names(features: object) -> dict[str, tuple[str, ...]]:
    """Names by the path of their column.

    Args:
        features: the schema as JSON.

    Example:
        >>> kind = {"_type": "ClassLabel", "names": ["cat", "dog"]}
        >>> class_names({"label": kind, "objects": {"category": {"_type": "List", "feature": kind}}})
        {'label': ('cat', 'dog'), 'objects.category': ('cat', 'dog')}
    """
    return dict(_named(features, ""))


def _named(feature: Any, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(feature, list):
        feature = {"feature": feature[0], "_type": "List"} if len(feature) == 1 else {}
    if not isinstance(feature, Mapping):
        return
    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list):
        yield path, tuple(map(str, names))
    elif isinstance(feature.get("_type"), str):
        yield from _named(feature.get("feature"), path)
    else:
        for key, inner in feature.items():
            yield from _named(inner, f"{path}.{key}" if path else str(key))
