"""What a comparison says: the verdict, the tables and the interval plots. Nothing is computed anew here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from vrft.errors import InputError
from vrft.evaluation.compare import (
    BETTER,
    CANNOT_TELL,
    MIXED,
    NOT_BETTER,
    NOTHING_LEARNED,
    PEERS,
    verdict_sentence,
    versus,
)
from vrft.report.charts import Whisker, dot_strip, interval_plot
from vrft.report.run_reader import systems_of
from vrft.report.systems import MetricStyle, known_task, look_of, style_of, system_name
from vrft.tasks.metrics.metric import per_group
from vrft.tasks.number_format import NOTHING, hundred, mapping, number, p_of
from vrft.types import Prediction

LOOKS = {BETTER: "good", NOT_BETTER: "bad", CANNOT_TELL: "open", NOTHING_LEARNED: "open"}
"""A verdict's CSS class."""
OVERVIEW = ("base", "sft", "rft", MIXED)
"""Columns of the table with a row for each folder."""
PENDING = "no verdict yet"


def read_results(comparison: dict[str, Any], task: str, notes: list[str]) -> dict[str, Any]:
    """The verdict, tables and plots of a task's block of ``comparison.json``; notes say what it lacks.

    Cells of ``systems``: name, value, interval, parse rate, value given parsed, format rate; of
    ``differences``: name, value, interval, p.
    """
    style = style_of(task, comparison)
    systems = [(name, mapping(comparison[name])) for name in systems_of(comparison)]
    differences = [
        (_difference_name(name), mapping(block))
        for name, block in comparison.items()
        if "_minus_" in name and isinstance(block, dict)
    ]
    return {
        "verdict": _verdict(comparison, notes),
        "metric": style,
        "questions": str(comparison.get("n", NOTHING)),
        "images": str(comparison.get("images", NOTHING)),
        "systems": [(look_of(name), _cells(name, block, style)) for name, block in systems],
        "differences": [
            (name, style.value(b.get("value"), sign=True), style.spread(b, sign=True), p_of(b))
            for name, b in differences
        ],
        "systems_plot": interval_plot(
            [w for name, block in systems for w in whiskers(system_name(name), look_of(name), block)],
            "Score of each system with its 95% interval",
            unit=style.unit,
        ),
        "differences_plot": interval_plot(
            [w for name, block in differences for w in whiskers(name, "gain", block)],
            "Differences with their 95% intervals",
            zero=True,
            unit=style.unit,
        ),
    }


def overview(fits: Sequence[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, ...]]:
    """A row for each folder that one policy was trained on with others: its metric, the score of each system
    of ``OVERVIEW``, and what the mixed policy has more than the folder's own.

    Args:
        fits: anchor, title and comparison of each.
    """
    rows = []
    for anchor, title, comparison in fits:
        difference = mapping(comparison.get(f"{MIXED}_minus_rft"))
        if difference:
            style = style_of(title, comparison)
            scores = [style.value(mapping(comparison.get(name)).get("value")) for name in OVERVIEW]
            gain = style.value(difference.get("value"), sign=True), style.spread(difference, sign=True)
            rows.append((anchor, title, style.heading(), *scores, *gain, p_of(difference)))
    return rows


def class_rows(
    answers: Mapping[str, Sequence[Prediction]], task: str, style: MetricStyle, name: Any, notes: list[str]
) -> list[tuple[list[str], Markup]]:
    """The metric of a name on each class by itself, and its dots; none where the task knows only one class.

    Cells: class, questions, a value for each system, gain of RFT over base.
    """
    known = known_task(task)
    metric = next((m for m in known.metrics if m.name == name), None) if known else None
    if metric is None or not answers:
        return []
    try:
        values = {system: per_group(listed, metric) for system, listed in answers.items()}
    except InputError as error:
        notes.append(f"Values for each class cannot be given: {error}")
        return []
    classes = sorted({one for by_class in values.values() for one in by_class})
    rows = []
    for one in classes if len(classes) > 1 else []:
        found = {system: by_class.get(one) for system, by_class in values.items()}
        numbers = {system: number(seen.value) if seen else None for system, seen in found.items()}
        before, after = numbers.get("base"), numbers.get("rft")
        gain = None if before is None or after is None else after - before
        dots = [(system_name(s), look_of(s), v) for s, v in numbers.items() if v is not None]
        n = max(seen.n for seen in found.values() if seen)
        cells = [one, str(n), *map(style.value, numbers.values()), style.value(gain, sign=True)]
        rows.append((cells, dot_strip(dots) if style.unit == "%" else Markup("")))
    return rows


def _verdict(comparison: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """The answer to the one question of the page; ``against``: each further rival with its verdict."""
    word = str(comparison.get("verdict") or PENDING)
    sentence = "The held-out questions have not been scored for the base model and RFT."
    if comparison:
        try:
            sentence = verdict_sentence(comparison)
        except (KeyError, TypeError, ValueError) as error:
            notes.append(f"The comparison is incomplete ({type(error).__name__}: {error}).")
            sentence = "The comparison is incomplete."
    return {
        "word": word,
        "look": LOOKS.get(word, "none"),
        "sentence": sentence,
        "against": [(PEERS[name], own, LOOKS.get(own, "none")) for name, own in versus(comparison).items()],
    }


def _cells(name: str, block: dict[str, Any], style: MetricStyle) -> tuple[str, ...]:
    value, given = style.value(block.get("value")), style.value(block.get("value_given_parsed"))
    parsed, formed = hundred(block.get("parse_rate")), hundred(block.get("format_rate"))
    return system_name(name), value, style.spread(block), parsed, given, formed


def _difference_name(key: str) -> str:
    """``rft_minus_base_given_parsed`` as people say it."""
    whole = key.removesuffix("_given_parsed")
    later, _, earlier = whole.partition("_minus_")
    suffix = ", given parsed" if whole != key else ""
    return f"{system_name(later)} − {system_name(earlier)}{suffix}"


def whiskers(name: str, look: str, block: dict[str, Any]) -> list[Whisker]:
    """A JSON object's value with its interval; none where it has no value."""
    value = number(block.get("value"))
    if value is None:
        return []
    return [Whisker(name, look, value, number(block.get("low")), number(block.get("high")))]
