"""The boxes of several answers in one list, and one answer of those that are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vrft.errors import InputError
from vrft.tasks.fusion.candidate import Candidate
from vrft.types import Answer, BoxXYXY


@dataclass(frozen=True)
class PooledBox:
    """One box, and where it came from."""

    box_xyxy_px: BoxXYXY
    confidence: float
    """In [0, 1]: as the model wrote it, or as a rule gives it."""
    label: str | None = None
    voter: int = 0
    """Place of its answer among the candidates."""
    likelihood: float = -math.inf
    """Mean log-probability of its answer's tokens."""


def pooled(candidates: Sequence[Candidate]) -> list[PooledBox]:
    """All boxes of all answers, the most confident first.

    Of equal confidences, which models write often, the box of the likelier answer comes first, then the one
    further left, and so on by its corners: the order of the answers plays no part.

    Args:
        candidates: answers with boxes in original pixels.

    Example:
        >>> answer = Answer(True, True, ((1.0, 1.0, 2.0, 2.0), (0.0, 0.0, 9.0, 9.0)), (0.5, 0.9))
        >>> [one.box_xyxy_px for one in pooled([Candidate(answer, None, 9)])]
        [(0.0, 0.0, 9.0, 9.0), (1.0, 1.0, 2.0, 2.0)]
    """
    boxes = [
        PooledBox(box, confidence, label, voter, -math.inf if c.mean_logprob is None else c.mean_logprob)
        for voter, c in enumerate(candidates)
        for box, confidence, label in zip(
            c.answer.boxes_xyxy_px,
            c.answer.confidences,
            c.answer.labels or (None,) * len(c.answer.boxes_xyxy_px),
            strict=True,
        )
    ]
    return sorted(boxes, key=lambda b: (-b.confidence, -b.likelihood, b.box_xyxy_px, b.label or ""))


def answer_of(boxes: Sequence[PooledBox], candidates: Sequence[Candidate]) -> Answer:
    """One answer of the boxes that a rule made, the most confident first.

    Nobody wrote it, so it has no text; it counts as well formatted where all that it was made of are.

    Args:
        boxes: with their final confidences.
        candidates: the answers that they were made of.
    """
    ordered = sorted(boxes, key=lambda b: (-b.confidence, b.box_xyxy_px, b.label or ""))
    labels = tuple(b.label for b in ordered)
    return Answer(
        parsed=True,
        formatted=all(c.answer.formatted for c in candidates),
        boxes_xyxy_px=tuple(b.box_xyxy_px for b in ordered),
        confidences=tuple(b.confidence for b in ordered),
        labels=labels if any(labels) else (),
    )


def check_threshold(iou_threshold: float) -> None:
    """Refuse a threshold of IoU that is none.

    Raises:
        InputError: it is not in [0, 1).
    """
    if not 0 <= iou_threshold < 1:
        raise InputError(f"fusion: an IoU threshold of {iou_threshold} is not in [0, 1).")
