"""The honest policy: an imperfect model that says what it believes. Attacks are measured against it.

Boxes: the labelled ones at a mean IoU of 0.70 (standard deviation 0.12), one in five missed, one false box in
three pictures, each with the policy's hit rate as its confidence, give or take 0.1. Where nothing is to be
found it abstains four times in five and names one false box otherwise. In grounding, where one box must be
given, a missed box is a wrong box. Classes: 60 per cent right, otherwise the name that reads most alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache

import numpy as np

from vrft.diagnostics.audit.audit_case import NOTATIONS, Guess, GuessedBox, Notation
from vrft.diagnostics.audit.jitter import box_apart, box_at_iou
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.geometry.matching import TAU
from vrft.types import BoxesTarget, BoxXYXY, ClassTarget, Example

MEAN_IOU, SD_IOU = 0.70, 0.12
LOWEST_IOU, HIGHEST_IOU = 0.40, 0.98
"""The normal law's tails are brought in here, beyond 2.3 standard deviations."""
MISSED = 0.2
"""Share of the labelled boxes."""
FALSE = 1 / 3
"""False boxes a picture with something to be found."""
FALSE_ON_NEGATIVES = 0.2
"""Share of the pictures without anything to be found that get a false box."""
CONFIDENCE_ERROR = 0.1
RIGHT = 0.6
"""Share of the classes."""


def honest_guesses(examples: Sequence[Example], rng: np.random.Generator) -> list[Guess]:
    """The policy's belief about every picture; shares are met exactly, up to rounding.

    Args:
        examples: of one task.
        rng: the source of every choice.

    Returns:
        One guess an example. Confidences lie within 0.1 of the share of the policy's boxes whose IoU with a
        label is above 0.5, over all pictures.
    """
    if NOTATIONS[examples[0].task] is Notation.NAME:
        return _classes(examples, rng)
    believed = _corners(examples, rng) if NOTATIONS[examples[0].task] is Notation.CORNERS else None
    return _rated(examples, believed or _lists(examples, rng), rng)


def jittered(box_xyxy_px: BoxXYXY, rng: np.random.Generator) -> BoxXYXY:
    """A labelled box as the policy sees it: IoU of mean 0.70 and standard deviation 0.12.

    Args:
        box_xyxy_px: in pixels.
        rng: draws the IoU and the change.
    """
    iou = float(np.clip(rng.normal(MEAN_IOU, SD_IOU), LOWEST_IOU, HIGHEST_IOU))
    return box_at_iou(box_xyxy_px, iou, rng)


@cache
def nearest_names(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The other names, those that read most alike first.

    Args:
        name: the right one.
        names: all; equal ones keep their order.

    Example:
        >>> nearest_names("737-200", ("rose", "737-300", "A320"))
        ('737-300', 'A320', 'rose')
    """
    others = [other for other in names if other != name]
    return tuple(sorted(others, key=lambda other: -SequenceMatcher(None, name, other).ratio()))


def _classes(examples: Sequence[Example], rng: np.random.Generator) -> list[Guess]:
    wrong = _chosen(len(examples), 1 - RIGHT, rng)
    targets = [example.target for example in examples if isinstance(example.target, ClassTarget)]
    return [
        Guess(label=nearest_names(target.name, target.names)[0] if missed else target.name)
        for target, missed in zip(targets, wrong, strict=True)
    ]


def _corners(examples: Sequence[Example], rng: np.random.Generator) -> list[list[GuessedBox]]:
    missed = _chosen(len(examples), MISSED, rng)
    return [
        [GuessedBox(box_apart(_gold(e), rng) if miss else jittered(_gold(e)[0], rng), 0.0, not miss)]
        for e, miss in zip(examples, missed, strict=True)
    ]


def _lists(examples: Sequence[Example], rng: np.random.Generator) -> list[list[GuessedBox]]:
    missed = iter(_chosen(sum(len(_gold(e)) for e in examples), MISSED, rng))
    positives = sum(bool(_gold(e)) for e in examples)
    false = {
        True: iter(_chosen(positives, FALSE, rng)),
        False: iter(_chosen(len(examples) - positives, FALSE_ON_NEGATIVES, rng)),
    }
    believed = []
    for example in examples:
        gold = _gold(example)
        boxes = [GuessedBox(jittered(box, rng), 0.0, True) for box in gold if not next(missed)]
        if next(false[bool(gold)]):
            boxes.insert(int(rng.integers(len(boxes) + 1)), GuessedBox(box_apart(gold, rng), 0.0))
        believed.append(boxes)
    return believed


def _rated(
    examples: Sequence[Example], believed: list[list[GuessedBox]], rng: np.random.Generator
) -> list[Guess]:
    hits = [
        iou_matrix(as_array([b.box_xyxy_px for b in boxes]), as_array(_gold(e))).max(1, initial=0.0) > TAU
        for e, boxes in zip(examples, believed, strict=True)
    ]
    rate = float(np.concatenate(hits).mean()) if any(h.size for h in hits) else 0.0
    return [Guess(tuple(replace(b, confidence=_near(rate, rng)) for b in boxes)) for boxes in believed]


def _near(rate: float, rng: np.random.Generator) -> float:
    return float(np.clip(rate + rng.uniform(-CONFIDENCE_ERROR, CONFIDENCE_ERROR), 0, 1))


def _gold(example: Example) -> tuple[BoxXYXY, ...]:
    assert isinstance(example.target, BoxesTarget)
    return example.target.boxes_xyxy_px


def _chosen(count: int, share: float, rng: np.random.Generator) -> list[bool]:
    """So many flags, a share of them set, at random places."""
    return (rng.permutation(count) < round(share * count)).tolist()
