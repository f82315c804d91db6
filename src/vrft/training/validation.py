"""How the validation part is scored, and with several tasks by which rule one step is better than another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from vrft.tasks.metrics.metric import Metric
from vrft.training.step_metrics import BY_SOURCE


class Validation:
    """The score by which the best step is chosen.

    Of one task it is the headline metric. Of several it is the mean over them, each counting the same
    however many questions it has: of a fraction the fraction itself (one less it, where less is better), so
    that a point is a point in every task; of a metric in another unit, such as an error in pixels, how much
    better it is than before the first step, as a share of what it was then, from -1 to 1. Only constants
    separate this from the mean change since the start, so both choose the same step. What cannot be measured
    counts 0.

    Args:
        metrics: the headline metric of each entry that has validation questions, at least one.
        measure: asks the validation questions; the metric's value of each entry.
    """

    def __init__(self, metrics: Mapping[str, Metric], measure: Callable[[], Mapping[str, float]]) -> None:
        self._metrics, self._measure = metrics, measure
        self._start: dict[str, float] = {}
        self.values: Mapping[str, float] = {}
        """Of each entry, as it was measured last."""
        alone = next(iter(metrics.values())) if len(metrics) == 1 else None
        self.higher_is_better = alone is None or alone.higher_is_better

    def score(self) -> float:
        """Ask the questions, and give the score."""
        self.values = self._measure()
        self._start = self._start or dict(self.values)
        return self.of(self.values)

    def of(self, values: Mapping[str, float]) -> float:
        """The score of the entries' values."""
        if len(self._metrics) == 1:
            return next(iter(values.values()))
        return fmean(self._standing(name, value) for name, value in values.items())

    def row(self, score: float) -> dict[str, Any]:
        """What is logged of a score."""
        each = {name: {"validation": value} for name, value in self.values.items()}
        return {"validation": score, **({BY_SOURCE: each} if len(each) > 1 else {})}

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a score is better than the best so far."""
        if than is None:
            return True
        return value > than if self.higher_is_better else value < than

    def state(self) -> dict[str, float]:
        """The values before the first step."""
        return dict(self._start)

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on with these."""
        self._start = dict(state)

    def _standing(self, name: str, value: float) -> float:
        metric, start = self._metrics[name], self._start[name]
        if math.isnan(value):
            return 0.0
        if metric.unit == "%":
            return value if metric.higher_is_better else 1.0 - value
        gain = metric.gain(value, start)
        if math.isnan(gain) or not gain:
            return 0.0
        return max(-1.0, min(1.0, gain / abs(start))) if start else math.copysign(1.0, gain)
