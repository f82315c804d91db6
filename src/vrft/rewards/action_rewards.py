"""Rewards of an action on a screen: its type, its place, its text.

An answer without a readable action has 0, and so has a click without a point: nothing is put in its place.
Borders belong to a box. A target without a place or a text does not ask for one, and what an answer adds
there counts neither way. Every term raises InputError for a target that is not an action.
"""

from __future__ import annotations

import math

from vrft.geometry.points import in_box
from vrft.rewards.point_rewards import kernel
from vrft.rewards.text_measures import word_f1
from vrft.types import Action, Answer, Example, PointXY, Value, expect


def action_type(answer: Answer, target: Value) -> float:
    """Whether the action is the right one, wherever it is done, 0 or 1.

    Example:
        >>> click = Action("click", (5.0, 5.0), box_px=(0.0, 0.0, 10.0, 10.0))
        >>> action_type(Answer(Action("Click")), click), action_type(Answer(Action("type")), click)
        (1.0, 0.0)
    """
    said = answer.as_(Action)
    return float(said is not None and said.action == expect(target, Action).action)


def in_place(answer: Answer, target: Value) -> float:
    """Whether the right action is done at the right place, 0 or 1.

    In the labelled box, borders included; without a box within the target's radius. 1 where the action is
    right and has no place.
    """
    said, gold = answer.as_(Action), expect(target, Action)
    return float(bool(action_type(answer, target)) and said is not None and is_at(said.xy_px, gold))


def right_text(answer: Answer, target: Value) -> float:
    """Whether the right action has the right text but for case and gaps, 0 or 1; 1 where it has none."""
    said, gold = answer.as_(Action), expect(target, Action)
    same = said is not None and (not gold.text or words_of(said.text) == words_of(gold.text))
    return float(bool(action_type(answer, target)) and same)


def action_accuracy(answer: Answer, target: Value) -> float:
    """Whether type, place and text are all right, 0 or 1.

    Example:
        >>> click = Action("click", (5.0, 5.0), box_px=(0.0, 0.0, 10.0, 10.0))
        >>> said = [Action("click", (10.0, 0.0)), Action("click", (11.0, 0.0)), Action("click")]
        >>> [action_accuracy(Answer(one), click) for one in said]
        [1.0, 0.0, 0.0]
    """
    return in_place(answer, target) * right_text(answer, target)


def step_closeness(answer: Answer, target: Value, example: Example) -> float:
    """How near the right action is to its place and its text, in [0, 1].

    R = c F: c = 1 in the place and else exp(-d^2 / 5000), d the distance to the labelled point where the
    image is 1000 wide and high; F the F1 of the words, each as often as it is written. 0 for another action.
    """
    said, gold = answer.as_(Action), expect(target, Action)
    if said is None or not action_type(answer, target):
        return 0.0
    near = float(is_at(said.xy_px, gold))
    if not near and said.xy_px is not None and gold.xy_px is not None:
        near = float(kernel([said.xy_px], [gold.xy_px], example)[0, 0])
    return near * (words_f1(said.text, gold.text) if gold.text else 1.0)


def is_at(point: PointXY | None, gold: Action) -> bool:
    """Whether a point is where a target has its place; any is, and none, where it has no place."""
    if gold.box_px is None and gold.xy_px is None:
        return True
    if point is None:
        return False
    if gold.box_px is not None:
        return in_box(point, gold.box_px)
    assert gold.xy_px is not None
    return math.dist(point, gold.xy_px) <= gold.radius_px


def words_of(text: str) -> list[str]:
    """Words in lower case."""
    return text.casefold().split()


def words_f1(said: str, gold: str) -> float:
    """F1 of words, each as often as it is written; 1 where both texts are empty.

    Example:
        >>> words_f1("a a a", "a"), words_f1("u", "up"), words_f1("Hello World", "hello world")
        (0.5, 0.0, 1.0)
    """
    return word_f1(words_of(said), words_of(gold))
