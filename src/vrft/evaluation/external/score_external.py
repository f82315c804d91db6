"""What stored answers are worth: by task, and by any field of the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.external.judge_row import ExternalAnswer, Refusal
from vrft.evaluation.external.read_external import External, value_at
from vrft.evaluation.statistics import bootstrap, by_task, number
from vrft.tasks.metrics.metric import format_rate, parse_rate
from vrft.tasks.registry import load_task
from vrft.types import Prediction

Result = dict[str, Any]
"""Plain JSON; None for what cannot be measured."""
NAMED = 5
"""Ids shown of all that were refused for one reason."""
WITHOUT = "(none)"
"""The group of rows that lack the field."""


def score_external(external: External, by: str | None = None) -> Result:
    """Score a file's answers.

    Args:
        external: as ``read_external`` gives it.
        by: a field of the file, or a path in it, whose values make groups.

    Returns:
        ``n``, ``parse_rate`` (share of all texts in which an answer can be read, whatever its frame),
        ``scored``, ``unsized`` (of these, without the image's size), ``refused`` by reason with the first
        ids, ``unknown_frames`` (words for frames that are not known), ``tasks`` with interval and metrics
        of the scored answers, and ``groups``.

    Raises:
        InputError: no row has the field ``by``.
    """
    tasks: dict[str, list[ExternalAnswer]] = {}
    for answer in external.answers:
        tasks.setdefault(answer.task, []).append(answer)
    words = Counter(word for answer in external.answers for word in answer.unknown_frames)
    return {
        **_counts(external.answers),
        "refused": {
            str(reason): {"n": len(part), "ids": [answer.id for answer in part[:NAMED]]}
            for reason, part in _refused(external.answers).items()
        },
        "unknown_frames": dict(sorted(words.items())),
        "tasks": {name: {**_counts(part), **_measured(name, part)} for name, part in sorted(tasks.items())},
        "groups": {
            name: {**_counts(part), **_values(part)} for name, part in sorted(_groups(external, by).items())
        },
    }


def _measured(task: str, answers: Sequence[ExternalAnswer]) -> Result:
    """Headline with its interval, all metrics, and the rates of the answers that can be compared."""
    metric, accepted = load_task(task).metrics[0], _accepted(answers)
    formed = [one.prediction for one in answers if one.prediction is not None and one.formed]
    return {
        "metric": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        **asdict(bootstrap(accepted, metric)),
        "metrics": _metrics(task, accepted),
        "answers": {
            "n": len(accepted),
            "parse_rate": number(parse_rate(accepted)),
            "format_rate": number(format_rate(formed)),
        },
    }


def _metrics(task: str, predictions: Sequence[Prediction]) -> dict[str, float | None]:
    return {m.name: number(m.value(predictions)) for m in load_task(task).metrics if not m.needs_size}


def _values(answers: Sequence[ExternalAnswer]) -> dict[str, float | None]:
    """The metrics of every task that has something scored here."""
    parts = by_task(_accepted(answers)).items()
    return {name: value for task, part in parts for name, value in _metrics(task, part).items()}


def _counts(answers: Sequence[ExternalAnswer]) -> Result:
    return {
        "n": len(answers),
        "parse_rate": number(sum(answer.reads for answer in answers) / len(answers)),
        "scored": len(_accepted(answers)),
        "unsized": sum(answer.prediction is not None and not answer.sized for answer in answers),
        "refused": {str(reason): len(part) for reason, part in _refused(answers).items()},
    }


def _refused(answers: Sequence[ExternalAnswer]) -> dict[Refusal, list[ExternalAnswer]]:
    parts = {reason: [answer for answer in answers if answer.refusal is reason] for reason in Refusal}
    return {reason: part for reason, part in parts.items() if part}


def _accepted(answers: Sequence[ExternalAnswer]) -> list[Prediction]:
    return [answer.prediction for answer in answers if answer.prediction is not None]


def _groups(external: External, by: str | None) -> dict[str, list[ExternalAnswer]]:
    groups: dict[str, list[ExternalAnswer]] = {}
    if by is None:
        return groups
    for answer in external.answers:
        value = value_at(answer.entry, by)
        groups.setdefault(WITHOUT if value is None else str(value), []).append(answer)
    if groups.keys() == {WITHOUT}:
        first = ", ".join(repr(name[:40]) for name in list(external.answers[0].entry)[:30])
        raise InputError(
            f"{external.path}: no row has the field '{by}'. Choose one of those in the first row: {first}."
        )
    return groups
