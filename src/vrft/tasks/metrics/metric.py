"""Metrics: fractions in [0, 1] of judged answers, each with a fast way to be resampled.

An answer that could not be parsed is wrong and has no boxes. NaN stands for 'cannot be measured': no answers,
or for average precision no label to be found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.rewards.label_rewards import accuracy_substring, exact_match
from vrft.tasks.metrics.average_precision import ANY_AREA, AREAS, Areas, match_questions
from vrft.types import BoxesTarget, ClassTarget, Example

Resampler = Callable[[np.ndarray], float]
"""The metric of the answers at (n,) indices, repeats allowed."""


@dataclass(frozen=True)
class Metric:
    """One way to score a list of judged answers."""

    name: str
    title: str
    """As tables show it."""
    resampler: Callable[[Sequence[Judged]], Resampler]
    """Does the slow part once; the function it returns is cheap."""

    def value(self, judged: Sequence[Judged]) -> float:
        """The metric of all answers.

        Args:
            judged: answers of one task, in any order.

        Returns:
            A fraction in [0, 1]; NaN where it cannot be measured.

        Raises:
            InputError: an example's target is not of the metric's kind.
        """
        return self.resampler(judged)(np.arange(len(judged)))


@dataclass(frozen=True)
class Presence:
    """How well a detector says whether something is there at all; a share of nothing is NaN."""

    precision: float
    """Share of the answers with boxes where something is there; NaN where no answer has boxes."""
    recall: float
    """Share of the questions with something there whose answer has boxes; NaN where nothing is there."""
    f1: float
    """Harmonic mean of the two: 2 hits / (answers with boxes + questions with something there)."""
    rejection: float
    """Share of the questions with nothing there whose answer was read and says so."""
    positives: int
    """Questions with something there."""
    negatives: int
    """Questions with nothing there."""


@dataclass(frozen=True)
class GroupValue:
    """A metric on one class."""

    n: int
    """Questions of the class."""
    value: float
    """In [0, 1]; NaN where it cannot be measured."""


def parse_rate(judged: Sequence[Judged]) -> float:
    """Share of answers that could be read, in [0, 1]; NaN without answers."""
    return _mean(np.array([j.answer.parsed for j in judged], dtype=float))


def format_rate(judged: Sequence[Judged]) -> float:
    """Share of answers in exactly the demanded form, in [0, 1]; NaN without answers."""
    return _mean(np.array([j.answer.formatted for j in judged], dtype=float))


def presence(judged: Sequence[Judged]) -> Presence:
    """Precision, recall and F1 of saying that something is there, and how often absence is seen.

    Precision depends on how many questions have nothing there: compare it on the same questions only.

    Args:
        judged: answers to detection questions, with and without labels.

    Returns:
        The shares; an unparsed answer has no boxes, and does not count as saying that nothing is there.

    Raises:
        InputError: an example's target is not boxes.
    """
    said = np.array([j.answer.parsed and bool(j.answer.boxes_xyxy_px) for j in judged], dtype=bool)
    there = np.array([bool(_boxes_target(j).boxes_xyxy_px) for j in judged], dtype=bool)
    denied = np.array([j.answer.abstained for j in judged], dtype=bool)
    claims = int(said.sum() + there.sum())
    return Presence(
        precision=_mean(there[said].astype(float)),
        recall=_mean(said[there].astype(float)),
        f1=2 * int((said & there).sum()) / claims if claims else float("nan"),
        rejection=_mean(denied[~there].astype(float)),
        positives=int(there.sum()),
        negatives=int((~there).sum()),
    )


def per_group(
    judged: Sequence[Judged], group: Callable[[Example], str], metric: Metric
) -> dict[str, GroupValue]:
    """A metric on each class by itself.

    Args:
        judged: answers of one task.
        group: gives the class an example counts for, such as ``Task.group``.
        metric: one of ``METRICS``.

    Returns:
        Classes in alphabetical order with their number of questions and value.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Answer
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "classification", "pet", ClassTarget("cat"))
        >>> answers = [Judged(example, "cat", Answer(True, True, label="Cat"), 2)]
        >>> per_group(answers, lambda e: e.target.name, METRICS["accuracy"])
        {'cat': GroupValue(n=1, value=1.0)}
    """
    parts: dict[str, list[Judged]] = {}
    for one in judged:
        parts.setdefault(group(one.example), []).append(one)
    return {name: GroupValue(len(part), metric.value(part)) for name, part in sorted(parts.items())}


def _ap_within(areas: Areas) -> Callable[[Sequence[Judged]], Resampler]:
    def resampler(judged: Sequence[Judged]) -> Resampler:
        matches = match_questions(judged, areas)
        return lambda indices: float(matches.precision(indices).mean())

    return resampler


def _ap_at(threshold: int) -> Callable[[Sequence[Judged]], Resampler]:
    def resampler(judged: Sequence[Judged]) -> Resampler:
        matches = match_questions(judged)
        return lambda indices: float(matches.precision(indices)[threshold])

    return resampler


def _mean_of(score: Callable[[Judged], float]) -> Callable[[Sequence[Judged]], Resampler]:
    def resampler(judged: Sequence[Judged]) -> Resampler:
        scores = np.array([score(j) for j in judged], dtype=float)
        return lambda indices: _mean(scores[indices])

    return resampler


def _right(judged: Judged) -> float:
    target = judged.example.target
    if not isinstance(target, ClassTarget):
        raise InputError(
            f"Example '{judged.example.id}' asks for no class name. Use 'ap' or 'mean_iou' for boxes."
        )
    return float(judged.answer.parsed and exact_match(judged.answer.label, target.name))


def _right_leniently(judged: Judged) -> float:
    _right(judged)  # refuses what is no class name
    return accuracy_substring(judged.answer, judged.example.target)


def _class_mean(judged: Sequence[Judged]) -> Resampler:
    right = np.array([_right(j) for j in judged], dtype=float)
    names = [j.example.target.name for j in judged if isinstance(j.example.target, ClassTarget)]
    class_Q = np.unique(names, return_inverse=True)[1]

    def value(indices: np.ndarray) -> float:
        counts = np.bincount(class_Q[indices])
        sums = np.bincount(class_Q[indices], weights=right[indices])
        return _mean(sums[counts > 0] / counts[counts > 0])

    return value


def _first_iou(judged: Judged) -> float:
    labels = _boxes_target(judged).boxes_xyxy_px
    if len(labels) != 1:
        raise InputError(
            f"Example '{judged.example.id}' has {len(labels)} labelled boxes and mean IoU needs exactly one. "
            "Use the metric 'ap' for any number of boxes."
        )
    found = judged.answer.boxes_xyxy_px[:1] if judged.answer.parsed else ()
    return float(iou_matrix(as_array(found), as_array(labels)).sum())


def _boxes_target(judged: Judged) -> BoxesTarget:
    target = judged.example.target
    if not isinstance(target, BoxesTarget):
        raise InputError(
            f"Example '{judged.example.id}' asks for no boxes. Use the metric 'accuracy' for class names."
        )
    return target


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("ap", "AP", _ap_within(ANY_AREA)),
        Metric("ap50", "AP50", _ap_at(0)),
        Metric("ap75", "AP75", _ap_at(5)),
        *(Metric(f"ap_{size}", f"AP {size}", _ap_within(areas)) for size, areas in AREAS.items()),
        Metric("accuracy", "accuracy", _mean_of(_right)),
        Metric("accuracy_lenient", "lenient accuracy", _mean_of(_right_leniently)),
        Metric("accuracy_class_mean", "mean accuracy of classes", _class_mean),
        Metric("mean_iou", "mean IoU", _mean_of(_first_iou)),
        Metric("acc50", "acc@0.5", _mean_of(lambda judged: float(_first_iou(judged) >= 0.5))),
    )
}
"""Metrics by the name that a task's ``metric`` gives.

AP is COCO's, over IoU .50 to .95; by size it goes by the area of the labelled box, where COCO has the mask's.
Lenient accuracy has the rule of the released code: answer or class name holds the other (see
``vrft.tasks.classification.naming`` for the class names that it takes for one another).
acc@0.5 is the share of questions whose first box has an IoU of at least 0.5 with the one label.
"""
