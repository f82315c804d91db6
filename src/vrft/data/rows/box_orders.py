"""How one box is written in a row, and whether the four numbers of all boxes together are two corners, or a
corner with width and height."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vrft.data.data_options import BoxOrder
from vrft.data.scalars import numbers

LEAST = 3
"""Boxes that must contradict a reading before it is given up."""
CORNERS: Mapping[tuple[str, ...], BoxOrder] = {
    ("xmin", "ymin", "xmax", "ymax"): "xyxy",
    ("x_min", "y_min", "x_max", "y_max"): "xyxy",
    ("x1", "y1", "x2", "y2"): "xyxy",
    ("left", "top", "right", "bottom"): "xyxy",
    ("x", "y", "w", "h"): "xywh",
    ("bbox_x", "bbox_y", "bbox_w", "bbox_h"): "xywh",
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"): "xywh",
    ("left", "top", "w", "h"): "xywh",
    ("x", "y", "width", "height"): "xywh",
    ("left", "top", "width", "height"): "xywh",
    ("xmin", "ymin", "width", "height"): "xywh",
}
"""Columns, or keys of an object, that make a box together."""
_BETWEEN = re.compile(r"[,;]")
FEW, MANY = 0.02, 0.1
"""Shares of boxes that contradict a right and a wrong reading."""


def order_of(
    boxes: Sequence[tuple[Sequence[float], tuple[float, float]]], default: BoxOrder
) -> tuple[BoxOrder, bool]:
    """The order that boxes are written in, and whether they show it.

    Args:
        boxes: four numbers each, with the width and height of what they are parts of, in the same unit.
        default: what is documented for them; kept where they show nothing.

    Example:
        >>> order_of([((50, 40, 60, 45), (64, 48))] * 3, "xywh")
        ('xyxy', True)
        >>> order_of([((5, 4, 10, 9), (64, 48))] * 3, "xywh")
        ('xywh', False)
    """
    wrong: dict[BoxOrder, int] = {
        "xyxy": sum(b[2] < b[0] or b[3] < b[1] for b, _ in boxes),
        "xywh": sum(b[0] + b[2] > wh[0] + 1 or b[1] + b[3] > wh[1] + 1 for b, wh in boxes),
    }
    other: BoxOrder = "xywh" if default == "xyxy" else "xyxy"
    n = max(1, len(boxes))
    if wrong[default] >= max(LEAST, MANY * n) and wrong[other] <= FEW * n:
        return other, True
    return default, wrong[other] >= max(LEAST, MANY * n)


def read_box(value: object) -> tuple[list[float], BoxOrder | None] | None:
    """Four numbers, and their order where the keys say it; None where it is no single box.

    Example:
        >>> read_box({"x": 1, "y": 2, "width": 3, "height": 4})
        ([1.0, 2.0, 3.0, 4.0], 'xywh')
        >>> read_box("10, 20, 30, 40")
        ([10.0, 20.0, 30.0, 40.0], None)
        >>> read_box([1, 2, 3]) is None
        True
    """
    if isinstance(value, Mapping):
        keys = next((keys for keys in CORNERS if value.keys() >= set(keys)), ())
        found = numbers([value[key] for key in keys])
        return (found, CORNERS[keys]) if found else None
    parts = _BETWEEN.split(value.strip(" []()")) if isinstance(value, str) else value
    found = numbers(parts)
    return (found, None) if found is not None and len(found) == 4 else None
