"""Rewards of boxes that follow things through the images of a sequence.

Things are matched one to one, so that names do not count: the matching is the one with the greatest sum of
IoU over all images. An answer that could not be read has reward 0. Every term raises InputError for a target
that is not tracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import iou
from vrft.types import Answer, Tracks, Value, expect

_TIE = 1e-9
"""Of matchings with equal IoU, the one with more boxes in the same images."""


@dataclass(frozen=True)
class TrackOverlap:
    """How two tracks lie over each other."""

    ious: float
    """Sum of IoU over all images and matched things."""
    shared: int
    """Images and things of which both have a box."""
    either: int
    """Boxes of one or of both."""


def track_overlap(one: Tracks, other: Tracks) -> TrackOverlap:
    """Match the things of two tracks by the sum of their boxes' IoU, and count."""
    rows, columns = ({name: i for i, name in enumerate(tracks.names)} for tracks in (one, other))
    ious, both = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)), dtype=int)
    theirs = other.by_image
    for number, own in one.by_image.items():
        for name, box in own.items():
            for called, there in theirs.get(number, {}).items():
                ious[rows[name], columns[called]] += iou(box, there)
                both[rows[name], columns[called]] += 1
    matched = linear_sum_assignment(ious + _TIE * both, maximize=True)
    shared = int(both[matched].sum())
    return TrackOverlap(float(ious[matched].sum()), shared, len(one.boxes) + len(other.boxes) - shared)


def agreement(one: Tracks, other: Tracks) -> float:
    """Mean IoU over all boxes of either; 1 where both say that nothing is seen."""
    found = track_overlap(one, other)
    return found.ious / found.either if found.either else 1.0


def track_iou(answer: Answer, target: Value) -> float:
    """Mean IoU over the images in which the label or the answer has a box, in [0, 1].

    R = sum of IoU over images / #{images with a box of either}; of several things, over their boxes. Unlike
    OneThinker's mean over the label's images, a box in an image that does not show the thing costs.

    Example:
        >>> gold = Tracks(((1, "", 0.0, 0.0, 9.0, 9.0), (2, "", 0.0, 0.0, 9.0, 9.0)))
        >>> first, more = gold.boxes[:1], (*gold.boxes, (3, "", 0.0, 0.0, 9.0, 9.0))
        >>> [round(track_iou(Answer(Tracks(boxes)), gold), 3) for boxes in (gold.boxes, first, more, ())]
        [1.0, 0.5, 0.667, 0.0]
    """
    said, gold = answer.as_(Tracks), expect(target, Tracks)
    return 0.0 if said is None else agreement(said, gold)


def mean_iou(answer: Answer, target: Value) -> float:
    """Mean IoU over the images in which the label has a box, in [0, 1]; one without an answer counts 0.

    R = sum of IoU over images / #{images with a labelled box} (OneThinker, arXiv 2512.03043, tracking); boxes
    in other images cost nothing. Where the label has none, 1 for an answer without any.

    Example:
        >>> gold = Tracks(((1, "", 0.0, 0.0, 9.0, 9.0), (2, "", 0.0, 0.0, 9.0, 9.0)))
        >>> first, more = gold.boxes[:1], (*gold.boxes, (3, "", 0.0, 0.0, 9.0, 9.0))
        >>> [mean_iou(Answer(Tracks(boxes)), gold) for boxes in (gold.boxes, first, more)]
        [1.0, 0.5, 1.0]
    """
    said, gold = answer.as_(Tracks), expect(target, Tracks)
    if said is None:
        return 0.0
    if gold.is_empty:
        return float(said.is_empty)
    return track_overlap(said, gold).ious / len(gold.boxes)
