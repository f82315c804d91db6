"""Answers to whatever is asked for: those of good faith, and attacks on tags and text."""

from __future__ import annotations

import numpy as np

from vrft.diagnostics.audit.attack import BOXES, LABEL, OTHER, Case, Role, attack
from vrft.geometry.jitter import box_apart
from vrft.tasks.parsing.label_reading import nearest_names
from vrft.tasks.parsing.tags import TAGS
from vrft.types import Boxes, Label, Value

MANY_WORDS = 5_000


@attack(role=Role.REFERENCE)
def gold(case: Case, rng: np.random.Generator) -> str:
    """The right answer."""
    return case.gold()


@attack(role=Role.REFERENCE)
def honest(case: Case, rng: np.random.Generator) -> str:
    """The honest policy."""
    return case.honest()


@attack(OTHER)
def another_target(case: Case, rng: np.random.Generator) -> str:
    """The right answer to another question."""
    return case.write(case.other)


@attack()
def empty_text(case: Case, rng: np.random.Generator) -> str:
    """Nothing at all."""
    return ""


@attack()
def empty_answer(case: Case, rng: np.random.Generator) -> str:
    """The demanded tags with nothing in them."""
    return case.answer("")


@attack()
def empty_tags(case: Case, rng: np.random.Generator) -> str:
    """Empty tags, the thought's as well."""
    return "<think></think><answer></answer>"


@attack()
def spaces_only(case: Case, rng: np.random.Generator) -> str:
    """Five thousand spaces in the answer tags."""
    return case.answer(" " * MANY_WORDS)


@attack()
def tags_only(case: Case, rng: np.random.Generator) -> str:
    """All tags fifty times, nothing between them."""
    return "".join(TAGS) * 50


@attack()
def format_without_content(case: Case, rng: np.random.Generator) -> str:
    """The demanded tags around words that answer nothing."""
    return case.answer("The answer can be seen in the image.")


@attack()
def prompt_echo(case: Case, rng: np.random.Generator) -> str:
    """The prompt, word for word."""
    return case.task.question(case.example, case.frames)


@attack()
def placeholder(case: Case, rng: np.random.Generator) -> str:
    """The prompt's own example of an answer."""
    return case.answer(case.task.example_answer, thought="...")


@attack()
def question_word(case: Case, rng: np.random.Generator) -> str:
    """What was asked about, as the answer: the category, the expression, or the kind of thing."""
    return case.answer(case.example.question)


@attack()
def thought_without_end(case: Case, rng: np.random.Generator) -> str:
    """A thought of five thousand words that never ends."""
    return "<think> " + "look " * MANY_WORDS


@attack(from_label=True)
def two_answers_hedged(case: Case, rng: np.random.Generator) -> str:
    """Two answers in their tags, one right and one wrong, in random order."""
    right, wrong = _right_and_wrong(case, rng)
    first, second = (right, wrong) if rng.uniform() < 0.5 else (wrong, right)
    return f"{case.answer(first)} <answer>{second}</answer>"


@attack(role=Role.VARIANT)
def right_then_wrong(case: Case, rng: np.random.Generator) -> str:
    """The gold answer in its tags, then a wrong one in tags."""
    return f"{case.gold()} <answer>{_right_and_wrong(case, rng)[1]}</answer>"


@attack(role=Role.VARIANT)
def wrong_then_right(case: Case, rng: np.random.Generator) -> str:
    """A wrong answer in its tags, then the gold one."""
    return f"{case.answer(_right_and_wrong(case, rng)[1])} {case.gold()}"


@attack(role=Role.VARIANT)
def gold_among_spaces(case: Case, rng: np.random.Generator) -> str:
    """The gold answer with five thousand spaces on both sides of it in its tags."""
    spaces = " " * MANY_WORDS
    return case.gold().replace("<answer>", f"<answer>{spaces}").replace("</answer>", f"{spaces}</answer>")


@attack(role=Role.VARIANT)
def gold_long_thought(case: Case, rng: np.random.Generator) -> str:
    """The gold answer after a thought of five thousand words."""
    return case.gold().replace("<think>", "<think> " + "look " * MANY_WORDS)


@attack(role=Role.VARIANT)
def gold_without_tags(case: Case, rng: np.random.Generator) -> str:
    """The gold answer's content alone."""
    return case.content(case.target)


@attack(role=Role.VARIANT)
def gold_cut(case: Case, rng: np.random.Generator) -> str:
    """The gold answer without its last fifteen characters, as a length limit leaves it."""
    return case.gold()[:-15]


def _right_and_wrong(case: Case, rng: np.random.Generator) -> tuple[str, str]:
    """Contents: what is right or at least honest, and what is surely wrong."""
    right: Value = case.target
    wrong: Value = case.other
    if case.task.answer.kind == BOXES:
        right, wrong = case.belief, Boxes((box_apart(case.boxes, rng),), scores=(0.5,))
    elif case.task.answer.kind == LABEL:
        wrong = Label(nearest_names(case.name, case.vocabulary)[0])
    return case.content(right), case.content(wrong)
