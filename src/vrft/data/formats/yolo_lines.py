"""The lines of a YOLO label file: a class and a box, or a class and an outline, in shares of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vrft.data.formats.segmentation_fields import polygon_mask
from vrft.data.formats.yolo_names import Names
from vrft.data.label_checks import checked_box
from vrft.errors import LabelError
from vrft.types import BoxXYXY, LabelledBox

_SLACK = 0.001
"""How far a share may leave [0, 1] by rounding to three decimals."""

_ROUNDING_PX = 0.01
"""What rounding to six decimals may move an edge of a picture of 10,000 pixels; not worth a warning."""

_EXPECTED = "Expected: class, centre x, centre y, width, height; or class and an outline of x y pairs."


@dataclass(frozen=True)
class Lines:
    """What a label file holds."""

    boxes: tuple[LabelledBox, ...]
    n_clipped: int
    """Boxes that stood out of the picture by up to one pixel."""
    mistakes: tuple[LabelError, ...]


def looks_like_labels(file: Path) -> bool:
    """Whether the first line that is not empty begins with a whole number and has at least five numbers."""
    with file.open("rb") as handle:
        words = next((line.split() for line in handle.read(4096).splitlines() if line.strip()), [])
    try:
        return len(words) >= 5 and all(map(float, words[1:5])) is not None and float(words[0]).is_integer()
    except ValueError:
        return False


def read_lines(file: Path, names: Names, image_wh: tuple[int, int]) -> Lines:
    """All objects of a label file.

    Args:
        file: of one picture.
        names: the data set's classes.
        image_wh: the picture's width and height in pixels, as seen.

    Returns:
        Its boxes, none for an empty file, and the lines that cannot be used.
    """
    try:
        content = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return Lines((), 0, (LabelError("The file is no text.", str(file), "Export it again."),))
    boxes: list[LabelledBox] = []
    mistakes: list[LabelError] = []
    n_clipped = 0
    for number, line in enumerate(content.split("\n"), 1):
        if words := line.split():
            try:
                box, clipped = _box(words, names, image_wh, f"{file}, line {number}")
            except LabelError as mistake:
                mistakes.append(mistake)
                continue
            boxes.append(box)
            n_clipped += clipped
    return Lines(tuple(boxes), n_clipped, tuple(mistakes))


def _box(words: list[str], names: Names, image_wh: tuple[int, int], where: str) -> tuple[LabelledBox, bool]:
    try:
        category, *shares = map(float, words)
    except ValueError as error:
        raise LabelError(f"'{' '.join(words)[:60]}' is not all numbers.", where, _EXPECTED) from error
    if not category.is_integer() or int(category) not in names.by_number:
        problem = f"The class {words[0]} is not among those of {names.file.name}"
        raise LabelError(f"{problem}, {min(names.by_number)} to {max(names.by_number)}.", where, "Mend it.")
    if names.n_key_point_values:
        if len(shares) != 4 + names.n_key_point_values:
            problem = f"{len(shares)} numbers, not a box and {names.n_key_point_values} of key points."
            raise LabelError(problem, where, "Mend the line, or kpt_shape in the data.yaml.")
        shares = shares[:4]
    outline = len(shares) >= 6 and len(shares) % 2 == 0
    if len(shares) != 4 and not outline:
        told = " as a prediction with its confidence has" if len(shares) == 5 else ""
        raise LabelError(f"{len(shares)} numbers after the class{told}.", where, _EXPECTED)
    for share in shares:
        if not -_SLACK <= share <= 1 + _SLACK:
            problem = f"{share:g} is not a share of the picture, from 0 to 1."
            raise LabelError(problem, where, "Divide pixels by the picture's width and height.")
    width, height = image_wh
    pixels = [share * (width, height)[index % 2] for index, share in enumerate(shares)]
    corners = _around(pixels) if outline else _centred(pixels)
    rounded = _within_rounding(corners, image_wh)
    box = checked_box(rounded, image_wh, where)
    mask = polygon_mask([pixels], image_wh, where) if outline else None
    return LabelledBox(names.by_number[int(category)], box, mask=mask), box != rounded


def _centred(pixels: list[float]) -> BoxXYXY:
    x, y, width, height = pixels
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _around(pixels: list[float]) -> BoxXYXY:
    xs, ys = pixels[::2], pixels[1::2]
    return (min(xs), min(ys), max(xs), max(ys))


def _within_rounding(corners: BoxXYXY, image_wh: tuple[int, int]) -> BoxXYXY:
    """Corners to a millionth of a pixel; an edge that rounding moved off the picture is put back."""
    x1, y1, x2, y2 = (
        float(edge) if abs(value - edge) <= _ROUNDING_PX and not 0 <= value <= side else round(value, 6)
        for value, side in zip(corners, image_wh * 2, strict=True)
        for edge in [0 if value < 0 else side]
    )
    return (x1, y1, x2, y2)
