"""The cards of single questions: the picture with the label, then what each system said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from vrft.evaluation.judged import Judged
from vrft.report.comparison import look_of
from vrft.report.number_format import clip, hundred, system_name
from vrft.report.picked_cases import EACH, MEANINGS, Case, pick_cases, pick_extremes
from vrft.report.svg import join
from vrft.report.svg_images import DRAWINGS, embed, picture_symbol, truth_panel
from vrft.types import ClassTarget

PER_PAGE_BYTES = 1_500_000
"""For all embedded pictures of a page, before base64 makes them a third larger."""


@dataclass(frozen=True)
class PanelView:
    """One system on a card."""

    name: str
    look: str
    drawing: Markup
    says: str
    score: str
    right: bool | None
    """For a class name: right or wrong."""


@dataclass(frozen=True)
class AnswerView:
    """One system's words, whole or clipped, and what was wrong with them."""

    name: str
    look: str
    text: str
    faults: str


@dataclass(frozen=True)
class Card:
    """One held-out question."""

    question: str
    asked_id: str
    why: str
    gain: str
    panels: list[PanelView]
    answers: list[AnswerView]


@dataclass(frozen=True)
class Gallery:
    """The cards with the rule that chose them, and the pictures they refer to."""

    rule: str
    tally: str
    symbols: Markup
    cards: list[Card]
    columns: int
    compact: bool
    """Only the label's panel has a drawing: the cards are small."""


def build_gallery(
    answers: dict[str, list[Judged]], task: str, seed: int, roots: Sequence[Path], prefix: str, pages: int
) -> Gallery | None:
    """Cards for at most a dozen held-out questions.

    Args:
        answers: by system, in the order of the page.
        task: the task's name.
        seed: decides ties and the random ones.
        roots: folders that a picture's relative path may start from.
        prefix: makes the pictures' names unique on the page.
        pages: how many such galleries share the page's budget.

    Returns:
        None where nothing was answered or the task has no drawing.
    """
    if task not in DRAWINGS or not answers:
        return None
    names = list(answers)
    earlier = "base" if "base" in answers else names[0]
    later = "rft" if "rft" in answers else names[-1]
    cases, tally = pick_cases(answers, task, earlier, later, seed)
    if not cases:
        return None
    before, after = system_name(earlier), system_name(later)
    rule = (
        f"Chosen by rule, not by hand: the {EACH} questions where {after} gained most over {before}, "
        f"the {EACH} where it lost most (fewer where fewer gained or lost), and {EACH} at random from the "
        f"rest (seed {seed}, which also settles ties). {_halves(task)}The score of a question: "
        f"{MEANINGS[task]}."
    )
    counted = (
        f"{after} against {before}: better on {tally.better} questions, worse on {tally.worse}, alike on "
        f"{tally.same}."
    )
    return _gallery(cases, rule, counted, task, roots, prefix, pages)


def build_extremes(
    answers: dict[str, list[Judged]], task: str, seed: int, roots: Sequence[Path], prefix: str, pages: int
) -> Gallery | None:
    """Cards for the worst and the best answers of one system, and some at random.

    Args:
        answers: by system; the last one is looked at, the others are shown beside it.
        task: the task's name.
        seed: decides ties and the random ones.
        roots: folders that a picture's relative path may start from.
        prefix: makes the pictures' names unique on the page.
        pages: how many galleries share the page's budget.

    Returns:
        None where nothing was answered or the task has no drawing.
    """
    if task not in DRAWINGS or not answers:
        return None
    cases = pick_extremes(answers, task, list(answers)[-1], seed)
    if not cases:
        return None
    rule = (
        f"Chosen by rule, not by hand: the {EACH} worst answers, the {EACH} best, and {EACH} at random from "
        f"the rest (seed {seed}, which also settles ties). {_halves(task)}The score of a question: "
        f"{MEANINGS[task]}."
    )
    return _gallery(cases, rule, "", task, roots, prefix, pages, signed=False)


def _halves(task: str) -> str:
    return f"At most {EACH // 2} of each {EACH} ask for what is not there. " if task == "detection" else ""


def _gallery(
    cases: list[Case],
    rule: str,
    tally: str,
    task: str,
    roots: Sequence[Path],
    prefix: str,
    pages: int,
    signed: bool = True,
) -> Gallery:
    most_bytes = PER_PAGE_BYTES // (3 * EACH * max(pages, 1))
    symbols = [_symbol(case, f"{prefix}-{i}", roots, most_bytes) for i, case in enumerate(cases)]
    cards = [_card(case, task, f"{prefix}-{i}", signed) for i, case in enumerate(cases)]
    compact = not any(panel.drawing for card in cards for panel in card.panels[1:])
    return Gallery(rule, tally, join(symbols), cards, max(len(card.panels) for card in cards), compact)


def _symbol(case: Case, name: str, roots: Sequence[Path], most_bytes: int) -> Markup:
    example = next(iter(case.answers.values())).example
    places = [example.image, *(root / example.image for root in roots)]
    path = next((place for place in places if place.is_file()), example.image)
    return picture_symbol(name, embed(path, most_bytes), example.image_wh)


def _card(case: Case, task: str, picture: str, signed: bool) -> Card:
    first = next(iter(case.answers.values()))
    truth = truth_panel(first, picture)
    panels = [PanelView("Label", "truth", truth.drawing, truth.says, "", None)]
    for system, judged in case.answers.items():
        panel = DRAWINGS[task](judged, picture, look_of(system))
        named = isinstance(first.example.target, ClassTarget)
        right = case.scores[system] == 1.0 if named else None
        score = "" if named else hundred(case.scores[system])
        panels.append(
            PanelView(system_name(system), look_of(system), panel.drawing, clip(panel.says, 80), score, right)
        )
    answers = [
        AnswerView(
            system_name(system),
            look_of(system),
            clip(judged.text),
            ", ".join(f.value for f in judged.answer.faults),
        )
        for system, judged in case.answers.items()
    ]
    return Card(
        question=clip(first.example.question, 300),
        asked_id=first.example.id,
        why=case.why,
        gain=hundred(case.gain, sign=signed),
        panels=panels,
        answers=answers,
    )
