"""What the numbers of all boxes together look like: pixels, or parts of the image from 0 to 1 or to 1000.

One box shows nothing. All boxes within one pixel are shares of the image; whole numbers that spread over 0 to
1000 and never go beyond, in images of other sizes, are the parts of a thousand that Qwen2-VL, Qwen3-VL and
ms-swift write. Where a format documents one convention and its boxes do not fit their images, those under
which they do are named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from vrft.data.data_options import Coordinates
from vrft.errors import BoxError, LabelError
from vrft.geometry.boxes import is_number
from vrft.types import Boxes, Record

N = TypeVar("N", float, np.ndarray)
EXTENT: Mapping[Coordinates, float] = {"0-1": 1.0, "0-1000": 1000.0}
"""How far numbers go that are parts of the image."""
Order = Literal["cxcywh", "xyxy", "xywh"]
"""Center and size, two corners, or a corner and size."""
_ORDERS: Mapping[Order, str] = {
    "cxcywh": "center and size",
    "xyxy": "two corners",
    "xywh": "a corner and size",
}
_OVER = 0.01
"""How far over the border of its image, in shares of it, a box still fits."""
_FEW, _MANY = 0.02, 1 / 3
"""Shares of boxes that do not fit under a right and under a wrong convention."""
_ROUNDED = 0.005
"""How far rounding may take a share beyond 1."""
_LEAST_BOXES = 3
"""Fewer boxes show no parts of a thousand."""
_SPREAD = 500.0
"""The largest of such numbers is at least this,"""
_UNFILLED, _LEAST_REACH = 1500.0, 900.0
"""... and of n boxes inside their images 1000 - 1500 / n, or 900: parts of a thousand fill their range."""
_ALIKE = 0.1
"""Images whose sides are this near to 1000: there pixels and parts of a thousand hardly differ."""
_OUTSIDE = 0.1
"""Share of boxes beyond their images from which on they are no pixels."""
_ODDS = 50.0
"""How much likelier 0 to 1000 must be than the image's own range, if edges may be anywhere."""
_LENIENT = 2.0
"""How far, as a logarithm, single mistakes may be likelier where boxes lie beyond their images."""


def as_pixels(
    numbers: Sequence[object], coordinates: Coordinates | None, image_wh: tuple[int, int]
) -> Sequence[object]:
    """Four corners of a declared kind in pixels, to a millionth; what is not four numbers stays as it is.

    Example:
        >>> as_pixels((100, 100, 500, 500), "0-1000", (640, 480))
        (64.0, 48.0, 320.0, 240.0)
    """
    extent = EXTENT.get(coordinates or "pixels")
    four = [float(n) for n in numbers if is_number(n)]  # type: ignore[arg-type]
    if extent is None or len(four) != 4 or len(numbers) != 4 or not all(map(math.isfinite, four)):
        return numbers
    return tuple(round(n / extent * side, 6) for n, side in zip(four, image_wh * 2, strict=True))


def check_coordinates(records: Iterable[Record], odd: Iterable[LabelError], where: str) -> None:
    """Refuse boxes that were read as pixels and look like another convention.

    Args:
        records: what was read.
        odd: what was left out or fixed; boxes among it count as they were written.
        where: the dataset, for messages.

    Raises:
        LabelError: names the likely convention, and the option that declares it.
    """
    written = [(one.corners, one.image_wh) for one in odd if isinstance(one, BoxError)]
    for record in records:
        for about in ("category", "phrase"):
            for _, boxes in record.about(about, Boxes):
                written += [(box, record.media[0].size_wh) for box in boxes.xyxy_px]
        for one in record.annotations:
            if one.value.kind != Boxes.kind:
                written += [(box, record.media[0].size_wh) for box in one.value.evidence_boxes or ()]
    if not written:
        return
    corners = np.asarray([box for box, _ in written], dtype=np.float64)
    sizes = np.asarray([wh for _, wh in written], dtype=np.float64)
    seems = likely_coordinates(corners, sizes)
    if seems is None:
        return
    width, height = sizes.max(0)
    problem = (
        f"All boxes are between 0 and {EXTENT[seems]:g}, in images of up to {width:g}x{height:g} pixels: "
        f"they look like parts of the image from {seems.replace('-', ' to ')}, not pixels."
    )
    fix = f"Say what they are: --coordinates {seems} or --coordinates pixels (data.coordinates)."
    raise LabelError(problem, where, fix)


