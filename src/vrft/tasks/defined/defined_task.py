"""A task that a definition makes, with nothing of its own but what the definition and its answer type say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from vrft.errors import ConfigError
from vrft.rewards import text_rewards as texts
from vrft.rewards.custom_reward import load_custom_reward
from vrft.rewards.reward_term import AnswerReward, GroupReward, RewardTerm, as_term
from vrft.tasks.defined.answer_type import AnswerType
from vrft.tasks.defined.definition import FORMAT, RIGHT, Definition, read_definition
from vrft.tasks.defined.labels import Labelled
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, Task, audit_example
from vrft.types import Answer, CoordinateFrame, Example, Record, Value, expect, provided
from vrft.types.options import did_you_mean

RECOMMENDED = "recommended"
USUAL: Mapping[str, float] = {RIGHT: 1.0, FORMAT: 1.0}
"""Weights where a definition gives none."""


class DefinedTask(Task):
    """A task without Python.

    Args:
        definition: what the file says.
        targets: labels that the audit draws its questions' answers from; none draws them at random.
    """

    def __init__(self, definition: Definition, targets: Sequence[Value] = ()) -> None:
        kind = definition.answer
        self.definition, self.targets = definition, tuple(targets)
        self.name, self.help, self.answer = definition.name, definition.help, kind.value
        self.needs = frozenset({definition.reads[0]})
        self.or_needs = tuple(frozenset({pair}) for pair in definition.reads[1:])
        self.example_answer = kind.shown(self._as_json)
        self.metrics = sorted(kind.metrics, key=lambda metric: metric.name != definition.metric)
        self.rules, self.many_parts = kind.fusion_rules, kind.many_parts
        self.attacks, self.near_misses = kind.attacks, kind.near_misses
        self.success_rule, self.score_rule = kind.success_rule, "similarity with the label"

    @property
    def type(self) -> AnswerType:
        """Its answer type with the options that the definition gives."""
        return self.definition.answer

    @property
    def own_question(self) -> str:
        """The question itself, where it names nothing that only labels know."""
        return "" if self.definition.names_subject else self._filled("")

    @property
    def _as_json(self) -> bool:
        return self.definition.notation == "json"

    def is_same_as(self, other: Task) -> bool:
        """Whether the other's file says the same."""
        return isinstance(other, DefinedTask) and other.definition == self.definition

    # ---- rewards

    @cached_property
    def right(self) -> AnswerReward:
        """What is right, by the definition's rule."""
        rule = self.type.right_rules[self.definition.rule]
        return partial(rule, **self.definition.rule_options) if self.definition.rule_options else rule

    @cached_property
    def terms(self) -> Setting:  # type: ignore[override]
        """What a configuration may add: the type's other rules, and terms of the text."""
        return {**self.type.right_rules, **texts.usual_terms(self.right)}

    @cached_property
    def settings(self) -> Mapping[str, Setting]:  # type: ignore[override]
        """One setting, of the definition's terms; a function of the user's own is loaded here."""
        weights = self.definition.reward or USUAL
        return {RECOMMENDED: {name: self._term(name, weight) for name, weight in weights.items()}}

    def _term(self, name: str, weight: float) -> RewardTerm:
        known: dict[str, RewardTerm | AnswerReward | GroupReward] = {
            RIGHT: self.right,
            FORMAT: texts.format_reward,
            **self.terms,
        }
        if name in known:
            return replace(as_term(known[name]), weight=weight)
        if ":" not in name:
            hint = did_you_mean(name, known)
            raise ConfigError(
                f"{self.definition.path}: reward.{name}: there is no such term.{hint} Known: "
                f"{', '.join(known)}, or file.py:function."
            )
        try:
            found = load_custom_reward(name)
        except ConfigError as error:
            raise ConfigError(f"{self.definition.path}: reward: {error}") from error
        # What says no range of its own has the usual one, outside of which the audit refuses it.
        return replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0), weight=weight)

    # ---- questions and answers

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for each label that answers it."""
        (provides,) = self.asks_about(records)
        if provides not in provided(records):
            return []
        return [self._asked(one) for one in self.type.labelled(records, self.definition.labels, provides)]

    def _asked(self, one: Labelled) -> Example:
        asked, options = self._subject(one.subject), self.type.options_shown
        return self.example(one.record, one.key, asked, one.target, one.group, options=options)

    def _subject(self, name: str) -> str:
        """What a question is about: the name in its labels, or the question itself where it names none."""
        return name if self.definition.names_subject else self._filled("")

    def _filled(self, subject: str) -> str:
        return self.definition.question.format(subject=subject, **self.type.words())

    def unused_label_notes(self, records: Sequence[Record]) -> Sequence[str]:
        """How many labels are no answers of this type, or which names no label has."""
        ((about, kind),) = self.asks_about(records)
        if about == "category":
            known = {name for record in records for name in record.categories}
            asked = self.definition.labels.only or self.type.options_shown
            return [
                f"No label names '{name}', which {self.definition.path.name} asks about."
                f"{did_you_mean(name, known)}"
                for name in asked
                if name not in known
            ]
        given = sum(one.provides == (about, kind) for record in records for one in record.annotations)
        count = len(self.examples(records))
        if count == given:
            return ()
        return [
            f"Not asked about: {given - count} of {given} labels, which are no {self.type.name} as "
            f"{self.definition.path.name} has it."
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The question with what it is about, how to answer, and the tags."""
        how = self.type.instruction(frames[0] if frames else None)
        lines = [self._filled(example.question), *([how] if how else [])]
        return "\n".join(lines) + "\n" + answer_instructions(self.example_answer, example.form)

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        target = expect(example.target, self.answer)
        content = self.type.content(target, frames[0] if frames else None, self._as_json)
        return in_tags(content, "I look at the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        return self.type.read(text, example, frames[0] if frames else None, self._as_json)

    def similarity(self, one: Value, other: Value) -> float:
        return self.type.similarity(one, other)

    def is_far(self, one: Value, other: Value) -> bool:
        return self.type.is_far(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return isinstance(answer.value, self.answer) and self.type.success(answer, target)

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        if not isinstance(answer.value, self.answer):
            return "unreadable"
        return self.type.pseudo_label(answer.value, example)

    def canonical(self, value: Value, example: Example) -> Value:
        return self.type.canonical(value) if isinstance(value, self.answer) else value

    # ---- the audit

    def audited_on(self, targets: Sequence[Value]) -> DefinedTask:
        """The same task, whose audit asks about these labels."""
        return DefinedTask(self.definition, targets)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Targets at random, or of labels; what has a place is on images of 1000 by 1000 pixels."""
        usable = () if self.answer.has_coordinates else self.targets
        # Each as often as the others: a share of the labels is the same share of the questions.
        drawn = [usable[i % len(usable)] for i in rng.permutation(count).tolist()] if usable else []
        name = next(iter(self.definition.labels.only), "cup")
        return [
            replace(
                audit_example(self.name, i, self._subject(name), target, self.type.group(target, name)),
                options=self.type.options_shown,
            )
            for i, target in enumerate(drawn or self.type.draw(count, rng))
        ]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        targets = [expect(one.target, self.answer) for one in examples]
        return self.type.as_precise(self.type.beliefs(targets, rng), targets, self.definition.rule_options)


def load_definition(path: Path | str) -> DefinedTask:
    """The task of a definition.

    Raises:
        ConfigError: what is wrong with the file, in one sentence.

    Example:
        >>> from tempfile import mkdtemp
        >>> file = Path(mkdtemp()) / "cups.yaml"
        >>> says = "answer: {type: number, whole: true}", "question: How many {subject}?", "right: exact"
        >>> _ = file.write_text("\\n".join(says))
        >>> load_definition(file).name
        'cups'
    """
    return DefinedTask(read_definition(path))
