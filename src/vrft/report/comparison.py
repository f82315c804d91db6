"""What a comparison says: the verdict, the tables and the interval plots. Nothing is computed anew here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from vrft.errors import InputError
from vrft.evaluation.compare import verdict_sentence
from vrft.evaluation.judged import Judged
from vrft.report.charts import Whisker, dot_strip, interval_plot
from vrft.report.number_format import NOTHING, hundred, interval, number, p_value, system_name
from vrft.report.run_reader import mapping, systems_of
from vrft.tasks.metrics.metric import METRICS, per_group
from vrft.tasks.task import load_task

LOOKS = {"better": "good", "not better": "bad", "cannot tell": "open"}
"""A verdict's CSS class."""
PENDING = "no verdict yet"
HUES = {"base": "base", "sft": "sft", "rft": "rft", "answer": "rft", "plain": "base", "fused": "rft"}
"""The CSS class of each system that has a colour of its own; the last three are of an evaluation's page."""


@dataclass(frozen=True)
class Verdict:
    """The answer to the one question of the page."""

    word: str
    look: str
    sentence: str
    versus_sft: str
    versus_sft_look: str


@dataclass(frozen=True)
class SystemRow:
    """One system's line of the table, as text."""

    name: str
    look: str
    value: str
    interval: str
    parse_rate: str
    value_given_parsed: str
    format_rate: str


@dataclass(frozen=True)
class DifferenceRow:
    """One difference's line of the table, as text."""

    name: str
    value: str
    interval: str
    p: str


@dataclass(frozen=True)
class Results:
    """Everything above the fold."""

    verdict: Verdict
    metric: str
    questions: str
    pictures: str
    systems: list[SystemRow]
    differences: list[DifferenceRow]
    systems_plot: Markup
    differences_plot: Markup


@dataclass(frozen=True)
class ClassRow:
    """One class's line: questions, a value a system (text), and the values as dots."""

    name: str
    n: int
    values: list[str]
    gain: str
    dots: Markup


def look_of(system: str) -> str:
    """A system's CSS class, which gives its colour.

    Example:
        >>> look_of("rft"), look_of("rft_from_sft")
        ('rft', 'extra')
    """
    return HUES.get(system, "extra")


def metric_title(name: Any) -> str:
    """A metric as tables show it.

    Example:
        >>> metric_title("ap"), metric_title(None)
        ('AP', 'score')
    """
    return METRICS[name].title if name in METRICS else str(name or "score")


def read_results(comparison: dict[str, Any], notes: list[str]) -> Results:
    """The tables and plots of one task's comparison.

    Args:
        comparison: the task's block of ``comparison.json``; empty or incomplete in a half-finished fit.
        notes: what the block lacks is added here.
    """
    systems = [(name, mapping(comparison[name])) for name in systems_of(comparison)]
    differences = [
        (_difference_name(name), mapping(block))
        for name, block in comparison.items()
        if "_minus_" in name and isinstance(block, dict)
    ]
    return Results(
        verdict=_verdict(comparison, notes),
        metric=metric_title(comparison.get("metric")),
        questions=str(comparison.get("n", NOTHING)),
        pictures=str(comparison.get("pictures", NOTHING)),
        systems=[_system_row(name, block) for name, block in systems],
        differences=[
            DifferenceRow(
                name,
                hundred(block.get("value"), sign=True),
                interval(block.get("low"), block.get("high"), sign=True),
                p_value(block.get("p")),
            )
            for name, block in differences
        ],
        systems_plot=interval_plot(
            [w for name, block in systems for w in _whiskers(system_name(name), look_of(name), block)],
            "Score of each system with its 95% interval",
        ),
        differences_plot=interval_plot(
            [w for name, block in differences for w in _whiskers(name, "gain", block)],
            "Differences with their 95% intervals",
            zero=True,
        ),
    )


def class_rows(
    answers: Mapping[str, Sequence[Judged]], task: str, metric: Any, notes: list[str]
) -> list[ClassRow]:
    """The metric on each class by itself; none where the task knows only one class.

    Args:
        answers: by system, on the held-out questions.
        task: the task's name.
        metric: the comparison's metric.
        notes: why there are no rows, where something is wrong.
    """
    if metric not in METRICS or not answers:
        return []
    try:
        group = load_task(task).group
        values = {name: per_group(judged, group, METRICS[metric]) for name, judged in answers.items()}
    except InputError as error:
        notes.append(f"Values for each class cannot be given: {error}")
        return []
    classes = sorted({name for by_class in values.values() for name in by_class})
    rows = []
    for name in classes if len(classes) > 1 else []:
        found = {system: by_class.get(name) for system, by_class in values.items()}
        numbers = {system: number(one.value) if one else None for system, one in found.items()}
        before, after = numbers.get("base"), numbers.get("rft")
        gain = None if before is None or after is None else after - before
        dots = [(system_name(s), look_of(s), v) for s, v in numbers.items() if v is not None]
        rows.append(
            ClassRow(
                name=name,
                n=max(one.n for one in found.values() if one),
                values=[hundred(value) for value in numbers.values()],
                gain=hundred(gain, sign=True),
                dots=dot_strip(dots),
            )
        )
    return rows


def _verdict(comparison: dict[str, Any], notes: list[str]) -> Verdict:
    word = str(comparison.get("verdict") or PENDING)
    sentence = "The held-out questions have not been scored for the base model and RFT."
    if comparison:
        try:
            sentence = verdict_sentence(comparison)
        except (KeyError, TypeError, ValueError) as error:
            notes.append(f"The comparison is incomplete ({type(error).__name__}: {error}).")
            sentence = "The comparison is incomplete."
    against = str(comparison.get("versus_sft") or "")
    return Verdict(word, LOOKS.get(word, "none"), sentence, against, LOOKS.get(against, "none"))


def _system_row(name: str, block: dict[str, Any]) -> SystemRow:
    return SystemRow(
        name=system_name(name),
        look=look_of(name),
        value=hundred(block.get("value")),
        interval=interval(block.get("low"), block.get("high")),
        parse_rate=hundred(block.get("parse_rate")),
        value_given_parsed=hundred(block.get("value_given_parsed")),
        format_rate=hundred(block.get("format_rate")),
    )


def _difference_name(key: str) -> str:
    """``rft_minus_base_given_parsed`` as people say it."""
    whole = key.removesuffix("_given_parsed")
    later, _, earlier = whole.partition("_minus_")
    suffix = ", given parsed" if whole != key else ""
    return f"{system_name(later)} − {system_name(earlier)}{suffix}"


def _whiskers(name: str, look: str, block: dict[str, Any]) -> list[Whisker]:
    """One, or none where there is no value."""
    value = number(block.get("value"))
    if value is None:
        return []
    return [Whisker(name, look, value, number(block.get("low")), number(block.get("high")))]
