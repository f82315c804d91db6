"""A data set written in another form, its pictures byte for byte, and how the writer of a form is found.

A writer is one file in this folder that defines ``WRITER``. What it writes, the reader of its name reads
back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from pkgutil import iter_modules
from typing import Protocol

from vrft.data.dataset import Dataset
from vrft.data.label_checks import some
from vrft.errors import InputError
from vrft.types import Record


@dataclass(frozen=True)
class Placed:
    """A picture with its labels and its new name."""

    record: Record
    name: str
    """File name, no other's even without its ending."""
    part: str | None
    """'train', 'val' or 'test'; None throughout where the data set has no parts."""

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem


class Writer(Protocol):
    """One form in which labels can be written."""

    name: str
    """That of its reader."""
    has_masks: bool
    has_crowds: bool

    def picture(self, placed: Placed) -> str:
        """Where a picture goes, from the new folder."""
        ...

    def write(self, folder: Path, pictures: Sequence[Placed], categories: Sequence[str]) -> None:
        """Write the labels of all pictures; these are in the folder already."""
        ...


def writers() -> dict[str, Writer]:
    """All writers of this folder, by name.

    Example:
        >>> sorted(writers())
        ['coco', 'voc', 'yolo']
    """
    package = import_module("vrft.data.export")
    modules = (import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__))
    return {module.WRITER.name: module.WRITER for module in modules if hasattr(module, "WRITER")}


def export(dataset: Dataset, folder: Path | str, form: str, link: bool = False) -> tuple[str, ...]:
    """Write a detection data set in another form.

    Boxes keep their decimals. Where the data set has parts, pictures without one are written as training
    pictures, as which the few-shot split takes them.

    Args:
        dataset: boxes of pictures that exist.
        folder: new or empty.
        form: ``coco``, ``voc`` or ``yolo``.
        link: make hard links to the pictures where the disk can, instead of copies.

    Returns:
        Sentences about what the form cannot hold and was left out.

    Raises:
        InputError: no such form, no boxes, or the folder holds something.
    """
    known, folder = writers(), Path(folder)
    if form not in known:
        raise InputError(f"There is no form '{form}'. Choose one of: {', '.join(sorted(known))}.")
    if not any(record.boxes for record in dataset.records):
        raise InputError(f"'{dataset.root}' has no boxes, and {form} is written for detection alone.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder}' holds something already. Give a new folder.")
    writer, pictures = known[form], placed(dataset)
    for picture in pictures:
        target = folder / writer.picture(picture)
        target.parent.mkdir(parents=True, exist_ok=True)
        _bring(picture.record.image, target, link)
    writer.write(folder, pictures, dataset.categories)
    return _left_out(dataset, writer)


def placed(dataset: Dataset) -> tuple[Placed, ...]:
    """Every picture with the file name it gets: its own, or with its folders where two would clash.

    Example:
        >>> records = [Record(name, Path(name), (1, 1)) for name in ("a/1.png", "b/1.png")]
        >>> [picture.name for picture in placed(Dataset(Path("."), "coco", tuple(records)))]
        ['a__1.png', 'b__1.png']
    """
    short = [PurePosixPath(record.id).name for record in dataset.records]
    long = [record.id.replace("../", "").strip("/").replace("/", "__") for record in dataset.records]
    names = short if _unlike(short) else long
    if not _unlike(names):
        # 'a/1.png' and 'a/1.jpg' would share their label file.
        names = [f"{number:06}_{name}" for number, name in enumerate(names, 1)]
    default = "train" if dataset.parts else None
    return tuple(
        Placed(record, name, dataset.parts.get(record.id, default))
        for record, name in zip(dataset.records, names, strict=True)
    )


def decimal(number: float, digits: int = 6) -> str:
    """A number without needless zeros.

    Example:
        >>> decimal(12.5), decimal(3.0), decimal(1 / 3, 3)
        ('12.5', '3', '0.333')
    """
    return f"{number:.{digits}f}".rstrip("0").rstrip(".")


def _unlike(names: Sequence[str]) -> bool:
    """Whether no two are alike without their endings, on disks that know no capitals too."""
    return len({PurePosixPath(name).stem.casefold() for name in names}) == len(names)


def _bring(source: Path, target: Path, link: bool) -> None:
    if link:
        try:
            os.link(source.resolve(), target)
            return
        except OSError:
            # Another disk, or one without links.
            pass
    shutil.copyfile(source, target)


def _left_out(dataset: Dataset, writer: Writer) -> tuple[str, ...]:
    records = dataset.records
    lost = {
        "Masks": [r.id for r in records if not writer.has_masks and any(box.mask for box in r.boxes)],
        "Crowd regions": [r.id for r in records if not writer.has_crowds and any(b.crowd for b in r.boxes)],
        "Expressions": [r.id for r in records if r.expressions],
        "Classes of whole pictures": [r.id for r in records if r.category is not None],
        "Known absences and incomplete categories": [
            r.id for r in records if r.absent is not None or r.not_exhaustive
        ],
    }
    return tuple(
        f"{what} of {len(names)} pictures have no place in {writer.name} and were left out: {some(names)}."
        for what, names in lost.items()
        if names
    )
