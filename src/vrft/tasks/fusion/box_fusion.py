"""Rules for boxes: weighted fusion, suppression, and the answer in the middle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vrft.errors import InputError
from vrft.geometry.boxes import iou, iou_rows
from vrft.geometry.matching import hungarian_ious
from vrft.tasks.fusion.best_of_n import most_agreed
from vrft.tasks.fusion.candidate import Candidate, Similarity, filter_candidates, preferred
from vrft.types import Answer, Boxes, BoxXYXY, Value

WBF_THRESHOLD = 0.55
"""A box joins a cluster above this IoU with the cluster's fused box (Solovyev et al. 2021, section 3)."""
NMS_THRESHOLD = 0.5
"""A box is suppressed above this IoU with a kept one."""


def box_agreement(one: Value, other: Value) -> float:
    """How far two answers give the same boxes, the same in either order.

    Boxes are matched one to one so that the sum of IoU is greatest; that sum is divided by the larger
    number of boxes, so that a box more costs as much as a box less. Of two boxes this is their IoU.

    Returns:
        In [0, 1]; 1 where neither has a box.

    Example:
        >>> one = Boxes(((0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)))
        >>> box_agreement(one, Boxes(((0.0, 0.0, 10.0, 5.0),)))
        0.25
    """
    if not (isinstance(one, Boxes) and isinstance(other, Boxes)):
        return 0.0
    # Sums of floats in another order may differ in the last bit, which must not break a tie.
    few, many = sorted((one.xyxy_px, other.xyxy_px), key=lambda boxes: (len(boxes), boxes))
    return math.fsum(hungarian_ious(iou_rows(few, many))) / len(many) if few else float(not many)


def wbf(
    candidates: Sequence[Candidate], similarity: Similarity, iou_threshold: float = WBF_THRESHOLD
) -> Answer:
    """Weighted boxes fusion (Solovyev et al. 2021, arXiv 1910.13302), each sample taken for a model.

    From the most confident box to the least, a box joins the cluster with whose fused box it has the
    highest IoU, strictly above the threshold, or else opens one. The fused box has the confidence-weighted
    mean of its T members' corners, and their mean confidence times min(T, N) / N, where N counts the
    readable answers, abstentions included. Categories play no part: a question is about one.

    The result is that of the package ensemble-boxes (``conf_type='avg'``), with three differences: boxes of
    equal confidence have an order of their own, members that are all of confidence 0 count alike instead of
    giving no number, and a lone readable answer comes back as it is.

    Returns:
        The fused boxes, the most confident first; a box's label is that of its most confident member.

    Raises:
        InputError: there is no candidate, there are several and one is not boxes, or the threshold is not
            in [0, 1).

    Example:
        >>> one = Answer(Boxes(((10.0, 10.0, 50.0, 50.0),), (0.9,)), True)
        >>> other = Answer(Boxes(((12.0, 10.0, 52.0, 50.0),), (0.6,)), True)
        >>> fused = wbf([Candidate(one, None, 9), Candidate(other, None, 9)], box_agreement).value
        >>> [round(v, 6) for v in fused.xyxy_px[0]], fused.scores
        ([10.8, 10.0, 50.8, 50.0], (0.75,))
    """
    _check_threshold(iou_threshold)
    left = filter_candidates(candidates, similarity, Boxes)
    if left.decided is not None:
        return left.decided
    clusters: list[list[_PooledBox]] = []
    fused: list[BoxXYXY] = []
    for one in _pooled(left.found):
        ious = [iou(box, one.xyxy_px) for box in fused]
        best = max(ious, default=0.0)
        if best > iou_threshold:
            place = ious.index(best)
            clusters[place].append(one)
            fused[place] = _weighted_mean(clusters[place])
        else:
            clusters.append([one])
            fused.append(one.xyxy_px)
    boxes = []
    for box, cluster in zip(fused, clusters, strict=True):
        mean = math.fsum(one.score for one in cluster) / len(cluster)
        label = next((one.label for one in cluster if one.label is not None), None)
        boxes.append(_PooledBox(box, mean * min(len(cluster), left.n_readable) / left.n_readable, label))
    return _answer_of(boxes, left.found)


def nms(
    candidates: Sequence[Candidate], similarity: Similarity, iou_threshold: float = NMS_THRESHOLD
) -> Answer:
    """Non-maximum suppression: keep the most confident of boxes that overlap, as it was written.

    From the most confident box to the least, a box is kept unless its IoU with a kept one is strictly above
    the threshold; then it supports the first such box.

    Returns:
        The kept boxes, most found first; a box's score is the share of the readable answers, abstentions
        included, of which it or a box that supports it comes. A lone readable answer comes back as it is.

    Raises:
        InputError: there is no candidate, there are several and one is not boxes, or the threshold is not
            in [0, 1).

    Example:
        >>> one = Answer(Boxes(((0.0, 0.0, 9.0, 9.0), (50.0, 50.0, 60.0, 60.0)), (0.8, 0.7)), True)
        >>> other = Answer(Boxes(((0.0, 0.0, 9.0, 8.0),), (0.9,)), True)
        >>> fused = nms([Candidate(one, None, 9), Candidate(other, None, 9)], box_agreement).value
        >>> fused.xyxy_px, fused.scores
        (((0.0, 0.0, 9.0, 8.0), (50.0, 50.0, 60.0, 60.0)), (1.0, 0.5))
    """
    _check_threshold(iou_threshold)
    left = filter_candidates(candidates, similarity, Boxes)
    if left.decided is not None:
        return left.decided
    kept: list[_PooledBox] = []
    voters: list[set[int]] = []
    for one in _pooled(left.found):
        place = next((i for i, box in enumerate(kept) if iou(box.xyxy_px, one.xyxy_px) > iou_threshold), None)
        if place is None:
            kept.append(one)
            voters.append({one.voter})
        else:
            voters[place].add(one.voter)
    boxes = [replace(box, score=len(v) / left.n_readable) for box, v in zip(kept, voters, strict=True)]
    return _answer_of(boxes, left.found)


