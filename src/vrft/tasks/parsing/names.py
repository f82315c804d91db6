"""Names that are easily taken for each other."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import cache


@cache
def nearest_names(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The other names, those that read most alike first."""
    others = [other for other in names if other != name]
    return tuple(sorted(others, key=lambda other: -SequenceMatcher(None, name, other).ratio()))
