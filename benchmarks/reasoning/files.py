"""The JSON files that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mini.files import files_of
from mini.pooled import CellFile

from reasoning.cell import CELLS, Cell
from reasoning.run_cell import VERSION

CellFiles = Mapping[Cell, dict[str, Any]]
"""Files of cells."""
Row = tuple[str, float, str]
"""A question, a share of chains, a variant."""
Rows = Mapping[Row, list[dict[str, Any]]]
"""Files of cells by row, in the order of their seeds."""


def read_cells(out: Path) -> CellFiles:
    """The files that are there; RunError as ``files_of``."""
    found = files_of(out, [cell.name for cell in CELLS], VERSION)
    return {cell: found[cell.name] for cell in CELLS if cell.name in found}


def by_row(found: CellFiles) -> Rows:
    """Files by what their seeds have in common."""
    rows: dict[Row, list[dict[str, Any]]] = {}
    for cell in sorted(found, key=lambda cell: cell.seed):
        rows.setdefault(cell.row, []).append(found[cell])
    return rows


def seeds_of(row: Row) -> int:
    """How many seeds a row has when it is complete."""
    return sum(cell.row == row for cell in CELLS)


def mean_at(cells: Sequence[CellFile], *path: str) -> float | None:
    """The mean over seeds of a number inside the files; None where one has none."""
    found: list[float] = []
    for cell in cells:
        part: Any = cell
        for key in path:
            part = part.get(key) if isinstance(part, dict) else None
        if part is None:
            return None
        found.append(float(part))
    return sum(found) / len(found) if found else None
