"""A definition: what one YAML file says of a task, checked as a whole when it is read."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from vrft.errors import ConfigError
from vrft.rewards.reward_term import GIVEN, AnswerReward
from vrft.rewards.served_reward import is_address
from vrft.tasks.defined.answer_type import AnswerType
from vrft.tasks.defined.definition_file import DefinitionFile, KeyPath, read_definition_file
from vrft.tasks.defined.labels import LabelChoice
from vrft.types import Provides, in_words
from vrft.types.names import plain_name
from vrft.types.options import did_you_mean
from vrft.types.plugins import discover

KEYS = ("name", "help", "answer", "labels", "question", "right", "format", "metric", "reward")
SUBJECT = "subject"
RIGHT, FORMAT = "right", "format"
"""Terms of every reward."""
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Notation = Literal["tags", "json"]


@cache
def answer_types() -> Mapping[str, type[AnswerType]]:
    """All answer types by name."""
    return {found.name: found for found in discover("vrft.tasks.defined.answer_types", "ANSWER_TYPE")}


@dataclass(frozen=True)
class Definition:
    """A task as a file says it; equal where two files say the same."""

    path: Path = field(compare=False)
    name: str
    help: str
    answer: AnswerType
    labels: LabelChoice
    reads: tuple[Provides, ...]
    """The labels that questions are made of; the first that a dataset has."""
    question: str
    """With placeholders in braces."""
    rule: str
    rule_options: Mapping[str, Any]
    notation: Notation
    metric: str
    reward: Mapping[str, float]
    """Terms with their weights: ``right``, ``format``, other terms of the task, functions by their place."""

    @property
    def names_subject(self) -> bool:
        """Its question says what it is about."""
        return SUBJECT in placeholders(self.question)


def placeholders(template: str) -> list[str]:
    """The names in braces, in order; ValueError where braces are not in pairs.

    Example:
        >>> placeholders("How many {subject} are there, in {unit}?")
        ['subject', 'unit']
    """
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None]


def read_definition(path: Path | str) -> Definition:
    """Read a definition.

    Raises:
        ConfigError: all that is wrong with it, a sentence for each fault with file, line, key and remedy.
    """
    file = read_definition_file(Path(path).resolve())
    faults: list[ConfigError] = []

    def read(what: Callable[..., T], *of: Any) -> T | None:
        """What a part of the file says; None where that, or what it depends on, is wrong."""
        if any(one is None for one in of):
            return None
        try:
            return what(file, *of)
        except ConfigError as fault:
            faults.append(fault)
            return None

    read(DefinitionFile.check_keys, (), KEYS)
    read(_check_missing)
    kind = read(_kind, file.tree.get("answer") or None)
    answer = read(_answer, kind)
    labels = read(_section, "labels", LabelChoice)
    question = read(_check_placeholders, read(_text, "question") or None, answer)
    reads = read(_reads, answer, labels, question)
    rule = read(_rule, kind, file.tree.get("right") or None)
    notation = read(_choice, "format", ("tags", "json"), "tags")
    metric = read(_metric, kind)
    name, says = read(_name), read(_text, "help")
    reward = read(_reward)
    file.refuse(faults)
    assert answer and labels and question and reads and rule and metric and name and reward is not None
    return Definition(
        file.path,
        name,
        says or f"Defined in {file.path.name}: {answer.name}, right by the rule '{rule[0]}'.",
        answer,
        labels,
        reads,
        question,
        *rule,
        "json" if notation == "json" else "tags",
        metric,
        reward,
    )


_MISSING = {
    "answer": "Write answer: {type: ...} with one of the types.",
    "question": "Write what is asked, such as question: How many {subject} are in the image?",
    "right": "Write which rule says what is right, such as right: exact.",
}


def _check_missing(file: DefinitionFile) -> None:
    file.refuse(
        file.error((), f"'{key}' is missing. {what}")
        for key, what in _MISSING.items()
        if file.tree.get(key) in (None, {}, []) or not str(file.tree[key]).strip()
    )


def _kind(file: DefinitionFile, given: Any) -> type[AnswerType]:
    known = answer_types()
    kind = given if isinstance(given, str) else given.get("type") if isinstance(given, Mapping) else None
    if not isinstance(kind, str):
        raise file.error(("answer",), f"its type is missing. Write type: with one of {', '.join(known)}.")
    if kind not in known:
        hint = did_you_mean(kind, known)
        raise file.error(
            ("answer", "type"), f"there is no answer type '{kind}'.{hint} Choose one of: {', '.join(known)}."
        )
    return known[kind]


def _answer(file: DefinitionFile, kind: type[AnswerType]) -> AnswerType:
    given = file.tree["answer"]
    options = {} if isinstance(given, str) else {key: v for key, v in given.items() if key != "type"}
    if options:
        file.check_keys(("answer",), ("type", *kind.model_fields), f"the answer type {kind.name}")
    return _made(file, ("answer",), kind, options)


def _name(file: DefinitionFile) -> str:
    name = _text(file, "name") or file.path.stem.replace("-", "_")
    if not name.isidentifier():
        raise file.error(("name",), f"'{name}' is not a name. Write letters, digits and underscores.")
    return name


def _metric(file: DefinitionFile, kind: type[AnswerType]) -> str:
    return _choice(file, "metric", [m.name for m in kind.metrics], kind.metrics[0].name)


def _section(file: DefinitionFile, key: str, model: type[M]) -> M:
    given = file.tree.get(key, {})
    if not isinstance(given, Mapping):
        raise file.error((key,), f"keys were expected: {', '.join(model.model_fields)}.")
    if given:
        file.check_keys((key,), list(model.model_fields))
    return _made(file, (key,), model, given)


def _made(file: DefinitionFile, key: KeyPath, model: type[M], given: Mapping[str, Any]) -> M:
    lists = {name for name, f in model.model_fields.items() if f.annotation == tuple[str, ...]}
    plain = {n: [v] if n in lists and isinstance(v, str) else v for n, v in given.items()}
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        file.refuse(_fault(file, key, model, given, dict(one)) for one in error.errors())
        raise


def _fault(
    file: DefinitionFile, key: KeyPath, model: type[M], given: Mapping[str, Any], error: Mapping[str, Any]
) -> ConfigError:
    said = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:  # a rule about several keys names the one to change
        name, _, said = said.partition(": ")
        return file.error((*key, name), f"{said}.")
    name = str(error["loc"][0])
    says = (model.model_fields[name].description or "").split("\n")[0]
    if error["type"] == "missing":
        return file.error((*key, name), f"it is missing. {says}")
    if error["type"] == "value_error":
        return file.error((*key, name), f"{said}.")
    return file.error((*key, name), f"{given[name]!r} cannot be used ({said.lower()}). {says}")


def _text(file: DefinitionFile, key: str) -> str:
    given = file.tree.get(key, "")
    if not isinstance(given, str):
        raise file.error((key,), "a text was expected. Put it in quotes.")
    return given.strip()


def _choice(file: DefinitionFile, key: str, known: Sequence[str], default: str) -> str:
    given = _text(file, key) or default
    if given not in known:
        hint = did_you_mean(given, known)
        raise file.error((key,), f"there is no '{given}' here.{hint} Choose one of: {', '.join(known)}.")
    return given


def _rule(file: DefinitionFile, kind: type[AnswerType], given: Any) -> tuple[str, dict[str, Any]]:
    tree = {"rule": given} if isinstance(given, str) else given
    name = tree.get("rule") if isinstance(tree, Mapping) else None
    known = kind.right_rules
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(str(name), known)
        problem = "its rule is missing." if name is None else f"a {kind.name} has no rule '{name}'.{hint}"
        raise file.error(
            ("right", "rule") if name is not None else ("right",),
            f"{problem} Choose one of: {', '.join(known)}.",
        )
    options = rule_options(known[name])
    if not isinstance(given, str):
        file.check_keys(("right",), ("rule", *options), f"the rule {name}")
    return name, {
        option: _option(file, ("right", option), value, options[option].default)
        for option, value in tree.items()
        if option != "rule"
    }


def rule_options(rule: AnswerReward) -> dict[str, inspect.Parameter]:
    """The options of a rule by name."""
    own = inspect.signature(rule).parameters
    return {name: one for name, one in own.items() if name not in ("answer", "target", *GIVEN)}


def _option(file: DefinitionFile, key: KeyPath, given: Any, default: Any) -> Any:
    try:
        value = TypeAdapter(type(default)).validate_python(given)
    except ValidationError as error:
        kind = {"float": "a number", "bool": "true or false"}.get(type(default).__name__, "a text")
        raise file.error(key, f"{kind} was expected, not '{given}'. Its default is {default}.") from error
    if isinstance(value, float) and not (math.isfinite(value) and value > 0):
        raise file.error(key, f"{given} is not above 0. Its default is {default:g}.")
    return value


def _check_placeholders(file: DefinitionFile, question: str, answer: AnswerType) -> str:
    """The question, whose placeholders all stand for something."""
    known = [SUBJECT, *answer.words()]
    try:
        found = placeholders(question)
    except ValueError as error:
        raise file.error(("question",), f"{error}. Write {{{{ for a brace that is text.") from error
    for name in found:
        if name not in known:
            hint = did_you_mean(name, known)
            listed = ", ".join(f"{{{one}}}" for one in known)
            raise file.error(("question",), f"nothing stands for {{{name}}}.{hint} Known: {listed}.")
    text = " ".join(words for words, *_ in Formatter().parse(question))
    all_there = all(re.search(rf"(?<!\w){re.escape(o)}(?!\w)", text) for o in answer.options_shown)
    for name in answer.placeholders:
        if name not in found and not all_there:
            raise file.error(
                ("question",), f"it does not name the {name}. Write {{{name}}} where they shall stand."
            )
    return question


def _reads(
    file: DefinitionFile, answer: AnswerType, labels: LabelChoice, question: str
) -> tuple[Provides, ...]:
    """The labels that fit what is asked: those with a subject, or those of whole images."""
    if labels.together and not answer.joins:
        raise file.error(("labels", "together"), f"a {answer.name} is of one thing. Leave it out.")
    about = [pair for pair in answer.reads if labels.about in (None, pair[0])]
    if not about:
        given = ", ".join(sorted({pair[0] for pair in answer.reads}))
        raise file.error(
            ("labels", "about"), f"a {answer.name} is not read from labels about a {labels.about}: {given}."
        )
    needless = labels.together or len(labels.only) == 1 or answer.placeholders == ("options",)
    if SUBJECT in placeholders(question):
        fits = [pair for pair in about if pair[0] != "image"]
        if not fits:
            raise file.error(
                ("question",),
                f"labels about whole images name no subject. Leave {{{SUBJECT}}} out.",
            )
    else:
        fits = [p for p in about if p[0] == "image" or (p[0] == "category" and needless)]
        if not fits:
            raise file.error(
                ("question",),
                f"it does not say what it is about. Write {{{SUBJECT}}} where the name of the {about[0][0]} "
                "shall stand, or name a single one in labels.only.",
            )
    if labels.only and not any(pair[0] in ("category", "phrase") for pair in fits):
        raise file.error(("labels", "only"), f"these labels have no names ({in_words(fits)}). Leave it out.")
    shown = {plain_name(option): option for option in answer.options_shown}
    if labels.only and shown and {plain_name(name) for name in labels.only} != shown.keys():
        stranger = next((name for name in labels.only if plain_name(name) not in shown), None)
        what = "it names fewer than answer.options." if stranger is None else (
            f"'{stranger}' is none of answer.options.{did_you_mean(stranger, answer.options_shown)}"
        )  # fmt: skip
        raise file.error(("labels", "only"), f"{what} Leave it out: the options are what is asked about.")
    return tuple(fits)


def _reward(file: DefinitionFile) -> dict[str, float]:
    given = file.tree.get("reward", {})
    tree = {given: "1"} if isinstance(given, str) else given
    if not isinstance(tree, Mapping):
        raise file.error(("reward",), "write terms with weights, or file.py:function.")
    found = {_place(file.path, name): _weight(weight) for name, weight in tree.items()}
    file.refuse(
        file.error(("reward", name), f"a weight is a number from 0, not '{weight}'.")
        for name, weight in tree.items()
        if not (math.isfinite(value := _weight(weight)) and value >= 0)
    )
    if found and not any(found.values()):
        raise file.error(("reward",), "all weights are 0. Give one of them more.")
    return found


def _weight(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        return math.nan


def _place(path: Path, name: str) -> str:
    """A function's name, its file looked for next to the definition."""
    place, colon, function = name.rpartition(":")
    if not colon or is_address(name) or not place.endswith(".py"):
        return name
    return f"{(path.parent / place).resolve()}:{function}"
