"""Rewards of points: one to one with the places where they are right, and by how far they are off.

Each labelled place is found once: a second point in it is as wrong as one beside it. Where nothing is there,
an answer that says so has 1. Every term raises InputError for a target that is not points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from vrft.errors import InputError
from vrft.geometry.points import distances, matched_pairs, right_places
from vrft.types import Answer, Example, Points, PointXY, Value, expect

Where = Literal["best", "mask", "box", "radius"]
"""In what a point must lie: the mask, else the box, else the radius; or one of these alone."""
EXTENT = 1000.0
WIDTH = 5000.0
"""Of the kernel, in squared steps of an image that is 1000 wide and high: OneThinker's exp(-d^2 / 5000)."""


def points_of(answer: Answer) -> tuple[PointXY, ...]:
    """The answer's points; none where it could not be read, or says something else."""
    found = answer.as_(Points)
    return found.xy_px if found is not None else ()


def judged_by(target: Value, where: Where = "best") -> Points:
    """A target's places, as far as they are looked at.

    Raises:
        InputError: it has no masks or boxes, where these are asked for.
    """
    points = expect(target, Points)
    if where == "best":
        return points
    has = {"mask": points.masks, "box": points.boxes, "radius": points.xy_px}
    if where not in has:
        raise InputError(f"where: there is no '{where}'. Choose one of: best, {', '.join(has)}.")
    if points.xy_px and (not has[where] or None in has[where]):
        raise InputError(
            f"where: this target has no {where} for each point. Label it, or take where: best, the default."
        )
    if where == "mask":
        return replace(points, boxes=())
    return replace(points, masks=(), boxes=points.boxes if where == "box" else ())


def found_places(answer: Answer, target: Value, where: Where = "best") -> int:
    """How many of the labelled places some point of its own lies in."""
    return len(matched_pairs(right_places(points_of(answer), judged_by(target, where)).astype(float)))


def point_f1(answer: Answer, target: Value, where: Where = "best") -> float:
    """F1 of the points, in [0, 1]: a place is found once, and each further point costs.

    F1 = 2 TP / (n + m), n points and m labelled places, TP the most of them that can be paired so that each
    point lies in its place, borders included. ``where`` says what a place is: 'best' takes the mask, else
    the box, else the radius; 'mask', 'box' and 'radius' take one alone.

    Example:
        >>> cups = Points(((5.0, 5.0), (25.0, 5.0)), boxes=((0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)))
        >>> answers = [[(1.0, 1.0), (21.0, 1.0)], [(1.0, 1.0), (2.0, 2.0)], [(1.0, 1.0)], []]
        >>> [round(point_f1(Answer(Points(tuple(xy)), True), cups), 3) for xy in answers]
        [1.0, 0.5, 0.667, 0.0]
    """
    points, labels = points_of(answer), judged_by(target, where)
    if not points or labels.is_empty:
        return float(answer.abstained and labels.is_empty)
    return 2 * found_places(answer, target, where) / (len(points) + labels.size)


def near_f1(answer: Answer, target: Value, example: Example, radius: float = 50.0) -> float:
    """F1 of points that are right near the labelled ones, in [0, 1], whatever their boxes and masks.

    Args:
        answer: the parsed answer.
        target: the labelled points.
        example: whose image they are in.
        radius: in thousandths of the image's sides; 50 is a twentieth.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Image
        >>> asked = Example("a", "a", "point", (Image(Path("a.png"), (500, 1000)),), "cup")
        >>> near, cup = Answer(Points(((120.0, 100.0),))), Points(((100.0, 100.0),))
        >>> near_f1(near, cup, asked), near_f1(near, cup, asked, radius=30.0)
        (1.0, 0.0)
    """
    points, labels = points_of(answer), expect(target, Points)
    if not points or labels.is_empty:
        return float(answer.abstained and labels.is_empty)
    pairs = matched_pairs((scaled_distances(points, labels.xy_px, example) <= radius).astype(float))
    return 2 * len(pairs) / (len(points) + labels.size)


def closeness(answer: Answer, target: Value, example: Example) -> float:
    """How near the points are to the labelled ones, in [0, 1].

    R = sum over pairs of c / max(n, m), with c = 1 for a point in its place and else exp(-d^2 / 5000), d the
    distance to the labelled point where the image is 1000 wide and high (OneThinker's kernel), paired one to
    one so that the sum is greatest.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Image
        >>> asked = Example("a", "a", "point", (Image(Path("a.png"), (500, 1000)),), "cup")
        >>> cup = Points(((100.0, 100.0),), radius_px=1.0)
        >>> near, far = Answer(Points(((125.0, 100.0),))), Answer(Points(((150.0, 100.0),)))
        >>> [round(closeness(answer, cup, asked), 4) for answer in (near, far)]
        [0.6065, 0.1353]
    """
    points, labels = points_of(answer), expect(target, Points)
    if not points or labels.is_empty:
        return float(answer.abstained and labels.is_empty)
    fit = np.maximum(kernel(points, labels.xy_px, example), right_places(points, labels))
    return float(sum(fit[i, j] for i, j in matched_pairs(fit))) / max(len(points), labels.size)


def scaled_distances(points: Sequence[PointXY], labels: Sequence[PointXY], example: Example) -> np.ndarray:
    """(n, m) distances in thousandths of the image's sides."""
    width, height = example.media[0].size_wh
    scaled = [[(x * EXTENT / width, y * EXTENT / height) for x, y in xy] for xy in (points, labels)]
    return distances(*scaled)


def kernel(points: Sequence[PointXY], labels: Sequence[PointXY], example: Example) -> np.ndarray:
    """(n, m) exp(-d^2 / 5000), d in thousandths of the image's sides."""
    return np.asarray(np.exp(-(scaled_distances(points, labels, example) ** 2) / WIDTH))
