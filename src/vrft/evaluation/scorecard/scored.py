"""What the sections of a card are measured on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

import numpy as np

from vrft.evaluation.judged import Judged
from vrft.evaluation.statistics import RESAMPLES, Interval, drawn_values, interval
from vrft.evaluation.token_cost import SIZES
from vrft.tasks.metrics.metric import METRICS, Metric
from vrft.tasks.task import Task
from vrft.types import Record

Json = dict[str, Any]
"""Plain JSON: fractions in [0, 1], None for what cannot be measured."""


@dataclass(frozen=True)
class CardOptions:
    """How answers are measured."""

    rule: str | None = None
    """Fuses all answers to a question into the one that is scored, by a name of ``tasks.fusion.RULES``; None
    scores the plain answer."""
    sizes: tuple[int, ...] = SIZES
    """Answers a question at which the curve against compute is measured."""
    base: tuple[str, ...] = ()
    """Classes that training has seen, for the means of open vocabulary."""
    novel: tuple[str, ...] = ()
    """Classes that it has not."""
    records: Sequence[Record] = ()
    """The pictures with their labels; needed for LVIS's AP alone."""
    frequencies: Mapping[str, str] = field(default_factory=dict)
    """'r', 'c' or 'f' by category, as ``Dataset.frequencies`` has it."""
    resamples: int = RESAMPLES
    """Bootstrap draws of every interval."""
    seed: int = 0
    """Of the draws."""


@dataclass(frozen=True)
class Scored:
    """One system's answers in the order of their ids, with the draws of pictures for all intervals."""

    task: Task
    judged: list[Judged]
    """What the headline scores: the plain answers, or those that a rule made of them."""
    plain: list[Judged]
    """The same questions with the plain answer and all others."""
    draws: list[np.ndarray]
    options: CardOptions

    @property
    def metric(self) -> Metric:
        """The task's headline."""
        return METRICS[self.task.metric]

    def interval(self, judged: Sequence[Judged], metric: Metric | None = None) -> Interval:
        """A metric of answers to these questions, in this order, with its interval."""
        return interval(*drawn_values(judged, metric or self.metric, self.draws))


def plain_json(value: Any) -> Any:
    """Dataclasses, tuples and NaN as JSON has them.

    Example:
        >>> plain_json({"low": float("nan"), "names": ("a", 2)})
        {'low': None, 'names': ['a', 2]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
