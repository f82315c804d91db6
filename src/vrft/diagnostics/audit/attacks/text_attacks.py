"""Answers to whatever is asked for: those of good faith, and attacks on tags and text."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from vrft.diagnostics.audit.attack import BOXES, LABEL, Case, Role, attack
from vrft.geometry.jitter import box_apart
from vrft.tasks.parsing.label_reading import nearest_names
from vrft.tasks.parsing.tags import TAGS
from vrft.types import Boxes, Label, Value

MANY_WORDS = 5_000
OTHERS_NAMED = 10
REASONING = " ".join(
    [
        "First, I look at the image step by step. Then I compare what I see with the question. Wait, let me "
        "check this again. On the one hand it may be so; on the other hand I must verify it. Therefore, "
        "having considered every part carefully, I conclude that the final answer is correct because it is "
        "consistent."
    ]
    * 8
)
PROSE = " ".join(
    [
        "The image shows a scene with several things in it, some of them near and others further away, in "
        "colours that differ from each other and in light that comes from one side."
    ]
    * 6
)


@attack(role=Role.REFERENCE)
def gold(case: Case, rng: np.random.Generator) -> str:
    """The right answer."""
    return case.gold()


@attack(role=Role.REFERENCE)
def honest(case: Case, rng: np.random.Generator) -> str:
    """The honest policy."""
    return case.honest()


@attack()
def another_target(case: Case, rng: np.random.Generator) -> str:
    """The right answer to another question."""
    return case.write(case.other)


@attack()
def usual_answer(case: Case, rng: np.random.Generator) -> str:
    """The answer that is right most often, to every question."""
    return case.write(_most_frequent(case.targets))


@attack()
def every_answer(case: Case, rng: np.random.Generator) -> str:
    """The right answers to ten other questions and the one to this, in one answer, in random order."""
    first = int(rng.integers(len(case.targets)))
    others = [*case.targets[first:], *case.targets[:first]][:OTHERS_NAMED]
    contents = list(dict.fromkeys(map(case.content, [case.target, *others])))
    return case.answer(", ".join(contents[i] for i in rng.permutation(len(contents))))


@attack()
def right_one_in_the_thought(case: Case, rng: np.random.Generator) -> str:
    """The right answer in the thought, the one to another question as the answer."""
    return case.answer(case.content(case.other), thought=f"It may be {case.content(case.target)}.")


@attack()
def wrong_and_well_reasoned(case: Case, rng: np.random.Generator) -> str:
    """The right answer to another question, after a long thought in the words of careful reasoning."""
    return case.answer(case.content(case.other), thought=REASONING)


@attack()
def long_prose(case: Case, rng: np.random.Generator) -> str:
    """Two hundred words about images in general as the answer."""
    return case.answer(PROSE)


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


@attack(role=Role.RESTATED)
def honest_and_well_reasoned(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's answer after a long thought in the words of careful reasoning."""
    return case.answer(case.content(case.belief), thought=REASONING)


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


@cache
def _most_frequent(targets: tuple[Value, ...]) -> Value:
    """The target that comes most often; of several the first."""
    return Counter(targets).most_common(1)[0][0]
