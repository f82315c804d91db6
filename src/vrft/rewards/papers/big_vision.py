"""The detection reward of 'Tuning computer vision models with task rewards' (arXiv 2302.08242; github.com/
google-research/big_vision, commit 0127fb6b337e: ``configs/proj/reward_tune/detection_reward.py``).

At each of ten IoU thresholds a prediction goes to the label of its name that it overlaps most, if its IoU is
above the threshold. A label that has one or more earns the weight of its class, and each further one costs
0.3 of it. Boxes that match nothing cost nothing: in the paper their confidence deals with them. The reward is
the mean over the thresholds. But the code keeps the values under names of one decimal, and later ones replace
earlier ones: what is averaged is .5 once, .6 and .7 twice, .85 three times and .95 twice. Single precision,
as there; coordinates are thousandths of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vrft.rewards.papers.named_boxes import NamedBox
from vrft.types import Answer, Boxes, Example, Value, expect
from vrft.types.names import plain_name

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
DUPLICATE = 0.3
"""What a further prediction on a label costs, of its class's weight."""
RARE = 0.05
"""Share of all labels that is added to the count of each class, for its weight."""
SIDE = np.float32(0.001)


def class_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Weights that make rare classes count more: 1 / (n + 0.05 N), N the sum of all n, with mean 1.

    Example:
        >>> {name: round(weight, 3) for name, weight in class_weights({"cup": 90, "fork": 10}).items()}
        {'cup': 0.273, 'fork': 1.727}
    """
    total = sum(counts.values())
    raw = {name: 1 / (count + RARE * total) if total else 1.0 for name, count in counts.items()}
    mean = sum(raw.values()) / len(raw)
    return {name: weight / mean for name, weight in raw.items()}


def rewards_at(
    found: Sequence[NamedBox],
    gold: Sequence[NamedBox],
    weights: Mapping[str, float] | None = None,
    duplicate: float = DUPLICATE,
    thresholds: Sequence[float] = THRESHOLDS,
) -> dict[float, float]:
    """The reward at each threshold.

    Args:
        found: predictions, corners in thousandths of the image; those without a confidence left out.
        gold: labels, likewise.
        weights: of classes; 1 for one that is not there.
        duplicate: what a further prediction on a label costs, of its class's weight.
        thresholds: IoU above which a prediction counts.
    """
    iou_NM = _iou(found, gold)
    same = [[name == other for other, _ in gold] for name, _ in found]
    iou_NM = np.where(np.asarray(same, dtype=bool).reshape(iou_NM.shape), iou_NM, 0)
    rewards = {}
    for threshold in thresholds:
        counted = np.where(iou_NM > np.float32(threshold), iou_NM, 0)
        hits = counted.argmax(1)[counted.any(1)] if gold else np.zeros(0, dtype=int)
        claims = np.bincount(hits, minlength=len(gold))
        rewards[threshold] = sum(
            (weights or {}).get(name, 1.0) * (1 - duplicate * (count - 1))
            for (name, _), count in zip(gold, claims.tolist(), strict=True)
            if count
        )
    return rewards


def reward(
    found: Sequence[NamedBox],
    gold: Sequence[NamedBox],
    weights: Mapping[str, float] | None = None,
    duplicate: float = DUPLICATE,
    thresholds: Sequence[float] = THRESHOLDS,
) -> float:
    """The released reward; arguments as in ``rewards_at``.

    Raises:
        ValueError: 0.5 is not among the thresholds, without which the released code fails.

    Example:
        >>> one, label = ("cup", (0, 0, 900, 1000)), ("cup", (0, 0, 1000, 1000))
        >>> round(reward([one, ("cup", (0, 0, 600, 1000))], [label]), 6), reward([one], [label])
        (0.77, 0.8)
    """
    if 0.5 not in thresholds:
        raise ValueError("0.5 is not among the thresholds")
    kept = {
        f"{threshold:.1f}": value
        for threshold, value in rewards_at(found, gold, weights, duplicate, thresholds).items()
    }
    return float(np.mean([kept[f"{threshold:.1f}"] for threshold in thresholds]))


def reward_term(answer: Answer, target: Value, example: Example) -> float:
    """The detection reward of 'Tuning computer vision models with task rewards', every class of weight 1."""
    width, height = example.image.size_wh
    sides = (1000 / width, 1000 / height) * 2

    def named(boxes: Boxes) -> list[NamedBox]:
        names = [plain_name(name or "") for name in boxes.labels] or [""] * boxes.size
        return [
            (name, [n * side for n, side in zip(box, sides, strict=True)])
            for name, box in zip(names, boxes.xyxy_px, strict=True)
        ]

    return reward(named(answer.as_(Boxes) or Boxes()), named(expect(target, Boxes)))


def _iou(found: Sequence[NamedBox], gold: Sequence[NamedBox]) -> np.ndarray:
    a, b = (
        np.asarray([box for _, box in boxes], dtype=np.float32).reshape(-1, 4) * SIDE
        for boxes in (found, gold)
    )
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inner = np.clip(high - low, 0, None).prod(-1)
    areas = [np.abs((c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1])) for c in (a, b)]
    union = areas[0][:, None] + areas[1][None] - inner
    with np.errstate(divide="ignore", invalid="ignore"):
        found_iou: np.ndarray = np.where(union > 0, inner / union, 0)
    return found_iou
