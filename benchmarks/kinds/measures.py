"""What is measured besides each task's headline: masks, calibration, and how long EMA's first value lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from math import sqrt
from typing import Any

import numpy as np
from mini.scores import scores_of

from vrft.evaluation.segmented import segmentation_metrics
from vrft.evaluation.statistics import same_questions
from vrft.geometry.flood_fill import FLOOD_FILL
from vrft.inference.segment_answers import segment_answers
from vrft.progress import NullReporter
from vrft.tasks.detection.calibration import calibration, confidences_and_hits
from vrft.tasks.metrics.metric import Metric, Resampler
from vrft.tasks.registry import load_task
from vrft.training.advantages import EmaNormalized
from vrft.types import Prediction

Answers = Mapping[str, Sequence[Prediction]]
"""By system."""
MASKS, CALIBRATION = "masks", "calibration"
OFF = 0.1
"""A σ that is off by more than this share is distorted."""


def scopes_of(tasks: Iterable[str], answers: Answers, resamples: int) -> dict[str, Any]:
    """Every system's numbers in every task that it answers, and in what is measured of the task besides."""
    scopes = {}
    for name in tasks:
        parts = {system: [p for p in own if p.example.source == name] for system, own in answers.items()}
        asked = same_questions({system: own for system, own in parts.items() if own})
        scopes[name] = scores_of(load_task(name), asked, resamples)
        for scope, metric in FURTHER.get(name, {}).items():
            scopes[scope] = scores_of(load_task(name), asked, resamples, metric(asked))
    return scopes


def _masks(answers: Answers) -> Metric:
    """gIoU of what flood fill, a stand-in for a segmenter, makes of boxes and points."""
    every = list(chain.from_iterable(answers.values()))
    regions = segment_answers(every, FLOOD_FILL, None, NullReporter()).regions
    return segmentation_metrics(regions)["giou"]


def _calibration(answers: Answers) -> Metric:
    """The expected calibration error of boxes."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        known = [confidences_and_hits([one]) for one in predictions]

        def value(indices: np.ndarray) -> float:
            if not sum(len(known[i][0]) for i in indices):
                return float("nan")
            confidences, hits = (np.concatenate([known[i][part] for i in indices]) for part in (0, 1))
            return calibration(confidences, hits).ece

        return value

    return Metric("ece", "calibration error", prepare, higher_is_better=False)


FURTHER: Mapping[str, Mapping[str, Callable[[Answers], Metric]]] = {
    "segmentation": {MASKS: _masks},
    "detection": {CALIBRATION: _calibration},
}
"""By task: further scopes, with what makes their metric of all answers."""


def distorted_steps(steps: Iterable[Mapping[str, Sequence[float]]]) -> dict[str, int]:
    """In how many steps EMA's σ of a task is off, since its first step alone set the averages.

    It is compared with the averages of the same decay over the steps so far, without a first value.

    Args:
        steps: the rewards of each task, step by step.

    Example:
        >>> distorted_steps([{"counting": [0.0, 1.0]}] * 3)
        {'counting': 0}
        >>> distorted_steps([{"counting": [0.0, 1.0]}, {"counting": [0.0, 4.0]}])
        {'counting': 1}
    """
    ema = EmaNormalized()
    sums: dict[str, np.ndarray] = {}
    off: dict[str, int] = {}
    for step in steps:
        for task, given in step.items():
            rewards = np.array(given, dtype=np.float64)
            seen = np.array([1.0, rewards.mean(), (rewards**2).mean()])
            sums[task] = ema.decay * sums.get(task, np.zeros(3)) + seen
            weight, first, second = sums[task]
            sigma = max(sqrt(max(second / weight - (first / weight) ** 2, 0.0)), ema.std_floor)
            off[task] = off.get(task, 0) + (abs(ema.sigma(task, rewards) / sigma - 1) > OFF)
    return off
