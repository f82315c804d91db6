"""Regions of Label Studio's results: the classes that were given to each, and the box around it.

A region is one result with its labels (``rectanglelabels``), or a result that has its place (``rectangle``)
and another one of the same id that has its labels (``labels``). Places are in per cent of the image; a brush
is run lengths of the four channels of an image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vrft.data.outlines import around, around_ellipse
from vrft.data.scalars import number, numbers_under, pairs
from vrft.errors import LabelError
from vrft.geometry.masks import mask_of_region
from vrft.types import BoxXYXY, PointXY

Result = Mapping[str, Any]
_LABELS = "labels"


@dataclass(frozen=True)
class Region:
    """Results that are about one place of an image."""

    results: tuple[Result, ...]

    @property
    def shape(self) -> str | None:
        """'rectangle', 'ellipse', 'polygon' or 'brush'; None where it has no box."""
        return next((kind for kind in map(_shape, self.results) if kind in _AROUND), None)

    @property
    def is_turned(self) -> bool:
        """Whether its place is that of something turned."""
        return any(number(_value(result).get("rotation")) for result in self.results)

    @property
    def is_labelled(self) -> bool:
        """Whether one of its results is there to name its class."""
        return any(map(_is_labels, self.results))

    @property
    def kinds(self) -> set[str]:
        """The types of its results."""
        return {str(result.get("type")) for result in self.results}

    @property
    def names(self) -> tuple[str, ...]:
        """Its classes; none where nobody labelled it."""
        labelled = [(str(r.get("type")), _value(r)) for r in self.results if _is_labels(r)]
        listed = [value.get(kind, value.get(_LABELS)) for kind, value in labelled]
        names = [name for one in listed for name in (one if isinstance(one, list) else [])]
        return tuple(dict.fromkeys(n.strip() for n in names if isinstance(n, str) and n.strip()))

    def corners(self, image_wh: tuple[int, int], where: str) -> BoxXYXY:
        """The box around it in pixels; LabelError where its values are not numbers."""
        placed = next(result for result in self.results if _shape(result) in _AROUND)
        if number(placed.get("image_rotation")):
            raise LabelError("The image was turned in the label tool.", where, "Label it upright.")
        try:
            return _AROUND[_shape(placed)](_value(placed), image_wh)
        except (ValueError, IndexError, OverflowError) as error:
            raise LabelError(f"The region has no place ({error}).", where, "Fix or remove it.") from error


def regions_of(results: Iterable[Result]) -> list[Region]:
    """The regions of an annotation; results without a place or labels, such as choices, make none."""
    by_id: dict[object, list[Result]] = {}
    for place, result in enumerate(results):
        own, alone = result.get("id"), Region((result,))
        whole = alone.shape is not None and alone.names
        by_id.setdefault(own if isinstance(own, str) and not whole else place, []).append(result)
    found = [Region(tuple(own)) for own in by_id.values()]
    return [region for region in found if region.shape is not None or region.is_labelled]


def _shape(result: Result) -> str:
    return str(result.get("type")).removesuffix(_LABELS)


def _is_labels(result: Result) -> bool:
    return str(result.get("type")).endswith(_LABELS)


def _value(result: Result) -> Mapping[str, Any]:
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def _around_rectangle(value: Mapping[str, Any], image_wh: tuple[int, int]) -> BoxXYXY:
    """Turned clockwise around its first corner."""
    x, y, width, height = numbers_under(value, "x", "y", "width", "height")
    turn = math.radians(number(value.get("rotation")) or 0)
    (x1, y1), (x2, y2) = _pixels((x, y), image_wh), _pixels((x + width, y + height), image_wh)
    if not turn:
        return (x1, y1, x2, y2)
    cos, sin, ends = math.cos(turn), math.sin(turn), [(dx, dy) for dx in (0, x2 - x1) for dy in (0, y2 - y1)]
    return around([(x1 + dx * cos - dy * sin, y1 + dx * sin + dy * cos) for dx, dy in ends])


def _around_ellipse(value: Mapping[str, Any], image_wh: tuple[int, int]) -> BoxXYXY:
    x, y, radius_x, radius_y = numbers_under(value, "x", "y", "radiusX", "radiusY")
    center, radii = _pixels((x, y), image_wh), _pixels((radius_x, radius_y), image_wh)
    return around_ellipse(center, radii, number(value.get("rotation")) or 0)


def _around_polygon(value: Mapping[str, Any], image_wh: tuple[int, int]) -> BoxXYXY:
    points = pairs(value.get("points"))
    if not points:
        raise ValueError("its points are not pairs of numbers")
    return around([_pixels(point, image_wh) for point in points])


def _pixels(per_cent: PointXY, image_wh: tuple[int, int]) -> PointXY:
    """To a millionth of a pixel, so that the full image is not one float beyond its border."""
    return round(per_cent[0] / 100 * image_wh[0], 6), round(per_cent[1] / 100 * image_wh[1], 6)


def _around_brush(value: Mapping[str, Any], image_wh: tuple[int, int]) -> BoxXYXY:
    runs = value.get("rle")
    if not isinstance(runs, list) or not all(isinstance(n, int) and 0 <= n < 256 for n in runs):
        raise ValueError("its brush is not run lengths")
    channels = brush_channels(bytes(runs))
    width, height = image_wh
    if channels.size != width * height * 4:
        raise ValueError(f"its brush has {channels.size} values, the image {width * height * 4}")
    painted = channels.reshape(height, width, 4)[:, :, 3] > 0
    box = mask_of_region(painted).box_xyxy_px
    if box is None:
        raise ValueError("its brush covers no pixel")
    return box


_AROUND: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int]], BoxXYXY]] = {
    "rectangle": _around_rectangle,
    "ellipse": _around_ellipse,
    "polygon": _around_polygon,
    "brush": _around_brush,
}
"""The box around each kind of region that has one."""


def brush_channels(packed: bytes) -> np.ndarray:
    """The values of all channels, pixel by pixel, of a brush's run lengths.

    A stream of bits, the highest of each byte first: 32 for the count of values, 5 for the bits of a value
    less one, 4 times 4 for four sizes less one. Then blocks: one bit for whether the block repeats a single
    value, two that choose the size of what follows, the block's length less one, and its value or values.
    """
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    at = 0

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(bits):
            raise ValueError("its brush ends too early")
        read = int("".join(map(str, bits[at : at + count])), 2)
        at += count
        return read

    total, word = take(32), take(5) + 1
    if total > 4 * 2**28:
        raise ValueError("its brush is larger than any image")
    sizes = [take(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.uint32)
    place = 0
    while place < total:
        repeats, size = take(1), sizes[take(2)]
        end = min(place + take(size) + 1, total)
        if repeats:
            values[place:end] = take(word)
        else:
            values[place:end] = [take(word) for _ in range(end - place)]
        place = end
    return values
