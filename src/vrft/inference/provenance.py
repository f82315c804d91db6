"""Where the answers in a folder come from: those asked for in another way must not be mixed in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vrft.data.label_checks import some
from vrft.data.splits.manifest import hash_of
from vrft.errors import RunError
from vrft.inference.ask_options import AskOptions
from vrft.models.model_source import weights_of
from vrft.run_folder import read_json, refuse_others, write_json
from vrft.types import Example
from vrft.types.rows import VERSION

PREDICTIONS, ASKED = "predictions.jsonl", "asked.json"
"""Files in a folder of answers: the predictions, and how they were asked for."""
Pixels = tuple[int | None, int | None]
"""Least and most pixels of an image after the resize; None is the model's own."""


def settings_of(
    model: str, task: str, options: AskOptions, pixels: Pixels = (None, None), dtype: str = "auto"
) -> dict[str, Any]:
    """All that decides an answer, except for image and question, in plain JSON values."""
    return {
        "version": VERSION,
        "model": model,
        "weights": weights_of(model),
        "task": task,
        "min_pixels": pixels[0],
        "max_pixels": pixels[1],
        **({"dtype": dtype} if dtype != "auto" else {}),
        **options.row(),
    }


def check_questions(folder: Path, settings: Mapping[str, Any], examples: Sequence[Example]) -> Path:
    """Write down how questions are asked, or compare with what the folder has; gives the predictions file."""
    asked = "\n".join(repr((e.id, e.question, e.options)) for e in examples)
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return _check(folder, {**settings, "questions": len(examples), "asked": digest}, examples, {})


def check_images(folder: Path, settings: Mapping[str, Any], examples: Sequence[Example]) -> Path:
    """The same of questions about images: later calls may ask more, and the files must stay as they were."""
    shown = {example.record_id: example.media for example in examples}
    return _check(folder, settings, examples, {name: hash_of(media) for name, media in shown.items()})


def _check(
    folder: Path, settings: Mapping[str, Any], examples: Sequence[Example], hashes: Mapping[str, str]
) -> Path:
    file, predictions = folder / ASKED, folder / PREDICTIONS
    if any((folder / old).exists() for old in ("asking.json", "predict.json", "answers.jsonl")):
        raise RunError(
            f"{folder}: its answers were written by vrft 0.1, whose files this version cannot read. Name "
            "another folder with --out, or delete this one."
        )
    if predictions.exists() and not file.exists():
        raise RunError(f"{predictions}: another command wrote these answers. Name another folder with --out.")
    settings = {**settings, "form": ", ".join(sorted({str(example.form) for example in examples}))}
    kept: dict[str, Any] = read_json(file) if file.exists() else {"settings": settings, "sha256": {}}
    refuse_others(folder, kept["settings"], settings)
    changed = [name for name, value in hashes.items() if kept["sha256"].get(name, value) != value]
    if changed:
        raise RunError(
            f"{folder}: images have changed since their answers were written: {some(changed)}. "
            "Name another folder with --out."
        )
    write_json(file, {"settings": settings, "sha256": {**kept["sha256"], **hashes}})
    return predictions
