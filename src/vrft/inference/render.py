"""A picture with what was answered about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from vrft.data.images import open_rgb
from vrft.errors import InputError, RunError
from vrft.inference.formats.prediction_format import Prediction
from vrft.report.box_overlay import draw_boxes
from vrft.types import BoxXYXY

PALETTE = ("#1f6feb", "#e07b16", "#12a150", "#d6336c", "#8a63d2", "#0b7285", "#a16207", "#b91c1c")
"""One colour a question, from the start again after the last."""
QUALITY = 92
"""Of JPEG files."""
_LONGEST = 40
"""Characters of a question that are drawn."""
_KEPT = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class _Mark:
    """One box on the picture."""

    name: str
    box_xyxy_px: BoxXYXY
    score: float
    colour: str


def draw_answers(predictions: Sequence[Prediction]) -> Image.Image:
    """A picture with the boxes of all questions about it, a class name over the whole of it.

    Args:
        predictions: about one picture.

    Returns:
        An RGB picture of the size that the answers are told in.
    """
    image = open_rgb(predictions[0].example.image)
    marks = [
        _Mark(name, box, score, PALETTE[number % len(PALETTE)])
        for number, one in enumerate(predictions)
        for name, box, score in _marked(one, image.size)
    ]
    boxes: dict[str, list[BoxXYXY]] = {}
    colours: dict[str, str] = {}
    # What is drawn last stands in front.
    for mark in sorted(marks, key=lambda m: m.score):
        boxes.setdefault(mark.name, []).append(mark.box_xyxy_px)
        colours[mark.name] = mark.colour
    return draw_boxes(image, boxes, colours)


def drawn_name(picture: str) -> str:
    """The name of the drawn picture: the picture's own where it is a form that everything shows.

    Example:
        >>> drawn_name("cats/a.jpg"), drawn_name("cats/a.webp")
        ('cats/a.jpg', 'cats/a.webp.png')
    """
    return picture if PurePosixPath(picture).suffix.lower() in _KEPT else f"{picture}.png"


def beside_name(picture: str) -> str:
    """The name of a drawn picture that may stand beside the picture itself.

    Example:
        >>> beside_name("a.jpg"), beside_name("a.webp")
        ('a.answer.jpg', 'a.webp.answer.png')
    """
    name = PurePosixPath(drawn_name(picture))
    return f"{name.stem}.answer{name.suffix}"


def check_target(target: Path, picture: Path) -> None:
    """Refuse a place where a drawn picture cannot go.

    Raises:
        InputError: it is the picture itself, or its ending is no picture's that can be written.
    """
    if target.exists() and target.samefile(picture):
        raise InputError(f"--drawn {target}: this is the picture itself. Name another file.")
    Image.init()
    if Image.EXTENSION.get(target.suffix.lower()) not in Image.SAVE:
        raise InputError(f"--drawn {target}: no picture has this ending. Name a .png or .jpg file.")


def save_drawn(predictions: Sequence[Prediction], target: Path) -> Path:
    """Draw one picture's answers into a file.

    Args:
        predictions: about one picture.
        target: the file; its folder is made.

    Raises:
        RunError: the file cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draw_answers(predictions).save(target, quality=QUALITY)
    except OSError as error:
        raise RunError(f"{target}: the drawn picture cannot be written ({error}).") from error
    return target


def _marked(one: Prediction, image_wh: tuple[int, int]) -> Iterator[tuple[str, BoxXYXY, float]]:
    answer, question = one.answer, one.example.question
    short = question if len(question) <= _LONGEST else question[: _LONGEST - 3] + "..."
    for box, score in zip(answer.boxes_xyxy_px, answer.confidences, strict=False):
        yield f"{short} {score:.2f}", box, score
    reach = max(image_wh) / 100
    for x, y in answer.points_xy_px:
        yield short, (x - reach, y - reach, x + reach, y + reach), 1.0
    if one.class_name is not None:
        share = "".join(f" {share:.2f}" for share in answer.confidences)
        yield f"{one.class_name}{share}", (0.0, 0.0, image_wh[0] - 1.0, image_wh[1] - 1.0), 0.0
