"""Which pictures are meant, and the questions about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vrft.data.images import is_picture, open_rgb
from vrft.data.label_checks import record_id
from vrft.errors import InputError, LabelError
from vrft.tasks.lazy_questions import MARK
from vrft.types import Example, Unlabelled

STDIN = "-"
"""Stands for the bytes of one picture on standard input."""


@dataclass(frozen=True)
class Pictures:
    """Pictures, and the folder that their names are told from."""

    root: Path
    paths: tuple[Path, ...]
    one: bool
    """A single picture was named, not a folder."""


def pictures_at(path: Path, passed_over: Iterable[Path] = ()) -> Pictures:
    """The picture of a path, or all pictures in a folder and the folders in it, by name.

    Args:
        path: a picture or a folder.
        passed_over: folders in this one whose pictures do not count, such as those that were drawn before.

    Raises:
        InputError: there is nothing of that name, or no picture in the folder.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such picture or folder.")
    if not path.is_dir():
        return Pictures(path.parent, (path,), one=True)
    closed = [f.resolve() for f in passed_over if path.resolve() in f.resolve().parents]
    found = [
        picture
        for picture in path.rglob("*")
        if is_picture(picture) and picture.is_file() and not _hidden(picture.relative_to(path))
    ]
    kept = [p for p in found if not any(folder in p.resolve().parents for folder in closed)]
    if not kept:
        raise InputError(f"{path}: there is no picture in this folder. Give one that holds pictures.")
    return Pictures(path, tuple(sorted(kept, key=lambda p: p.relative_to(path).as_posix())), one=False)


def frame_of(content: bytes, folder: Path) -> Pictures:
    """The picture that came as bytes, kept as a file that is named after what it holds.

    Args:
        content: of a picture file.
        folder: where the file goes; made where it is not there.

    Raises:
        InputError: there are no bytes, or they are no picture.
    """
    if not content:
        raise InputError("standard input: it is empty. Pipe the bytes of one picture into it.")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"stdin-{hashlib.sha256(content).hexdigest()[:12]}"
    file.write_bytes(content)
    try:
        open_rgb(file)
    except LabelError as error:
        file.unlink()
        raise InputError(
            f"standard input: its {len(content)} bytes are no picture that can be read. "
            "Pipe the bytes of one picture file into it."
        ) from error
    with Image.open(file) as image:
        kind = (image.format or "png").lower()
    return Pictures(folder, (file.replace(file.with_suffix(f".{kind}")),), one=True)


def examples_about(
    pictures: Pictures,
    task: str,
    questions: Sequence[str],
    options: Sequence[str] = (),
    seen: Callable[[int], None] = lambda count: None,
) -> tuple[list[Example], list[LabelError]]:
    """Every question about every picture, those about one picture together.

    Args:
        pictures: each is read whole, since a file that is cut short has a sound head.
        task: its full name.
        questions: categories, expressions or kinds of things; one that comes twice is asked once.
        options: class names to choose from, for classification.
        seen: called with the number of pictures that were read.

    Returns:
        The questions, and what is wrong with the pictures that cannot be read.

    Raises:
        InputError: a question or a class name is empty, or the task has nothing to choose from.
    """
    asked = [" ".join(question.split()) for question in dict.fromkeys(questions)]
    names = [" ".join(name.split()) for name in dict.fromkeys(options)]
    if not asked or not all((*asked, *names)):
        raise InputError("A question or a class name is empty. Name what is asked about.")
    if names and task != "classification":
        raise InputError(f"{task} has no class names to choose from. Leave --options out.")
    examples: list[Example] = []
    broken: list[LabelError] = []
    for path in pictures.paths:
        name = record_id(path, pictures.root)
        try:
            size = open_rgb(path).size
        except LabelError as mistake:
            broken.append(mistake)
        else:
            examples += [
                Example(f"{name}{MARK}{q}", name, path, size, task, q, Unlabelled(), tuple(names))
                for q in dict.fromkeys(asked)
            ]
        seen(1)
    return examples, broken


def _hidden(within: Path) -> bool:
    return any(part.startswith(".") for part in within.parts)
