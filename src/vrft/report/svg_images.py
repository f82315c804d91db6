"""Held-out pictures on the page: the picture once, and over it, as crisp SVG, what each system said.

The only place of the report that knows how an answer of a task looks.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from PIL import Image, ImageOps

from vrft.evaluation.judged import Judged
from vrft.report.svg import group, tag
from vrft.types import BoxesTarget, BoxXYXY, ClassTarget, Unlabelled

SMALL_PX = 320
"""A picture of at most this many pixels a side is embedded without loss."""
PANEL_PX = 300
"""About how wide a panel is on the page; text and dots are scaled by it."""


@dataclass(frozen=True)
class Panel:
    """One system's answer to one question: a drawing, or nothing where words say all; and words."""

    drawing: Markup
    says: str


def embed(path: Path, most_bytes: int) -> str | None:
    """A picture as a data URI, upright and no larger than the budget.

    Args:
        path: a picture file.
        most_bytes: of the encoded file; the picture is made smaller until it fits.

    Returns:
        ``data:image/...;base64,...``, or None where the file is missing or no picture.
    """
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if max(picture.size) <= SMALL_PX:
        lossless = _encoded(picture, "PNG")
        if len(lossless) <= most_bytes:
            return _uri(lossless, "png")
    for side in (640, 480, 360, 240, 160):
        picture.thumbnail((side, side))
        packed = _encoded(picture, "JPEG")
        if len(packed) <= most_bytes:
            break
    return _uri(packed, "jpeg")


def picture_symbol(name: str, uri: str | None, wh: tuple[int, int]) -> Markup:
    """The picture as an SVG element that panels refer to by name; an empty sheet where there is none."""
    width, height = wh
    if uri is None:
        sheet = tag("rect", width=width, height=height, class_="sheet")
        words = tag(
            "text",
            "picture not found",
            x=width / 2,
            y=height / 2,
            font_size=_unit(wh) * 14,
            text_anchor="middle",
            class_="lost",
        )
        return group(sheet, words, id=name)
    return tag("image", id=name, href=uri, width=width, height=height, preserveAspectRatio="none")


def truth_panel(judged: Judged, picture: str) -> Panel:
    """The picture with its label."""
    target = judged.example.target
    if isinstance(target, ClassTarget):
        return Panel(_canvas(judged, picture), target.name)
    if isinstance(target, Unlabelled):
        return Panel(_canvas(judged, picture), "no label")
    boxes = [_box(box, "truth") for box in target.boxes_xyxy_px]
    counted = f"{len(boxes)} box" + ("es" if len(boxes) != 1 else "")
    return Panel(_canvas(judged, picture, *boxes), counted if boxes else "nothing of the kind is there")


def boxes_panel(judged: Judged, picture: str, look: str) -> Panel:
    """The picture with the labelled boxes dashed and the answer's boxes whole, each with its confidence."""
    target, answer = judged.example.target, judged.answer
    assert isinstance(target, BoxesTarget)
    drawn = [_box(box, "truth") for box in target.boxes_xyxy_px]
    drawn += [_box(box, look) for box in answer.boxes_xyxy_px]
    unit = _unit(judged.example.image_wh)
    if judged.example.task == "detection":
        named = zip(answer.boxes_xyxy_px, answer.confidences, strict=False)
        drawn += [_plate(box, f"{confidence:.2f}", look, unit) for box, confidence in named]
    return Panel(_canvas(judged, picture, *drawn), "" if answer.boxes_xyxy_px else _silence(judged))


def label_panel(judged: Judged, picture: str, look: str) -> Panel:
    """The class that the answer names; the picture itself is shown once, with the right class."""
    return Panel(Markup(""), judged.answer.label or _silence(judged))


DRAWINGS: dict[str, Callable[[Judged, str, str], Panel]] = {
    "detection": boxes_panel,
    "grounding": boxes_panel,
    "classification": label_panel,
}


def _silence(judged: Judged) -> str:
    return "says that nothing is there" if judged.answer.abstained else "no readable answer"


def _canvas(judged: Judged, picture: str, *children: Markup) -> Markup:
    width, height = judged.example.image_wh
    shown = tag("use", href=f"#{picture}")
    return tag("svg", shown, *children, viewBox=f"0 0 {width} {height}", class_="picture", role="img")


def _box(box: BoxXYXY, look: str) -> Markup:
    x1, y1, x2, y2 = map(float, box)
    places = {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
    title = tag("title", f"{look}: {x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f} px")
    return group(
        tag("rect", **places, class_="halo"), tag("rect", title, **places, class_="box"), class_=look
    )


def _plate(box: BoxXYXY, text: str, look: str, unit: float) -> Markup:
    """Words on a plate of the box's colour, above the box or, at the picture's top, inside it."""
    width, height = (7.0 * len(text) + 6) * unit, 15 * unit
    y = box[1] - height if box[1] >= height else box[1]
    plate = tag("rect", x=float(box[0]), y=float(y), width=width, height=height, class_="plate")
    place = {"x": float(box[0]) + 3 * unit, "y": float(y) + 11.5 * unit, "font_size": 12 * unit}
    return group(plate, tag("text", text, **place, class_="plated"), class_=look)


def _unit(wh: tuple[int, int]) -> float:
    """Pixels of the picture for one CSS pixel of a panel."""
    return max(wh[0], 1) / PANEL_PX


def _encoded(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, optimize=True, quality=84)
    return out.getvalue()


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
