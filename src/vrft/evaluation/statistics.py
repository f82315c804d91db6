"""How sure a score is: bootstrap over images, for one system and for the difference of two.

Questions about one image are not independent, so images are drawn, with all their questions (the cluster
bootstrap; Davison and Hinkley 1997, Bootstrap Methods and their Application, chapter 3). Systems are compared
on the same draws of the same images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.registry import task_of
from vrft.tasks.task import Task
from vrft.types import Prediction

RESAMPLES = 1000
"""Default number of draws."""
Json = dict[str, Any]
"""Plain JSON; None for what cannot be measured."""
_NOISE_DECIMALS = 12
"""Differences below this are rounding of sums, not differences."""
Resampled = tuple[float, np.ndarray]
"""A metric on all answers, and its (draws,) values; NaN where a draw holds nothing to measure."""


@dataclass(frozen=True)
class Interval:
    """A value, None where it cannot be measured, and its 95% interval, None with fewer than two images."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference(Interval):
    """The difference of two systems; p is the two-sided share of draws on the other side of zero, never below
    2 / (draws + 1), where the draws are those that could be measured."""

    p: float | None
    draws: int = 0


def by_task(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    """The predictions of each task, or entry of a run with several, in alphabetical order."""
    tasks: dict[str, list[Prediction]] = {}
    for one in predictions:
        tasks.setdefault(one.example.entry, []).append(one)
    return dict(sorted(tasks.items()))


def record_ids_of(predictions: Sequence[Prediction]) -> list[str]:
    """The image that each question is about."""
    return [one.example.record_id for one in predictions]


def header(metric: Metric, predictions: Sequence[Prediction]) -> Json:
    """How the JSON of a result begins: its metric, and how many questions and images it is of."""
    return {
        "metric": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "n": len(predictions),
        "images": len(set(record_ids_of(predictions))),
    }


def only_task(predictions: Sequence[Prediction]) -> Task:
    """The one task of predictions; an InputError where there are none, or several tasks."""
    tasks = by_task(predictions)
    if not tasks:
        raise InputError("There are no answers to score. Evaluate the model first.")
    if len(tasks) > 1:
        raise InputError(
            f"These answers belong to several tasks ({', '.join(tasks)}). Score each task by itself: "
            "vrft.evaluation.statistics.by_task sorts them."
        )
    return task_of(predictions[0].example)


def same_questions(systems: Mapping[str, Sequence[Prediction]]) -> dict[str, list[Prediction]]:
    """The answers of several systems, each sorted by the question's id.

    Raises:
        InputError: a question occurs twice in a system, or two systems differ in a question's id, image or
            label.
    """
    ordered = {name: sorted(own, key=lambda one: one.example.id) for name, own in systems.items()}
    asked = {name: {one.example.id: one.example for one in own} for name, own in ordered.items()}
    for name, own in ordered.items():
        if len(asked[name]) < len(own):
            twice = next(a.example.id for a, b in pairwise(own) if a.example.id == b.example.id)
            raise InputError(f"'{name}' answers question '{twice}' twice. Evaluate '{name}' again.")
    reference, expected = next(iter(asked.items()), ("", {}))
    for name, found in asked.items():
        odd = sorted(expected.keys() ^ found.keys())
        if odd:
            raise InputError(
                f"'{reference}' and '{name}' answered different questions: {len(odd)} occur in one only, "
                f"such as '{odd[0]}'. Evaluate both on the same held-out questions."
            )
        pairs = [(key, example, found[key]) for key, example in expected.items()]
        changed = [key for key, a, b in pairs if (a.record_id, a.target) != (b.record_id, b.target)]
        if changed:
            raise InputError(
                f"The label or image of question '{changed[0]}' is not the same for '{reference}' and "
                f"'{name}' ({len(changed)} such questions). The data changed between the evaluations: "
                "evaluate both again."
            )
    return ordered


def image_draws(record_ids: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> list[np.ndarray]:
    """Draw as many images as there are, with replacement, many times.

    The same seed gives the same draws of images, in whatever order the questions come.

    Args:
        record_ids: the image of each question.
        resamples: number of draws, at least 1.
        seed: of the draws.

    Returns:
        For each draw the indices of all questions of the drawn images; none with fewer than two images.

    Example:
        >>> [sorted(draw.tolist()) for draw in image_draws(["a", "a", "b"], resamples=2, seed=1)]
        [[0, 1, 2], [2, 2]]
    """
    if resamples < 1:
        raise InputError(
            f"{resamples} bootstrap draws are too few. Ask for at least 1; {RESAMPLES} is usual."
        )
    questions: dict[str, list[int]] = {}
    for index, record_id in enumerate(record_ids):
        questions.setdefault(record_id, []).append(index)
    images = [np.array(questions[record_id]) for record_id in sorted(questions)]
    if len(images) < 2:
        return []
    draws = np.random.default_rng(seed).integers(len(images), size=(resamples, len(images)))
    return [np.concatenate([images[image] for image in draw]) for draw in draws]


def drawn_values(
    predictions: Sequence[Prediction], metric: Metric, draws: Sequence[np.ndarray], parsed_only: bool = False
) -> Resampled:
    """A metric on all answers and on each draw; ``parsed_only`` leaves the unreadable out, after drawing."""
    value = metric.prepare(predictions)
    kept = np.array([one.answer.parsed or not parsed_only for one in predictions], dtype=bool)
    return value(np.flatnonzero(kept)), np.array([value(draw[kept[draw]]) for draw in draws], dtype=float)


def interval(value: float, values: np.ndarray) -> Interval:
    """The percentile interval of a value over draws, widened where it does not hold the value itself.

    Average precision of few images is too high on average, and its draws, which repeat images, are so
    once more: read its interval next to those of other systems on the same images. In a difference most of
    this cancels.
    """
    known = values[~np.isnan(values)]
    if math.isnan(value) or not len(known):
        return Interval(number(value), None, None)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, min(float(low), value), max(float(high), value))


def difference(first: Resampled, second: Resampled) -> Difference:
    """First minus second on the same draws, with its interval and p.

    p is twice the smaller share of draws at or beyond zero, with one draw added on that side and to the total
    (Phipson and Smyth 2010): it is never 0, and 1 where two systems do exactly the same.

    Example:
        >>> difference((0.5, np.array([0.4, 0.6, 0.5])), (0.5, np.array([0.4, 0.6, 0.5])))
        Difference(value=0.0, low=0.0, high=0.0, p=1.0, draws=3)
    """
    value = round(first[0] - second[0], _NOISE_DECIMALS)
    values = np.round(first[1] - second[1], _NOISE_DECIMALS)
    seen = interval(value, values)
    if seen.low is None:
        return Difference(seen.value, None, None, None)
    known = values[~np.isnan(values)]
    beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
    p = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    return Difference(seen.value, seen.low, seen.high, p, len(known))


def bootstrap(
    predictions: Sequence[Prediction], metric: Metric, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """A metric of one system, which answers no question twice, with its 95 per cent interval over images."""
    (own,) = same_questions({"system": predictions}).values()
    return interval(*drawn_values(own, metric, image_draws(record_ids_of(own), resamples, seed)))


def paired_bootstrap(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    metric: Metric,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """First system minus second on the same questions, both on the same draws of images."""
    first, second = same_questions({"first": first, "second": second}).values()
    draws = image_draws(record_ids_of(first), resamples, seed)
    return difference(drawn_values(first, metric, draws), drawn_values(second, metric, draws))


def needed_images(diff: float, low: float, high: float, n: int) -> int | None:
    """How many images in all would make the interval exclude zero, if the difference stayed as it is.

    An interval narrows with the square root of the images, so the answer is n (half width / difference)^2;
    of a lopsided interval the half on the side of zero counts. None where the difference is zero.

    Example:
        >>> needed_images(0.1, -0.1, 0.3, 20)
        80
    """
    if diff == 0:
        return None
    half_width = diff - low if diff > 0 else high - diff
    return max(1, math.ceil(n * (half_width / abs(diff)) ** 2 - 1e-6))


def number(value: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return None if math.isnan(value) else value


def plain_json(value: Any) -> Any:
    """Dataclasses, tuples and NaN as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
