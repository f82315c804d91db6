"""Average precision where not every category was looked for in every picture (LVIS, arXiv 1908.03195).

A picture counts for a category only where it has a label of it, or lists it as absent. Where not every
instance is labelled, a box that hits no label is no mistake. The most confident 300 boxes of a picture count,
over all its categories. Matching and precision are COCO's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.tasks.metrics.average_precision import Matches, match_questions
from vrft.tasks.metrics.metric import Metric, Resampler
from vrft.types import Answer, BoxesTarget, Record

MAX_DETECTIONS = 300
"""Boxes of one picture that count, the most confident first (LVIS's max_dets)."""
FREQUENCIES = ("r", "c", "f")
"""Rare, common and frequent: categories of up to 10, up to 100 and more training pictures."""


@dataclass(frozen=True)
class FederatedPrecision:
    """LVIS's figures, in [0, 1]; NaN where no category has a label."""

    ap: float
    ap50: float
    ap75: float
    by_frequency: Mapping[str, float]
    """Mean AP of the categories of each frequency, under 'r', 'c' and 'f' (APr, APc, APf)."""
    by_class: Mapping[str, float]
    """AP of each category asked about, in alphabetical order."""
    left_out: int
    """Answers that count for nothing: the labels do not tell what is right."""


def federated_precision(
    records: Sequence[Record], judged: Sequence[Judged], frequencies: Mapping[str, str]
) -> FederatedPrecision:
    """AP as LVIS has it, in all and by frequency.

    Questions about pictures with unlabelled instances count too: make them with
    ``task.examples([replace(record, not_exhaustive=()) for record in records])``.

    Args:
        records: the pictures with their labels; further ones do no harm.
        judged: answers to detection questions about them. As in all of vrft, a picture that a category was
            not asked about does not count for it, where LVIS's tool counts its labels as missed.
        frequencies: 'r', 'c' or 'f' by category, as ``Dataset.frequencies`` has it; categories without one
            count in ``ap`` only.

    Raises:
        InputError: a question's picture is not among the records, its boxes are not those of the record, or
            the picture has a crowd region of the category, which LVIS does not know.
    """
    matches = federated_matches(records, judged)
    asked = np.array([j.example.question for j in judged], dtype=object)
    told = np.array([frequencies.get(name) for name in asked], dtype=object)
    precision_T = matches.precision(np.arange(len(judged)))
    known = {record.id: record for record in records}
    return FederatedPrecision(
        ap=float(precision_T.mean()),
        ap50=float(precision_T[0]),
        ap75=float(precision_T[5]),
        by_frequency={f: float(matches.precision(np.flatnonzero(told == f)).mean()) for f in FREQUENCIES},
        by_class={
            name: float(matches.precision(np.flatnonzero(asked == name)).mean())
            for name in sorted(set(asked))
        },
        left_out=sum(not _is_told(known[j.example.record_id], j.example.question) for j in judged),
    )


def federated_metric(records: Sequence[Record]) -> Metric:
    """LVIS's AP as a metric, for the bootstrap and for comparisons.

    Args:
        records: the pictures with their labels.

    Returns:
        A metric; measuring it raises as ``federated_precision`` does.
    """

    def resampler(judged: Sequence[Judged]) -> Resampler:
        matches = federated_matches(records, judged)
        return lambda indices: float(matches.precision(indices).mean())

    return Metric("federated_ap", "LVIS AP", resampler)


def federated_matches(records: Sequence[Record], judged: Sequence[Judged]) -> Matches:
    """Which boxes hit, which miss and which count for nothing.

    Args:
        records: the pictures with their labels.
        judged: answers to detection questions about them.

    Returns:
        The matches in the order of ``judged``; answers that count for nothing have neither labels nor boxes.

    Raises:
        InputError: as ``federated_precision``.
    """
    known = {record.id: record for record in records}
    for one in judged:
        _check(known.get(one.example.record_id), one)
    counting = [
        j if _is_told(known[j.example.record_id], j.example.question) else replace(j, answer=_SILENT)
        for j in _limited(judged)
    ]
    forgiven = {
        j.example.id for j in judged if j.example.question in known[j.example.record_id].not_exhaustive
    }
    return match_questions(counting, most=MAX_DETECTIONS, forgiven=forgiven)


_SILENT = Answer(parsed=True, formatted=True)


def _is_told(record: Record, category: str) -> bool:
    """Whether the labels tell if a picture has something of a category."""
    return (
        record.absent is None
        or category in record.absent
        or any(b.category == category for b in record.boxes)
    )


def _limited(judged: Sequence[Judged]) -> list[Judged]:
    """The same answers without the boxes of a picture beyond the most confident ones."""
    pictures: dict[str, list[tuple[float, str, int]]] = defaultdict(list)
    for one in judged:
        pictures[one.example.record_id] += [
            (-confidence, one.example.id, place) for place, confidence in enumerate(one.answer.confidences)
        ]
    kept = {
        (question, place)
        for ranked in pictures.values()
        for _, question, place in sorted(ranked)[:MAX_DETECTIONS]
    }
    return [replace(j, answer=_part(j.answer, j.example.id, kept)) for j in judged]


def _part(answer: Answer, question: str, kept: AbstractSet[tuple[str, int]]) -> Answer:
    keep = [(question, place) in kept for place in range(len(answer.boxes_xyxy_px))]
    return replace(
        answer,
        boxes_xyxy_px=tuple(compress(answer.boxes_xyxy_px, keep)),
        confidences=tuple(compress(answer.confidences, keep)),
    )


def _check(record: Record | None, judged: Judged) -> None:
    example = judged.example
    if record is None:
        raise InputError(
            f"Example '{example.id}' is about picture '{example.record_id}', which is not among the records. "
            "Give the records that the questions were made from."
        )
    labels = [box for box in record.boxes if box.category == example.question]
    if any(box.crowd for box in labels):
        raise InputError(
            f"Picture '{record.id}' has a crowd region of '{example.question}', and LVIS knows none. "
            "Leave the question out, or use the metric 'ap'."
        )
    target = example.target
    if not isinstance(target, BoxesTarget) or sorted(target.boxes_xyxy_px) != sorted(
        b.box_xyxy_px for b in labels
    ):
        raise InputError(
            f"Example '{example.id}' does not ask for the boxes that picture '{record.id}' has of "
            f"'{example.question}'. Give the records that the questions were made from."
        )
