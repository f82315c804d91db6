"""The released rewards of detection, holes included (Visual-RFT's code: ``grpo.py``)."""

from __future__ import annotations

import json
from typing import Any

from vrft.geometry.boxes import iou
from vrft.geometry.matching import TAU
from vrft.rewards.matched_boxes import labelled_boxes
from vrft.rewards.papers.visual_rft_released.released_reading import answer_of, same_number
from vrft.types import Answer, Value

_WRAPPED = "<answer>{}</answer>"


def iou_text(text: str, gold: str) -> float:
    """Matched IoU over the predictions or the labels, whichever are more, of what the released code reads.

    In [0, 1]: 1 where ``same_number`` holds, whatever the boxes; else (iou_1 + ... + iou_n) / max(n, m),
    greedily matched above 0.5. Whatever cannot be read, and every exception, is 0: a line break within the
    answer, one bad box, 'No Objects' also where that is right.

    Example:
        >>> from vrft.types import Boxes
        >>> gold = gold_text(Boxes(((100.0, 100.0, 200.0, 200.0),)))
        >>> iou_text("<answer>[{'Position': [100, 120, 200, 200], 'Confidence': 0.9}]</answer>", gold)
        0.8
        >>> iou_text("<answer>[{'Position': [0, 100, 9, 101], 'Confidence': 0.9}]</answer>", gold)
        1.0
    """
    if same_number(text, gold):
        return 1.0
    try:
        found, labels = _matched(text, gold)
        _total_reward(found)  # not used there either, but a confidence that is not a number ends it here
        value = sum((hit for hit, _ in found), 0.0) / max(len(found), labels)
    except Exception:
        return 0.0
    return min(value, 1.0)


def confidence_text(text: str, gold: str) -> float:
    """Mean reward of sure hits and unsure misses of what the released code reads, in [0, 1] or NaN.

    1 where ``same_number`` holds; else the mean of c_i for a matched box and 1 - c_i for another, with
    confidences as written: the mean is brought into [0, 1], a confidence is not, and NaN passes.

    Example:
        >>> from vrft.types import Boxes
        >>> gold = gold_text(Boxes(((100.0, 100.0, 200.0, 200.0),)))
        >>> confidence_text("<answer>[{'Position': [700, 700, 800, 800], 'Confidence': -5}]</answer>", gold)
        1.0
        >>> confidence_text("<answer>[{'Position': [700, 700, 800, 800], 'Confidence': NaN}]</answer>", gold)
        nan
    """
    if same_number(text, gold):
        return 1.0
    try:
        found, _ = _matched(text, gold)
        value = _total_reward(found) / len(found)
    except Exception:
        return 0.0
    # Not min and max: their answer to NaN depends on the order of their arguments.
    return 1.0 if value > 1 else 0.0 if value < 0 else value


def iou_term(answer: Answer, target: Value) -> float:
    """``iou_text`` of the answer's text and the target's ``gold_text``: 1 for some wrong boxes."""
    return iou_text(answer.text, gold_text(target))


def confidence_term(answer: Answer, target: Value) -> float:
    """``confidence_text`` of the answer's text and the target's ``gold_text``: in [0, 1], or NaN."""
    return confidence_text(answer.text, gold_text(target))


def gold_text(target: Value) -> str:
    """A target in the released notation, coordinates unchanged, whole ones without a point."""
    boxes = labelled_boxes(target)
    if not boxes:
        return _WRAPPED.format("No Objects")
    lists = (", ".join(_number_text(number) for number in box) for box in boxes)
    entries = ", ".join(f"{{'Position': [{numbers}], 'Confidence': 1}}" for numbers in lists)
    return _WRAPPED.format(f"[{entries}]")


def _matched(text: str, gold: str) -> tuple[list[tuple[float, Any]], int]:
    """IoU (0 without a match) and confidence of each prediction, and the number of labels; raises freely."""
    repaired = _WRAPPED.format(answer_of(text)).replace("[[", "[").replace("]]", "]").replace("\n", "")
    labels, found = _entries(gold.strip()), _entries(repaired)
    if type(found[0]) is not dict:
        return [], len(labels)
    kept: dict[Any, Any] = {}
    for entry in found:
        kept.setdefault(tuple(entry["Position"]), entry)
    free = list(range(len(labels)))
    matched: list[tuple[float, Any]] = []
    for entry in sorted(kept.values(), key=lambda entry: entry["Confidence"], reverse=True):
        best, place = 0.0, -1
        for label in free:
            value = iou(labels[label]["Position"], entry["Position"])
            if value > best:
                best, place = value, label
        if best > TAU:
            free.remove(place)
        matched.append((best if best > TAU else 0.0, entry["Confidence"]))
    return matched, len(labels)


def _entries(tagged: str) -> Any:
    """The JSON within the tags, after two repairs: a cut list is closed, and quotes are made JSON's."""
    start = tagged.index("<answer>") + len("<answer>")
    end = tagged.find("</answer>")
    content = tagged[start:] if end < 0 else tagged[start:end]
    if not content.endswith("]"):
        content = content.rsplit("},", 1)[0] + "}]"
    return json.loads(content.replace("'", '"'))


def _total_reward(matched: list[tuple[float, Any]]) -> Any:
    return sum((confidence if hit else 1 - confidence for hit, confidence in matched), 0.0)


def _number_text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))
