"""Average precision where not every category was looked for in every image (LVIS, arXiv 1908.03195).

An image counts for a category only where it has a label of it, or lists it as absent. Where not every
instance is labeled, a box that hits no label is not a mistake. The most confident 300 boxes of an image
count, over all its categories. Matching and precision are COCO's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from vrft.errors import InputError
from vrft.tasks.metrics.average_precision import Matches, match_questions
from vrft.tasks.metrics.metric import Metric, Resampler, answer_boxes, answer_scores, target_boxes
from vrft.types import Answer, Boxes, Prediction, Record

MAX_DETECTIONS = 300
"""Boxes of one image that count, the most confident first (LVIS's max_dets)."""
FREQUENCIES = ("r", "c", "f")
"""Rare, common and frequent: categories of up to 10, up to 100 and more training images."""


@dataclass(frozen=True)
class FederatedPrecision:
    """LVIS's figures, in [0, 1]; NaN where no category has a label.

    Args:
        by_frequency: mean AP of the categories of each frequency, under 'r', 'c' and 'f' (APr, APc, APf).
        by_class: AP of each category asked about, in alphabetical order.
        left_out: answers that count for nothing: the labels do not say what is right.
    """

    ap: float
    ap50: float
    ap75: float
    by_frequency: Mapping[str, float]
    by_class: Mapping[str, float]
    left_out: int


def federated_precision(
    records: Sequence[Record], predictions: Sequence[Prediction], frequencies: Mapping[str, str]
) -> FederatedPrecision:
    """AP as LVIS has it, in all and by frequency.

    Questions about images with unlabeled instances count too: make them with
    ``task.examples([replace(record, not_exhaustive=()) for record in records])``.

    Args:
        records: the images with their labels; further ones do no harm.
        predictions: of detection questions about them. As in all of vrft, an image that a category was not
            asked about does not count for it, where LVIS's tool counts its labels as missed.
        frequencies: 'r', 'c' or 'f' by category, as ``Dataset.frequencies`` has it; categories without one
            count in ``ap`` only.

    Raises:
        InputError: a question's image is not among the records, its boxes are not those of the record, or
            the image has a crowd region of the category, which LVIS does not know.
    """
    matches = federated_matches(records, predictions)
    asked = np.array([one.example.question for one in predictions], dtype=object)
    listed = np.array([frequencies.get(name) for name in asked], dtype=object)
    precision_T = matches.precision(np.arange(len(predictions)))
    known = {record.id: record for record in records}
    return FederatedPrecision(
        ap=float(precision_T.mean()),
        ap50=float(precision_T[0]),
        ap75=float(precision_T[5]),
        by_frequency={f: float(matches.precision(np.flatnonzero(listed == f)).mean()) for f in FREQUENCIES},
        by_class={
            name: float(matches.precision(np.flatnonzero(asked == name)).mean())
            for name in sorted(set(asked))
        },
        left_out=sum(not _is_known(known[p.example.record_id], p.example.question) for p in predictions),
    )


def federated_metric(records: Sequence[Record]) -> Metric:
    """LVIS's AP as a metric, for the bootstrap and for comparisons; it raises as ``federated_precision``."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        matches = federated_matches(records, predictions)
        return lambda indices: float(matches.precision(indices).mean())

    return Metric("federated_ap", "LVIS AP", prepare)


def federated_matches(records: Sequence[Record], predictions: Sequence[Prediction]) -> Matches:
    """Which boxes hit, which miss and which count for nothing, in the order of the predictions."""
    known = {record.id: record for record in records}
    for one in predictions:
        _check(known.get(one.example.record_id), one)
    counting = [
        one
        if _is_known(known[one.example.record_id], one.example.question)
        else replace(one, answer=Answer(Boxes(), True))
        for one in _limited(predictions)
    ]
    forgiven = {
        one.example.id
        for one in predictions
        if one.example.question in known[one.example.record_id].not_exhaustive
    }
    return match_questions(counting, most=MAX_DETECTIONS, forgiven=forgiven)


def _is_known(record: Record, category: str) -> bool:
    """Whether the labels say if an image has something of a category."""
    listed = record.absent is None or category in record.absent or category in record.categories
    return listed and not record.is_unknown(category)


def _limited(predictions: Sequence[Prediction]) -> list[Prediction]:
    """The same answers without the boxes of an image beyond the most confident ones."""
    images: dict[str, list[tuple[float, str, int]]] = defaultdict(list)
    for one in predictions:
        images[one.example.record_id] += [
            (-score, one.example.id, place) for place, score in enumerate(answer_scores(one.answer))
        ]
    kept = {
        (question, place)
        for ranked in images.values()
        for _, question, place in sorted(ranked)[:MAX_DETECTIONS]
    }
    return [replace(one, answer=_part(one.answer, one.example.id, kept)) for one in predictions]


def _part(answer: Answer, question: str, kept: AbstractSet[tuple[str, int]]) -> Answer:
    if not answer.parsed:
        return answer
    boxes = answer_boxes(answer)
    keep = [(question, place) in kept for place in range(len(boxes))]
    return replace(
        answer, value=Boxes(tuple(compress(boxes, keep)), tuple(compress(answer_scores(answer), keep)))
    )


def _check(record: Record | None, prediction: Prediction) -> None:
    example = prediction.example
    if record is None:
        raise InputError(
            f"Example '{example.id}' is about image '{example.record_id}', which is not among the records. "
            "Give the records that the questions were made from."
        )
    labels = [(one, boxes) for one, boxes in record.about("category", Boxes) if one.name == example.question]
    if not all(one.counts for one, _ in labels):
        raise InputError(
            f"Image '{record.id}' has a crowd region of '{example.question}', which LVIS does not have. "
            "Leave the question out, or use the metric 'ap'."
        )
    if sorted(target_boxes(example).xyxy_px) != sorted(box for _, boxes in labels for box in boxes.xyxy_px):
        raise InputError(
            f"Example '{example.id}' does not ask for the boxes that image '{record.id}' has of "
            f"'{example.question}'. Give the records that the questions were made from."
        )
