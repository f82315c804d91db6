"""What the page says of one evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard.card import headline
from vrft.evaluation.scorecard.scored import Json
from vrft.report.gallery import Gallery, build_extremes
from vrft.report.number_format import number
from vrft.report.run_reader import ReadEvaluation, mapping
from vrft.report.scorecard.card_charts import Drawing, drawings_of
from vrft.report.scorecard.card_headline import sentences, word
from vrft.report.scorecard.card_tables import CardTable, card_tables

FACTS = {
    "model": "Model",
    "data": "Data",
    "part": "Part",
    "form": "Form",
    "max_new_tokens": "Tokens of an answer, at most",
    "samples": "Answers to each question",
    "temperature": "Temperature of further answers",
    "seed": "Seed",
    "hardware": "Hardware",
}
"""Keys of a result, or of its settings of asking, that are told as they are, where it has them."""
WIDE = 5
"""A table of so many columns has a line of the page to itself."""


@dataclass(frozen=True)
class Part:
    """One card of the page: a table and what is drawn beside it."""

    table: CardTable
    drawings: list[Drawing]
    wide: bool
    """It has a line of the page to itself."""
    broad: bool
    """The table stands below the drawings, not beside them."""


@dataclass(frozen=True)
class EvaluationSection:
    """What the page says of one evaluation."""

    anchor: str
    title: str
    word: str
    sentence: str
    miniature: bool
    facts: list[tuple[str, str]]
    parts: list[Part]
    gallery: Gallery | None
    notes: list[str]


def evaluation_section(read: ReadEvaluation, anchor: str, pages: int) -> EvaluationSection:
    """Tables and drawings from the card alone, and a gallery of the answers.

    Args:
        read: the card with the answers; both may be empty.
        anchor: makes names unique on the page.
        pages: how many galleries share the page's budget.
    """
    card, notes = read.card, list(read.notes)
    told = {**mapping(card.get("asking")), **card}
    task = str(card.get("task") or (read.judged[0].example.task if read.judged else ""))
    parts = [_part(table, card) for table in card_tables(card)]
    seed = number(card.get("seed")) or 0
    roots = [read.path, Path(str(card.get("data", "")))]
    answers = _answers(read.judged, card, notes)
    return EvaluationSection(
        anchor=anchor,
        title=task or read.path.name,
        word=word(card) if card else "no scores yet",
        sentence=sentences(card) if card else "The answers have not been scored.",
        miniature=card.get("miniature") is True or card.get("model") == "miniature",
        facts=[(title, str(told[key])) for key, title in FACTS.items() if told.get(key) is not None],
        parts=parts,
        gallery=build_extremes(answers, task, int(seed), roots, anchor, pages),
        notes=notes,
    )


def _part(table: CardTable, card: Json) -> Part:
    drawings = drawings_of(table.name, card)
    columns = len(table.headings)
    return Part(table, drawings, bool(drawings) or columns >= WIDE, any(one.broad for one in drawings))


def _answers(judged: Sequence[Judged], card: Json, notes: list[str]) -> dict[str, list[Judged]]:
    """The answers that the headline is of, with the plain ones beside them where a rule made it."""
    rule = card.get("rule")
    if not judged or not isinstance(rule, str):
        return {"answer": list(judged)} if judged else {}
    try:
        return {"plain": list(judged), "fused": headline(judged, rule)}
    except InputError as error:
        notes.append(f"The fused answers cannot be shown: {error}")
        return {"plain": list(judged)}
