"""Clicking: what to do next on a screen, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from vrft.geometry.jitter import draw_boxes
from vrft.geometry.points import center, radius_px
from vrft.rewards import action_rewards as actions
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import gui_r1, ui_r1
from vrft.rewards.point_rewards import WIDTH
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.clicking import styles
from vrft.tasks.clicking.action_attacks import ATTACKS
from vrft.tasks.clicking.action_metrics import METRICS
from vrft.tasks.clicking.styles import Style
from vrft.tasks.parsing.actions import parse_action_answer
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.task import AUDIT_SIDE, Setting, Task, audit_example, chosen
from vrft.types import (
    Action,
    Answer,
    Boxes,
    CoordinateFrame,
    Example,
    Record,
    Value,
    expect,
)
from vrft.types.actions import AT_A_PLACE

SETTINGS: Mapping[str, Setting] = {
    "recommended": {
        "accuracy": actions.action_accuracy,
        "closeness": actions.step_closeness,
        "format": texts.format_reward,
    },
    "gui_r1": {
        "accuracy": RewardTerm(gui_r1.accuracy_term, high=gui_r1.WEIGHT_ACCURACY, unsafe=True),
        "format": RewardTerm(gui_r1.format_term, high=gui_r1.WEIGHT_FORMAT, unsafe=True),
    },
    "ui_r1": {
        "action": RewardTerm(ui_r1.action_term, unsafe=True),
        "coordinate": RewardTerm(ui_r1.coordinate_term, unsafe=True),
        "format": RewardTerm(ui_r1.format_term, unsafe=True),
    },
}
"""``gui_r1`` and ``ui_r1`` are the released code with its holes, for comparison; give them the ``style`` of
their name, since they read no other."""
TERMS: Setting = {
    "action_type": actions.action_type,
    "in_place": actions.in_place,
    "right_text": actions.right_text,
    **texts.usual_terms(actions.action_accuracy),
}
"""What ``reward.weights`` may add to a setting."""
STYLE = "style"
GROUP = "step"
TYPED = ("hello world", "rain tomorrow", "maps", "mail")
DIRECTIONS = ("up", "down", "left", "right")


@dataclass(frozen=True)
class Clicking(Task):
    """The next action on a screen, with its place and its text.

    Args:
        style: how an action is asked for and written: ``json``, or ``gui_r1`` and ``ui_r1`` with the prompts
            of these projects; all are read, whichever is asked for. UI-R1 has no texts: there none is asked
            for.
    """

    style: Style = "json"

    name = "clicking"
    help = "Say the next action on a screen, such as a click at a place."
    answer = Action
    needs = frozenset({("question", "action")})
    or_needs = (frozenset({("phrase", "boxes")}),)
    is_default = True
    example_answer = styles.EXAMPLE
    settings = SETTINGS
    terms = TERMS
    metrics = METRICS
    attacks = ATTACKS
    success_rule = "the right action, at the right place, with the right text"
    score_rule = "1 for the right action at the right place, times the F1 of its text"

    @property
    def example_fields(self) -> Mapping[str, object]:
        return {STYLE: self.style} if self.style != "json" else {}

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for each instruction; of a phrase with one box, a click in it."""
        ((about, kind),) = self.asks_about(records)
        said = [
            (record, index, one.name, target_of(one.value, record.image.size_wh))
            for record in records
            for index, one in enumerate(
                a for a in record.annotations if (a.about, a.value.kind) == (about, kind)
            )
        ]
        return [
            self.example(
                record, index, asked, replace(target, text="") if self.style == "ui_r1" else target, GROUP
            )
            for record, index, asked, target in said
            if target is not None
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt, in the style that is asked for."""
        return styles.question(example.question, frames[0], example.form, _style(example))

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        content = styles.written(expect(example.target, Action), frames[0], _style(example))
        return in_tags(content, "I look at the screen.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        return parse_action_answer(text, frames[0] if frames else None, example.form)

    def similarity(self, one: Value, other: Value) -> float:
        """0 for another type; else by place, 1 where one is in the other's, times the F1 of the texts."""
        if not (isinstance(one, Action) and isinstance(other, Action)) or one.action != other.action:
            return 0.0
        return _place_similarity(one, other) * actions.words_f1(one.text, other.text)

    def score(self, answer: Answer, target: Value) -> float:
        said, gold = answer.as_(Action), expect(target, Action)
        if said is None:
            return 0.0
        words = actions.words_f1(said.text, gold.text) if gold.text else 1.0
        return actions.in_place(answer, target) * words

    def success(self, answer: Answer, target: Value) -> bool:
        return actions.action_accuracy(answer, target) == 1

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        """The action, with the radius within which another place is right."""
        said = answer.as_(Action)
        if said is None or (said.xy_px is None and said.action in AT_A_PLACE):
            return "unreadable"
        return replace(said, radius_px=radius_px(example.image.size_wh) if said.xy_px else 0.0)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Six clicks in ten on boxes, two texts to type, two scrolls."""
        targets = [_drawn(int(kind), rng) for kind in rng.permutation(np.arange(count) % 10)]
        return [audit_example(self.name, i, "Go on.", target, GROUP) for i, target in enumerate(targets)]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """Seven in ten are right, a click anywhere in its box; of the others half are another action, and
        half are done at another place or with another text."""
        targets = [expect(example.target, Action) for example in examples]
        wrong, other = chosen(len(targets), 0.3, rng), chosen(len(targets), 0.5, rng)
        return [
            _believed(target, bad, far, rng) for target, bad, far in zip(targets, wrong, other, strict=True)
        ]


def target_of(value: Value, size_wh: tuple[int, int]) -> Action | None:
    """What a label asks for: of one box a click at its center; None of several boxes or none."""
    if isinstance(value, Boxes):
        return Action("click", center(value.xyxy_px[0]), box_px=value.xyxy_px[0]) if value.size == 1 else None
    action = expect(value, Action)
    if action.xy_px is None and action.box_px is not None:
        return replace(action, xy_px=center(action.box_px))
    if action.xy_px is not None and action.box_px is None and not action.radius_px:
        return replace(action, radius_px=radius_px(size_wh))
    return action


def _style(example: Example) -> Style:
    return cast(Style, example.fields.get(STYLE, "json"))


def _place_similarity(one: Action, other: Action) -> float:
    if one.xy_px is None or other.xy_px is None:
        return float(one.xy_px == other.xy_px or one.action not in AT_A_PLACE)
    if _has_place(one) or _has_place(other):
        near = _has_place(other) and actions.is_at(one.xy_px, other)
        return float(near or (_has_place(one) and actions.is_at(other.xy_px, one)))
    (x1, y1), (x2, y2) = one.xy_px, other.xy_px
    return float(np.exp(-((x1 - x2) ** 2 + (y1 - y2) ** 2) / WIDTH))


def _has_place(action: Action) -> bool:
    return action.box_px is not None or action.radius_px > 0


def _drawn(kind: int, rng: np.random.Generator) -> Action:
    if kind < 6:
        (box,) = draw_boxes(1, rng)
        x, y = center(box)
        return Action("click", (float(int(x)), float(int(y))), box_px=box)
    known = TYPED if kind < 8 else DIRECTIONS
    return Action("type" if kind < 8 else "scroll", text=known[int(rng.integers(len(known)))])


def _believed(target: Action, wrong: bool, other: bool, rng: np.random.Generator) -> Action:
    if target.box_px is not None and not (wrong and other):
        x1, y1, x2, y2 = (0, 0, AUDIT_SIDE, AUDIT_SIDE) if wrong else map(int, target.box_px)
        x, y = rng.integers((x1, y1), (x2, y2), endpoint=True).tolist()
        return Action("click", (float(x), float(y)))
    if not wrong:
        return Action(target.action, target.xy_px, target.text)
    if other:
        return Action("press_back" if target.box_px is not None else "wait")
    return Action(target.action, text="sideways")


TASK = Clicking()
