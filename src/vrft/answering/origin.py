"""Where the answers of a folder come from: those asked for in another way must not be mixed with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vrft.answering.asking import Asking
from vrft.errors import RunError
from vrft.policies.source import resolve_source
from vrft.runs.folder import read_json, write_json
from vrft.types import Example

FILE = "asking.json"
_PIECE = 1 << 20
"""Bytes at either end of a weight file that are looked at."""


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
        "weights": weights_digest(Path(resolve_source(model))),
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


def weights_digest(model: Path) -> str | None:
    """A digest of a local model's weights, taken from both ends of each file.

    Args:
        model: a model or adapter folder.

    Returns:
        64 hexadecimal digits; None for a hub id.
    """
    files = sorted(model.glob("*.safetensors")) if model.is_dir() else []
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(f"{file.name} {file.stat().st_size}".encode())
            digest.update(stream.read(_PIECE))
            stream.seek(max(0, file.stat().st_size - _PIECE))
            digest.update(stream.read(_PIECE))
    return digest.hexdigest()
