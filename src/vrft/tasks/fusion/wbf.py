"""Weighted boxes fusion: boxes that mean the same thing become one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vrft.geometry.boxes import iou
from vrft.tasks.fusion.box_pool import PooledBox, answer_of, check_threshold, pooled
from vrft.tasks.fusion.candidate import Candidate
from vrft.tasks.fusion.filter_candidates import contest_of_boxes
from vrft.types import Answer, BoxXYXY

IOU_THRESHOLD = 0.55
"""A box joins a cluster above this IoU with the cluster's fused box (Solovyev et al. 2021, section 3)."""


def wbf(candidates: Sequence[Candidate], iou_threshold: float = IOU_THRESHOLD) -> Answer:
    """Weighted boxes fusion (Solovyev et al. 2021, arXiv 1910.13302), each sample taken for a model.

    From the most confident box to the least, a box joins the cluster with whose fused box it has the highest
    IoU, strictly above the threshold, or else opens one. The fused box has the confidence-weighted mean of
    its T members' corners, and their mean confidence times min(T, N) / N, where N counts the readable
    answers, abstentions included. Categories play no part: a question is about one.

    The result is that of the package ensemble-boxes (``conf_type='avg'``), with three differences: boxes of
    equal confidence have an order of their own (``pool.pooled``), members that are all of confidence 0
    count alike instead of giving no number, and a lone readable answer comes back as it is.

    Args:
        candidates: N answers to one question, boxes in original pixels.
        iou_threshold: in [0, 1).

    Returns:
        The fused boxes, the most confident first; a box's label is that of its most confident member.

    Raises:
        InputError: there is no candidate, there are several and they name classes, or the threshold is none.

    Example:
        >>> one = Answer(True, True, ((10.0, 10.0, 50.0, 50.0),), (0.9,))
        >>> other = Answer(True, True, ((12.0, 10.0, 52.0, 50.0),), (0.6,))
        >>> fused = wbf([Candidate(one, None, 9), Candidate(other, None, 9)])
        >>> [round(v, 6) for v in fused.boxes_xyxy_px[0]], fused.confidences
        ([10.8, 10.0, 50.8, 50.0], (0.75,))
    """
    check_threshold(iou_threshold)
    left = contest_of_boxes(candidates)
    if left.decided is not None:
        return left.decided
    clusters: list[list[PooledBox]] = []
    fused: list[BoxXYXY] = []
    for one in pooled(left.found):
        ious = [iou(box, one.box_xyxy_px) for box in fused]
        best = max(ious, default=0.0)
        if best > iou_threshold:
            place = ious.index(best)
            clusters[place].append(one)
            fused[place] = _weighted_mean(clusters[place])
        else:
            clusters.append([one])
            fused.append(one.box_xyxy_px)
    boxes = [
        PooledBox(box, _confidence(cluster, left.n_readable), _label(cluster))
        for box, cluster in zip(fused, clusters, strict=True)
    ]
    return answer_of(boxes, left.found)


def _weighted_mean(cluster: Sequence[PooledBox]) -> BoxXYXY:
    """Corners weighted by confidence, never outside of the members': rounding must not move equal ones."""
    most = cluster[0].confidence
    weights = [one.confidence / most for one in cluster] if most > 0 else [1.0] * len(cluster)
    total = math.fsum(weights)
    x1, y1, x2, y2 = (
        min(max(math.fsum(map(float.__mul__, weights, corners)) / total, min(corners)), max(corners))
        for corners in zip(*(one.box_xyxy_px for one in cluster), strict=True)
    )
    return (x1, y1, x2, y2)


def _confidence(cluster: Sequence[PooledBox], n_answers: int) -> float:
    mean = math.fsum(one.confidence for one in cluster) / len(cluster)
    return mean * min(len(cluster), n_answers) / n_answers


def _label(cluster: Sequence[PooledBox]) -> str | None:
    return next((one.label for one in cluster if one.label is not None), None)
