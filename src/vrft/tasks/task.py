"""What a task is. Everything that depends on a task is in its folder; nothing else in vrft names one.

A task is a folder here that defines ``TASK``, a package with an entry point in the group ``vrft.tasks``, or
a file that is named on the command line (``--task file.py:TASK``): see ``vrft.tasks.registry``. It knows
texts, values and coordinate frames, never a model. What follows ``parse`` has defaults.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from vrft.errors import InputError
from vrft.rewards.reward_term import AnswerReward, GroupReward, RewardTerm
from vrft.tasks.attacks import Attack
from vrft.tasks.fusion import Candidate, Rule, best_logprob, self_consistency
from vrft.tasks.lazy_questions import ID_SEPARATOR
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.section import Section
from vrft.types import (
    Answer,
    CoordinateFrame,
    Example,
    Form,
    Image,
    Medium,
    Message,
    PartReward,
    Prediction,
    Provides,
    Record,
    Rollout,
    Turn,
    Value,
    WrittenNumber,
    first_met,
    frames_of,
    provided,
)


class Environment:
    """Asks once. A subclass overrides ``reply`` for further turns: a zoom tool, a second look, a chain.

    Both functions depend on their arguments alone, so that a resumed run is the uninterrupted one to the bit.
    """

    def start(self, example: Example, question: str) -> Sequence[Message]:
        """The conversation that the first turn answers."""
        return (Message("user", (*example.media, question)),)

    def reply(self, example: Example, turns: Sequence[Turn]) -> Sequence[Message] | None:
        """What follows the last turn; None where the trajectory is over."""
        return None


Setting = Mapping[str, RewardTerm | AnswerReward | GroupReward]
"""The terms of one reward setting by name, weight one each."""
SUCCESS = 0.5
AUDIT_SIDE = 1000
"""Width and height of the audit's images: every coordinate frame then writes whole pixels exactly."""


class PresenceQuestion(Protocol):
    """Whether what is asked for is there at all: the first step of two."""

    def question(self, example: Example) -> str:
        """The user's text of the prompt, in ``example.form``."""
        ...

    def read(self, text: str, form: Form) -> bool | None:
        """What a text says; None where it says neither yes nor no. Never raises."""
        ...


