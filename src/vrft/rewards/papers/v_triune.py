"""V-Triune's detection reward as its code gives it, holes included (arXiv 2505.18129; github.com/MiniMax-AI/
One-RL-to-See-Them-All, commit 39bcf0d0537d: ``reward_server/verify.py``, ``utils/det_helper.py``).

Accuracy is a weighted mean of five measures times 0.6 to the power of how many boxes there are too many or
too few. Its measure ``iou_first`` compares the names of the last pair it looked at, not of the best one:
perfect boxes in another order have 0.15. ``label_first`` gives each label in turn its best box. Nothing found
where nothing is has 0. IoU counts from a threshold on, which rises in training: 0.85, 0.95, 0.99.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vrft.geometry.boxes import iou
from vrft.rewards.papers.named_boxes import NamedBox, coco_precision, written_labels
from vrft.types import Answer, CoordinateFrame, Value

RATIOS: Mapping[str, float] = {
    "iou_max_label_first": 1.0,
    "iou_max_iou_first": 0.0,
    "iou_completeness": 0.3,
    "map": 0.0,
    "map50": 0.0,
    "map75": 0.0,
}
"""The code's defaults; ``iou_completeness`` is the part of the IoU measures that counts boxes."""
FIXED = (*(round(0.5 + 0.05 * i, 2) for i in range(10)), 0.99)
"""Thresholds that may be fixed; 'average' is the mean over all of them, and so is what is none of them."""
STAGES = ((0.1, 0.85), (0.25, 0.95), (1.0, 0.99))
"""Up to which part of the training each threshold holds."""
COUNT_BASE = 0.6
ACCURACY, FORMAT = 1.0, 0.1
"""Weights of the whole."""
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


class Accuracy(NamedTuple):
    """What the verifier says of one answer, each in [0, 1]."""

    final_score: float = 0.0
    size_penalty: float = 0.0
    iou_first: float = 0.0
    label_first: float = 0.0
    map: float = 0.0
    map50: float = 0.0
    map75: float = 0.0


def read_boxes(text: str) -> list[NamedBox]:
    """The boxes of the first answer tags, as the verifier reads them: in lower case, with single quotes made
    double and double brackets single; each place once."""
    answer = _ANSWER.search(text)
    if answer is None:
        return []
    content = answer[1].strip().lower().replace("'", '"').replace("[[", "[").replace("]]", "]")
    try:
        items = json.loads(content)
    except (ValueError, RecursionError):
        return []
    found: dict[tuple[float, ...], str] = {}
    for one in items if isinstance(items, list) else []:
        box = _corners(one)
        if box is not None:
            found.setdefault(box, str(one.get("label", "")))
    return [(name, box) for box, name in found.items()]


def accuracy(
    text: str,
    gold: Sequence[NamedBox],
    *,
    ratios: Mapping[str, float] = RATIOS,
    threshold: str | float = "dynamic",
    progress: float = 0.0,
    input_wh: tuple[float, float] | None = None,
) -> Accuracy:
    """The verifier's measures of one answer.

    Args:
        text: the whole answer.
        gold: the labels, each place once, names in lower case (``read_boxes`` of a solution).
        ratios: weights of the measures, each in [0, 1].
        threshold: least IoU of a pair: a number of ``FIXED``, 'dynamic', or 'average'.
        progress: how much of the training is done, from 0 to 1.
        input_wh: of what the model saw, where its coordinates are to be brought to thousandths.
    """
    found = read_boxes(text)
    if input_wh is not None:
        found = [
            (name, [int(n / side * 1000) for n, side in zip(box, input_wh * 2, strict=True)])
            for name, box in found
        ]
    if not found or not gold:
        return Accuracy()
    levels = _levels(threshold, progress)
    part = ratios["iou_completeness"]
    by_iou = sum(_iou_first(found, gold, level, part) for level in levels) / len(levels)
    by_label = sum(_label_first(found, gold, level, part) for level in levels) / len(levels)
    precision_T = coco_precision(found, gold)
    measures = {
        "iou_max_iou_first": by_iou,
        "iou_max_label_first": by_label,
        "map": float(precision_T.mean()),
        "map50": float(precision_T[0]),
        "map75": float(precision_T[5]),
    }
    total = sum(ratios[name] for name in measures)
    sound = all(0 <= ratio <= 1 for ratio in ratios.values()) and total > 0
    penalty: float = COUNT_BASE ** abs(len(found) - len(gold))
    mean = sum(ratios[name] * value for name, value in measures.items()) / total if sound else 0.0
    return Accuracy(
        mean * penalty,
        penalty,
        iou_first=by_iou,
        label_first=by_label,
        map=measures["map"],
        map50=measures["map50"],
        map75=measures["map75"],
    )


