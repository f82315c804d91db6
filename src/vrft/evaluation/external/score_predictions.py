"""What stored answers are worth: by task, and by any field of the file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.external.judge_row import Refusal, StoredAnswer
from vrft.evaluation.external.paths import value_at
from vrft.evaluation.external.read_predictions import Stored
from vrft.evaluation.judged import Judged
from vrft.evaluation.statistics import bootstrap
from vrft.tasks.metrics.metric import METRICS, format_rate, parse_rate
from vrft.tasks.task import load_task

Result = dict[str, Any]
"""Plain JSON; None for what cannot be measured."""
NAMED = 5
"""Ids shown of all that were refused for one reason."""
WITHOUT = "(none)"
"""The group of rows that lack the field."""
_METRICS = {"detection": ("ap", "ap50", "ap75"), "grounding": ("mean_iou", "acc50")}


def score_stored(stored: Stored, by: str | None = None) -> Result:
    """Score a file's answers.

    Args:
        stored: as ``read_predictions`` gives them.
        by: a field of the file, or a path in it, whose values make groups.

    Returns:
        ``n``, ``parse_rate`` (share of all texts in which an answer reads, whatever its frame), ``scored``,
        ``unsized`` (of these, without the picture's size), ``refused`` by reason with the first ids,
        ``unknown_frames`` (words for frames that nobody has explained), ``tasks`` with interval and metrics
        of the scored answers, and ``groups``.

    Raises:
        InputError: no row has the field ``by``.
    """
    tasks: dict[str, list[StoredAnswer]] = {}
    for answer in stored.answers:
        tasks.setdefault(answer.task, []).append(answer)
    words = Counter(word for answer in stored.answers for word in answer.strange.values())
    return {
        **_counts(stored.answers),
        "refused": _named(stored.answers),
        "unknown_frames": dict(sorted(words.items())),
        "tasks": {
            name: {**_counts(part), **measured(name, _accepted(part))} for name, part in sorted(tasks.items())
        },
        "groups": {
            name: {**_counts(part), **_values(part)} for name, part in sorted(_groups(stored, by).items())
        },
    }


def measured(task: str, judged: Sequence[Judged]) -> Result:
    """What the answers that can be compared with a label are worth.

    Args:
        task: name of the task.
        judged: its answers, none or more.

    Returns:
        ``metric`` with ``value``, ``low`` and ``high`` (95 per cent, over pictures), ``metrics`` by name, and
        ``answers`` with the shares of these answers that give a usable box or name (``parse_rate``) and that
        have the demanded form (``format_rate``, of those that know it).
    """
    metric = load_task(task).metric
    formed = [one for one in judged if one.form is not None]
    return {
        "metric": metric,
        **asdict(bootstrap(judged, METRICS[metric])),
        "metrics": _metrics(task, judged),
        "answers": {
            "n": len(judged),
            "parse_rate": _known(parse_rate(judged)),
            "format_rate": _known(format_rate(formed)),
        },
    }


def _metrics(task: str, judged: Sequence[Judged]) -> dict[str, float | None]:
    names = _METRICS.get(task, (load_task(task).metric,))
    return {name: _known(METRICS[name].value(judged)) for name in names}


def _values(answers: Sequence[StoredAnswer]) -> dict[str, float | None]:
    """The metrics of every task that has something scored here."""
    tasks = sorted({answer.task for answer in answers if answer.judged is not None})
    return {
        name: value
        for task in tasks
        for name, value in _metrics(task, _accepted([a for a in answers if a.task == task])).items()
    }


def _counts(answers: Sequence[StoredAnswer]) -> Result:
    return {
        "n": len(answers),
        "parse_rate": _known(sum(a.reads for a in answers) / len(answers)),
        "scored": len(_accepted(answers)),
        "unsized": sum(a.judged is not None and not a.sized for a in answers),
        "refused": {str(reason): len(part) for reason, part in _refused(answers).items()},
    }


def _named(answers: Sequence[StoredAnswer]) -> Result:
    return {
        str(reason): {"n": len(part), "ids": [answer.id for answer in part[:NAMED]]}
        for reason, part in _refused(answers).items()
    }


def _refused(answers: Sequence[StoredAnswer]) -> dict[Refusal, list[StoredAnswer]]:
    parts = {reason: [a for a in answers if a.refusal is reason] for reason in Refusal}
    return {reason: part for reason, part in parts.items() if part}


def _accepted(answers: Sequence[StoredAnswer]) -> list[Judged]:
    return [answer.judged for answer in answers if answer.judged is not None]


def _groups(stored: Stored, by: str | None) -> dict[str, list[StoredAnswer]]:
    groups: dict[str, list[StoredAnswer]] = {}
    if by is None:
        return groups
    for answer in stored.answers:
        value = value_at(answer.entry, by)
        groups.setdefault(WITHOUT if value is None else str(value), []).append(answer)
    if groups.keys() == {WITHOUT}:
        first = ", ".join(repr(name[:40]) for name in list(stored.answers[0].entry)[:30])
        raise InputError(f"{stored.path}: no row has the field '{by}'. The first row has: {first}.")
    return groups


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
