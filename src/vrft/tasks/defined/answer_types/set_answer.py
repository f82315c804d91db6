"""A set of names: which of the options an image shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import field_validator

from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.attacks import Attack, AuditCase, by_name
from vrft.tasks.defined.answer_type import NOTHING, AnswerType, TypeSuggestion, as_json_content, values_of
from vrft.tasks.defined.answer_types.choice_answer import options_that_differ
from vrft.tasks.defined.labels import LabelChoice, Labelled
from vrft.tasks.metrics.metric import Metric, mean_reward
from vrft.tasks.parsing.abstentions import is_abstention
from vrft.types import Answer, CoordinateFrame, Fault, Names, Provides, Record, Value, expect
from vrft.types.names import plain_name

_PARTED = re.compile(r"\s*(?:,|;|\n)\s*(?:and\s+)?|\s+and\s+")


def _share(answer: Answer, target: Value, measure: Callable[[int, int, int], float]) -> float:
    """A measure of how many names are shared, said and right; two empty sets are the same."""
    said, right = answer.as_(Names), expect(target, Names)
    if said is None:
        return 0.0
    if not said.names or not right.names:
        return float(said.names == right.names)
    return measure(len({*said.names} & {*right.names}), len({*said.names}), len({*right.names}))


def names_exact(answer: Answer, target: Value) -> float:
    """Whether exactly the right names are said, 0 or 1."""
    return _share(answer, target, lambda shared, said, right: float(shared == said == right))


def names_f1(answer: Answer, target: Value) -> float:
    """F1 of the names, in [0, 1]: twice the shared ones over those said and those that are right."""
    return _share(answer, target, lambda shared, said, right: 2 * shared / (said + right))


def names_jaccard(answer: Answer, target: Value) -> float:
    """The names that are said rightly over all that are said or right, in [0, 1]."""
    return _share(answer, target, lambda shared, said, right: shared / (said + right - shared))


def names_recall(answer: Answer, target: Value) -> float:
    """The share of the right names that are said, in [0, 1], whatever is said besides."""
    return _share(answer, target, lambda shared, said, right: shared / right)


def all_options(case: AuditCase, rng: np.random.Generator) -> str:
    """All options for every image."""
    return case.answer(", ".join(case.example.options))


def nothing(case: AuditCase, rng: np.random.Generator) -> str:
    """That none is there, for every image."""
    return case.write(Names())


def all_where_any(case: AuditCase, rng: np.random.Generator) -> str:
    """All options wherever the honest policy names one."""
    return case.write(Names(case.example.options if case.belief.names else ()))


def one_name_missing(case: AuditCase, rng: np.random.Generator) -> str:
    """The right names but one; of none, the right answer to another question."""
    return _with_one_other(case, case.target.names, rng)


def one_name_too_many(case: AuditCase, rng: np.random.Generator) -> str:
    """The right names and one more; of all options, the right answer to another question."""
    return _with_one_other(case, [one for one in case.example.options if one not in case.target.names], rng)


def _with_one_other(case: AuditCase, names: Sequence[str], rng: np.random.Generator) -> str:
    """The right names, of which one of these is there where it was not, or is not where it was."""
    if not names:
        return case.write(case.other)
    changed = {*case.target.names} ^ {names[int(rng.integers(len(names)))]}
    return case.write(Names(tuple(one for one in case.example.options if one in changed)))


class SetAnswer(AnswerType):
    """Some of the options, in any order, or none."""

    options: tuple[str, ...]
    """What there is to choose from."""
    order: Literal["free"] = "free"
    """Of the names; where it counts, the type is ``permutation``."""

    name = "set"
    value = Names
    reads: ClassVar[tuple[Provides, ...]] = (
        ("category", "boxes"),
        ("category", "points"),
        ("question", "names"),
        ("image", "names"),
    )
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "f1": names_f1,
        "exact": names_exact,
        "jaccard": names_jaccard,
        "recall": names_recall,
    }
    metrics: ClassVar[Sequence[Metric]] = (
        Metric("f1", "F1 of names", mean_reward(names_f1, Names)),
        Metric("accuracy", "accuracy", mean_reward(names_exact, Names)),
    )
    placeholders = ("options",)
    lists = True
    success_rule = "exactly the right names"
    attacks: ClassVar[Mapping[str, Attack]] = by_name(all_options, nothing, all_where_any)
    near_misses: ClassVar[Mapping[str, Attack]] = by_name(one_name_missing, one_name_too_many)

    @field_validator("options")
    @classmethod
    def _differ(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        if empty := next(filter(is_abstention, options), None):
            raise ValueError(f"'{empty}' is read as that nothing is there. Reword it, or leave it out")
        return options_that_differ(options)

    @property
    def options_shown(self) -> tuple[str, ...]:
        return self.options

    def labelled(
        self, records: Sequence[Record], labels: LabelChoice, provides: tuple[str, str]
    ) -> Iterator[Labelled]:
        """Of categories one question for each image of which all options are labelled in full."""
        if provides[0] != "category":
            yield from super().labelled(records, labels, provides)
            return
        spelt = {plain_name(option): option for option in self.options}
        for record in records:
            known = {
                spelt.get(plain_name(name)) for name in record.known(record.categories | {*self.options})
            }
            if known >= {*self.options}:
                shown = {spelt.get(plain_name(name)) for name in record.categories} - {None}
                target = Names(tuple(option for option in self.options if option in shown))
                yield Labelled(record, "set", "", target, self.group(target, ""))

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Names | None:
        """The options of one label; None where it names something else."""
        said = {plain_name(name) for value in values for name in expect(value, Names).names}
        if len(values) != 1 or not said <= {plain_name(option) for option in self.options}:
            return None
        return Names(tuple(option for option in self.options if plain_name(option) in said))

    def shown(self, as_json: bool) -> str:
        return '{"answer": ["option", "option", ...]}' if as_json else "option, option, ..."

    def instruction(self, frame: CoordinateFrame | None) -> str:
        return f"Name all that apply, or '{NOTHING}'."

    def words(self) -> Mapping[str, str]:
        return {"options": ", ".join(self.options)}

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        names = expect(value, Names).names
        return as_json_content(list(names)) if as_json else ", ".join(names) or NOTHING

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        """The options that are named; a name that is none of them makes the answer unreadable."""
        if is_abstention(content):
            return Names(), () if content == NOTHING else (Fault.OTHER_NOTATION,)
        spelt = {plain_name(option): option for option in self.options}
        parts = [plain_name(part) for part in _PARTED.split(content.strip("[](){} .\n"))]
        if not set(parts) <= spelt.keys():
            return None, ()
        faults = () if len(set(parts)) == len(parts) else (Fault.OTHER_NOTATION,)
        said = set(parts)
        return Names(tuple(name for plain, name in spelt.items() if plain in said)), faults

    def similarity(self, one: Value, other: Value) -> float:
        """The share of the names in both of those in either."""
        return names_jaccard(Answer(one), other) if isinstance(other, Names) else 0.0

    def success(self, answer: Answer, target: Value) -> bool:
        return names_exact(answer, target) == 1

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Which categories an image shows, or sets that labels state."""
        stated = provides[1] == Names.kind
        found = {name for _, _, v in values_of(records, provides) for name in (v.words if stated else ())}
        names = sorted(found if stated else {name for _, name, _ in values_of(records, provides)})
        try:
            options_that_differ(tuple(names))
        except ValueError:
            return None
        listed = ", ".join(json.dumps(name, ensure_ascii=False) for name in names)
        return TypeSuggestion(
            0.9 if stated else 0.2,
            f"there are {len(names)} names, of which images show some",
            "{subject} Name all that apply: {options}." if provides[0] == "question"
            else "Which of these are in the image: {options}?",
            "f1",
            "a name too many costs as much as one too few",
            {"options": (f"[{listed}]", "all that the labels say")},
        )  # fmt: skip

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        """Each option in a third of the images."""
        here = rng.random((count, len(self.options))) < 1 / 3
        return [Names(tuple(o for o, shown in zip(self.options, row, strict=True) if shown)) for row in here]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        """One option more or fewer."""
        other = self.options[int(rng.integers(len(self.options)))]
        said = {*expect(target, Names).names} ^ {other}
        return Names(tuple(option for option in self.options if option in said))


ANSWER_TYPE = SetAnswer
