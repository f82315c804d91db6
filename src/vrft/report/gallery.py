"""The cards of single questions: the media with the label, then what each system said."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from markupsafe import Markup

from vrft.report.moved_images import MovedImages
from vrft.report.panels import counted, draw_answer, drawable, in_words, media_symbols
from vrft.report.systems import known_task, look_of, system_name
from vrft.tasks.number_format import clip, hundred
from vrft.tasks.task import Task
from vrft.types import Example, Prediction
from vrft.types.answers import fault_words

EACH = 4
"""Questions of each kind: gained most, lost most, at random."""


class PickedCase(NamedTuple):
    """One question with the prediction of every system that was asked it."""

    why: str
    """``gained most``, ``lost most`` or ``at random``; of one system ``worst``, ``best`` or ``at random``."""
    gain: float
    """Of the later system over the earlier one; of one system, its score."""
    answers: dict[str, Prediction]
    scores: dict[str, float]


class Tally(NamedTuple):
    """On how many questions the later system did better, worse and alike."""

    better: int
    worse: int
    same: int


class _Scored:
    """The questions that every system answered, in an order that a seed decides, with their scores."""

    def __init__(self, answers: Mapping[str, Sequence[Prediction]], task: Task, seed: int) -> None:
        self.by_id = {
            system: {one.example.id: one for one in listed if one.example.target is not None}
            for system, listed in answers.items()
        }
        sets = [set(listed) for listed in self.by_id.values()]
        self.keys = sorted(set.intersection(*sets)) if sets else []
        random.Random(seed).shuffle(self.keys)
        self.scores: dict[str, dict[str, float]] = {key: {} for key in self.keys}
        for key, (system, listed) in product(self.keys, self.by_id.items()):
            target = listed[key].example.target
            assert target is not None
            self.scores[key][system] = task.score(listed[key].answer, target)
        first = next(iter(self.by_id.values()), {})
        self.empty = {key for key in self.keys if not first[key].example.is_positive}

    def first(self, ordered: Sequence[str]) -> list[str]:
        """The first few, at most half of them empty: those gain or lose all and would crowd out the rest."""
        kept: list[str] = []
        for key in ordered:
            few = sum(one in self.empty for one in kept) < EACH // 2
            if len(kept) < EACH and (key not in self.empty or few):
                kept.append(key)
        return kept

    def cases(self, chosen: dict[str, str], gains: Mapping[str, float]) -> list[PickedCase]:
        """The chosen ones, and some of the others at random."""
        others = [key for key in self.keys if key not in chosen][:EACH]
        return [
            PickedCase(
                why, gains[key], {s: listed[key] for s, listed in self.by_id.items()}, self.scores[key]
            )
            for key, why in (chosen | dict.fromkeys(others, "at random")).items()
        ]


def pick_cases(
    answers: Mapping[str, Sequence[Prediction]], task: Task, earlier: str, later: str, seed: int
) -> tuple[list[PickedCase], Tally]:
    """Choose held-out questions: the largest gains, the largest losses, and some at random.

    Of the gains, and of the losses, at most half are questions where nothing is there; the tally is over all.
    """
    scored = _Scored(answers, task, seed)
    gains = {key: own[later] - own[earlier] for key, own in scored.scores.items()}
    up = sorted((key for key in scored.keys if gains[key] > 0), key=lambda key: -gains[key])
    down = sorted((key for key in scored.keys if gains[key] < 0), key=lambda key: gains[key])
    chosen = dict.fromkeys(scored.first(up), "gained most")
    chosen |= dict.fromkeys(scored.first(down), "lost most")
    return scored.cases(chosen, gains), Tally(len(up), len(down), len(scored.keys) - len(up) - len(down))


def pick_extremes(
    answers: Mapping[str, Sequence[Prediction]], task: Task, of: str, seed: int
) -> list[PickedCase]:
    """Choose in the same way by one system alone: its worst answers, its best, and some at random."""
    scored = _Scored(answers, task, seed)
    own = {key: scores[of] for key, scores in scored.scores.items()}
    up = sorted(scored.keys, key=lambda key: own[key])
    chosen = dict.fromkeys(scored.first(up), "worst")
    chosen |= dict.fromkeys(scored.first([key for key in reversed(up) if key not in chosen]), "best")
    return scored.cases(chosen, own)


def some_are_empty(answers: Mapping[str, Sequence[Prediction]]) -> bool:
    """Whether some question asks for what is not there."""
    return any(not one.example.is_positive for listed in answers.values() for one in listed)


PER_PAGE_BYTES = 1_500_000
"""For all embedded images of a page's galleries, before base64 makes them a third larger."""
Answers = dict[str, list[Prediction]]
"""By system, in the order of the page."""
Section = dict[str, Any]
"""What the templates name of a gallery, a card or a panel."""


