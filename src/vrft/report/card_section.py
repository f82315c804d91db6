"""What the page says of one evaluation, a section for each task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.ensemble import headline, plain_answer
from vrft.evaluation.scorecard import Json
from vrft.evaluation.statistics import by_task
from vrft.report.card_text import card_tables, sentences, word
from vrft.report.charts import Drawing, draw_line_chart, draw_matrix, interval_plot
from vrft.report.comparison import whiskers
from vrft.report.gallery import PagePart, build_extremes
from vrft.report.systems import style_of, unknown_task
from vrft.tasks.number_format import mapping, number, sequence
from vrft.tasks.section import LineChart, Matrix
from vrft.types import Prediction

FACTS = {
    "model": "Model",
    "data": "Data",
    "part": "Part",
    "form": "Form",
    "max_new_tokens": "Tokens of an answer, at most",
    "score": "Confidences of boxes",
    "samples": "Answers to each question",
    "temperature": "Temperature of further answers",
    "seed": "Seed",
    "hardware": "Hardware",
}
"""Keys of a result, or of its settings of asking, that are shown as they are, where it has them."""
WIDE = 5
"""A table of so many columns has a line of the page to itself."""
HALF_PAGE = 12
"""Rows of a matrix that half the page's width has room for."""
LOOK = "rft"
"""CSS class of the one system that a card is of."""


def evaluation_sections(
    path: Path,
    card: Json,
    predictions: Sequence[Prediction],
    notes: list[str],
    place: PagePart,
) -> list[dict[str, Any]]:
    """Tables and drawings from a card, or from its ``tasks``, and a gallery of the answers of each task."""
    notes += map(str, sequence(card.get("notes")))
    parts = by_task(predictions)
    several = {name: mapping(own) for name, own in mapping(card.get("tasks")).items()}
    facts = {key: value for key, value in card.items() if key != "tasks"}
    named = str(card.get("task") or next(iter(parts), ""))
    cards = {name: {"task": name, **facts, **own} for name, own in several.items()}
    cards = cards or {named: {"task": named, **card} if card else {}}
    sections = []
    for index, task in enumerate(dict.fromkeys((*cards, *parts))):
        part = place._replace(prefix=f"{place.prefix}t{index}") if index else place
        own_notes = [] if index else notes
        sections.append(_section(path, task, cards.get(task, {}), parts.get(task, []), part, own_notes))
    notes += place.files.note
    return sections


def _section(
    path: Path,
    task: str,
    card: Json,
    predictions: Sequence[Prediction],
    part: PagePart,
    notes: list[str],
) -> dict[str, Any]:
    shown = {**mapping(card.get("asking")), **card}
    notes += unknown_task(task) if predictions else []
    answers = _answers(predictions, card, notes)
    return {
        "anchor": part.prefix,
        "title": task or path.name,
        "word": word(card) if card else "no scores yet",
        "sentence": sentences(card) if card else "The answers have not been scored.",
        "miniature": card.get("miniature") is True or card.get("model") == "miniature",
        "facts": [(title, str(shown[key])) for key, title in FACTS.items() if shown.get(key) is not None],
        "parts": _parts(card),
        "gallery": build_extremes(answers, task, int(number(card.get("seed")) or 0), part),
        "notes": notes,
    }


def _parts(card: Json) -> list[dict[str, Any]]:
    """The tables with their drawings; drawings without a table go to the one before."""
    parts: list[dict[str, Any]] = []
    for table in card_tables(card):
        drawn = [_drawing(chart) for chart in table.charts]
        drawn += [_intervals(card)] if table.name == "metrics" else []
        shown = [one for one in drawn if one.drawing]
        if table.rows:
            parts.append({"table": table, "drawings": shown})
        elif parts:
            parts[-1]["drawings"] += shown
    for part in parts:
        # It has a line of the page to itself; the table is below the drawings, not next to them.
        part["wide"] = bool(part["drawings"]) or len(part["table"].head) >= WIDE
        part["broad"] = any(one.broad for one in part["drawings"])
    return parts


def _drawing(chart: LineChart | Matrix) -> Drawing:
    if isinstance(chart, Matrix):
        broad = len(chart.rows) > HALF_PAGE
        return Drawing(chart.title, chart.note, [], draw_matrix(chart), broad)
    drawn, legend = draw_line_chart(chart, LOOK)
    return Drawing(chart.title, chart.note, legend, drawn, broad=chart.log)


def _intervals(card: Json) -> Drawing:
    """All metrics that are fractions with their intervals."""
    rows = []
    for name, row in mapping(card.get("metrics")).items():
        style = style_of(str(card.get("task", "")), mapping(row), name)
        rows += whiskers(style.title, LOOK, mapping(row)) if style.unit == "%" else []
    drawn = interval_plot(rows, "Metrics with their 95% intervals")
    return Drawing("x100, with 95% intervals", "", [], drawn)


def _answers(predictions: Sequence[Prediction], card: Json, notes: list[str]) -> dict[str, list[Prediction]]:
    """The answers that the headline is of, with the plain ones next to them where a rule made it."""
    rule = card.get("rule")
    if not predictions or not isinstance(rule, str):
        return {"answer": list(predictions)} if predictions else {}
    plain = [plain_answer(one) for one in predictions]
    try:
        return {"plain": plain, "fused": headline(predictions, rule)}
    except InputError as error:
        notes.append(f"The fused answers cannot be shown: {error}")
        return {"plain": plain}
