"""Rewards of objects with boxes and points: right boxes, points on the objects, all objects and no other.

Answered and labelled objects are matched one to one so that the sum of their boxes' IoU is greatest. What
is summed over the pairs is divided by the larger number of objects, so that neither silence nor copies pay.
Where nothing is to be found, an answer that says so has 1, and any other has 0; an answer that could not be
read has 0. Every term raises InputError for a target that is not objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import iou_rows
from vrft.geometry.mask_points import points_of
from vrft.geometry.points import center, in_box, in_mask
from vrft.types import Answer, CoordinateFrame, ObjectRegion, PointXY, Regions, Value, expect

SIDE = 840
"""Pixels of a side to which VisionReasoner resizes every image; its distances are in these."""
L1_PX, POINT_PX = 10.0, 30.0
FOUND = 0.5
"""Least IoU of a box whose object counts as found."""


class ObjectPair(NamedTuple):
    """An answered object and the labelled one that it is matched to."""

    found: ObjectRegion
    label: ObjectRegion
    iou: float


def box_iou(answer: Answer, target: Value) -> float:
    """IoU of matched boxes over the larger number of objects, in [0, 1].

    R = (IoU_1 + ... + IoU_k) / max(n, m) for n answered and m labelled objects.

    Example:
        >>> label = Regions((ObjectRegion((0.0, 0.0, 10.0, 10.0)), ObjectRegion((50.0, 50.0, 60.0, 60.0))))
        >>> box_iou(Answer(Regions((ObjectRegion((0.0, 0.0, 10.0, 8.0)),)), True), label)
        0.4
    """
    return over_pairs(answer, target, lambda pair: pair.iou)


def point_on_object(answer: Answer, target: Value) -> float:
    """Share of objects whose points all lie on the labelled object, in [0, 1].

    R = sum of 1[every point of the pair is a pixel of its mask] / max(n, m), over pairs whose boxes overlap.
    Where a label has no mask, its box stands for it. An object without a point has none on the label.

    Example:
        >>> from vrft.types import Mask
        >>> left = Regions((ObjectRegion((0.0, 0.0, 1.0, 2.0), mask=Mask((2, 2), "022")),))
        >>> said = [Regions((ObjectRegion((0.0, 0.0, 2.0, 2.0), points),)) for points in (((0.5, 1.0),), ())]
        >>> [point_on_object(Answer(one, True), left) for one in said]
        [1.0, 0.0]
    """
    return over_pairs(answer, target, lambda pair: float(_on_object(pair)))


def count(answer: Answer, target: Value, tau: float = FOUND) -> float:
    """Objects that are found over the larger number of objects, in [0, 1].

    R = #{pairs with IoU >= tau} / max(n, m). The right number of wrong boxes has 0.

    Example:
        >>> label = Regions((ObjectRegion((0.0, 0.0, 10.0, 10.0)),))
        >>> twice = Regions((ObjectRegion((0.0, 0.0, 10.0, 9.0)), ObjectRegion((0.0, 0.0, 10.0, 9.0))))
        >>> count(Answer(twice, True), label)
        0.5
    """
    return over_pairs(answer, target, lambda pair: float(pair.iou >= tau))


def accuracy_scaled(
    answer: Answer, target: Value, frame: CoordinateFrame | None = None, l1_px: float = L1_PX,
    point_px: float = POINT_PX,
) -> float:  # fmt: skip
    """VisionReasoner's accuracy without its holes, in [0, 3].

    R = sum of s over pairs / max(n, m), matched so that it is greatest, with s = 1[IoU > 0.5] + 1[mean
    |difference of a coordinate| < 10] + 1[distance of the points < 30, and the point lies in its own box].
    Distances are measured as if the image had 840 by 840 pixels, whatever its size, so that they mean the
    same in a small one. An object without a point loses its point alone, and abstention is rewarded; the
    release (``papers.vision_reasoner``) gives the whole answer 0 in both cases.

    Args:
        answer: the parsed answer.
        target: objects; of a mask the deepest point is compared with.
        frame: of the image; None compares pixels of the file.
        l1_px: of the 840, above 0.
        point_px: of the 840, above 0.

    Example:
        >>> label = Regions((ObjectRegion((10.0, 10.0, 60.0, 60.0), ((35.0, 35.0),)),))
        >>> accuracy_scaled(Answer(Regions((ObjectRegion((10.0, 10.0, 60.0, 60.0)),)), True), label)
        2.0
    """
    labels = expect(target, Regions).objects
    found = objects_of(answer)
    if not found or not labels:
        return 3.0 * float(answer.abstained and not labels)
    width, height = frame.window_wh if frame is not None else (SIDE, SIDE)
    scale = (SIDE / width, SIDE / height)
    ious = iou_rows([one.xyxy_px for one in found], [one.xyxy_px for one in labels])
    scores = np.array(
        [
            [
                (ious[i][j] > FOUND)
                + (_mean_l1(one, label, scale) < l1_px)
                + (_point_off(one, label, scale) < point_px)
                for j, label in enumerate(labels)
            ]
            for i, one in enumerate(found)
        ],
        dtype=float,
    )
    rows, columns = linear_sum_assignment(scores, maximize=True)
    return float(scores[rows, columns].sum()) / max(len(found), len(labels))


def objects_of(answer: Answer) -> tuple[ObjectRegion, ...]:
    """The answer's objects; none where it could not be read, or says something else."""
    value = answer.as_(Regions)
    return value.objects if value is not None else ()


def matched_objects(found: Sequence[ObjectRegion], labels: Sequence[ObjectRegion]) -> list[ObjectPair]:
    """Pairs of objects, one to one, whose boxes overlap; the sum of their IoU is the greatest there is."""
    if not found or not labels:
        return []
    ious = np.array(iou_rows([one.xyxy_px for one in found], [one.xyxy_px for one in labels]))
    rows, columns = linear_sum_assignment(ious, maximize=True)
    return [
        ObjectPair(found[i], labels[j], float(ious[i, j]))
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if ious[i, j] > 0
    ]


def over_pairs(answer: Answer, target: Value, value: Callable[[ObjectPair], float]) -> float:
    """The sum of a value of each pair over the larger number of objects; 1 for a right abstention."""
    labels, found = expect(target, Regions).objects, objects_of(answer)
    if not found or not labels:
        return float(answer.abstained and not labels)
    return math.fsum(map(value, matched_objects(found, labels))) / max(len(found), len(labels))


def _on_object(pair: ObjectPair) -> bool:
    points = points_of(pair.found)
    return bool(points) and all(_on(pair.label, point) for point in points)


def _on(label: ObjectRegion, point: PointXY) -> bool:
    return in_mask(point, label.mask) if label.mask is not None else in_box(point, label.xyxy_px)


def _mean_l1(one: ObjectRegion, other: ObjectRegion, scale: tuple[float, float]) -> float:
    return (
        sum(
            scale[i % 2] * abs(a - b) for i, (a, b) in enumerate(zip(one.xyxy_px, other.xyxy_px, strict=True))
        )
        / 4
    )


def _point_off(one: ObjectRegion, label: ObjectRegion, scale: tuple[float, float]) -> float:
    """How far the first point is from the label's; infinite without one, or outside of its own box."""
    point, right = points_of(one)[:1], points_of(label) or (center(label.xyxy_px),)
    if not point or not in_box(point[0], one.xyxy_px):
        return math.inf
    return math.hypot(*(scale[i] * (point[0][i] - right[0][i]) for i in (0, 1)))
