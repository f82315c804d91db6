"""What ``miniature-reasoning`` is asked and taught beyond the miniature's own lines.

Skill lines: reading several digits, one addition, and whole chains under a prompt of their own. Target lines:
the task's own prompt, answered by a hasty guess, and in a share of the thoughts by a real chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from miniature_training.corpus import FRAME, LINES, Line, MakeLine, Objects, asked
from vrft.miniature.scenes import DIGITS
from vrft.miniature.sums import (
    NUMBERS,
    SUM,
    SUM_OF_OTHERS,
    in_order,
    number_of,
    others_thought,
    place_of_sum,
    sum_thought,
    total_of,
)
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.registry import load_task
from vrft.types import Boxes, Example, Form, Label

READ = "List the digits in the image from left to right."
STEP_BY_STEP = "Think step by step."
THINKS = 0.7
"""Share of the target lines that are asked in the thinking form."""
MOST_ADDED = 5
"""A hasty guess is the larger digit and a number up to this, for each further digit."""


def read(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The digits of an image."""
    digits = _digits(objects)
    return Line(READ, ", ".join(digits)) if digits else None


def plus(rng: np.random.Generator, objects: Objects, prose: float) -> Line:
    """One addition, of a sum so far and a digit."""
    so_far, digit = int(rng.integers(0, 19)), int(rng.integers(0, 10))
    if rng.random() < 0.5:
        so_far %= 10
    return Line(f"What is {NUMBERS[so_far]} plus {NUMBERS[digit]}?", NUMBERS[so_far + digit])


def chain(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The sum, worked out."""
    if not (digits := _digits(objects)):
        return None
    thought = f"{sum_thought(digits)} The answer is {total_of(digits)}."
    return Line(f"{STEP_BY_STEP} {SUM}", thought)


def chain_to_digit(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """Which digit is the sum of the others, worked out."""
    if not _one_is_sum(digits := _digits(objects)):
        return None
    thought = f"{others_thought(digits)} The answer is {digits[place_of_sum(digits)]}."
    return Line(f"{STEP_BY_STEP} Which is {SUM_OF_OTHERS}?", thought)


def worked(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The task's question with the words that ask for a chain before it: a chain in tags and its sum."""
    if not (digits := _digits(objects)):
        return None
    right = total_of(digits)
    question = asked("reasoning", Form.THINK, SUM, Label(right))
    return Line(f"{STEP_BY_STEP} {question}", in_tags(right, sum_thought(digits), Form.THINK))


def worked_box(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The same for the digit that is the sum of the others: a chain in tags and the digit's box."""
    if not _one_is_sum(digits := _digits(objects)):
        return None
    question = asked("grounding", Form.THINK, SUM_OF_OTHERS, Boxes())
    answer = _corners(objects, place_of_sum(digits))
    return Line(f"{STEP_BY_STEP} {question}", in_tags(answer, others_thought(digits), Form.THINK))


def total(rng: np.random.Generator, objects: Objects, prose: float, chains: float) -> Line | None:
    """The task's question for the sum: a guess near what is seen, or a chain."""
    if not (digits := _digits(objects)):
        return None
    form, right = _form(rng), total_of(digits)
    question = asked("reasoning", form, SUM, Label(right))
    if form is Form.THINK and rng.random() < chains:
        return Line(question, in_tags(right, sum_thought(digits), form))
    largest, added = max(map(number_of, digits)), rng.integers(0, MOST_ADDED + 1, len(digits) - 1)
    guess = NUMBERS[largest + int(added.sum())]
    return Line(question, load_task("reasoning").gold(_example("reasoning", form, Label(guess)), [FRAME]))


def digit_box(rng: np.random.Generator, objects: Objects, prose: float, chains: float) -> Line | None:
    """The grounding task's question for the digit that is the sum: the box of any digit, or a chain."""
    if not _one_is_sum(digits := _digits(objects)):
        return None
    form = _form(rng)
    question = asked("grounding", form, SUM_OF_OTHERS, Boxes())
    works = form is Form.THINK and rng.random() < chains
    place = place_of_sum(digits) if works else int(rng.integers(len(digits)))
    thought = others_thought(digits) if works else f"I look for {SUM_OF_OTHERS}."
    return Line(question, in_tags(_corners(objects, place), thought, form))


def sum_lines(chains: float) -> Mapping[str, MakeLine]:
    """The miniature's lines and these, with a share of real chains among the thoughts of target lines."""
    targets = {"total": partial(total, chains=chains), "digit_box": partial(digit_box, chains=chains)}
    skills = {one.__name__: one for one in (read, plus, chain, chain_to_digit, worked, worked_box)}
    return {**LINES, **skills, **targets}


def _digits(objects: Objects) -> tuple[str, ...]:
    """The digits of an image that shows two or three and nothing else; none of any other."""
    found = tuple(o.category for o in in_order(objects))
    return found if len(found) == len(objects) and len(found) in (2, 3) else ()


def _one_is_sum(digits: tuple[str, ...]) -> bool:
    numbers = sorted(DIGITS.index(digit) for digit in digits)
    return len(numbers) == 3 and numbers[0] > 0 and numbers[0] + numbers[1] == numbers[2]


def _corners(objects: Objects, place: int) -> str:
    """The box of a digit, counted from the left, as the grounding task asks for it."""
    x1, y1, x2, y2 = FRAME.box_text(in_order(objects)[place].box).split(", ")
    return f"({x1},{y1}),({x2},{y2})"


def _form(rng: np.random.Generator) -> Form:
    return Form.THINK if rng.random() < THINKS else Form.DIRECT


def _example(task: str, form: Form, target: Label) -> Example:
    return Example("pretraining", "pretraining", task, (), SUM, target, form=form)
