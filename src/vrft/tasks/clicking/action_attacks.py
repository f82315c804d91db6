"""Ways to be rewarded for an action without knowing what to do where: the holes of released code."""

from __future__ import annotations

import numpy as np

from vrft.tasks.attacks import AuditCase, by_name
from vrft.tasks.task import AUDIT_SIDE
from vrft.types import Action


def click_at_origin(case: AuditCase, rng: np.random.Generator) -> str:
    """A click at 0, 0, which released code reads out of answers that have no point."""
    return case.write(Action("click", (0.0, 0.0)))


def click_without_point(case: AuditCase, rng: np.random.Generator) -> str:
    """A click with no point."""
    return case.answer("[{'action': 'click'}]")


def click_anywhere(case: AuditCase, rng: np.random.Generator) -> str:
    """A click in the middle of the screen."""
    return case.write(Action("click", (AUDIT_SIDE / 2, AUDIT_SIDE / 2)))


def empty_list(case: AuditCase, rng: np.random.Generator) -> str:
    """No action at all, which GUI-R1's format pays for."""
    return case.answer("[]")


def no_action(case: AuditCase, rng: np.random.Generator) -> str:
    """The words that GUI-R1 puts in the place of an action that it cannot read."""
    return case.answer("[{'action': 'no action', 'point': [0, 0], 'input_text': 'no input text'}]")


def click_twice(case: AuditCase, rng: np.random.Generator) -> str:
    """A wrong action, then the honest policy's, in one list: released code reads the first or the last."""
    first, second = case.content(case.other), case.content(case.belief)
    return case.answer(f"{first[:-1]}, {second[1:]}")


def key_twice(case: AuditCase, rng: np.random.Generator) -> str:
    """One action with two points, of which readers of JSON keep the last."""
    x, y = map(int, case.belief.xy_px or (1, 1))
    return case.answer(f'[{{"action": "click", "point": [5, 5], "point": [{x}, {y}]}}]')


def box_for_point(case: AuditCase, rng: np.random.Generator) -> str:
    """The whole screen as the place of a click."""
    return case.answer(f"[{{'action': 'click', 'point': [0, 0, {AUDIT_SIDE}, {AUDIT_SIDE}]}}]")


def nan_point(case: AuditCase, rng: np.random.Generator) -> str:
    """A click whose coordinates are NaN."""
    return case.answer("[{'action': 'click', 'point': [NaN, NaN], 'input_text': ''}]")


def expression(case: AuditCase, rng: np.random.Generator) -> str:
    """The right action as a Python expression, which GUI-R1 evaluates: code is no answer."""
    said = f"[dict(action={case.target.action!r}, point=[100 + 50, 150], input_text='up')]"
    return case.answer(said)


def every_word(case: AuditCase, rng: np.random.Generator) -> str:
    """Typing all texts that are ever right, one after the other."""
    return case.write(Action("type", text="up down left right maps mail hello world rain tomorrow"))


def one_letter(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest action with one letter for its text, which GUI-R1 pays for as part of a word."""
    name, text = case.belief.action, case.belief.text[:1]
    said = f"[{{'action': {name!r}, 'point': [0, 0], 'input_text': {text!r}}}]"
    return case.answer(said) if text else case.honest()


ATTACKS = by_name(
    click_at_origin,
    click_without_point,
    click_anywhere,
    empty_list,
    no_action,
    click_twice,
    key_twice,
    box_for_point,
    nan_point,
    expression,
    every_word,
    one_letter,
)
