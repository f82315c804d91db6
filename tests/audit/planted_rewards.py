"""Six broken rewards, each with one hole that real training code had, and sound ones next to them.

They read the raw text or the parsed answer, as rewards that users bring do.
"""

from __future__ import annotations

import math
import re

import numpy as np

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.rewards.box_rewards import iou_dense
from vrft.rewards.reward_term import RewardTerm
from vrft.types import Boxes

NUMBER = r"[-+]?[\d.]+"


def boxes(answer):
    """Boxes that could be read."""
    found = answer.as_(Boxes)
    return found.xyxy_px if found is not None else ()


def substring(answer, target):
    """Either name within the other."""
    written = (answer.value.name if answer.parsed else "").lower()
    return float(written in target.name.lower() or target.name.lower() in written)


def unclipped_confidence(answer, target):
    """Confidence as written: c for a hit, 1 - c for a miss."""
    written = [float(c) for c in re.findall(rf"'Confidence': ({NUMBER})", answer.text)]
    if not boxes(answer):
        return float(target.is_empty)
    ious = iou_matrix(as_array(boxes(answer)), as_array(target.xyxy_px)).max(1, initial=0)
    values = [c if iou > 0.5 else 1 - c for c, iou in zip(written, ious, strict=False)]
    return float(np.mean(values)) if values else 0.0


def inverted_box(answer, target):
    """IoU without a look at the order of the corners."""
    numbers = [float(n) for n in re.findall(NUMBER, answer.text.rpartition("<answer>")[2])]
    if len(numbers) < 4:
        return 0.0
    x1, y1, x2, y2 = numbers[:4]
    a1, b1, a2, b2 = target.xyxy_px[0]
    shared = (min(x2, a2) - max(x1, a1)) * (min(y2, b2) - max(y1, b1))
    union = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared
    return shared / union if union > 0 and shared > 0 else 0.0


def constant_format(answer, target):
    """The maximum for tags."""
    return float(re.fullmatch(r"<think>.*</think>\s*<answer>.*</answer>", answer.text, re.DOTALL) is not None)


def y1_lottery(answer, target):
    """A number is compared before the boxes are."""
    first = re.search(rf"'Position': \[{NUMBER}, ({NUMBER}),", answer.text)
    if first and target.xyxy_px and float(first.group(1)) == target.xyxy_px[0][1]:
        return 1.0
    return iou_dense(answer, target)


def first_box_only(answer, target):
    """Only the first box is looked at."""
    if not boxes(answer) or target.is_empty:
        return float(answer.abstained and target.is_empty)
    return float(iou_matrix(as_array(boxes(answer)[:1]), as_array(target.xyxy_px)).max())


def threshold(answer, target):
    """One above an IoU of 0.5, whatever comes after."""
    if not boxes(answer) or target.is_empty:
        return float(answer.abstained and target.is_empty)
    ious = iou_matrix(as_array(boxes(answer)), as_array(target.xyxy_px))
    return float((ious.max(0) > 0.5).sum() / max(ious.shape))


def further_is_better(answer, target):
    """Less for a nearer box."""
    return 1 - iou_dense(answer, target)


def raises(answer, target):
    """Fails on every answer with a box."""
    print("a reward may print")
    if boxes(answer):
        raise KeyError("no such column")
    return 0.0


def no_judge(answer, target, judge=None):
    """Fails on every answer that can be read, as what it needs is not there."""
    return judge.score(answer) if answer.parsed else 0.0


def not_a_number(answer, target):
    """No finite number for an unreadable answer."""
    return iou_dense(answer, target) if answer.parsed else math.nan


def nothing(answer, target):
    """Abstains always."""


def no_number(answer, target):
    """A text."""
    return "good"


def huge(answer, target):
    """The largest float there is."""
    return 1.7e308


def out_of_three(answer, target):
    """Sound, with a range of three."""
    return 3 * iou_dense(answer, target)


below_zero = RewardTerm(lambda answer, target: iou_dense(answer, target) - 0.5, unsafe=True)