def format_reward(text: str) -> float:
    """1 where '\\n<answer>\\n' is there, '\\n</answer>' exactly once, and a box can be read."""
    tags = "\n<answer>\n" in text and text.count("\n</answer>") == 1
    return float(tags and bool(read_boxes(text)))


def tag_counts(text: str) -> float:
    """A quarter for each of four tags with their line breaks that is there exactly once: the format of the
    project's verifier of mathematics."""
    return (
        sum(text.count(tag) == 1 for tag in ("<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>")) / 4
    )


def final(
    accuracy: float, format: float, accuracy_ratio: float = ACCURACY, format_ratio: float = FORMAT
) -> float:
    """The weighted mean of both.

    Example:
        >>> round(final(1.0, 0.0), 4)
        0.9091
    """
    return (accuracy * accuracy_ratio + format * format_ratio) / (accuracy_ratio + format_ratio)


def reward_term(
    answer: Answer,
    target: Value,
    frame: CoordinateFrame | None,
    progress: float,
    threshold: str | float = "dynamic",
) -> float:
    """V-Triune's reward for detection as its code has it: accuracy at a rising threshold, and format."""
    labels = [{"bbox_2d": box, "label": name} for name, box in written_labels(target, frame)]
    # Labels are read as answers are: an apostrophe in a name loses them all.
    gold = read_boxes(f"<answer>{json.dumps(labels, ensure_ascii=False)}</answer>")
    value = accuracy(answer.text, gold, threshold=threshold, progress=progress)
    return final(value.final_score, format_reward(answer.text))


def _corners(one: Any) -> tuple[float, ...] | None:
    box = one.get("bbox_2d") if isinstance(one, dict) else None
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(n, int | float) for n in box):
        return None
    try:
        x1, y1, x2, y2 = map(float, box)
    except OverflowError:
        return None
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _levels(threshold: str | float, progress: float) -> Sequence[float]:
    if threshold == "dynamic":
        return [next((level for end, level in STAGES if progress <= end), STAGES[-1][1])]
    try:
        fixed = float(threshold)
    except ValueError:
        return FIXED
    return [fixed] if fixed in FIXED else FIXED


def _iou_first(
    found: Sequence[NamedBox], gold: Sequence[NamedBox], level: float, completeness: float
) -> float:
    """Pairs by the greatest IoU; but the names compared and the boxes used up are those of the last pair."""
    left, labels, position = list(range(len(found))), list(range(len(gold))), 0.0
    while left and labels:
        best = max(_iou(found[i][1], gold[j][1]) for i in left for j in labels)
        if best < level:
            break
        i, j = left.pop(), labels.pop()
        position += best if found[i][0] == gold[j][0] else 0.0
    return _score(position, len(left), len(labels), found, gold, completeness)


def _label_first(
    found: Sequence[NamedBox], gold: Sequence[NamedBox], level: float, completeness: float
) -> float:
    """Each label in turn takes the best box of its name that is left."""
    left, position, missed = list(range(len(found))), 0.0, 0
    for name, box in gold:
        named = [(_iou(found[i][1], box), i) for i in left if found[i][0] == name]
        best, place = max(named, key=lambda one: one[0], default=(0.0, -1))
        if place >= 0 and best >= level:
            position += best
            left.remove(place)
        else:
            missed += 1
    return _score(position, len(left), missed, found, gold, completeness)


def _score(
    position: float,
    surplus: int,
    missed: int,
    found: Sequence[NamedBox],
    gold: Sequence[NamedBox],
    completeness: float,
) -> float:
    whole = 1 - (missed / len(gold) + surplus / len(found)) / 2
    return (1 - completeness) * position / len(gold) + completeness * whole


def _iou(found: Sequence[float], gold: Sequence[float]) -> float:
    return iou(tuple(map(float, found)), tuple(map(float, gold)))  # type: ignore[arg-type]
