"""Whether four numbers are two corners, or a corner with width and height, by all boxes together."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.data.data_options import BoxOrder

LEAST = 3
"""Boxes that must contradict a reading before it is given up."""
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
