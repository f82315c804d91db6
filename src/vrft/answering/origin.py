"""Where the answers of a folder come from: those asked for in another way must not be mixed with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vrft.answering.asking import Asking
from vrft.errors import RunError
from vrft.policies.source import weights_of
from vrft.runs.folder import read_json, write_json
from vrft.types import Example

FILE = "asking.json"


def check_origin(
    folder: Path,
    model: str,
    data: Path,
    task: str,
    examples: Sequence[Example],
    asking: Asking,
    pixels: tuple[int | None, int | None] = (None, None),
) -> None:
    """Write down where a folder's answers come from, or compare with what is written there.

    Args:
        folder: of the evaluation.
        model: model folder or hub id.
        data: the labelled folder.
        task: its name.
        examples: all questions.
        asking: how they are asked.
        pixels: least and most pixels of a picture after the resize; None is the model's own.

    Raises:
        RunError: the folder's answers were asked for in another way; the message says what differs.
    """
    asked = "\n".join(repr((e.id, e.question, e.options)) for e in examples)
    origin: dict[str, Any] = {
        "model": model,
        "weights": weights_of(model),
        "data": str(data),
        "task": task,
        "questions": len(examples),
        "asked": hashlib.sha256(asked.encode()).hexdigest(),
        "min_pixels": pixels[0],
        "max_pixels": pixels[1],
        **asking.row(),
    }
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, origin)
        return
    known = read_json(path)
    differing = [key for key in origin if known.get(key) != origin[key]]
    if differing:
        told = "; ".join(f"{key}: {known.get(key)}, now {origin[key]}" for key in differing)
        raise RunError(
            f"{folder}: its answers were asked for in another way ({told}). Name another folder with --out, "
            "or delete this one."
        )
