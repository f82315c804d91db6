"""Held-out media on the page: each image once, and over it, as crisp SVG, the shapes of any value."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image

from vrft.data.drawn_media import as_shown
from vrft.errors import ImageError
from vrft.geometry.masks import region_of_mask
from vrft.report.moved_images import MovedImages
from vrft.report.svg import group, tag
from vrft.types import Example, Medium, Shape, Value

SMALL_PX = 320
"""An image of at most this many pixels per side is embedded without loss."""
PANEL_PX = 300
"""About how wide a panel is on the page; text and dots are scaled by it."""
COLORS = {
    **{"truth": "#12a150", "base": "#8a63d2", "sft": "#d9730d", "rft": "#1f6feb"},
    **{"rejection": "#b8459c", "extra": "#0f8b8d"},
}
"""Of regions, which are pixels and know no style sheet; those of ``style.css``."""
NOUNS = {
    "rectangle": ("box", "boxes"),
    "point": ("point", "points"),
    "polygon": ("outline", "outlines"),
    "region": ("region", "regions"),
    "span": ("span", "spans"),
}


def embed(image: Image.Image, most_bytes: int) -> str:
    """An RGB image as a data URI, made smaller until it fits."""
    if max(image.size) <= SMALL_PX:
        lossless = _encoded(image, "PNG")
        if len(lossless) <= most_bytes:
            return _uri(lossless, "png")
    for side in (640, 480, 360, 240, 160):
        image.thumbnail((side, side))
        packed = _encoded(image, "JPEG")
        if len(packed) <= most_bytes:
            break
    return _uri(packed, "jpeg")


def media_symbols(example: Example, name: str, files: MovedImages, most_bytes: int) -> Markup:
    """Each medium as an SVG element that panels refer to by name; an empty sheet where it is not found."""
    symbols = []
    for place, medium in enumerate(example.media):
        image = _found(medium, files, is_placed(example))
        uri = embed(image, most_bytes // len(example.media)) if image is not None else None
        symbols.append(_symbol(_id(name, place), uri, medium, _size_wh(example, medium)))
    return Markup("").join(symbols)


def _found(medium: Medium, files: MovedImages, placed: bool) -> Image.Image | None:
    path = files.find(medium.path)
    try:
        return as_shown(medium, placed, path) if path is not None else None
    except ImageError:
        return None


def is_placed(example: Example) -> bool:
    """Whether places in pixels of the file may be drawn, so that the whole file is shown: not of a puzzle."""
    target = example.target
    return target is None or target.is_empty or bool(drawable(target))


def _size_wh(example: Example, medium: Medium) -> tuple[int, int]:
    return medium.size_wh if is_placed(example) else getattr(medium, "shown_wh", medium.size_wh)


def draw_answer(example: Example, name: str, layers: Mapping[str, Sequence[Shape]]) -> Markup:
    """A question's media with shapes over each, by CSS class from the lowest up; captions are not drawn."""
    drawn = []
    for place, medium in enumerate(example.media):
        width, height = _size_wh(example, medium)
        alone = len(example.media) == 1
        own = {k: [s for s in shapes if alone or (s.frame or 0) == place] for k, shapes in layers.items()}
        # A clip's length as far as is known: to its last frame, or to the last end of a span.
        spans = [n for shapes in layers.values() for s in shapes if s.kind == "span" for n in s.numbers]
        length_s = max([*getattr(medium, "times_s", ()), *spans, 1e-6])
        parts = [_shape(s, look, medium, length_s) for look, shapes in own.items() for s in shapes]
        plates = [_plate(s, look, medium) for look, shapes in own.items() for s in shapes]
        use = tag("use", href=f"#{_id(name, place)}")
        box = f"0 0 {width} {height}"
        drawn.append(tag("svg", use, *parts, *plates, viewBox=box, class_="image", role="img"))
    return Markup("").join(drawn)


def drawable(value: Value | None) -> list[Shape]:
    """The shapes of a value that have a place in the media."""
    return [] if value is None else [shape for shape in value.shapes() if shape.kind != "caption"]


def in_words(value: Value) -> str:
    """What a value says where nothing is drawn: its captions, or else its own description."""
    captions = [shape.text for shape in value.shapes() if shape.kind == "caption"]
    return "\n".join(captions) or value.describe()


def counted(shapes: Sequence[Shape]) -> str:
    """How many shapes there are of each kind: '2 boxes'."""
    counts = {kind: sum(shape.kind == kind for shape in shapes) for kind in NOUNS}
    return ", ".join(f"{n} {NOUNS[kind][n > 1]}" for kind, n in counts.items() if n)


