"""What a metric is: a number of predictions, with a fast way to be resampled.

An answer that could not be read is wrong and has no boxes. NaN stands for 'cannot be measured'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from vrft.errors import InputError
from vrft.types import Answer, Boxes, BoxXYXY, Example, Prediction, Rollout, Value

Resampler = Callable[[np.ndarray], float]
"""The metric of the predictions at (n,) indices, repeats allowed."""
Prepare = Callable[[Sequence[Prediction]], Resampler]
V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class Metric:
    """One way to score a list of predictions.

    Args:
        name: its key in JSON.
        title: as tables show it.
        prepare: does the slow part once; the function it returns is cheap, for intervals.
        unit: ``%`` for a fraction in [0, 1] that is shown times 100; any other word names the unit of the
            plain number.
        higher_is_better: False for errors and distances.
        negligible: a difference that stays within this, either way, matters to nobody.
        needs_size: it counts areas in pixels, and says nothing where the size of an image is not known.
    """

    name: str
    title: str
    prepare: Prepare
    unit: str = "%"
    higher_is_better: bool = True
    negligible: float = 0.02
    needs_size: bool = False

    def value(self, predictions: Sequence[Prediction]) -> float:
        """The metric of all predictions of one task, in any order; NaN where it cannot be measured."""
        return self.prepare(predictions)(np.arange(len(predictions)))

    def gain(self, new: float, old: float) -> float:
        """How much better the first of two values is: above 0 where it is, whatever the direction."""
        return new - old if self.higher_is_better else old - new


def better(metric: Metric, new: float | None, old: float | None) -> bool:
    """Whether the first value is strictly better than the second; what cannot be measured never is."""
    if new is None or math.isnan(new):
        return False
    return old is None or math.isnan(old) or metric.gain(new, old) > 0


@dataclass(frozen=True)
class GroupValue:
    """A metric on one class: its questions, and the value."""

    n: int
    value: float


def mean_of(score: Callable[[Prediction], float]) -> Prepare:
    """The mean of a number for each prediction.

    Example:
        >>> from vrft.types import Answer, Example, Number
        >>> asked = Example("a", "a", "count", (), "cup", Number(2.0))
        >>> error = mean_of(lambda p: abs(p.answer.value.number - 2))
        >>> Metric("mae", "mean error", error, "cups", False).value(
        ...     [Prediction(asked, Answer(Number(n), True)) for n in (2.0, 5.0)]
        ... )
        1.5
    """

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        scores = np.array([score(one) for one in predictions], dtype=float)
        return lambda indices: mean(scores[indices])

    return prepare


def ratio_of_sums(
    counts: Callable[[Prediction], tuple[float, float]], of_nothing: float = math.nan
) -> Prepare:
    """One count over another, each summed over all predictions first; NaN where the latter sum is 0, and
    ``of_nothing`` where both are."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        counts_Q2 = np.array([counts(one) for one in predictions], dtype=float).reshape(-1, 2)

        def value(indices: np.ndarray) -> float:
            part, whole = counts_Q2[indices].sum(0)
            return float(part / whole) if whole else math.nan if part else of_nothing

        return value

    return prepare


def mean_reward(reward: Callable[[Answer, Value], float], kind: type[Value]) -> Prepare:
    """The mean of a reward over questions that ask for a kind of value."""
    return mean_of(lambda one: reward(one.answer, target_of(one.example, kind)))


def parse_rate(predictions: Sequence[Prediction]) -> float:
    """Share of answers that could be read, in [0, 1]; NaN without predictions."""
    return mean(np.array([one.answer.parsed for one in predictions], dtype=float))


def format_rate(predictions: Sequence[Prediction]) -> float:
    """Share of answers in exactly the demanded form, in [0, 1]; NaN without predictions."""
    return mean(np.array([one.answer.formatted for one in predictions], dtype=float))


def per_group(
    predictions: Sequence[Prediction],
    metric: Metric,
    group: Callable[[Example], str] = lambda example: example.group,
) -> dict[str, GroupValue]:
    """A metric on each class by itself, in alphabetical order."""
    parts: dict[str, list[Prediction]] = {}
    for one in predictions:
        parts.setdefault(group(one.example), []).append(one)
    return {name: GroupValue(len(part), metric.value(part)) for name, part in sorted(parts.items())}


def mean(values: np.ndarray) -> float:
    """The mean; NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def target_of(example: Example, kind: type[V]) -> V:
    """The label of a question that asks for a kind of value; an InputError for any other."""
    if isinstance(example.target, kind):
        return example.target
    raise InputError(
        f"Example '{example.id}' asks for nothing of kind '{kind.kind}', which this metric measures. Use the "
        f"metrics of its own task ({example.task})."
    )


def target_boxes(example: Example) -> Boxes:
    """The label of a question that asks for boxes; an InputError for any other."""
    return target_of(example, Boxes)


def answer_boxes(answer: Answer) -> tuple[BoxXYXY, ...]:
    """Boxes of an answer; none where it could not be read or says something else."""
    return answer.value.xyxy_px if isinstance(answer.value, Boxes) else ()


def answer_scores(answer: Answer) -> tuple[float, ...]:
    """One confidence for each box in [0, 1]; 1.0 where the answer gives none."""
    return box_scores(answer.value) if isinstance(answer.value, Boxes) else ()


def box_scores(boxes: Boxes) -> tuple[float, ...]:
    """One confidence for each box in [0, 1]; 1.0 where there is none."""
    return boxes.scores or (1.0,) * len(boxes.xyxy_px)


def with_scores(prediction: Prediction, scores: Sequence[float]) -> Prediction:
    """The same answer with other confidences, one for each box."""
    if not isinstance(prediction.answer.value, Boxes):
        return prediction
    value = replace(prediction.answer.value, scores=tuple(map(float, scores)))
    return replace(prediction, answer=replace(prediction.answer, value=value))


def written_rollout(prediction: Prediction) -> Rollout | None:
    """The rollout whose answer is the result as it was written; None where a rule made a new one."""
    said = (one for one in prediction.rollouts if one.answer is prediction.answer)
    equal = (one for one in prediction.rollouts if one.answer == prediction.answer)
    return next(said, None) or next(equal, None)
