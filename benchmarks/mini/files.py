"""The JSON files that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mini.cell import VERSION, Cell, main_table
from mini.systems import RFT, TWIN
from vrft.errors import RunError
from vrft.report.figures import hundred
from vrft.runs.folder import read_json

Groups = dict[tuple[str, int], list[dict[str, Any]]]
"""Files of cells by setting and number of shots, in the order of their seeds."""


def read_cells(out: Path, cells: Sequence[Cell] | None = None) -> dict[str, dict[str, Any]]:
    """Files of cells by the cell's name.

    Raises:
        RunError: a file was written by another version of the benchmark.
    """
    found = {}
    for cell in main_table() if cells is None else cells:
        path = out / "cells" / f"{cell.name}.json"
        if path.exists():
            content = read_json(path)
            if content["version"] != VERSION:
                raise RunError(
                    f"{path} has version {content['version']}, not {VERSION}: delete it and run it again."
                )
            found[cell.name] = content
    return found


def missing_cells(out: Path) -> list[Cell]:
    """Cells of the main table without a file."""
    found = read_cells(out)
    return [cell for cell in main_table() if cell.name not in found]


def grouped(out: Path) -> Groups:
    """Files by setting and number of shots."""
    groups: Groups = {}
    found = read_cells(out)
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


def pilots(folder: Path) -> str:
    """The least and the greatest difference of RFT and SFT in cells from before the protocol was fixed."""
    gaps = []
    for path in sorted(folder.glob("*.json")):
        cell = read_json(path)
        systems = cell["scopes"][cell["headline"]]["systems"]
        gaps.append(systems[RFT]["value"] - systems[TWIN]["value"])
    return f"{hundred(min(gaps), sign=True)} to {hundred(max(gaps), sign=True)}"
