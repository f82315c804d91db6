"""Answers that any model wrote, scored without the model: one system's seeds, and another system's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.ensemble import headline
from vrft.evaluation.external.read_external import External, read_external
from vrft.evaluation.external.score_external import score_external
from vrft.evaluation.scorecard import CardOptions, combine, scorecard
from vrft.types import Prediction
from vrft.workflows.requests import FilesRequest


def evaluate_files(files: Sequence[Path], request: FilesRequest | None = None) -> dict[str, Any]:
    """Score the files of one system's seeds: each under ``files``, all together under ``combined``."""
    request = request or FilesRequest()
    ours, theirs = _read(files, request), _read(request.against, request)
    scored: dict[str, Any] = {
        path: {**score_external(external, request.by), "cards": _cards(external, request)}
        for path, external in {**ours, **theirs}.items()
    }
    if len(files) == 1 and not request.against:
        return {"files": scored}
    tasks = sorted({task for external in ours.values() for task in external.predictions})
    combined = {
        task: combine(_runs(ours, task, request), _runs(theirs, task, request) or None) for task in tasks
    }
    return {"files": scored, "combined": combined}


def _read(files: Sequence[Path], request: FilesRequest) -> dict[str, External]:
    if len({str(file) for file in files}) < len(files):
        raise InputError("A file is named twice, also with --against. Name each once.")
    return {
        str(file): read_external(file, request.reader, request.labels, request.task_options) for file in files
    }


def _cards(external: External, request: FilesRequest) -> dict[str, Any]:
    cards = {}
    for task, predictions in external.predictions.items():
        asked = {one.example.question for one in predictions}
        base = tuple(sorted(asked - set(request.novel))) if request.novel else ()
        sized = external.sized(task)
        cards[task] = scorecard(
            predictions, CardOptions(request.fuse, base=base, novel=request.novel, sized=sized)
        )
    return cards


def _runs(system: dict[str, External], task: str, request: FilesRequest) -> list[list[Prediction]]:
    return [headline(external.predictions.get(task, []), request.fuse) for external in system.values()]
