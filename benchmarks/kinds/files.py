"""The JSON files that are there, and the rates that those of the development seed set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mini.files import CellFiles, files_of
from mini.pooled import CellFile

from kinds.cell import CELLS, DEVELOPMENT, DEVELOPMENTS, VERSION, Cell, Row
from vrft.errors import ConfigError

Rows = Mapping[str, Sequence[CellFile]]
"""Files of cells by row, in the order of their seeds."""
Rates = Mapping[str, float]
"""By arm."""


def read_cells(out: Path) -> CellFiles:
    """The counted cells that are there, by name; RunError as ``files_of``."""
    return files_of(out, CELLS, VERSION)


def by_row(found: CellFiles) -> Rows:
    """Files by what their seeds have in common."""
    rows: dict[str, list[CellFile]] = {}
    for content in sorted(found.values(), key=lambda content: content["seed"]):
        rows.setdefault(content["row"], []).append(content)
    return rows


def read_developments(out: Path) -> CellFiles:
    """The files of the development seed that are there, by name; RunError as ``files_of``."""
    return files_of(out, DEVELOPMENTS, VERSION)


def rates_of(content: CellFile) -> Rates:
    """The rate of each arm in a file."""
    return {name: own["learning_rate"] for name, own in content["arms"].items()}


def rates_for(row: Row, out: Path) -> Rates:
    """The rates of a row: the best on the validation part of the development seed.

    Raises:
        ConfigError: the development seed has not run.
    """
    name = Cell(row, DEVELOPMENT).name
    if (found := read_developments(out).get(name)) is None:
        raise ConfigError(
            f"The rates of '{row.name}' are not set. First run 'python benchmarks/kinds.py --cell {name}', "
            "with the same --out or --save."
        )
    return rates_of(found)
