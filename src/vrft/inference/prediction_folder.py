"""A folder of kept answers belongs to one way of asking, and to pictures that stay as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vrft.data.images import content_hash
from vrft.data.label_checks import some
from vrft.errors import RunError
from vrft.run_folder import read_json, refuse_others, write_json
from vrft.types import Example

ANSWERS, SETTINGS = "answers.jsonl", "predict.json"


def keep_settings(folder: Path, settings: Mapping[str, Any], examples: Sequence[Example]) -> Path:
    """Note how answers are asked for, or find that a folder's were asked for in the same way.

    Args:
        folder: new, or that of an earlier call.
        settings: plain JSON values.
        examples: all questions; of their pictures the contents are noted.

    Returns:
        The file of answers in it.

    Raises:
        RunError: the folder's answers were asked for otherwise, or a picture is not what it was.
    """
    file, answers = folder / SETTINGS, folder / ANSWERS
    contents = {e.record_id: e.image for e in examples}
    hashes = {name: content_hash(image) for name, image in contents.items()}
    if answers.exists() and not file.exists():
        raise RunError(f"{answers}: these answers are not of this command. Name another folder.")
    if file.exists():
        kept = read_json(file)
        refuse_others(folder, kept["settings"], settings)
        changed = [name for name, value in hashes.items() if kept["sha256"].get(name, value) != value]
        if changed:
            raise RunError(
                f"{folder}: pictures have changed since they were asked about: {some(changed)}. "
                "Name another folder."
            )
        hashes = kept["sha256"] | hashes
    write_json(file, {"settings": settings, "sha256": hashes})
    return answers