class Task(ABC):
    """One skill: how to ask for it, how to read the answer, how it is rewarded, how good it is.

    A subclass sets the attributes without a default and writes the first four functions. Options that a
    user may set are fields of a frozen dataclass (``vrft.tasks.classification`` has two).
    """

    name: str
    help: str
    """One sentence for ``vrft tasks``."""
    answer: type[Value]
    """The kind of value that is asked for."""
    needs: frozenset[Provides] = frozenset()
    """The annotations it asks about, such as ``('category', 'boxes')``; empty: any image will do."""
    or_needs: Sequence[frozenset[Provides]] = ()
    """What it can ask about as well where labels do not say what it ``needs``; the first that they say."""
    is_default: bool = False
    """It is meant where a user names no task and the labels suit it."""
    example_answer: str = ""
    """The content of the answer tags as the prompt shows it."""
    settings: Mapping[str, Setting]
    """Reward settings by name: ``recommended``, and ``paper`` and ``released`` where there is a paper."""
    terms: Setting = MappingProxyType({})
    """Further terms, which a configuration may add to a setting by giving them a weight."""
    metrics: Sequence[Metric]
    """The headline first."""
    sections: Sequence[Section] = ()
    """Parts of the scorecard that only this task has."""
    rules: Mapping[str, Rule] = MappingProxyType(
        {"self_consistency": self_consistency, "best_logprob": best_logprob}
    )
    """How several answers become one; the usual rule first."""
    environment: Environment = Environment()
    presence_question: PresenceQuestion | None = None
    """None where a question always has something to find."""
    takes_options: bool = False
    """A question may list class names to choose from."""
    folder_is_sequence: bool = False
    """A question about a folder without labels shows its images together, in the order of their names."""
    many_parts: bool = False
    """An answer may have any number of parts, also none."""
    has_confidences: bool = False
    """Each part of an answer has a confidence."""
    confidence_sources: Mapping[str, Callable[[Rollout], Sequence[float] | None]] = MappingProxyType({})
    """What the confidences of an answer may be, by name, the written ones first: from a rollout to a number
    for each part, or None for those that are written. Empty where there is nothing to choose."""
    success_rule: str = "a similarity of at least 0.5 with the label"
    """``success`` in words."""
    score_rule: str = "similarity with the label"
    """``score`` in words."""
    right_or_wrong: bool = False
    """A score is 1 or 0 and nothing between."""
    not_in_labels: str = ""
    """What a right answer needs and no label holds, as the report says it; empty where a label holds all."""
    attacks: Mapping[str, Attack] = MappingProxyType({})
    """Further ways to cheat for ``vrft audit``, by name (``vrft.tasks.attacks``)."""
    near_misses: Mapping[str, Attack] = MappingProxyType({})
    """Right answers but for one thing each, which makes them wrong."""

    def is_same_as(self, other: Task) -> bool:
        """Whether a task of the same name is this one, whatever its options."""
        return type(other) is type(self)

    @property
    def own_question(self) -> str:
        """What it asks about where nobody says it; empty where a user must."""
        return ""

    @property
    def example_fields(self) -> Mapping[str, object]:
        """``Example.fields`` of every question: what reading an answer depends on besides the question, such
        as an option of this task."""
        return {}

    def fits(self, provides: Collection[Provides]) -> bool:
        """Whether labels say what it asks about; no labels suit a task that any image will do for."""
        return bool(first_met((self.needs, *self.or_needs), {*provides}))

    def asks_about(self, records: Iterable[Record]) -> frozenset[Provides]:
        """The first of ``needs`` and ``or_needs`` that the labels meet, else ``needs``."""
        return first_met((self.needs, *self.or_needs), provided(records)) or self.needs

    # ---- to be written for every task

    @abstractmethod
    def examples(self, records: Sequence[Record]) -> Sequence[Example]:
        """Every question that the records can answer, in a stable order; of millions, a sequence that makes
        each when it is looked at."""

    @abstractmethod
    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The user's text of the prompt, in ``example.form``."""

    @abstractmethod
    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The target as the model would write it, tags included; a target of another kind raises."""

    @abstractmethod
    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """Read a model's text. Never raises and never looks at the target.

        Args:
            text: as the model wrote it.
            example: its form, question and options.
            frames: how places are written, one for each medium; empty where that is not known: then nothing
                is converted, and ``Fault.UNKNOWN_FRAME`` says so.
        """

    # ---- what has a default

    def parse_turns(self, example: Example, turns: Sequence[Turn]) -> Answer:
        """What a whole trajectory answers: the last turn, with what its prompt holds of the answer, in the
        frames of what was shown first."""
        answer = self.parse(turns[-1].text, example, frames_of(turns))
        n_tokens = sum(len(turn.completion.token_ids) for turn in turns)
        return replace(answer, n_tokens=n_tokens) if n_tokens else answer

    def similarity(self, one: Value, other: Value) -> float:
        """How far two values say the same, in [0, 1]: one rule for pass@k, votes and agreement of copies; 0
        of a value and itself where the task has no use for its kind."""
        return float(one.same_as(other))

    def is_far(self, one: Value, other: Value) -> bool:
        """Whether a value is so far from another that no reward may take it for right."""
        return self.similarity(one, other) < SUCCESS

    def score(self, answer: Answer, target: Value) -> float:
        """How well one question was answered, in [0, 1], as galleries sort and show it."""
        return self.similarity(answer.value, target) if isinstance(answer.value, self.answer) else 0.0

    def success(self, answer: Answer, target: Value) -> bool:
        """Whether a sampled answer counts as right, whatever the reward setting."""
        return self.score(answer, target) >= SUCCESS

    def n_choices(self, example: Example) -> int | None:
        """Among how many answers a question chooses; None where they are not counted."""
        return len(example.options) or None

    def rule(self, name: str | None = None) -> Rule:
        """The fusion rule of a name; None is the usual one."""
        if name is not None and name not in self.rules:
            raise InputError(
                f"{self.name} has no fusion rule '{name}'. Choose one of: {', '.join(self.rules)}."
            )
        return self.rules[name] if name is not None else next(iter(self.rules.values()))

    def fuse(self, candidates: Sequence[Candidate], rule: str | None = None) -> Answer:
        """Several answers to one question as one."""
        return self.rule(rule)(candidates, self.similarity)

    def canonical(self, value: Value, example: Example) -> Value:
        """A value as exports spell it, such as a class name as it is listed among the options."""
        return value

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        """A fused answer as a training label, or the reason why it may not become one.

        Args:
            answer: what a rule made of several answers.
            example: the question.
            min_confidence: least confidence of a part that stays in the label.
            classes: names of the labelled classes.

        Returns:
            The target, which may be empty; or one of the reasons of ``vrft.training.pseudo_labels.Outcome``.
        """
        return answer.value if isinstance(answer.value, self.answer) else "unreadable"

    def ask(
        self,
        id: str,
        media: Sequence[Medium],
        question: str,
        options: Sequence[str] = (),
        form: Form = Form.THINK,
    ) -> Example:
        """A question about media that nobody has labelled.

        Args:
            id: of the record.
            media: what is shown.
            question: a category, a phrase, a kind of thing: whatever the task asks about.
            options: class names to choose from.
            form: how the answer is asked for.

        Raises:
            InputError: there are options, and the task has nothing to choose from.
        """
        if options and not self.takes_options:
            raise InputError(f"{self.name} has no class names to choose from. Leave --options out.")
        asked = self.example(Record(id, tuple(media)), question, question, None, "", options=options)
        return replace(asked, form=form)

    def example(
        self,
        record: Record,
        key: object,
        question: str,
        target: Value | None,
        group: str,
        *,
        media: Sequence[Medium] | None = None,
        options: Sequence[str] = (),
        fields: Mapping[str, object] = MappingProxyType({}),
    ) -> Example:
        """A question of this task about a labelled record.

        Args:
            record: what it is about.
            key: tells it from all other questions about the record; None where there is no other.
            question: what is asked about.
            target: the right answer.
            group: the class that it counts for.
            media: what is shown; None is all of the record.
            options: class names to choose from.
            fields: what reading an answer depends on, besides ``example_fields``.
        """
        return Example(
            record.id if key is None else f"{record.id}{ID_SEPARATOR}{key}",
            record.id,
            self.name,
            record.media if media is None else tuple(media),
            question,
            target,
            tuple(options),
            group,
            fields={**self.example_fields, **fields},
        )

    def shows_work(self, thought: str) -> bool | None:
        """Whether a thought works the answer out, right or wrong; None where the task has no such notion."""
        return None

    def contrast_example(self, example: Example) -> Example | None:
        """A variant whose answers a reward compares with; None where none is asked for."""
        return None

    def part_rewards(self, rollout: Rollout) -> Sequence[PartReward]:
        """Rewards for parts of what was said, for advantages that give credit by part."""
        return ()

    def written_numbers(self, rollout: Rollout) -> Sequence[WrittenNumber]:
        """Numbers of an answer that can be taught directly, such as the confidence of each box."""
        return ()

    def split_by_category(self, prediction: Prediction) -> Sequence[Prediction]:
        """The same as answers about one category each: what exports write that know no other."""
        return (prediction,)

    def class_name_warnings(self, names: Sequence[str]) -> Sequence[str]:
        """Sentences about class names that this task's answers cannot hold."""
        return ()

    def unused_label_notes(self, records: Sequence[Record]) -> Sequence[str]:
        """Sentences about labels that it cannot ask about, with how many there are."""
        return ()

    # ---- for the audit

    def completed_for_audit(self, value: Value, belief: Value, target: Value) -> Value:
        """A value that an attack made of bare places, with what this task's answers say besides, such as
        names: those of what the honest policy believes, and elsewhere the right ones."""
        return value

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Random targets about images that need not exist; InputError where the task cannot be audited."""
        raise InputError(f"{self.name} cannot be audited: it has no audit_examples. Add them to the task.")

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """What an imperfect model that answers honestly believes: right in 60 % of the questions, and
        elsewhere the target of another question."""
        targets = [example.target for example in examples if example.target is not None]
        wrong = chosen(len(targets), 0.4, rng)
        return [
            next((t for t in targets[i + 1 :] + targets[:i] if t != target), target) if wrong[i] else target
            for i, target in enumerate(targets)
        ]


def audit_example(task: str, index: int, question: str, target: Value, group: str = "") -> Example:
    """A question of an audit, about an image of 1000 by 1000 pixels that need not exist."""
    image = Image(Path(f"audit-{index}.png"), (AUDIT_SIDE, AUDIT_SIDE))
    return Example(f"audit-{index}", f"audit-{index}", task, (image,), question, target, group=group)


def chosen(count: int, share: float, rng: np.random.Generator) -> list[bool]:
    """So many flags, a share of them set, at random places."""
    flags: list[bool] = (rng.permutation(count) < round(share * count)).tolist()
    return flags
