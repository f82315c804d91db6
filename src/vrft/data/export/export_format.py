"""A dataset written in another format, its images byte for byte, and how the writer of a format is found.

A writer is one file in this folder that defines ``WRITER``. What it writes, the reader of its name reads
back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from vrft.data.dataset import Dataset
from vrft.data.label_checks import CATEGORY_BOXES, IMAGE_CLASS, some
from vrft.errors import InputError
from vrft.types import Boxes, Record, in_words
from vrft.types.names import folded
from vrft.types.plugins import discover


@dataclass(frozen=True)
class Placed:
    """An image with its labels and its new name."""

    record: Record
    name: str
    """File name, no other's even without its ending."""
    part: str | None
    """'train', 'val' or 'test'; None throughout where the dataset has no parts."""

    @property
    def in_images(self) -> str:
        """Its path where images are in a folder for each part, if there are parts."""
        return f"images/{self.part}/{self.name}" if self.part else f"images/{self.name}"

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


class Writer(Protocol):
    """One format in which labels can be written."""

    name: str
    has_masks: bool
    has_crowds: bool

    def image(self, placed: Placed) -> str:
        """Where an image goes, from the new folder."""

    def write(self, folder: Path, images: Sequence[Placed], categories: Sequence[str]) -> None:
        """Write the labels of all images; these are in the folder already."""


def writers() -> dict[str, Writer]:
    """All writers of this folder, by name."""
    return {writer.name: writer for writer in discover("vrft.data.export", "WRITER")}


def export(dataset: Dataset, folder: Path | str, form: str, link: bool = False) -> tuple[str, ...]:
    """Write boxes of categories in another format; sentences say what it cannot hold and was left out.

    Where the dataset has parts, images without one are written as training images, as which the few-shot
    split takes them.

    Args:
        dataset: with images that exist.
        folder: new or empty.
        form: ``coco``, ``voc`` or ``yolo``.
        link: make hard links to the images where the disk can, instead of copies.

    Raises:
        InputError: no such format, no boxes, or the folder holds something.
    """
    known, folder = writers(), Path(folder)
    if form not in known:
        raise InputError(f"There is no format '{form}'. Choose one of: {', '.join(sorted(known))}.")
    if CATEGORY_BOXES not in dataset.provides:
        given = in_words(dataset.provides) or "no label"
        raise InputError(
            f"'{dataset.root}' says {given}, and {', '.join(sorted(known))} hold boxes of categories alone. "
            "Rows in a .jsonl hold every kind (docs/data_formats.md)."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder}' is not empty. Name a new folder.")
    sequences = [record.id for record in dataset.records if len(record.media) != 1]
    dataset = replace(dataset, records=tuple(r for r in dataset.records if len(r.media) == 1))
    writer, images = known[form], placed(dataset)
    for one in images:
        target = folder / writer.image(one)
        target.parent.mkdir(parents=True, exist_ok=True)
        _bring(one.record.image.path, target, link)
    writer.write(folder, images, dataset.categories)
    lost = (
        f"{len(sequences)} sequences of images have no place in {form} and were left out: {some(sequences)}."
    )
    return ((lost,) if sequences else ()) + _left_out(dataset, writer)


def placed(dataset: Dataset) -> tuple[Placed, ...]:
    """Every image with the file name it gets: its own, or with its folders where two would clash."""
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
    """A number without needless zeros."""
    return f"{number:.{digits}f}".rstrip("0").rstrip(".")


def _unlike(names: Sequence[str]) -> bool:
    """Whether no two are alike without their endings, on disks that know no capitals too."""
    return len({folded(PurePosixPath(name).stem) for name in names}) == len(names)


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
    """A sentence for each kind of label that a format cannot hold, with the records that have it."""
    kinds: dict[str, Callable[[Record], bool]] = {
        "Masks": lambda r: not writer.has_masks and any(v.mask for _, v in r.about("category", Boxes)),
        "Crowd regions": lambda r: (
            not writer.has_crowds and not all(one.counts for one, _ in r.about("category", Boxes))
        ),
        "Expressions": lambda r: any(one.about == "phrase" for one in r.annotations),
        "Classes of whole images": lambda r: any(one.provides == IMAGE_CLASS for one in r.annotations),
        "Other labels": lambda r: any(
            one.about != "phrase" and one.provides not in (CATEGORY_BOXES, IMAGE_CLASS)
            for one in r.annotations
        ),
        "Known absences and incomplete categories": lambda r: (
            r.absent is not None or bool(r.not_exhaustive) or bool(r.unknown)
        ),
    }
    lost = {what: [r.id for r in dataset.records if has(r)] for what, has in kinds.items()}
    return tuple(
        f"{what} of {len(names)} images have no place in {writer.name} and were left out: {some(names)}."
        for what, names in lost.items()
        if names
    )
