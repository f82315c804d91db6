"""COCO average precision over questions, fast enough to be resampled a thousand times.

A question asks one picture about one category. Each question is one COCO image whose labels are the asked
category's boxes alone, so a picture that was not asked about a category does not count for it. pycocotools
does the matching, once; precision at 101 recall levels is then summed up here for any multiset of questions.

Axes: Q questions, D predicted boxes of all questions, T IoU thresholds (.50, .55, ..., .95).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval, Params

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.types import BoxesTarget, BoxXYXY

MAX_DETECTIONS = 100
"""Boxes of one question that count, the most confident first (COCO's maxDets)."""
_RECALLS = Params(iouType="bbox").recThrs
Areas = tuple[float, float]
"""Least and greatest area of a labelled box that counts, in square pixels, both included."""
ANY_AREA: Areas = (0.0, 1e10)
AREAS: dict[str, Areas] = {
    name: (float(low), float(high))
    for name, (low, high) in zip(
        Params(iouType="bbox").areaRngLbl, Params(iouType="bbox").areaRng, strict=True
    )
    if name != "all"
}
"""COCO's sizes: small below 32 x 32 pixels, medium up to 96 x 96, large above."""


@dataclass(frozen=True)
class Matches:
    """Which predicted boxes hit a label, at every IoU threshold.

    Questions are kept in the order of their ids: boxes of equal confidence are ranked by it, so the order in
    which questions come does not change the result.
    """

    rank_Q: np.ndarray
    """Place of each given question in the order of ids."""
    category_Q: np.ndarray
    """Index of the asked category; this and all below in the order of ids."""
    labels_Q: np.ndarray
    """Labelled boxes of each question that count."""
    start_Q: np.ndarray
    """Where each question's predicted boxes start."""
    count_Q: np.ndarray
    """How many predicted boxes each question has."""
    category_D: np.ndarray
    order_D: np.ndarray
    """Dense rank by category, then by falling confidence; equal where both are equal."""
    hit_DT: np.ndarray
    """The box is matched to a label that counts."""
    ignored_DT: np.ndarray
    """The box counts neither for nor against."""

    def precision(self, indices: np.ndarray) -> np.ndarray:
        """Mean over categories of average precision, on some of the questions.

        Equals ``COCOeval.accumulate`` (101-point interpolation) on a data set in which a question drawn
        twice is two pictures.

        Args:
            indices: (n,) places of questions in the list that was matched, repeats allowed.

        Returns:
            (T,) in [0, 1]; NaN where no drawn question has a label. Categories without a label in the draw
            are left out of the mean, as COCO does.
        """
        drawn = np.sort(self.rank_Q[indices])
        labels = np.bincount(self.category_Q[drawn], weights=self.labels_Q[drawn]).astype(int)
        boxes = _expand(self.start_Q[drawn], self.count_Q[drawn])
        boxes = boxes[np.argsort(self.order_D[boxes], kind="stable")]
        edges = np.searchsorted(self.category_D[boxes], np.arange(len(labels) + 1))
        present = np.flatnonzero(labels)
        if not len(present):
            return np.full(self.hit_DT.shape[1], np.nan)
        ranked = {c: boxes[edges[c] : edges[c + 1]] for c in present}
        sums = [
            _interpolated_precision(self.hit_DT[rows], self.ignored_DT[rows], int(labels[c]))
            for c, rows in ranked.items()
        ]
        mean_T: np.ndarray = np.mean(sums, axis=0)
        return mean_T


def match_questions(
    judged: Sequence[Judged],
    areas: Areas = ANY_AREA,
    most: int = MAX_DETECTIONS,
    forgiven: Collection[str] = (),
) -> Matches:
    """Match the predicted boxes of every question to its labels with pycocotools.

    Args:
        judged: answers to detection questions; one that could not be parsed predicts nothing.
        areas: labels of other areas count neither for nor against, and the boxes matched to them likewise,
            and boxes of other areas that are matched to nothing.
        most: boxes of one question that count, the most confident first.
        forgiven: ids of the questions whose unmatched boxes are no mistakes (not every label is there).

    Returns:
        The matches, to be summed up for any draw of the questions.

    Raises:
        InputError: an example's target is not boxes.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Answer, Example
        >>> box = (0.0, 0.0, 10.0, 10.0)
        >>> question = Example("1#cat", "1", Path("1.png"), (20, 20), "detection", "cat", BoxesTarget((box,)))
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 7.3),), (0.9,))
        >>> match_questions([Judged(question, "", answer, 1)]).precision(np.array([0])).round(2).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    by_id = sorted(range(len(judged)), key=lambda i: judged[i].example.id)
    ordered = [judged[i] for i in by_id]
    names = sorted({j.example.question for j in ordered})
    category_Q = np.array([names.index(j.example.question) for j in ordered], dtype=int)
    results = _evaluate(ordered, areas, most)
    scores = [np.asarray(r["dtScores"], dtype=float) if r else np.zeros(0) for r in results]
    count_Q = np.array([len(s) for s in scores], dtype=int)
    category_D = np.repeat(category_Q, count_Q)
    keys = np.stack([category_D, -np.concatenate([np.zeros(0), *scores])], axis=1)
    none_DT = np.zeros((0, len(Params(iouType="bbox").iouThrs)), dtype=bool)
    matched_DT = np.concatenate([none_DT, *((r["dtMatches"] > 0).T for r in results if r)])
    ignored_DT = np.concatenate([none_DT, *(r["dtIgnore"].astype(bool).T for r in results if r)])
    forgiven_Q = np.array([j.example.id in forgiven for j in ordered], dtype=bool)
    ignored_DT |= np.repeat(forgiven_Q, count_Q)[:, None] & ~matched_DT
    return Matches(
        rank_Q=np.argsort(by_id).astype(int),
        category_Q=category_Q,
        labels_Q=np.array([np.sum(r["gtIgnore"] == 0) if r else 0 for r in results], dtype=int),
        start_Q=np.cumsum(count_Q) - count_Q,
        count_Q=count_Q,
        category_D=category_D,
        order_D=np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1),
        hit_DT=matched_DT & ~ignored_DT,
        ignored_DT=ignored_DT,
    )


def _interpolated_precision(hit_DT: np.ndarray, ignored_DT: np.ndarray, labels: int) -> np.ndarray:
    """(T,) mean of the precision envelope at COCO's 101 recall levels; rows by falling confidence."""
    true_DT = np.cumsum(hit_DT, axis=0)
    precision_DT = true_DT / (np.cumsum(~ignored_DT, axis=0) + np.spacing(1))
    envelope_DT = np.maximum.accumulate(precision_DT[::-1], axis=0)[::-1]
    levels_DT = _levels_reached(labels)[true_DT] * hit_DT
    mean_T: np.ndarray = (levels_DT * envelope_DT).sum(axis=0) / len(_RECALLS)
    return mean_T


@cache
def _levels_reached(labels: int) -> np.ndarray:
    """(labels + 1,) how many recall levels the k-th hit is first to reach; recall 0 goes with the first."""
    recall = np.arange(1, labels + 1) / labels
    return np.bincount(np.searchsorted(recall, _RECALLS) + 1, minlength=labels + 1)


def _expand(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The ranges [start, start + count) one after the other."""
    ranges: np.ndarray = np.arange(count.sum()) + np.repeat(start - (np.cumsum(count) - count), count)
    return ranges


def _evaluate(ordered: Sequence[Judged], areas: Areas, most: int) -> list[dict[str, Any] | None]:
    """COCOeval's result of each question; None where nothing is labelled and nothing predicted."""
    if not ordered:
        return []
    labels = [(image, box, 1.0) for image, j in enumerate(ordered, 1) for box in _labels(j)]
    found = [(image, box, score) for image, j in enumerate(ordered, 1) for box, score in _predictions(j)]
    with redirect_stdout(StringIO()):
        evaluation = COCOeval(_coco(labels, len(ordered)), _coco(found, len(ordered)), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [list(areas)], ["asked"]
        evaluation.params.maxDets = [most]
        evaluation.evaluate()
    results: list[dict[str, Any] | None] = evaluation.evalImgs
    return results


def _coco(boxes: Sequence[tuple[int, BoxXYXY, float]], images: int) -> COCO:
    """An index of (image, box, score); one category serves, since an image holds one question.

    Ids start at 1: COCOeval takes a match with the label of id 0 for no match.
    """
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(1, images + 1)],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": 1,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
                "score": score,
            }
            for number, (image, (x1, y1, x2, y2), score) in enumerate(boxes, 1)
        ],
    }
    coco.createIndex()
    return coco


def _labels(judged: Judged) -> tuple[BoxXYXY, ...]:
    target = judged.example.target
    if not isinstance(target, BoxesTarget):
        raise InputError(
            f"Example '{judged.example.id}' asks for no boxes, so it has no average precision. "
            "Use the metric 'accuracy' for class names."
        )
    return target.boxes_xyxy_px


def _predictions(judged: Judged) -> list[tuple[BoxXYXY, float]]:
    answer = judged.answer
    return list(zip(answer.boxes_xyxy_px, answer.confidences, strict=True)) if answer.parsed else []
