"""How far two answers say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import hungarian_ious
from vrft.rewards.label_rewards import exact_match
from vrft.tasks.fusion.candidate import Candidate
from vrft.types import Answer


def agreement(one: Answer, other: Answer) -> float:
    """Agreement of two answers, the same in either order.

    Boxes are matched one to one so that the sum of IoU is greatest; that sum is divided by the larger number
    of boxes, so that a box more costs as much as a box less. Of two boxes this is their IoU.

    Args:
        one: an answer that could be read.
        other: another.

    Returns:
        In [0, 1]. Class names: 1 where ``exact_match`` says so, else 0.

    Example:
        >>> one = Answer(True, True, ((0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)), (1.0, 1.0))
        >>> agreement(one, Answer(True, True, ((0.0, 0.0, 10.0, 5.0),), (1.0,)))
        0.25
    """
    if one.label is not None and other.label is not None:
        return float(exact_match(one.label, other.label))
    # Sums of floats in another order may differ in the last bit, which must not break a tie.
    few, many = sorted((one.boxes_xyxy_px, other.boxes_xyxy_px), key=lambda boxes: (len(boxes), boxes))
    return math.fsum(hungarian_ious(iou_rows(few, many))) / len(many) if few else float(not many)


def mean_pair_agreement(answers: Sequence[Answer]) -> float:
    """How far several answers to one question say the same: the mean ``agreement`` of two of them.

    Of class names it is the chance that two different answers, taken at random, name the same class: of n
    answers, c of them for each class, the sum of c (c - 1) / (n (n - 1)).

    Args:
        answers: that could be read.

    Returns:
        In [0, 1]; 0 where there are fewer than two.

    Example:
        >>> mean_pair_agreement([Answer(True, True, label=name) for name in ("cat", "Cat", "cat", "dog")])
        0.5
    """
    pairs = [agreement(one, other) for one, other in combinations(answers, 2)]
    return math.fsum(pairs) / max(len(pairs), 1)


def mean_agreements(candidates: Sequence[Candidate]) -> list[float]:
    """Each candidate's mean agreement with the others.

    Args:
        candidates: at least one; a lone one has agreement 0.

    Returns:
        One a candidate, in [0, 1].
    """
    answers = [c.answer for c in candidates]
    pairs = {(i, j): agreement(answers[i], answers[j]) for j in range(len(answers)) for i in range(j)}
    return [
        math.fsum(pairs[min(i, j), max(i, j)] for j in range(len(answers)) if j != i)
        / max(len(answers) - 1, 1)
        for i in range(len(answers))
    ]


def most_agreed(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those candidates whose mean agreement with the others is greatest, in the given order."""
    means = mean_agreements(candidates)
    return [c for c, mean in zip(candidates, means, strict=True) if mean == max(means)]
