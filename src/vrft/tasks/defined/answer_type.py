"""What an answer type is: how values of it are labelled, written, read, compared, and faked."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.attacks import Attack
from vrft.tasks.defined.labels import LabelChoice, Labelled, said_of, things
from vrft.tasks.fusion import Rule, best_logprob, self_consistency
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.task import SUCCESS, chosen
from vrft.types import Answer, CoordinateFrame, Example, Fault, Provides, Record, Value
from vrft.types.options import Options

NOTHING = "none"
"""How a set without a name is written."""
JSON_KEY = "answer"
"""Of the object that an answer of the format ``json`` is."""
WRONG = 0.4
"""Share of the audit's questions in which the honest policy is wrong."""
GROUP = "question"
"""Questions that are about no class count alike."""


@dataclass(frozen=True)
class TypeSuggestion:
    """What an answer type makes of some labels, for ``vrft task new``.

    Args:
        fit: how well it suits them, in [0, 1].
        why: one sentence.
        question: with placeholders.
        rule: what is right.
        because: why this rule.
        options: of the type as YAML, each with what the labels say about it.
    """

    fit: float
    why: str
    question: str
    rule: str
    because: str
    options: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class AnswerType(Options, ABC):
    """One kind of answer with its own options: what stands below ``answer`` next to ``type``.

    A type is one file in ``vrft.tasks.defined.answer_types``, which defines ``ANSWER_TYPE``.
    """

    name: ClassVar[str]
    value: ClassVar[type[Value]]
    reads: ClassVar[tuple[Provides, ...]]
    """Labels that say such values, the usual first."""
    right_rules: ClassVar[Mapping[str, AnswerReward]]
    """What may be right, by name: functions of answer and target in [0, 1]; their options are keywords."""
    metrics: ClassVar[Sequence[Metric]]
    """The usual headline first."""
    fusion_rules: ClassVar[Mapping[str, Rule]] = MappingProxyType(
        {"self_consistency": self_consistency, "best_logprob": best_logprob}
    )
    many_parts: ClassVar[bool] = False
    placeholders: ClassVar[tuple[str, ...]] = ()
    """What a question must name besides its subject."""
    attacks: ClassVar[Mapping[str, Attack]] = MappingProxyType({})
    near_misses: ClassVar[Mapping[str, Attack]] = MappingProxyType({})
    lists: ClassVar[bool] = False
    """In JSON an answer is a list."""
    joins: ClassVar[bool] = False
    """Things of several categories can be asked about in one question."""

    # ---- labels

    def labelled(
        self, records: Sequence[Record], labels: LabelChoice, provides: Provides
    ) -> Iterator[Labelled]:
        """What labels of one kind answer, each question once, in a stable order."""
        about, kind = provides
        if about == "category":
            groups = sorted(labels.groups(records).items())
            for record in records:
                yield from self.of_categories(record, groups, kind)
            return
        for record in records:
            for place, subject, value in said_of(record, about, kind):  # type: ignore[arg-type]
                target = self.target([value], kind, record)
                if target is not None and (about == "image" or not labels.only or subject in labels.only):
                    yield Labelled(record, str(place), subject, target, self.group(target, subject))

    def of_categories(
        self, record: Record, groups: Sequence[tuple[str, frozenset[str]]], kind: str
    ) -> Iterator[Labelled]:
        """One question for each group of categories of which the labels say all there is."""
        for subject, names in groups:
            if names <= record.known(names):
                target = self.target(things(record, names, kind), kind, record)
                if target is not None:
                    yield Labelled(record, subject, subject, target, subject)

    @abstractmethod
    def target(self, values: Sequence[Value], kind: str, record: Record) -> Value | None:
        """What labels of one subject come to; None where that is no answer of this type."""

    def group(self, target: Value, subject: str) -> str:
        """The class of a question in few-shot splits."""
        return GROUP

    # ---- answers

    @abstractmethod
    def shown(self, as_json: bool) -> str:
        """The content of the answer tags as the prompt shows it."""

    def instruction(self, frame: CoordinateFrame | None) -> str:
        """A sentence of the prompt about how to answer; empty where the question says all."""
        return ""

    def words(self) -> Mapping[str, str]:
        """What placeholders of the question stand for."""
        return {}

    @abstractmethod
    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        """A value as the model would write it between the answer tags."""

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        """What plain content says, with the faults of how it is written."""
        raise NotImplementedError

    def read(self, text: str, example: Example, frame: CoordinateFrame | None, as_json: bool) -> Answer:
        """A model's text as an answer; never raises."""
        sections = split_tags(text, example.form)
        tagged = Fault.NO_ANSWER_TAG not in sections.faults
        content, faults = self.unwrapped(sections.content, as_json)
        value, more = self.understand(content, tagged) if content else (None, ())
        if value is None and not more:
            more = (Fault.NOT_READABLE if sections.content else Fault.EMPTY,)
        return answered(text, sections, (*faults, *more), value)

    def unwrapped(self, content: str, as_json: bool) -> tuple[str, tuple[Fault, ...]]:
        """What is inside of the notation, and whether that is not the one that was asked for."""
        return unwrapped(content, as_json, self.lists)

    @abstractmethod
    def similarity(self, one: Value, other: Value) -> float:
        """How far two values say the same, in [0, 1]: of the type, whatever rule is right."""

    def is_far(self, one: Value, other: Value) -> bool:
        """Whether a value is so far from another that no rule may take it for right."""
        return self.similarity(one, other) < SUCCESS

    success_rule: ClassVar[str] = "a similarity of at least 0.5 with the label"

    def success(self, answer: Answer, target: Value) -> bool:
        """Whether an answer of this type is right, whatever the rule."""
        assert answer.value is not None
        return self.similarity(answer.value, target) >= SUCCESS

    def canonical(self, value: Value) -> Value:
        """A value as exports spell it."""
        return value

    def pseudo_label(self, value: Value, example: Example) -> Value:
        """An answer as a label."""
        return self.canonical(value)

    @property
    def options_shown(self) -> tuple[str, ...]:
        """What there is to choose from; empty where there is nothing."""
        return ()

    # ---- from labels to a definition

    @classmethod
    @abstractmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """A definition for labels of one kind; None where they are no answers of this type."""

    # ---- the audit

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        """Random targets, on images of ``vrft.tasks.task.AUDIT_SIDE`` pixels."""

    def beliefs(self, targets: Sequence[Value], rng: np.random.Generator) -> list[Value]:
        """What an honest, imperfect policy takes for right: right in 60 % of the questions."""
        wrong = chosen(len(targets), WRONG, rng)
        return [self.mistaken(t, rng) if missed else t for t, missed in zip(targets, wrong, strict=True)]

    def as_precise(
        self, beliefs: Sequence[Value], targets: Sequence[Value], options: Mapping[str, Any]
    ) -> list[Value]:
        """The same beliefs, those that are right as exact as the options of the rule ask for."""
        return [*beliefs]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        """A wrong value near a target."""
        return target


