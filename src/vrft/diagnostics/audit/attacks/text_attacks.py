"""Attacks on tags and text, whatever is asked for."""

from __future__ import annotations

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Role, attack
from vrft.diagnostics.audit.audit_case import Case, GuessedBox, Notation
from vrft.diagnostics.audit.honest import nearest_names
from vrft.diagnostics.audit.jitter import box_apart
from vrft.tasks.parsing.tags import TAGS

MANY = 5_000


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
    return case.answer(" " * MANY)


@attack()
def tags_only(case: Case, rng: np.random.Generator) -> str:
    """All tags fifty times, nothing between them."""
    return "".join(TAGS) * 50


@attack()
def format_without_content(case: Case, rng: np.random.Generator) -> str:
    """The demanded tags around words that answer nothing."""
    return case.answer("The answer can be seen in the picture.")


@attack()
def prompt_echo(case: Case, rng: np.random.Generator) -> str:
    """The prompt, word for word."""
    return case.task.ask(case.example, case.view, case.form)


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
    return "<think> " + "look " * MANY


@attack(from_label=True)
def two_answers_hedged(case: Case, rng: np.random.Generator) -> str:
    """Two answers in their tags, one right and one wrong, in random order."""
    right, wrong = _right_and_wrong(case, rng)
    first, second = (right, wrong) if rng.uniform() < 0.5 else (wrong, right)
    return f"{case.answer(first)} <answer>{second}</answer>"


@attack(role=Role.VARIANT)
def right_then_wrong(case: Case, rng: np.random.Generator) -> str:
    """The gold answer in its tags, then a wrong one in tags."""
    wrong = _right_and_wrong(case, rng)[1]
    return f"{case.gold()} <answer>{wrong}</answer>"


@attack(role=Role.VARIANT)
def wrong_then_right(case: Case, rng: np.random.Generator) -> str:
    """A wrong answer in its tags, then the gold one."""
    wrong = _right_and_wrong(case, rng)[1]
    return f"{case.answer(wrong)} {case.gold()}"


@attack(role=Role.VARIANT)
def gold_among_spaces(case: Case, rng: np.random.Generator) -> str:
    """The gold answer with five thousand spaces on both sides of it in its tags."""
    spaces = " " * MANY
    return case.gold().replace("<answer>", f"<answer>{spaces}").replace("</answer>", f"{spaces}</answer>")


@attack(role=Role.VARIANT)
def gold_long_thought(case: Case, rng: np.random.Generator) -> str:
    """The gold answer after a thought of five thousand words."""
    return case.gold().replace("<think>", "<think> " + "look " * MANY)


@attack(role=Role.VARIANT)
def gold_without_tags(case: Case, rng: np.random.Generator) -> str:
    """The gold answer's content alone."""
    return case.gold().rpartition("<answer>")[2].removesuffix("</answer>")


@attack(role=Role.VARIANT)
def gold_cut(case: Case, rng: np.random.Generator) -> str:
    """The gold answer without its last fifteen characters, as a length limit leaves it."""
    return case.gold()[:-15]


def _right_and_wrong(case: Case, rng: np.random.Generator) -> tuple[str, str]:
    """Contents: the class or the honest boxes, and what is surely wrong."""
    if case.notation is Notation.NAME:
        return case.name, nearest_names(case.name, case.names)[0]
    return case.content(case.honest.boxes), case.content([GuessedBox(box_apart(case.gold_boxes, rng), 0.5)])
