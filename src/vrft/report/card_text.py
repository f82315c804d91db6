"""A scorecard as people read it, from its JSON alone: in a word, in sentences, and as tables of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vrft.evaluation.scorecard import Json
from vrft.evaluation.scorecard.card import GENERAL_SECTIONS
from vrft.report.systems import MetricStyle, known_task, style_of
from vrft.tasks.number_format import (
    NOTHING,
    hundred,
    mapping,
    number,
    one_line,
    p_of,
    p_sentence,
    plain,
    upper_first,
)
from vrft.tasks.section import Table
from vrft.types.answers import fault_words

MOST_CLASSES, WORST = 20, 10
"""Where there are more classes than the first, a short table has the worst ones alone."""
MOST_ROWS, MOST_ROWS_SHORT = 20, 10
"""Of a table that says in which order its rows are."""


def word(card: Json) -> str:
    """The headline metric with its value."""
    style = _style(card)
    return f"{style.title} {style.said(card.get('value'))}"


def sentences(card: Json) -> str:
    """The headline with its interval, what it is of, and how much could be read."""
    style = _style(card)
    return " ".join([_score(card, style), *_next_to_plain(card, style), _readable(card, style)])


def _style(card: Json) -> MetricStyle:
    return style_of(str(card.get("task", "")), card)


def _score(card: Json, style: MetricStyle) -> str:
    counted = f"{_count(card.get('n'), 'question')} about {_count(card.get('images'), 'image')}"
    if number(card.get("value")) is None:
        return upper_first(f"{style.title} cannot be measured on {counted}.")
    rule = card.get("rule")
    opening = f"Fused by {rule}, {plain(card.get('answers'))} answers per question: " if rule else ""
    return upper_first(f"{opening}{word(card)} ({_spread(card, style)}) on {counted}.")


def _next_to_plain(card: Json, style: MetricStyle) -> list[str]:
    alone = mapping(card.get("plain"))
    if not alone:
        return []
    seen = mapping(alone.get("difference"))
    return [
        f"The plain answers alone: {style.said(alone.get('value'))} ({_spread(alone, style)}); difference "
        f"{style.said(seen.get('value'), sign=True)} ({_spread(seen, style, sign=True)}, "
        f"{p_sentence(seen)})."
    ]


def _readable(card: Json, style: MetricStyle) -> str:
    rate = number(card.get("parse_rate"))
    if rate == 1:
        return "All answers could be read."
    given = f"; {style.title} given parsed {style.said(card.get('value_given_parsed'))}"
    return f"{hundred(rate)} of 100 answers could be read{given if rate else ''}."


def _spread(block: Json, style: MetricStyle, sign: bool = False) -> str:
    found = style.spread(block, sign)
    return "too few images for an interval" if found == NOTHING else f"95% interval {found}"


def _count(value: object, noun: str) -> str:
    return f"{plain(value)} {noun}" + ("" if value == 1 else "s")


def card_tables(card: Json, short: bool = False) -> list[Table]:
    """Every table that a card, or what is left of it, has something for, in the order of reading.

    ``short`` cuts many classes to the ``WORST``, and long tables to ``MOST_ROWS_SHORT`` rows.
    """
    style = style_of(str(card.get("task", "")), card)
    made = [
        _metrics(card),
        _plain(card, style),
        _answers(card, style),
        _faults(card),
        *_of_sections(card),
        _segmentation(card),
        _classes(card, style, short),
    ]
    most = MOST_ROWS_SHORT if short else MOST_ROWS
    return [_cut(table, most) for table in made if table.rows or table.charts]


def _of_sections(card: Json) -> Iterator[Table]:
    task = known_task(str(card.get("task", "")))
    for section in (*(task.sections if task is not None else ()), *GENERAL_SECTIONS):
        if section.name in card:
            yield from section.tables(card[section.name])


def _metrics(card: Json) -> Table:
    rows, scale = [], "value"
    for name, row in mapping(card.get("metrics")).items():
        style = style_of(str(card.get("task", "")), mapping(row), name)
        title, scale = (style.title, "x100") if style.unit == "%" else (style.heading(), scale)
        rows.append((title, style.value(mapping(row).get("value")), style.spread(row)))
    note = "Intervals are from resampling images with all their questions."
    return Table("Metrics", ("Metric", scale, "95% interval"), tuple(rows), note, "metrics")


def _plain(card: Json, style: MetricStyle) -> Table:
    alone = mapping(card.get("plain"))
    seen = mapping(alone.get("difference"))
    change = style.value(seen.get("value"), sign=True)
    fused = f"{card.get('rule')} of {plain(card.get('answers'))}"
    rows = (
        (fused, style.value(card.get("value")), style.spread(card), ""),
        ("plain answers", style.value(alone.get("value")), style.spread(alone), ""),
        ("difference", change, style.spread(seen, sign=True), p_of(seen)),
    )
    note = "The same questions with their first answer alone, on the same draws of images."
    head = ("", style.heading(" x100"), "95% interval", "p")
    return Table("Fused and plain", head, rows if alone else (), note, "plain")


def _answers(card: Json, style: MetricStyle) -> Table:
    tokens = mapping(card.get("tokens"))
    given = replace(style, title=f"{style.title} given parsed")
    named = (
        ("Parse rate, %", hundred(card.get("parse_rate"))),
        ("Format rate (exactly the demanded form), %", hundred(card.get("format_rate"))),
        ("Ended before the length limit, %", hundred(card.get("finished_rate"))),
        (upper_first(given.heading(" x100")), style.value(card.get("value_given_parsed"))),
        ("Answer tokens per question, mean", plain(tokens.get("answer"))),
        ("Prompt tokens per question, mean", plain(tokens.get("prompt"))),
    )
    return Table("Answers", ("", ""), tuple(row for row in named if row[1] != NOTHING), name="answers")


def _faults(card: Json) -> Table:
    n = number(card.get("n")) or 1.0
    rows = tuple(
        (fault_words(name), plain(count), hundred((number(count) or 0.0) / n))
        for name, count in mapping(card.get("faults")).items()
    )
    head = ("Fault", "Answers", "% of all")
    return Table("Faults", head, rows, "An answer may have several.", "faults")


def _segmentation(card: Json) -> Table:
    found = mapping(card.get("segmentation"))
    percent = MetricStyle()
    rows = tuple(
        (title, hundred(mapping(found.get(key)).get("value")), percent.spread(found.get(key)))
        for key, title in (("giou", "gIoU"), ("ciou", "cIoU"))
    )
    note = (
        f"Boxes made into masks by {one_line(found.get('sam'), 'no model: no answer has boxes')}. gIoU is "
        "the mean of each question's IoU, cIoU all intersections over all unions; ignored pixels are left "
        "out."
    )
    return Table("Masks", ("", "x100", "95% interval"), rows if found else (), note, "segmentation")


def _classes(card: Json, style: MetricStyle, short: bool) -> Table:
    found = {name: mapping(row) for name, row in mapping(card.get("classes")).items()}
    names, title = list(found), "Classes"
    if short and len(found) > MOST_CLASSES:
        values = {name: number(row.get("value")) for name, row in found.items()}
        sign = 1 if style.higher_is_better else -1
        worst = sorted((sign * value, name) for name, value in values.items() if value is not None)
        names = [name for _, name in worst[:WORST]]
        title = f"Classes: the {len(names)} worst of {len(found)}"
    rows = tuple(
        (one_line(name), plain(found[name].get("n")), style.value(found[name].get("value"))) for name in names
    )
    note = "Few questions make these values uncertain: read the direction of many, not the size of one."
    head = ("Class", "Questions", style.heading(" x100"))
    # One class says what the headline says.
    return Table(title, head, rows if len(found) > 1 else (), note, "classes")


def _cut(table: Table, most: int) -> Table:
    if not table.order or len(table.rows) <= most:
        return table
    title = f"{table.title}: the {most} {table.order} of {len(table.rows)}"
    return replace(table, title=title, rows=table.rows[:most])