def as_json_content(value: object) -> str:
    """A plain value as the content of a JSON answer.

    Example:
        >>> as_json_content("7 cups")
        '{"answer": "7 cups"}'
    """
    return json.dumps({JSON_KEY: value}, ensure_ascii=False)


def unwrapped(content: str, as_json: bool, lists: bool = False) -> tuple[str, tuple[Fault, ...]]:
    """What is inside of a JSON object ``{"answer": ...}``, and whether that is not how it was asked for.

    Example:
        >>> unwrapped('{"answer": 7}', True), unwrapped("7", True)
        (('7', ()), ('7', (<Fault.OTHER_NOTATION: 'other_notation'>,)))
    """
    if content[:1] != "{":
        return content, (Fault.OTHER_NOTATION,) if as_json else ()
    try:
        found = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return content, (Fault.OTHER_NOTATION,)
    if not isinstance(found, dict) or list(found) != [JSON_KEY]:
        return content, (Fault.OTHER_NOTATION,)
    inner = found[JSON_KEY]
    faults = () if as_json else (Fault.OTHER_NOTATION,)
    if isinstance(inner, list) and all(isinstance(one, str) for one in inner):
        return ", ".join(inner) or NOTHING, faults if lists else (Fault.OTHER_NOTATION,)
    return (inner.strip(), faults) if isinstance(inner, str) else ("", (Fault.NOT_READABLE,))


def values_of(records: Sequence[Record], provides: Provides) -> list[tuple[Record, str, Value]]:
    """All values of a kind that labels give, each with its record and what it is about."""
    return [
        (record, one.name, one.value)
        for record in records
        for one in record.annotations
        if one.provides == provides and one.counts
    ]


def per_subject(records: Sequence[Record], provides: Provides) -> list[int]:
    """Of each record and name how many labels there are."""
    return list(Counter((record.id, name) for record, name, _ in values_of(records, provides)).values())


def rounded(number: float) -> float:
    """A number with three digits, as labels have them."""
    return float(f"{number:.3g}") if math.isfinite(number) else number
