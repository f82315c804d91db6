"""The JSON files that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mini.cell import VERSION, Cell, main_table
from vrft.errors import RunError
from vrft.run_folder import read_json

CellFiles = Mapping[str, dict[str, Any]]
"""Files of cells by the cell's name."""
Groups = dict[tuple[str, int], list[dict[str, Any]]]
"""Files of cells by setting and number of shots, in the order of their seeds."""


def read_cells(out: Path) -> CellFiles:
    """The main table's files that are there; RunError as ``files_of``."""
    return files_of(out, [cell.name for cell in main_table()], VERSION)


def files_of(out: Path, names: Iterable[str], version: int) -> CellFiles:
    """The files of cells that are there.

    Raises:
        RunError: a file was written by another version of the benchmark.
    """
    found = {}
    for name in names:
        path = out / "cells" / f"{name}.json"
        if path.exists():
            content = read_json(path)
            if content["version"] != version:
                raise RunError(
                    f"{path} has version {content['version']}, not {version}: delete it and run it again."
                )
            found[name] = content
    return found


def missing_cells(found: CellFiles) -> list[Cell]:
    """Cells of the main table without a file."""
    return [cell for cell in main_table() if cell.name not in found]


def grouped(found: CellFiles) -> Groups:
    """Files by setting and number of shots."""
    groups: Groups = {}
    for cell in main_table():
        if cell.name in found:
            groups.setdefault((cell.setting, cell.shots), []).append(found[cell.name])
    return groups


def studies(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Points of the studies that are there, by the study's name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((out / "studies").glob("*/*.json")):
        found.setdefault(path.parent.name, []).append(read_json(path))
    return found
