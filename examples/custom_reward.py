"""Two rewards of one's own for detection: the first sounds right and can be cheated, the second cannot.

    vrft audit examples/custom_reward.py:found --task detection      # fails: it pays for four guesses a box
    vrft audit examples/custom_reward.py:balanced --task detection   # every verdict passes

The audit answers in bad faith (no box, boxes everywhere, each box several times, and so on), and compares
what a reward pays for that with what it pays for honest answers. To train on one, name it in the
configuration; here it takes the place of the setting's own term for boxes:

    reward: {weights: {iou: 0}, custom: {"examples/custom_reward.py:balanced": 1.0}}
"""

from __future__ import annotations

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import hungarian_ious
from vrft.types import Answer, Boxes, Value, expect


def found(answer: Answer, target: Value) -> float:
    """How well each labelled box was found: its IoU with the best box of the answer, on average."""
    labels, said = expect(target, Boxes), answer.as_(Boxes)
    if said is None:  # the answer could not be read
        return 0.0
    if labels.is_empty:
        return float(said.is_empty)
    best = [max(row, default=0.0) for row in iou_rows(labels.xyxy_px, said.xyxy_px)]
    return sum(best) / len(best)


def balanced(answer: Answer, target: Value) -> float:
    """Matched IoU over the mean number of boxes in answer and label: a false box costs as much as a miss."""
    labels, said = expect(target, Boxes), answer.as_(Boxes)
    if said is None:
        return 0.0
    if labels.is_empty and said.is_empty:
        return float(answer.abstained)  # 'No Objects', said in so many words
    matched = hungarian_ious(iou_rows(said.xyxy_px, labels.xyxy_px))
    return 2 * sum(matched) / (said.size + labels.size)
