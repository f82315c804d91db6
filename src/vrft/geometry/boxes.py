"""Boxes: the only IoU of the package. Arrays of boxes are float64 (n, 4), x1 y1 x2 y2."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vrft.errors import BoxError, FlatBox, LabelError, OutsideBox, UpturnedBox
from vrft.types import BoxXYXY

MANY_PAIRS = 128
"""From here on numpy's start-up is cheaper than one Python call per pair."""
SLACK_PX = 1.0
"""How far a box may reach out of its image and still be clipped: the off-by-one of many label tools."""


def as_array(boxes_xyxy: Sequence[BoxXYXY]) -> np.ndarray:
    """Boxes as float64 (n, 4); (0, 4) where there are none."""
    return np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)


def area(boxes_xyxy: np.ndarray) -> np.ndarray:
    """Areas of boxes, (n,); zero for an inverted box."""
    found: np.ndarray = np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None).prod(-1)
    return found


def iou(a_xyxy: BoxXYXY, b_xyxy: BoxXYXY) -> float:
    """Intersection over union of two boxes, as ``iou_matrix`` bit for bit; 0 for an empty or inverted box.

    Example:
        >>> iou((0.0, 0.0, 10.0, 10.0), (0.0, 5.0, 10.0, 15.0))
        0.3333333333333333
    """
    ax1, ay1, ax2, ay2 = a_xyxy
    bx1, by1, bx2, by2 = b_xyxy
    width = (ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1)
    height = (ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1)
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - overlap
    return overlap / union if union > 0 else 0.0


def iou_rows(a_xyxy: Sequence[BoxXYXY], b_xyxy: Sequence[BoxXYXY]) -> list[list[float]]:
    """``iou_matrix`` as n lists of m numbers, without numpy for the few boxes of one answer."""
    if len(a_xyxy) * len(b_xyxy) >= MANY_PAIRS:
        matrix: list[list[float]] = iou_matrix(as_array(a_xyxy), as_array(b_xyxy)).tolist()
        return matrix
    rows = []
    for ax1, ay1, ax2, ay2 in a_xyxy:  # ``iou``, written out: rewards call this by the thousand
        own, row = (ax2 - ax1) * (ay2 - ay1), []
        for bx1, by1, bx2, by2 in b_xyxy:
            width = (ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1)
            height = (ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1)
            if width <= 0 or height <= 0:
                row.append(0.0)
                continue
            overlap = width * height
            union = own + (bx2 - bx1) * (by2 - by1) - overlap
            row.append(overlap / union if union > 0 else 0.0)
        rows.append(row)
    return rows


def iou_matrix(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair.

    Args:
        a_xyxy: (n, 4).
        b_xyxy: (m, 4), same units.

    Returns:
        (n, m) in [0, 1]; 0 where both boxes are empty.

    Example:
        >>> iou_matrix(as_array([(0, 0, 10, 10)]), as_array([(5, 0, 15, 10)])).round(4).tolist()
        [[0.3333]]
    """
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(-1)
    union = area(a_xyxy)[:, None] + area(b_xyxy)[None, :] - overlap
    found: np.ndarray = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return found


def giou_matrix(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """Generalized intersection over union of every pair.

    GIoU = IoU - (|C| - |A u B|) / |C| with C the smallest box around both (Rezatofighi et al. 2019, arXiv
    1902.09630).

    Args:
        a_xyxy: (n, 4), none inverted.
        b_xyxy: (m, 4), same units.

    Returns:
        (n, m) in (-1, 1]; -1 where both boxes are the same point.

    Example:
        >>> giou_matrix(as_array([(0, 0, 10, 10)]), as_array([(20, 0, 30, 10)])).round(4).tolist()
        [[-0.3333]]
    """
    low = np.minimum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.maximum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    around = np.clip(high - low, 0, None).prod(-1)
    ious = iou_matrix(a_xyxy, b_xyxy)
    # |A u B| = (|A| + |B|) / (1 + IoU), because |A n B| = IoU |A u B|.
    union = (area(a_xyxy)[:, None] + area(b_xyxy)[None, :]) / (1 + ious)
    found: np.ndarray = ious - 1 + np.divide(union, around, out=np.zeros_like(around), where=around > 0)
    return found


def checked_box(corners: Sequence[object], image_wh: tuple[int, int], where: str) -> BoxXYXY:
    """Four corners as a box inside its image, clipped where it reaches out by at most one pixel.

    Args:
        corners: x1, y1, x2, y2 in pixels.
        image_wh: the image's width and height in pixels.
        where: the place, for messages.

    Returns:
        The box, with 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height.

    Raises:
        LabelError: not four finite numbers; a BoxError where it has no area or is outside the image.

    Example:
        >>> checked_box([-0.5, 10, 20, 30], (640, 480), "a.json")
        (0.0, 10.0, 20.0, 30.0)
    """
    box, odd = fitted_box(corners, image_wh, where)
    if odd is not None:
        raise odd
    return box


def fitted_box(
    corners: Sequence[object], image_wh: tuple[int, int], where: str
) -> tuple[BoxXYXY, BoxError | None]:
    """Four corners, in whichever order, as the part of their box that is inside the image.

    Args:
        corners: x1, y1, x2, y2 in pixels.
        image_wh: the image's width and height in pixels.
        where: the place, for messages.

    Returns:
        The box, with 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height; and, where corners changed places or
        an edge moved by more than one pixel, what ``checked_box`` raises.

    Raises:
        LabelError: not four finite numbers; a BoxError where no area is left.

    Example:
        >>> fitted_box([600, 30, 700, 10], (640, 480), "a.json")[0]
        (600.0, 10.0, 640.0, 30.0)
    """
    try:
        numbers = [float(n) for n in corners if is_number(n)]  # type: ignore[arg-type]
    except OverflowError:  # a whole number of hundreds of digits
        numbers = []
    if len(numbers) != 4 or len(corners) != 4 or not all(map(math.isfinite, numbers)):
        raise LabelError(f"The box {list(corners)} is not four numbers.", where, "Fix or remove it.")
    width, height = image_wh
    x1, y1, x2, y2 = given = (numbers[0], numbers[1], numbers[2], numbers[3])
    odd: BoxError | None = None
    if x1 >= x2 or y1 >= y2:
        flat = FlatBox if x1 == x2 or y1 == y2 else UpturnedBox
        problem = f"The box {_shown(given)} has no area."
        odd = flat(problem, where, "Fix its corners or remove it.", given, image_wh)
        if flat is FlatBox:
            raise odd
        x1, y1, x2, y2 = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
    box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    moved = max(abs(a - b) for a, b in zip((x1, y1, x2, y2), box, strict=True))
    if moved > SLACK_PX or box[0] >= box[2] or box[1] >= box[3]:
        odd = OutsideBox(
            f"The box {_shown(given)} is outside its image, which is {width} pixels wide and {height} high.",
            where,
            "Fix the box, remove it, or use the image at the size it was labelled at.",
            given,
            image_wh,
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            raise odd
    return box, odd


def _shown(corners: BoxXYXY) -> str:
    x1, y1, x2, y2 = corners
    return f"({x1:g}, {y1:g}) to ({x2:g}, {y2:g})"


def is_number(value: object) -> bool:
    """Whether JSON has a number here; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
