"""What every reader checks in the same way: boxes, picture sizes, names of parts, lists of mistakes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from vrft.errors import BoxError, LabelError
from vrft.types import BoxXYXY, Record

SLACK_PX = 1.0
"""How far a box may stand out of its picture and still be clipped: the off-by-one of many label tools."""

_SHOWN = 5

PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""Folder names, in lower case and without a year, that name a part of a data set."""


def part_of(folder: str) -> str | None:
    """The part that a folder's name stands for, or None.

    Example:
        >>> part_of("valid"), part_of("train2017"), part_of("cats")
        ('val', 'train', None)
    """
    return PARTS.get(folder.lower().rstrip("0123456789_-"))


def part_of_record(record_id: str) -> str | None:
    """The part named by the folders of a record's id, the outermost first; none outside the root.

    Example:
        >>> part_of_record("images/test/7.png")
        'test'
    """
    folders = PurePosixPath(record_id).parts[:-1]
    return None if ".." in folders else next((part for part in map(part_of, folders) if part), None)


def strictest(parts: Iterable[str]) -> str:
    """The part for a picture that is given to several: test before val before train, so that nothing leaks.

    Example:
        >>> strictest(["train", "val"])
        'val'
    """
    return min(parts, key=("test", "val", "train").index)


def record_id(picture: Path, root: Path) -> str:
    """A picture's path from the data set's root, with forward slashes and without detours.

    Example:
        >>> record_id(Path("data/labels/../images/1.png"), Path("data"))
        'images/1.png'
    """
    return Path(os.path.relpath(picture, root)).as_posix()


def checked_box(corners: Sequence[object], image_wh: tuple[int, int], where: str) -> BoxXYXY:
    """Four corners as a box inside its picture, clipped where it stands out by at most one pixel.

    Args:
        corners: x1, y1, x2, y2 in pixels.
        image_wh: the picture's width and height in pixels.
        where: the place, for messages.

    Returns:
        The box, with 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height.

    Raises:
        LabelError: not four finite numbers; a BoxError where it has no area or is outside the picture.

    Example:
        >>> checked_box([-0.5, 10, 20, 30], (640, 480), "a.json")
        (0.0, 10.0, 20.0, 30.0)
    """
    numbers = [float(n) for n in corners if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) != 4 or len(corners) != 4 or not all(map(math.isfinite, numbers)):
        raise LabelError(f"Its box {list(corners)} is not four numbers.", where, "Mend or remove it.")
    width, height = image_wh
    x1, y1, x2, y2 = numbers
    shown = f"({x1:g}, {y1:g}) to ({x2:g}, {y2:g})"
    if x1 >= x2 or y1 >= y2:
        mend = "Mend its corners or remove it."
        raise BoxError(f"Its box {shown} has no area.", where, mend, (x1, y1, x2, y2), image_wh)
    clipped = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    moved = max(abs(a - b) for a, b in zip(numbers, clipped, strict=True))
    if moved > SLACK_PX or clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        raise BoxError(
            f"Its box {shown} stands outside its picture, which is {width} pixels wide and {height} high.",
            where,
            "Mend the box, remove it, or use the picture at the size it was labelled at.",
            (x1, y1, x2, y2),
            image_wh,
        )
    return clipped


def check_size(stated_wh: tuple[object, object], true_wh: tuple[int, int], where: str) -> None:
    """Compare the size that a label file states with the picture's own.

    Args:
        stated_wh: width and height as written; None where the file has none.
        true_wh: width and height of the picture as it is seen, in pixels.
        where: the place, for messages.

    Raises:
        LabelError: the two differ, so that boxes would be misplaced.
    """
    if None in stated_wh or stated_wh == true_wh:
        return
    stated = "x".join(f"{side:g}" if isinstance(side, float) else str(side) for side in stated_wh)
    told = f"The labels are for {stated} pixels but the picture is seen at "
    told += f"{true_wh[0]}x{true_wh[1]}"
    if stated_wh == true_wh[::-1]:
        raise LabelError(
            f"{told}: width and height are swapped, as when a camera's EXIF rotation was not applied.",
            where,
            "Save the picture upright without EXIF rotation and label it again, or mend width and height.",
        )
    raise LabelError(f"{told}.", where, "Use the picture that was labelled, or scale its boxes and size.")


def raise_all(mistakes: Sequence[LabelError]) -> None:
    """Raise all mistakes of a data set as one error, so that they can be mended in one go.

    Args:
        mistakes: may be empty, and then nothing happens.

    Raises:
        LabelError: the first mistake, followed by the places of the others; its ``mistakes`` has them all.
    """
    if not mistakes:
        return
    first, *others = mistakes
    if not others:
        raise first
    listed = "".join(f"\n  {other.where}: {other.problem}" for other in others[: _SHOWN - 1])
    hidden = len(others) - (_SHOWN - 1)
    rest = f"\n  and {hidden} more" if hidden > 0 else ""
    raise LabelError(first.problem, first.where, f"{first.mend} Also:{listed}{rest}", mistakes)


def one_part_each(told: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """The part of each record, and a warning about those that a data set puts into several.

    Args:
        told: record id and part, as often as the data set says so.

    Returns:
        Parts by record id without those in several, which may then be drawn for any; the warnings.

    Example:
        >>> one_part_each([("a", "train"), ("b", "train"), ("b", "val")])
        ({'a': 'train'}, ['Pictures in several parts belong to none of them: b.'])
    """
    parts: dict[str, str] = {}
    torn = {name for name, part in told if parts.setdefault(name, part) != part}
    kept = {name: part for name, part in parts.items() if name not in torn}
    return kept, [f"Pictures in several parts belong to none of them: {some(sorted(torn))}."] if torn else []


def without_boxes(named: Iterable[str], records: Sequence[Record], path: Path) -> list[str]:
    """A warning about categories that label no box.

    Args:
        named: all categories of the data set.
        records: all its records.
        path: the data set, for the message.

    Raises:
        LabelError: no record has a box at all.
    """
    used = {box.category for record in records for box in record.boxes}
    if not used:
        raise LabelError("There is no annotation in it.", str(path), "Label some boxes first.")
    unused = sorted(set(named) - used)
    return [f"Categories without a box are left out: {some(unused)}."] if unused else []


def some(names: Sequence[str], shown: int = _SHOWN) -> str:
    """The first few names and how many more there are.

    Example:
        >>> some(["a", "b", "c"], shown=2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
