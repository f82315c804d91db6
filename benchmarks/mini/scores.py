"""A cell's numbers from its answers: values with intervals, the draws behind them, calibration.

The draws of images are those of ``vrft.evaluation``; they are kept, so that seeds can be put together and
any two systems compared afterwards, from the JSON alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mini.settings import Setting
from mini.systems import MAIN
from vrft.evaluation.statistics import drawn_values, image_draws, interval, number, same_questions
from vrft.tasks.detection.calibration import calibration, confidences_and_hits
from vrft.tasks.metrics.metric import Metric, answer_boxes, format_rate, parse_rate
from vrft.tasks.task import Task
from vrft.types import Boxes, Prediction

_FINE = 100_000
"""Draws are written as whole hundred-thousandths."""
Answers = Mapping[str, Sequence[Prediction]]


def scope_scores(setting: Setting, task: Task, systems: Answers, resamples: int) -> dict[str, Any]:
    """Every system's numbers in every scope of a setting, from answers to the same held-out questions."""
    ordered = same_questions(systems)
    return {
        name: scores_of(
            task, {s: [p for p in own if scope(p.example)] for s, own in ordered.items()}, resamples
        )
        for name, scope in setting.scopes.items()
    }


def scores_of(task: Task, systems: Answers, resamples: int, metric: Metric | None = None) -> dict[str, Any]:
    """Every system's numbers, from answers to the same questions in the same order.

    Args:
        task: that was asked.
        systems: answers by system.
        resamples: bootstrap draws.
        metric: None takes the task's headline.
    """
    metric = metric or task.metrics[0]
    first = next(iter(systems.values()))
    record_ids = [one.example.record_id for one in first]
    draws = image_draws(record_ids, resamples)
    rows = {}
    for name, own in systems.items():
        value, values = drawn_values(own, metric, draws)
        # Draws of what can be read are kept, and made, for the systems of the main table alone.
        parsed, parsed_values = drawn_values(own, metric, draws if name in MAIN else (), parsed_only=True)
        rows[name] = {
            **asdict(interval(value, values)),
            "value_given_parsed": number(parsed),
            "parse_rate": parse_rate(own),
            "format_rate": format_rate(own),
            "draws": packed(values),
        }
        if task.name == "detection":
            rows[name]["boxed"] = boxed(own)
        if name in MAIN:
            rows[name]["draws_given_parsed"] = packed(parsed_values)
    return {"n": len(record_ids), "images": len(set(record_ids)), "systems": rows}


def boxed(predictions: Sequence[Prediction]) -> dict[str, float | None]:
    """Shares of detection answers with boxes where the category is there, and where it is not.

    A detector that knows a category has much more of the first.
    """
    shares = {}
    asked = [(p.answer, p.example.target) for p in predictions if isinstance(p.example.target, Boxes)]
    for name, there in (("there", True), ("absent", False)):
        said = [bool(answer_boxes(answer)) for answer, target in asked if bool(target.xyxy_px) is there]
        shares[name] = float(np.mean(said)) if said else None
    return shares


def calibrations(task: Task, systems: Answers) -> dict[str, Any]:
    """Of tasks whose boxes carry a confidence: calibration error, Brier score and the bins behind them."""
    if task.name != "detection":
        return {}
    rows = {}
    for name, own in systems.items():
        found = calibration(*confidences_and_hits(own))
        bins = [[b.n, number(b.confidence), number(b.hit_share)] for b in found.bins]
        rows[name] = {"boxes": found.n, "ece": number(found.ece), "brier": number(found.brier), "bins": bins}
    return rows


def packed(values: np.ndarray) -> str:
    """Draws in one line of whole hundred-thousandths; '-' where nothing could be measured.

    Example:
        >>> packed(np.array([0.25, float("nan"), 1.0]))
        '25000 - 100000'
    """
    return " ".join("-" if np.isnan(v) else str(round(float(v) * _FINE)) for v in values)


def unpacked(text: str) -> np.ndarray:
    """The draws of ``packed``.

    Example:
        >>> unpacked("25000 - 100000").tolist()
        [0.25, nan, 1.0]
    """
    return np.array([float("nan") if word == "-" else int(word) / _FINE for word in text.split()])
