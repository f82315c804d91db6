"""Non-maximum suppression over the answers' boxes, scored by how many answers found each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vrft.geometry.boxes import iou
from vrft.tasks.fusion.box_pool import PooledBox, answer_of, check_threshold, pooled
from vrft.tasks.fusion.candidate import Candidate
from vrft.tasks.fusion.filter_candidates import contest_of_boxes
from vrft.types import Answer

IOU_THRESHOLD = 0.5
"""A box is suppressed above this IoU with a kept one."""


def nms(candidates: Sequence[Candidate], iou_threshold: float = IOU_THRESHOLD) -> Answer:
    """Keep the most confident of boxes that overlap, as it was written.

    From the most confident box to the least (``pool.pooled``), a box is kept unless its IoU with a kept one
    is strictly above the threshold; then it supports the first such box.

    Args:
        candidates: N answers to one question, boxes in original pixels.
        iou_threshold: in [0, 1).

    Returns:
        The kept boxes, most found first; a box's confidence is the share of the readable answers, abstentions
        included, of which it or a box that supports it comes. A lone readable answer comes back as it is.

    Raises:
        InputError: there is no candidate, there are several and they name classes, or the threshold is none.

    Example:
        >>> one = Answer(True, True, ((0.0, 0.0, 9.0, 9.0), (50.0, 50.0, 60.0, 60.0)), (0.8, 0.7))
        >>> other = Answer(True, True, ((0.0, 0.0, 9.0, 8.0),), (0.9,))
        >>> fused = nms([Candidate(one, None, 9), Candidate(other, None, 9)])
        >>> fused.boxes_xyxy_px, fused.confidences
        (((0.0, 0.0, 9.0, 8.0), (50.0, 50.0, 60.0, 60.0)), (1.0, 0.5))
    """
    check_threshold(iou_threshold)
    left = contest_of_boxes(candidates)
    if left.decided is not None:
        return left.decided
    kept: list[PooledBox] = []
    voters: list[set[int]] = []
    for one in pooled(left.found):
        above = (i for i, box in enumerate(kept) if iou(box.box_xyxy_px, one.box_xyxy_px) > iou_threshold)
        place = next(above, None)
        if place is None:
            kept.append(one)
            voters.append({one.voter})
        else:
            voters[place].add(one.voter)
    boxes = [replace(box, confidence=len(v) / left.n_readable) for box, v in zip(kept, voters, strict=True)]
    return answer_of(boxes, left.found)
