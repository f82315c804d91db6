"""Vision-R1's rewards as its code gives them, holes included (github.com/jefferyZhan/Griffon, commit
9866875e7d18).

``vrft.rewards.papers.vision_r1`` has the rules of its paper. The code differs: pairs are made by pixels (sum
of distances of corners, less one for an equal name, less GIoU), what it calls IoU is GIoU, precision averages
the paired boxes alone so that surplus boxes are free, names hardly matter, and the format is any JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import giou_matrix
from vrft.rewards.papers.named_boxes import NamedBox, shown_labels
from vrft.rewards.papers.vision_r1 import ADVANCED, BEGINNER, Stage
from vrft.types import Answer, CoordinateFrame, Value

STEP = 1500
"""The optimizer step at which the second stage begins, where stages are switched on."""
_ITEM = re.compile(r'\{\s*"bbox_2d"\s*:\s*\[([^\]]*)\]\s*(?:,\s*"label"\s*:\s*"([^"]*)")?')


def stage_of(step: int | None) -> Stage | None:
    """The thresholds at a step; None where stages are switched off, as they are by default."""
    return None if step is None else ADVANCED if step >= STEP else BEGINNER


def format_reward(text: str, negative: bool = False) -> float:
    """1 for JSON, fences aside, whose boxes have four numbers each; where nothing is to be found, 1 for
    anything else."""
    data, parsed = _json(text)
    boxes = [one["bbox_2d"] for one in data if isinstance(one, dict) and "bbox_2d" in one]
    right = parsed and all(isinstance(box, list) and len(box) == 4 for box in boxes)
    return float(right != negative)


def recall_reward(
    text: str,
    gold: Sequence[NamedBox],
    stage: Stage | None = None,
    scale_xy: tuple[float, float] = (1.0, 1.0),
) -> float:
    """Share of the labels whose pair has a GIoU above the threshold; one at the threshold counts itself.

    Args:
        text: the whole answer.
        gold: the labels.
        stage: as in ``stage_of``. With one, a recall above 0.75 counts 1 and below 0.5 counts 0, in both.
        scale_xy: from the answer's coordinates to those of the labels.

    Raises:
        ValueError: there are boxes, and nothing to be found.
    """
    pairs = _paired(text, gold, scale_xy)
    if pairs is None:
        return float(not gold)
    hit = np.float32(stage.hit if stage else BEGINNER.hit)
    found = float(np.where(pairs > hit, 1, np.where(pairs < hit, 0, pairs)).sum() / len(gold))
    return found if stage is None else _stretched(found, BEGINNER)


def precision_reward(
    text: str,
    gold: Sequence[NamedBox],
    stage: Stage | None = None,
    scale_xy: tuple[float, float] = (1.0, 1.0),
) -> float:
    """Mean GIoU of the paired boxes, at least 0 each, and stretched by a stage; arguments as in
    ``recall_reward``."""
    pairs = _paired(text, gold, scale_xy)
    if pairs is None:
        return float(not gold)
    if stage is None:
        return float(np.clip(pairs, 0, None).mean())
    return float(np.mean([_stretched(float(pair), stage) for pair in pairs]))


def format_term(answer: Answer, target: Value) -> float:
    """Vision-R1's R_DF as its code has it: the text is JSON with four numbers in each box."""
    return format_reward(answer.text, target.is_empty)


def recall_term(
    answer: Answer, target: Value, frame: CoordinateFrame | None, progress: float, staged: bool = False
) -> float:
    """Vision-R1's R_recall as its code has it; ``staged`` switches to the second stage half way."""
    gold, scale_xy = shown_labels(target, frame)
    return recall_reward(answer.text, gold, _stage(progress, staged), scale_xy)


def precision_term(
    answer: Answer, target: Value, frame: CoordinateFrame | None, progress: float, staged: bool = False
) -> float:
    """Vision-R1's R_prec as its code has it; ``staged`` switches to the second stage half way."""
    gold, scale_xy = shown_labels(target, frame)
    return precision_reward(answer.text, gold, _stage(progress, staged), scale_xy)


def _stage(progress: float, staged: bool) -> Stage | None:
    return (ADVANCED if progress >= 0.5 else BEGINNER) if staged else None


def _stretched(value: float, stage: Stage) -> float:
    if np.float32(value) > np.float32(stage.full):
        return 1.0
    return value if np.float32(value) >= np.float32(stage.nothing) else 0.0


def _json(text: str) -> tuple[list[Any], bool]:
    try:
        data = json.loads(text.replace("```json", "").replace("```", "").strip())
    except (ValueError, RecursionError):
        return [], False
    return (data if isinstance(data, list) else []), isinstance(data, list | dict)


def read_boxes(text: str) -> list[NamedBox]:
    """The boxes of the JSON, or else of every item that looks like one; corners are cut to whole numbers, and
    boxes without width or height are left out."""
    data, parsed = _json(text)
    items: list[tuple[Any, Any]] = [
        (one.get("label"), one.get("bbox_2d")) for one in data if isinstance(one, dict)
    ]
    if not parsed:
        items = [(label, numbers.split(",")) for numbers, label in _ITEM.findall(text)]
    found: list[NamedBox] = []
    for label, numbers in items:
        try:
            x1, y1, x2, y2 = (int(n) if not isinstance(n, str) else int(float(n)) for n in numbers)
        except (TypeError, ValueError, OverflowError):
            continue
        if x1 < x2 and y1 < y2:
            found.append((str(label or ""), (x1, y1, x2, y2)))
    return found


def _paired(text: str, gold: Sequence[NamedBox], scale_xy: tuple[float, float]) -> np.ndarray | None:
    """GIoU of each pair; None where nothing was read."""
    found = read_boxes(text)
    if not found:
        return None
    if not gold:
        raise ValueError("there are boxes, and nothing is to be found")
    boxes = np.asarray([box for _, box in found], dtype=np.float32) * np.asarray(
        scale_xy * 2, dtype=np.float32
    )
    labels = np.asarray([box for _, box in gold], dtype=np.float32)
    giou = giou_matrix(boxes, labels).astype(np.float32)
    named = [[a.strip().lower() == b.strip().lower() for b, _ in gold] for a, _ in found]
    cost = np.abs(boxes[:, None] - labels[None]).sum(-1) - np.asarray(named, dtype=np.float32) - giou
    pairs: np.ndarray = giou[linear_sum_assignment(cost)]
    return pairs
