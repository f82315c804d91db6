"""Shapes drawn into an image: labels and answers of every kind, for whoever wants a file to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from vrft.geometry.masks import region_of_mask
from vrft.types import PointXY, Shape

PALETTE = ("#1f6feb", "#e07b16", "#12a150", "#d6336c", "#8a63d2", "#0b7285", "#a16207", "#b91c1c")
"""Colors of layers that are given none, in turn."""
OPACITY = 0.4
"""Of a region."""


def draw_shapes(
    image: Image.Image,
    layers: Mapping[str, Sequence[Shape]],
    colors: Mapping[str, str] | None = None,
    *,
    frame: int = 0,
    duration_s: float | None = None,
) -> Image.Image:
    """A copy of an image with named layers of shapes on it; what comes last is in front.

    Rectangles, polygons, points and regions are where they are, with the layer's name and their own text next
    to them; the first caption frames the whole image; a span of time is a bar at the lower edge.

    Args:
        image: any mode; it is left as it is.
        layers: shapes by name, in pixels of this image.
        colors: by name, as Pillow reads them ('#rrggbb', 'red'); other layers take those of ``PALETTE`` in
            turn.
        frame: which of several images this is; shapes of other ones are left out.
        duration_s: what the whole width of a time bar means, in seconds; None takes the last end of a span.

    Returns:
        An RGB image of the same size.

    Example:
        >>> box = Shape("rectangle", (8, 8, 40, 40))
        >>> drawn = draw_shapes(Image.new("RGB", (64, 48)), {"cat": [box]}, {"cat": "#ff0000"})
        >>> drawn.size, drawn.getpixel((8, 24))
        ((64, 48), (255, 0, 0))
    """
    drawn = image.convert("RGB")
    if drawn is image:
        drawn = image.copy()
    here = {name: [s for s in shapes if s.frame in (None, frame)] for name, shapes in layers.items()}
    if duration_s is None:
        duration_s = max(
            (s.numbers[1] for shapes in here.values() for s in shapes if s.kind == "span"), default=1
        )
    pen = _Pen(drawn, duration_s or 1.0)
    for number, (name, shapes) in enumerate(here.items()):
        pen.color = (colors or {}).get(name, PALETTE[number % len(PALETTE)])
        corners = [pen.draw(shape) for shape in shapes]
        for text, corner in zip(_texts_beside(name, shapes), corners, strict=True):
            pen.plate(text, corner)
    return drawn


def _texts_beside(name: str, shapes: Sequence[Shape]) -> list[str]:
    """What is written beside each shape of a layer; once for box, points and pixels of one thing."""
    texts = [": ".join(filter(None, [name] if s.text in name else [name, s.text])) for s in shapes]
    longest_first = sorted(range(len(shapes)), key=lambda i: (-len(texts[i]), shapes[i].kind != "rectangle"))
    written: dict[int, str] = {}
    for i in longest_first:
        if not any(texts[i] in text and _of_one_thing(shapes[i], shapes[j]) for j, text in written.items()):
            written[i] = texts[i]
    return [written.get(i, "") for i in range(len(shapes))]


def _of_one_thing(one: Shape, other: Shape) -> bool:
    """Whether shapes of two kinds are in one place; a caption is about the whole image."""
    if one.kind == other.kind or "caption" in (one.kind, other.kind):
        return one.kind != other.kind
    first, second = _bounds(one), _bounds(other)
    return bool(first and second) and all(
        first[i] <= second[i + 2] and second[i] <= first[i + 2] for i in (0, 1)
    )


def _bounds(shape: Shape) -> Sequence[float]:
    """x1, y1, x2, y2 in pixels; empty where a shape has no place."""
    if shape.kind == "region":
        return (shape.region.box_xyxy_px if shape.region is not None else None) or ()
    return {"rectangle": shape.numbers, "point": shape.numbers * 2}.get(shape.kind, ())


class _Pen:
    """Draws into one image, in one color at a time."""

    def __init__(self, image: Image.Image, duration_s: float) -> None:
        self.color = ""
        self._image, self._duration_s = image, duration_s
        self._draw = ImageDraw.Draw(image)
        longer = max(image.size)
        self._line = max(1, round(longer / 250))
        self._dot = max(2.0, longer / 100)
        self._font = ImageFont.load_default(size=max(9, round(longer / 45)))
        _, top, _, bottom = self._draw.textbbox((0, 0), "Ag", font=self._font)
        self._plate_height = bottom - top + 5
        self._captions = self._bars = 0

    def draw(self, shape: Shape) -> PointXY:
        """Draw one shape; returns where its name belongs."""
        numbers, width, height = shape.numbers, *self._image.size
        if shape.kind == "rectangle":
            self._draw.rectangle(numbers, outline=self.color, width=self._line)
            return numbers[0], numbers[1]
        if shape.kind == "polygon":
            self._draw.polygon(numbers, outline=self.color, width=self._line)
            return min(numbers[::2]), min(numbers[1::2])
        if shape.kind == "point":
            x, y, r = *numbers, self._dot
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=self.color)
            return x - r, y - r
        if shape.kind == "region":
            return self._region(shape)
        if shape.kind == "span":
            start, end = (width * min(max(s / self._duration_s, 0.0), 1.0) for s in numbers)
            thick = 3 * self._line
            top = height - thick * (self._bars + 1)
            self._bars += 1
            self._draw.rectangle((start, top, max(end - 1, start), top + thick - 1), fill=self.color)
            return start, top
        if not self._captions:
            self._draw.rectangle((0, 0, width - 1, height - 1), outline=self.color, width=self._line)
        self._captions += 1
        # Plates of several captions are below each other.
        return 0.0, self._captions * self._plate_height if self._captions > 1 else 0.0

    def _region(self, shape: Shape) -> PointXY:
        if shape.region is None:
            return 0.0, 0.0
        inside = Image.fromarray(region_of_mask(shape.region)).convert("L")
        scale = self._image.width / inside.width, self._image.height / inside.height
        alpha = inside.resize(self._image.size, Image.Resampling.NEAREST).point(lambda on: int(on * OPACITY))
        self._image.paste(Image.new("RGB", self._image.size, self.color), mask=alpha)
        x, y, _, _ = shape.region.box_xyxy_px or (0.0, 0.0, 0.0, 0.0)
        return x * scale[0], y * scale[1]

    def plate(self, text: str, corner: PointXY) -> None:
        """A text on a plate above a corner, or below it at the upper edge, within the image's sides."""
        if not text:
            return
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font=self._font)
        width, height = right - left + 4, bottom - top + 4
        x, y = corner[0], corner[1] - height if corner[1] >= height else corner[1]
        x = max(0, min(x, self._image.width - 1 - width))
        self._draw.rectangle((x, y, x + width, y + height), fill=self.color)
        self._draw.text((x + 2 - left, y + 2 - top), text, fill="white", font=self._font)
