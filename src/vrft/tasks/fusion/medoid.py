"""The answer in the middle: its boxes overlap most with those of the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import hungarian_ious
from vrft.tasks.fusion.agreement import most_agreed
from vrft.tasks.fusion.candidate import Candidate, preferred
from vrft.tasks.fusion.filter_candidates import contest_of_boxes
from vrft.types import Answer


def medoid(candidates: Sequence[Candidate]) -> Answer:
    """The answer with the greatest mean ``agreement`` with the others, its boxes as they were written.

    Of single boxes it is the one with the greatest mean IoU to the others. Two answers agree with each other
    alike: of equals the likeliest by mean log-probability is taken, then the first.

    Args:
        candidates: N answers to one question, boxes in original pixels.

    Returns:
        The answer; a box's confidence is the mean, over the readable answers, of its IoU with the box that
        it is matched to: 1 in its own answer, 0 where an answer abstains or has no box for it. A lone
        readable answer comes back as it is.

    Raises:
        InputError: there is no candidate, or there are several and they name classes.

    Example:
        >>> boxes = [(0.0, 0.0, 10.0, y) for y in (4.0, 8.0, 10.0)]
        >>> fused = medoid([Candidate(Answer(True, True, (box,), (1.0,)), None, 9) for box in boxes])
        >>> fused.boxes_xyxy_px, [f"{c:.3f}" for c in fused.confidences]
        (((0.0, 0.0, 10.0, 8.0),), ['0.767'])
    """
    left = contest_of_boxes(candidates)
    if left.decided is not None:
        return left.decided
    chosen = preferred(most_agreed(left.found))
    boxes = chosen.answer.boxes_xyxy_px
    # Its own boxes are among them, each with IoU 1.
    matched = [hungarian_ious(iou_rows(boxes, c.answer.boxes_xyxy_px)) for c in left.found]
    confidences = tuple(math.fsum(ious) / left.n_readable for ious in zip(*matched, strict=True))
    return replace(chosen.answer, confidences=confidences)
