"""COCO average precision over questions, fast enough to be resampled a thousand times.

A question asks one image about one category. Each question is one COCO image whose labels are the asked
category's boxes alone, so an image that was not asked about a category does not count for it. pycocotools
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

from vrft.tasks.metrics.metric import answer_boxes, answer_scores, target_boxes
from vrft.types import BoxXYXY, Prediction

MAX_DETECTIONS = 100
"""Boxes of one question that count, the most confident first (COCO's maxDets)."""
_RECALLS = Params(iouType="bbox").recThrs
Areas = tuple[float, float]
"""Least and greatest area of a labeled box that counts, in square pixels, both included."""
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

    All but ``rank_Q`` is in the order of the questions' ids: boxes of equal confidence are ranked by it, so
    the order in which questions come does not change the result.

    Args:
        rank_Q: place of each given question in the order of ids.
        category_Q: index of the asked category.
        labels_Q: labeled boxes of each question that count.
        start_Q: where each question's predicted boxes start.
        count_Q: how many predicted boxes each question has.
        category_D: as of its question.
        order_D: dense rank by category, then by falling confidence; equal where both are equal.
        hit_DT: the box is matched to a label that counts.
        ignored_DT: the box counts neither for nor against.
    """

    rank_Q: np.ndarray
    category_Q: np.ndarray
    labels_Q: np.ndarray
    start_Q: np.ndarray
    count_Q: np.ndarray
    category_D: np.ndarray
    order_D: np.ndarray
    hit_DT: np.ndarray
    ignored_DT: np.ndarray

    def precision(self, indices: np.ndarray) -> np.ndarray:
        """(T,) mean over categories of average precision at (n,) indices of questions, repeats allowed.

        Equals ``COCOeval.accumulate`` (101-point interpolation) on a dataset in which a question drawn
        twice is two images. Categories without a label in the draw are left out of the mean, as COCO does;
        NaN where no drawn question has a label.
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
    predictions: Sequence[Prediction],
    areas: Areas = ANY_AREA,
    most: int = MAX_DETECTIONS,
    forgiven: Collection[str] = (),
) -> Matches:
    """Match the predicted boxes of every question to its labels with pycocotools.

    Args:
        predictions: to questions that ask for boxes; one that could not be parsed predicts nothing.
        areas: labels of other areas count neither for nor against, and the boxes matched to them likewise,
            and boxes of other areas that are matched to nothing.
        most: boxes of one question that count, the most confident first.
        forgiven: ids of the questions whose unmatched boxes are not mistakes (not every label is there).

    Raises:
        InputError: an example's target is not boxes.

    Example:
        >>> from vrft.types import Answer, Boxes, Example
        >>> label, found = Boxes(((0.0, 0.0, 10.0, 10.0),)), Boxes(((0.0, 0.0, 10.0, 7.3),), (0.9,))
        >>> question = Example("1#cat", "1", "detection", (), "cat", label)
        >>> match_questions([Prediction(question, Answer(found))]).precision(np.array([0])).round(2).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    by_id = sorted(range(len(predictions)), key=lambda i: predictions[i].example.id)
    ordered = [predictions[i] for i in by_id]
    names = sorted({one.example.question for one in ordered})
    category_Q = np.array([names.index(one.example.question) for one in ordered], dtype=int)
    results = _evaluate(ordered, areas, most)
    scores = [np.asarray(r["dtScores"], dtype=float) if r else np.zeros(0) for r in results]
    count_Q = np.array([len(s) for s in scores], dtype=int)
    category_D = np.repeat(category_Q, count_Q)
    keys = np.stack([category_D, -np.concatenate([np.zeros(0), *scores])], axis=1)
    none_DT = np.zeros((0, len(Params(iouType="bbox").iouThrs)), dtype=bool)
    matched_DT = np.concatenate([none_DT, *((r["dtMatches"] > 0).T for r in results if r)])
    ignored_DT = np.concatenate([none_DT, *(r["dtIgnore"].astype(bool).T for r in results if r)])
    forgiven_Q = np.array([one.example.id in forgiven for one in ordered], dtype=bool)
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


def _evaluate(ordered: Sequence[Prediction], areas: Areas, most: int) -> list[dict[str, Any] | None]:
    """COCOeval's result of each question; None where nothing is labeled and nothing predicted."""
    if not ordered:
        return []
    labels = [
        (image, box, 1.0) for image, one in enumerate(ordered, 1) for box in target_boxes(one.example).xyxy_px
    ]
    found = [
        (image, box, score)
        for image, one in enumerate(ordered, 1)
        for box, score in zip(answer_boxes(one.answer), answer_scores(one.answer), strict=True)
    ]
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
