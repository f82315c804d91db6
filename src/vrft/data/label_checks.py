"""What every reader checks in the same way: boxes, image sizes, names of parts, lists of mistakes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from vrft.data.conventions import as_pixels, check_coordinates
from vrft.data.data_options import Coordinates
from vrft.data.images import image_size_wh
from vrft.data.scalars import size
from vrft.errors import ImageError, LabelError
from vrft.geometry.boxes import fitted_box
from vrft.types import Annotation, Boxes, BoxXYXY, Image, Label, Mask, Provides, Record
from vrft.types.names import nfc

CATEGORY_BOXES: Provides = ("category", "boxes")
CATEGORY_POINTS: Provides = ("category", "points")
CATEGORY_TRACKS: Provides = ("category", "tracks")
IMAGE_CLASS: Provides = ("image", "label")
PHRASE_BOXES: Provides = ("phrase", "boxes")
QUESTION_LABEL: Provides = ("question", "label")
QUESTION_TEXT: Provides = ("question", "text")
IMAGE_TEXT: Provides = ("image", "text")

STRICTEST_FIRST = ("test", "val", "train")
"""Of several parts an image goes to the first, so that nothing leaks."""
_SHOWN = 5
_PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Folder names, in lower case and without a year, that name a part of a dataset."""


def instance_of(category: str, box: BoxXYXY, mask: Mask | None = None, crowd: bool = False) -> Annotation:
    """One instance of a category; a crowd counts neither for nor against an answer."""
    return Annotation("category", category, Boxes((box,), mask=mask), counts=not crowd)


def class_of(name: str) -> Annotation:
    """The class of a whole image."""
    return Annotation("image", "", Label(name))


def part_of(folder: str) -> str | None:
    """The part that a folder's name means, or None."""
    return _PARTS.get(folder.lower().rstrip("0123456789_-"))


def part_of_record(record_id: str) -> str | None:
    """The part named by the folders of a record's id, the outermost first; none outside the root."""
    folders = PurePosixPath(record_id).parts[:-1]
    return None if ".." in folders else next((part for part in map(part_of, folders) if part), None)


def parts_by_folder(records: Iterable[Record]) -> dict[str, str]:
    """The parts of records whose folders name one."""
    return {record.id: part for record in records if (part := part_of_record(record.id))}


def strictest(parts: Iterable[str]) -> str:
    """The part for an image that is given to several."""
    return min(parts, key=STRICTEST_FIRST.index)


def record_of(image: Path, root: Path, *annotations: Annotation) -> Record:
    """An image file and what is said of it."""
    return Record(record_id(image, root), (Image(image, image_size_wh(image)),), annotations)


def record_id(image: Path, root: Path) -> str:
    """An image's path from the dataset's root, with forward slashes and without detours."""
    return Path(os.path.relpath(image, root)).as_posix()


def check_size(stated_wh: tuple[object, object], true_wh: tuple[int, int], where: str) -> None:
    """Compare the size that a label file states, as far as it states one, with the image's own."""
    sides = size(*stated_wh, where)
    if all(side in (None, true) for side, true in zip(sides, true_wh, strict=True)):
        return
    stated = "x".join("?" if side is None else f"{side:g}" for side in sides)
    problem = f"The labels are for {stated} pixels but the image has {true_wh[0]}x{true_wh[1]}"
    if sides == true_wh[::-1]:
        raise ImageError(
            f"{problem}: width and height are swapped, as when a camera's EXIF rotation was not applied.",
            where,
            "Save the image upright without EXIF rotation and label it again, or fix width and height.",
        )
    raise ImageError(f"{problem}.", where, "Use the image that was labelled, or scale its boxes and size.")