class PagePart(NamedTuple):
    """The part of a page that a gallery is in."""

    files: MovedImages
    """Finds the images."""
    prefix: str
    """Makes the images' names unique on the page."""
    galleries: int
    """How many share the page's budget."""


def build_gallery(answers: Answers, task: str, seed: int, part: PagePart) -> Section | None:
    """Cards for at most a dozen held-out questions; None where there is nothing to show."""
    if (known := known_task(task)) is None or not answers:
        return None
    names = list(answers)
    earlier = "base" if "base" in answers else names[0]
    later = "rft" if "rft" in answers else names[-1]
    cases, tally = pick_cases(answers, known, earlier, later, seed)
    before, after = system_name(earlier), system_name(later)
    gained = f"the {EACH} questions where {after} gained most over {before}"
    rule = f"{gained}, the {EACH} where it lost most (fewer where fewer gained or lost)"
    counts = f"better on {tally.better} questions, worse on {tally.worse}, alike on {tally.same}"
    compared = f"{after} against {before}: {counts}."
    return gallery_of(cases, _rule(rule, answers, known, seed), compared, known, part)


def build_extremes(answers: Answers, task: str, seed: int, part: PagePart) -> Section | None:
    """Cards for the worst and best answers of the last system, and some at random; as ``build_gallery``."""
    if (known := known_task(task)) is None or not answers:
        return None
    cases = pick_extremes(answers, known, list(answers)[-1], seed)
    rule = _rule(f"the {EACH} worst answers, the {EACH} best", answers, known, seed)
    return gallery_of(cases, rule, "", known, part, signed=False)


def _rule(chosen: str, answers: Answers, task: Task, seed: int) -> str:
    halves = f"At most {EACH // 2} of each {EACH} ask for what is not there. "
    return (
        f"Chosen by rule, not by hand: {chosen}, and {EACH} at random from the rest (seed {seed}, which also "
        f"settles ties). {halves if some_are_empty(answers) else ''}The score of a question: "
        f"{task.score_rule}."
    )


def gallery_of(
    cases: list[PickedCase], rule: str, tally: str, task: Task, part: PagePart, signed: bool = True
) -> Section | None:
    """Cards of chosen questions; None without any."""
    if not cases:
        return None
    most_bytes = PER_PAGE_BYTES // (3 * EACH * max(part.galleries, 1))
    symbols: list[Markup] = []
    cards: list[Section] = []
    for index, case in enumerate(cases):
        name, first = f"{part.prefix}-{index}", next(iter(case.answers.values()))
        symbols.append(media_symbols(first.example, name, part.files, most_bytes))
        answers = [
            _panel(system, one, case.scores[system], task, name) for system, one in case.answers.items()
        ]
        cards.append(
            {
                "question": clip(first.example.question, 300),
                "asked_id": first.example.id,
                "why": case.why,
                "gain": hundred(case.gain, sign=signed),
                "panels": [_label_panel(first.example, name), *answers],
            }
        )
    return {
        "rule": rule,
        "tally": tally,
        "symbols": Markup("").join(symbols),
        "cards": cards,
        "has_confidences": task.has_confidences,
        "columns": max(len(card["panels"]) for card in cards),
        # Only the label's panel has a drawing: the cards are small.
        "compact": not any(panel["drawing"] for card in cards for panel in card["panels"][1:]),
    }


def _label_panel(example: Example, name: str) -> Section:
    """The media with the label."""
    target, shapes = example.target, drawable(example.target)
    if target is None:
        says = "no label"
    elif target.is_empty:
        says = "nothing of the kind is there"
    else:
        says = counted(shapes) or in_words(target)
    drawing = draw_answer(example, name, {"truth": shapes})
    shown = {"name": "Label", "look": "truth", "drawing": drawing, "says": clip(says, 300)}
    return {**shown, "score": "", "right": None}


def _panel(system: str, prediction: Prediction, score: float, task: Task, name: str) -> Section:
    """The label's shapes dashed and the answer's whole; or words alone, where neither has a place."""
    value, look, example = prediction.answer.value, look_of(system), prediction.example
    labelled, shapes = drawable(example.target), drawable(value)
    if value is None:
        says = "no readable answer"
    elif value.is_empty:
        says = "says that nothing is there"
    else:
        says = "" if shapes else in_words(value)
    # A question whose label is drawn, or asks for what is not there, is about places.
    about_places = bool(labelled or shapes) or not example.is_positive
    return {
        "name": system_name(system),
        "look": look,
        "drawing": draw_answer(example, name, {"truth": labelled, look: shapes}) if about_places else "",
        "says": clip(says, 80),
        "score": "" if task.right_or_wrong else hundred(score),
        "right": score == 1.0 if task.right_or_wrong else None,
        "thought": clip(prediction.answer.thinking),
        "text": clip(prediction.answer.text or prediction.text),
        "faults": ", ".join(map(fault_words, prediction.answer.faults)),
    }