def _symbol(name: str, uri: str | None, medium: Medium, size_wh: tuple[int, int]) -> Markup:
    width, height = size_wh
    if uri is not None:
        return tag("image", id=name, href=uri, width=width, height=height, preserveAspectRatio="none")
    middle = {"x": width / 2, "y": height / 2, "font_size": _unit(medium) * 14}
    words = tag("text", f"{medium.kind} not found", **middle, text_anchor="middle", class_="lost")
    return group(tag("rect", width=width, height=height, class_="sheet"), words, id=name)


def _id(name: str, place: int) -> str:
    return f"{name}-{place}" if place else name


def _shape(shape: Shape, look: str, medium: Medium, length_s: float) -> Markup:
    numbers = [float(n) for n in shape.numbers]
    if shape.kind == "rectangle":
        x1, y1, x2, y2 = numbers
        title = tag("title", f"{look}: {x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f} px")
        return _outlined("rect", look, title, x=x1, y=y1, width=x2 - x1, height=y2 - y1)
    if shape.kind == "point":
        title = tag("title", f"{look}: {numbers[0]:.0f}, {numbers[1]:.0f} px")
        place = {"cx": numbers[0], "cy": numbers[1], "r": 5 * _unit(medium)}
        return group(tag("circle", title, **place, class_="spot"), class_=look)
    if shape.kind == "polygon":
        corners = " ".join(f"{x:g},{y:g}" for x, y in zip(numbers[::2], numbers[1::2], strict=True))
        return _outlined("polygon", look, tag("title", look), points=corners)
    if shape.kind == "region" and shape.region is not None:
        width, height = medium.size_wh
        uri = _overlay(region_of_mask(shape.region), COLORS.get(look, COLORS["extra"]))
        return tag("image", href=uri, width=width, height=height, preserveAspectRatio="none")
    if shape.kind == "span":
        return _span(numbers, look, medium, length_s)
    return Markup("")


def _outlined(name: str, look: str, title: Markup, **places: str | float) -> Markup:
    """An outline with a light one below it, so that it is seen on any ground."""
    return group(tag(name, **places, class_="halo"), tag(name, title, **places, class_="box"), class_=look)


def _overlay(region: np.ndarray, color: str) -> str:
    """A region as half-transparent pixels, at most ``SMALL_PX`` per side."""
    hue = tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
    pixels = np.zeros((*region.shape, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = hue, 115 * region
    image = Image.fromarray(pixels)
    image.thumbnail((SMALL_PX, SMALL_PX))
    return _uri(_encoded(image, "PNG"), "png")


def _span(numbers: Sequence[float], look: str, medium: Medium, length_s: float) -> Markup:
    """A bar at the lower border, whose width is the whole clip; labels and answers one above the other."""
    (width, height), unit = medium.size_wh, _unit(medium)
    start, end = (width * min(max(n / length_s, 0.0), 1.0) for n in numbers)
    y = height - (18 if look == "truth" else 9) * unit
    title = tag("title", f"{look}: {numbers[0]:g} s to {numbers[1]:g} s")
    bar = tag("rect", title, x=start, y=y, width=max(end - start, unit), height=7 * unit, class_="plate")
    return group(tag("rect", x=0, y=y, width=width, height=7 * unit, class_="sheet"), bar, class_=look)


def _plate(shape: Shape, look: str, medium: Medium) -> Markup:
    """A shape's name and score on a plate of its color, above it or, at the image's top, inside it."""
    score = "" if shape.score is None else f"{shape.score:.2f}"
    words = f"{shape.text} {score}".strip()
    if not words or len(shape.numbers) < 2 or shape.kind == "span":
        return Markup("")
    unit, (x, y) = _unit(medium), map(float, shape.numbers[:2])
    width, height = (7.0 * len(words) + 6) * unit, 15 * unit
    gap = 6 * unit if shape.kind == "point" else 0.0
    y = y - height - gap if y >= height + gap else y + gap
    plate = tag("rect", x=x, y=y, width=width, height=height, class_="plate")
    place = {"x": x + 3 * unit, "y": y + 11.5 * unit, "font_size": 12 * unit}
    return group(plate, tag("text", words, **place, class_="plated"), class_=look)


def _unit(medium: Medium) -> float:
    """Pixels of the image for one CSS pixel of a panel."""
    return max(medium.size_wh[0], 1) / PANEL_PX


def _encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, optimize=True, quality=84)
    return out.getvalue()


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