def likely_coordinates(corners_xyxy: np.ndarray, sizes_wh: np.ndarray) -> Coordinates | None:
    """What boxes look like that are no pixels; None where pixels are as likely.

    Args:
        corners_xyxy: (n, 4), as written.
        sizes_wh: (n, 2), of their images in pixels.
    """
    if corners_xyxy.min() < -_ROUNDED or corners_xyxy.max() > 1000:
        return None
    whole = bool((corners_xyxy == corners_xyxy.round()).all())
    if corners_xyxy.max() <= 1 + _ROUNDED:
        return "0-1" if sizes_wh.min() > 2 and not whole else None
    if not whole or len(corners_xyxy) < _LEAST_BOXES or corners_xyxy.max() < _SPREAD:
        return None
    outside = (corners_xyxy[:, 2:] > sizes_wh + 1).any(1)
    if outside.mean() > _OUTSIDE:
        # Of numbers up to 1000 few fit into a small image: where most do, the others are single mistakes.
        fitting = np.clip(sizes_wh / 1000, 0.001, 0.999).prod(1)
        odds = np.where(outside, np.log((1 - fitting) / _OUTSIDE), np.log(fitting / (1 - _OUTSIDE))).sum()
        return "0-1000" if odds > -_LENIENT else None
    reach = min(1000 - _UNFILLED / len(corners_xyxy), _LEAST_REACH)
    if corners_xyxy.max() < reach or (abs(sizes_wh.mean(0) / 1000 - 1) < _ALIKE).all():
        return None
    odds = np.log(sizes_wh / 1000).sum()
    centers = (corners_xyxy[:, :2] + corners_xyxy[:, 2:]).mean(0) / 2
    closer = abs(centers / 1000 - 0.5).sum() < abs(centers / sizes_wh.mean(0) - 0.5).sum()
    return "0-1000" if odds > math.log(_ODDS) and closer else None


@dataclass(frozen=True)
class Convention:
    """What four numbers of a box are."""

    coordinates: Coordinates
    order: Order

    @property
    def says(self) -> str:
        extent = EXTENT.get(self.coordinates)
        unit = "in pixels" if extent is None else f"from 0 to {extent:g}"
        return f"{_ORDERS[self.order]} {unit}"

    def shares(self, numbers: np.ndarray, sizes_wh: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) of images (n, 2) as x1, y1, x2, y2 in shares of these."""
        extent = EXTENT.get(self.coordinates)
        found = numbers / (np.tile(sizes_wh, 2) if extent is None else extent)
        return np.concatenate(corners_of(found[:, :2], found[:, 2:], self.order), axis=1)

    def n_misfits(self, numbers: np.ndarray, sizes_wh: np.ndarray) -> int:
        """How many boxes have no area, reach beyond their images, or are shares where they should not be."""
        found = self.shares(numbers, sizes_wh)
        fits = (found >= -_OVER).all(1) & (found <= 1 + _OVER).all(1) & (found[:, 2:] > found[:, :2]).all(1)
        if self.coordinates != "0-1":
            fits &= numbers.max(1) > 1 + _OVER
        return int((~fits).sum())


def corners_of(first: N, second: N, order: Order) -> tuple[N, N]:
    """Where boxes begin and end, along one axis or both, whose two halves are written in an order.

    Example:
        >>> corners_of(5.0, 4.0, "cxcywh")
        (3.0, 7.0)
    """
    if order == "xyxy":
        return first, second
    return (first, first + second) if order == "xywh" else (first - second / 2, first + second / 2)


def check_convention(
    boxes: Sequence[tuple[Sequence[float], tuple[int, int]]], documented: Convention, where: str
) -> None:
    """Refuse boxes that do not fit their images as documented, where they all fit under another convention.

    Args:
        boxes: four numbers as written, each with the width and height of its image in pixels.
        documented: how they were read.
        where: the dataset, for messages.

    Raises:
        LabelError: names the likely conventions, and the options that declare them.
    """
    if len(boxes) < _LEAST_BOXES:
        return
    numbers = np.asarray([box for box, _ in boxes], dtype=np.float64)
    sizes = np.asarray([wh for _, wh in boxes], dtype=np.float64)
    n, n_misfits = len(boxes), documented.n_misfits(numbers, sizes)
    if n_misfits < max(_LEAST_BOXES, _MANY * n):
        return
    kinds: tuple[Coordinates, ...] = ("0-1",) if numbers.max() <= 1 + _OVER else ("pixels", "0-1000")
    fits = [
        one
        for kind in kinds
        for order in _ORDERS
        if (one := Convention(kind, order)).n_misfits(numbers, sizes) <= _FEW * n
    ]
    if len({one.coordinates for one in fits}) > 1:
        whole = next(one for one in fits if one.coordinates == "0-1000").shares(numbers, sizes) * 1000
        seems = likely_coordinates(whole.round(6), sizes) or "pixels"
        fits = [one for one in fits if one.coordinates == seems]
    if not fits:
        return
    problem = f"{n_misfits} of {n} boxes do not fit their images as {documented.says}. They look like "
    problem += f"{' or '.join(one.says for one in fits)}."
    usual = f"--coordinates {documented.coordinates}"
    options = [_options(one, documented) for one in fits]
    fix = f"Say what they are: {', or '.join(options)}; {usual} reads them as documented "
    raise LabelError(problem, where, f"{fix}(data.coordinates, data.box_order).")


def _options(one: Convention, documented: Convention) -> str:
    kind = f"--coordinates {one.coordinates}" if one.coordinates != documented.coordinates else ""
    order = f"--box-order {one.order}" if one.order != documented.order else ""
    return " ".join(filter(None, (kind, order)))
