"""Questions about images that nobody has labelled: which images are meant, and what is asked about them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as PILImage

from vrft.data.images import is_image, open_rgb
from vrft.data.label_checks import record_id
from vrft.errors import InputError, LabelError
from vrft.run_folder import make_folder
from vrft.tasks.task import Task
from vrft.types import Example, Form, Image

STDIN = "-"
"""Means the bytes of one image on standard input."""


@dataclass(frozen=True)
class ImageFiles:
    """Image files, the folder that their names are counted from, and whether one image was named."""

    root: Path
    paths: tuple[Path, ...]
    single: bool


def images_at(path: Path, passed_over: Iterable[Path] = ()) -> ImageFiles:
    """The image of a path, or all images in a folder and below, but for the folders that are passed over."""
    if not path.exists():
        raise InputError(f"{path}: there is no such image or folder. Check the path.")
    if not path.is_dir():
        return ImageFiles(path.parent, (path,), single=True)
    closed = [f.resolve() for f in passed_over if path.resolve() in f.resolve().parents]
    found = [
        file
        for file in path.rglob("*")
        if is_image(file)
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and not any(folder in file.resolve().parents for folder in closed)
    ]
    if not found:
        raise InputError(f"{path}: this folder holds no image. Name another one.")
    ordered = sorted(found, key=lambda file: file.relative_to(path).as_posix())
    return ImageFiles(path, tuple(ordered), single=False)


def image_of_bytes(content: bytes, folder: Path) -> ImageFiles:
    """The image that came as bytes, kept in a folder as a file that is named after what it holds."""
    if not content:
        raise InputError("Standard input is empty. Pipe the bytes of one image into it.")
    make_folder(folder)
    file = folder / f"stdin-{hashlib.sha256(content).hexdigest()[:12]}"
    file.write_bytes(content)
    try:
        open_rgb(file)
    except LabelError as error:
        file.unlink()
        raise InputError(
            f"Standard input: its {len(content)} bytes are not an image that can be read. "
            "Pipe the bytes of one image file into it."
        ) from error
    with PILImage.open(file) as image:
        kind = (image.format or "png").lower()
    return ImageFiles(folder, (file.replace(file.with_suffix(f".{kind}")),), single=True)


def _together(images: ImageFiles, task: Task) -> list[list[Path]]:
    """What is shown together: each image alone, or those of a folder where the task follows things."""
    if not task.folder_is_sequence:
        return [[path] for path in images.paths]
    folders: dict[Path, list[Path]] = {}
    for path in images.paths:
        folders.setdefault(path.parent, []).append(path)
    return [sorted(paths, key=_in_time) for paths in folders.values()]


def _in_time(path: Path) -> list[tuple[int, str]]:
    """A key by which image 10 comes after image 2."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", path.name)]


def questions_about(
    images: ImageFiles,
    task: Task,
    questions: Sequence[str],
    options: Sequence[str] = (),
    form: Form = Form.THINK,
    *,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[Example], list[LabelError]]:
    """Every question about every image, or the task's own one where there is none; and what is wrong with the
    images that cannot be read."""
    if not questions and not task.own_question:
        raise InputError(
            f"Nothing is asked. Say what {task.name} is asked about, such as a category or a phrase."
        )
    asked = list(dict.fromkeys(" ".join(one.split()) for one in questions or (task.own_question,)))
    names = [" ".join(name.split()) for name in dict.fromkeys(options)]
    if not asked or not all((*asked, *names)):
        raise InputError("A question or a class name is empty. Write at least one word.")
    examples: list[Example] = []
    broken: list[LabelError] = []
    for paths in _together(images, task):
        shown: list[Image] = []
        for path in paths:
            try:
                shown.append(Image(path, open_rgb(path).size))
            except LabelError as mistake:
                broken.append(mistake)
            progress(1)
        # Of a sequence with a broken image nothing is asked: its images would have other numbers.
        if len(shown) == len(paths):
            place = paths[0] if len(paths) == 1 else paths[0].parent
            name = record_id(place, images.root)
            name = images.root.resolve().name if name == "." else name
            examples += [task.ask(name, shown, question, names, form) for question in asked]
    return examples, broken
