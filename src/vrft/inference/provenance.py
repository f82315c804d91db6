"""Where the answers of a folder come from: those asked for in another way must not be mixed with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vrft.inference.ask_options import Asking
from vrft.models.model_source import weights_of
from vrft.run_folder import read_json, refuse_others, write_json
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
    origin = settings_of(model, task, asking, pixels) | {
        "data": str(data),
        "questions": len(examples),
        "asked": hashlib.sha256(asked.encode()).hexdigest(),
    }
    path = folder / FILE
    if path.exists():
        refuse_others(folder, read_json(path), origin)
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, origin)


def settings_of(
    model: str, task: str, asking: Asking, pixels: tuple[int | None, int | None]
) -> dict[str, Any]:
    """All that decides an answer beside picture and question, in plain JSON values.

    Args:
        model: 'miniature', a model folder, or a hub id.
        task: its name.
        asking: how questions are asked.
        pixels: least and most pixels of a picture after the resize; None is the model's own.
    """
    return {
        "model": model,
        "weights": weights_of(model),
        "task": task,
        "min_pixels": pixels[0],
        "max_pixels": pixels[1],
        **asking.row(),
    }
