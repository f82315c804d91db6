"""What the tasks that ask for boxes share: fusion, confident boxes, and what an honest policy believes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vrft.geometry.boxes import as_array, checked_box, iou_matrix
from vrft.geometry.matching import TAU
from vrft.rewards.matched_boxes import matched_ious
from vrft.tasks.fusion import Rule, best_logprob, box_agreement, medoid, nms, self_consistency, wbf
from vrft.tasks.metrics.box_confidences import confidence_spans
from vrft.tasks.metrics.metric import box_scores
from vrft.tasks.task import Task
from vrft.types import NOWHERE, Boxes, BoxXYXY, Example, Rollout, Value, WrittenNumber

MISSED = 0.2
"""Share of the labelled boxes that the honest policy does not find."""
CONFIDENCE_ERROR = 0.1


class BoxTask(Task):
    """A task whose answers are boxes, alike as far as their boxes overlap."""

    answer = Boxes
    rules: Mapping[str, Rule] = {
        "wbf": wbf,
        "nms": nms,
        "medoid": medoid,
        "best_logprob": best_logprob,
        "self_consistency": self_consistency,
    }

    def similarity(self, one: Value, other: Value) -> float:
        return box_agreement(one, other)

    def written_numbers(self, rollout: Rollout) -> Sequence[WrittenNumber]:
        """Each confidence, which should be the box's IoU with its own labelled one, 0 where it has none."""
        answer, target = rollout.answer, rollout.example.target
        spans = confidence_spans(answer)
        if target is None or not rollout.turns or not spans:
            return ()
        right = matched_ious(answer, target, tau=0.0)
        last = len(rollout.turns) - 1
        each = zip(spans, right, strict=True)
        return [WrittenNumber(last, span, iou) for span, iou in each if span != NOWHERE]


def sure_boxes(boxes: Boxes, example: Example, min_confidence: float) -> Boxes:
    """Those boxes that have the confidence that is asked for, as a label: without scores, each once."""
    scored = zip(boxes.xyxy_px, box_scores(boxes), strict=True)
    size_wh, where = example.image.size_wh, f"answer to '{example.id}'"
    kept = dict.fromkeys(box for box, score in scored if score >= min_confidence)
    return Boxes(tuple(checked_box(box, size_wh, where) for box in kept))


def rated_boxes(
    believed: Sequence[Sequence[BoxXYXY]], labels: Sequence[Sequence[BoxXYXY]], rng: np.random.Generator
) -> list[Boxes]:
    """Boxes with scores: all near the share of boxes whose IoU with a label is above 0.5, over all images."""
    hits = [
        iou_matrix(as_array(boxes), as_array(gold)).max(1, initial=0.0) > TAU
        for boxes, gold in zip(believed, labels, strict=True)
    ]
    rate = float(np.concatenate(hits).mean()) if any(h.size for h in hits) else 0.0
    return [Boxes(tuple(boxes), tuple(_near(rate, rng) for _ in boxes)) for boxes in believed]


def _near(rate: float, rng: np.random.Generator) -> float:
    return float(np.clip(rate + rng.uniform(-CONFIDENCE_ERROR, CONFIDENCE_ERROR), 0, 1))