class Mistakes(list[LabelError]):
    """What is wrong in a dataset while it is read: each mistake costs one label or one image.

    ``Dataset.left_out`` and ``Dataset.fixed`` take them; ``load_dataset`` decides whether so many are still
    a dataset.
    """

    def __init__(self, mistakes: Iterable[LabelError] = ()) -> None:
        super().__init__(mistakes)
        self.fixed: list[LabelError] = []
        """Labels that were kept in part: clipped boxes, corners put in order, boxes without their masks."""
        self.coordinates: Coordinates | None = None
        """What the numbers of boxes are declared to be; pixels where nothing is."""
        self.moved: list[str] = []
        """Places of boxes that were clipped by no more than a pixel."""

    @contextmanager
    def kept(self, unknown: set[str] | None = None, category: str = "") -> Iterator[None]:
        """Leave out the label that is read inside where it is wrong.

        Args:
            unknown: of the image that it labels; where the label is left out its category is added, because
                what was not read is not absent (``Record.unknown``).
            category: the label's, or nothing where it has none that can be read.
        """
        try:
            yield
        except LabelError as mistake:
            self.append(mistake)
            if unknown is not None:
                unknown.add(category)

    def box(
        self,
        corners: Sequence[object],
        image_wh: tuple[int, int],
        where: str,
        coordinates: Coordinates | None = None,
    ) -> BoxXYXY:
        """A box in pixels inside its image, put in order and clipped; LabelError where no area is left.

        Args:
            corners: x1, y1, x2, y2 in whichever order.
            image_wh: the image's width and height in pixels.
            where: the place, for messages.
            coordinates: what the numbers are; None takes what is declared.
        """
        corners = as_pixels(corners, coordinates or self.coordinates, image_wh)
        box, odd = fitted_box(corners, image_wh, where)
        if odd is not None:
            self.fixed.append(odd)
        elif box != tuple(corners):
            self.moved.append(where)
        return box

    def join(self, others: Mistakes) -> None:
        """Take those of another file too."""
        self += others
        self.fixed += others.fixed
        self.moved += others.moved

    @property
    def warnings(self) -> list[str]:
        """A sentence about the boxes that were clipped by no more than a pixel."""
        if not self.moved:
            return []
        return [f"Boxes up to 1 pixel outside their images were clipped: {some(self.moved)}."]


def raise_all(mistakes: Sequence[LabelError], why: str = "") -> None:
    """Raise all mistakes of a dataset as one error, so that they can be fixed in one go."""
    if not mistakes:
        return
    first, *others = mistakes
    if not others and not why:
        raise first
    listed = "".join(f"\n  {other.where}: {other.problem}" for other in others[: _SHOWN - 1])
    hidden = len(others) - (_SHOWN - 1)
    rest = f"\n  and {hidden} more" if hidden > 0 else ""
    fix = " ".join(part for part in (first.fix, why, f"Also:{listed}{rest}" if others else "") if part)
    raise LabelError(first.problem, first.where, fix, mistakes)


def one_part_each(named: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """The part of each record, and a warning about those that a dataset puts into several."""
    parts: dict[str, str] = {}
    torn = {name for name, part in named if parts.setdefault(name, part) != part}
    kept = {name: part for name, part in parts.items() if name not in torn}
    return kept, warnings_about({"Images that are in several parts count as in none": sorted(torn)})


def shared_names(named: Sequence[str]) -> list[str]:
    """A sentence about classes of one name, which count as one."""
    twice = sorted(name for name, count in Counter(map(nfc, named)).items() if count > 1)
    says = f"several classes are called {some([repr(name) for name in twice])}, and count as one each."
    return [says] if twice else []


def without_boxes(
    named: Iterable[str], records: Sequence[Record], path: Path, mistakes: Mistakes, what: str = "box"
) -> list[str]:
    """A warning about the categories of a dataset without a box; its mistakes where none has one."""
    used = {name for record in records for name in record.categories}
    if not used:
        if mistakes.coordinates is None:
            check_coordinates((), mistakes, str(path))
        raise_all(mistakes)
        raise LabelError(f"It holds no {what}.", str(path), "Label some objects first.")
    return warnings_about({f"Categories without a {what} are left out": sorted({*map(nfc, named)} - used)})


def warnings_about(found: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for whatever happened to something."""
    return [f"{what}: {some(names)}." for what, names in found.items() if names]


def some(names: Sequence[str], shown: int = _SHOWN) -> str:
    """The first few names and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