def medoid(candidates: Sequence[Candidate], similarity: Similarity) -> Answer:
    """The answer with the greatest mean similarity to the others, its boxes as they were written.

    Of single boxes it is the one with the greatest mean IoU to the others. Two answers agree with each
    other alike: of equals the likeliest by mean log-probability is taken, then the first.

    Returns:
        The answer; a box's score is the mean, over the readable answers, of its IoU with the box that it is
        matched to: 1 in its own answer, 0 where an answer abstains or has no box for it. A lone readable
        answer comes back as it is.

    Raises:
        InputError: there is no candidate, or there are several and one is not boxes.

    Example:
        >>> said = [Answer(Boxes(((0.0, 0.0, 10.0, y),), (1.0,)), True) for y in (4.0, 8.0, 10.0)]
        >>> fused = medoid([Candidate(answer, None, 9) for answer in said], box_agreement).value
        >>> fused.xyxy_px, [f"{score:.3f}" for score in fused.scores]
        (((0.0, 0.0, 10.0, 8.0),), ['0.767'])
    """
    left = filter_candidates(candidates, similarity, Boxes)
    if left.decided is not None:
        return left.decided
    chosen = preferred(most_agreed(left.found, similarity))
    boxes = _boxes(chosen)
    # Its own boxes are among them, each with IoU 1.
    matched = [hungarian_ious(iou_rows(boxes.xyxy_px, _boxes(c).xyxy_px)) for c in left.found]
    scores = tuple(math.fsum(ious) / left.n_readable for ious in zip(*matched, strict=True))
    return replace(chosen.answer, value=replace(boxes, scores=scores))


@dataclass(frozen=True)
class _PooledBox:
    """One box, and where it came from: the place of its answer, and that one's mean log-probability."""

    xyxy_px: BoxXYXY
    score: float
    label: str | None = None
    voter: int = 0
    likelihood: float = -math.inf


def _pooled(candidates: Sequence[Candidate]) -> list[_PooledBox]:
    """All boxes of all answers, the most confident first.

    Of equal confidences, which models write often, the box of the likelier answer comes first, then the one
    further left, and so on by its corners: the order of the answers plays no part.
    """
    boxes = []
    for voter, candidate in enumerate(candidates):
        value = _boxes(candidate)
        scores, labels = value.scores or (1.0,) * value.size, value.labels or (None,) * value.size
        known = -math.inf if candidate.mean_logprob is None else candidate.mean_logprob
        for box, score, label in zip(value.xyxy_px, scores, labels, strict=True):
            boxes.append(_PooledBox(box, score, label, voter, known))
    return sorted(boxes, key=lambda b: (-b.score, -b.likelihood, b.xyxy_px, b.label or ""))


def _answer_of(boxes: Sequence[_PooledBox], candidates: Sequence[Candidate]) -> Answer:
    """One answer of the boxes that a rule made, the most confident first.

    Nobody wrote it, so it has no text; it counts as well formatted where all that it was made of are.
    """
    ordered = sorted(boxes, key=lambda b: (-b.score, b.xyxy_px, b.label or ""))
    labels = tuple(b.label for b in ordered)
    value = Boxes(
        tuple(b.xyxy_px for b in ordered), tuple(b.score for b in ordered), labels if any(labels) else ()
    )
    return Answer(value, formatted=all(c.answer.formatted for c in candidates))


def _weighted_mean(cluster: Sequence[_PooledBox]) -> BoxXYXY:
    """Corners weighted by confidence, never outside of the members': rounding must not move equal ones."""
    most = cluster[0].score
    weights = [one.score / most for one in cluster] if most > 0 else [1.0] * len(cluster)
    total = math.fsum(weights)
    x1, y1, x2, y2 = (
        min(max(math.fsum(map(float.__mul__, weights, corners)) / total, min(corners)), max(corners))
        for corners in zip(*(one.xyxy_px for one in cluster), strict=True)
    )
    return (x1, y1, x2, y2)


def _boxes(candidate: Candidate) -> Boxes:
    assert isinstance(candidate.value, Boxes)
    return candidate.value


def _check_threshold(iou_threshold: float) -> None:
    if not 0 <= iou_threshold < 1:
        raise InputError(
            f"fusion: an IoU threshold of {iou_threshold} is not in [0, 1). Use 0.5, for example."
        )
