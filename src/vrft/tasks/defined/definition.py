"""A definition: what one YAML file says of a task, checked as a whole when it is read."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from vrft.rewards.reward_term import GIVEN, AnswerReward
from vrft.rewards.served_reward import is_address
from vrft.tasks.defined.answer_type import AnswerType
from vrft.tasks.defined.definition_file import DefinitionFile, KeyPath, read_definition_file
from vrft.tasks.defined.labels import LabelChoice
from vrft.types import Provides, in_words
from vrft.types.options import did_you_mean
from vrft.types.plugins import discover

KEYS = ("name", "help", "answer", "labels", "question", "right", "format", "metric", "reward")
SUBJECT = "subject"
RIGHT, FORMAT = "right", "format"
"""Terms of every reward."""
M = TypeVar("M", bound=BaseModel)
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
        ConfigError: the first thing that is wrong with it, in one sentence with file, line, key and remedy.
    """
    file = read_definition_file(Path(path).resolve())
    file.check_keys((), KEYS)
    for key in ("answer", "question", "right"):
        if not file.tree.get(key):
            raise file.error((), f"'{key}' is missing. {_MISSING[key]}")
    answer = _answer(file)
    labels = _section(file, "labels", LabelChoice)
    rule, options = _rule(file, answer)
    question = _text(file, "question")
    _check_placeholders(file, question, answer)
    if labels.together and not answer.joins:
        raise file.error(("labels", "together"), f"a {answer.name} is of one thing. Leave it out.")
    notation = _choice(file, "format", ("tags", "json"), "tags")
    metric = _choice(file, "metric", [m.name for m in answer.metrics], answer.metrics[0].name)
    name = _text(file, "name") or file.path.stem.replace("-", "_")
    if not name.isidentifier():
        raise file.error(("name",), f"'{name}' is not a name. Write letters, digits and underscores.")
    return Definition(
        file.path,
        name,
        _text(file, "help") or f"Defined in {file.path.name}: {answer.name}, right by the rule '{rule}'.",
        answer,
        labels,
        _reads(file, answer, labels, question),
        question,
        rule,
        options,
        "json" if notation == "json" else "tags",
        metric,
        _reward(file),
    )


_MISSING = {
    "answer": "Write answer: {type: ...} with one of the types.",
    "question": "Write what is asked, such as question: How many {subject} are in the image?",
    "right": "Write which rule says what is right, such as right: exact.",
}


def _answer(file: DefinitionFile) -> AnswerType:
    given, known = file.tree["answer"], answer_types()
    kind = given if isinstance(given, str) else given.get("type") if isinstance(given, Mapping) else None
    if not isinstance(kind, str):
        raise file.error(("answer",), f"its type is missing. Write type: with one of {', '.join(known)}.")
    if kind not in known:
        hint = did_you_mean(kind, known)
        raise file.error(
            ("answer", "type"), f"there is no answer type '{kind}'.{hint} Choose one of: {', '.join(known)}."
        )
    found = known[kind]
    options = {key: value for key, value in given.items() if key != "type"} if kind != given else {}
    if kind != given:
        file.check_keys(("answer",), ("type", *found.model_fields), f"the answer type {kind}")
    return _made(file, ("answer",), found, options)


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
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:  # a rule about several keys names the one to change
            name, _, said = said.partition(": ")
            raise file.error((*key, name), f"{said}.") from error
        name = str(first["loc"][0])
        says = (model.model_fields[name].description or "").split("\n")[0]
        if first["type"] == "missing":
            raise file.error((*key, name), f"it is missing. {says}") from error
        if first["type"] == "value_error":
            raise file.error((*key, name), f"{said}.") from error
        shown = given[name]
        raise file.error((*key, name), f"{shown!r} cannot be used ({said.lower()}). {says}") from error


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


def _rule(file: DefinitionFile, answer: AnswerType) -> tuple[str, dict[str, Any]]:
    given = file.tree["right"]
    tree = {"rule": given} if isinstance(given, str) else given
    name = tree.get("rule") if isinstance(tree, Mapping) else None
    known = answer.right_rules
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(str(name), known)
        problem = "its rule is missing." if name is None else f"a {answer.name} has no rule '{name}'.{hint}"
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


def _check_placeholders(file: DefinitionFile, question: str, answer: AnswerType) -> None:
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


def _reads(
    file: DefinitionFile, answer: AnswerType, labels: LabelChoice, question: str
) -> tuple[Provides, ...]:
    """The labels that fit what is asked: those with a subject, or those of whole images."""
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
    return tuple(fits)


def _reward(file: DefinitionFile) -> dict[str, float]:
    given = file.tree.get("reward", {})
    tree = {given: "1"} if isinstance(given, str) else given
    if not isinstance(tree, Mapping):
        raise file.error(("reward",), "write terms with weights, or file.py:function.")
    found: dict[str, float] = {}
    for name, weight in tree.items():
        try:
            value = float(weight)
        except (TypeError, ValueError):
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise file.error(("reward", name), f"a weight is a number from 0, not '{weight}'.")
        found[_place(file.path, name)] = value
    if found and not any(found.values()):
        raise file.error(("reward",), "all weights are 0. Give one of them more.")
    return found


def _place(path: Path, name: str) -> str:
    """A function's name, its file looked for next to the definition."""
    place, colon, function = name.rpartition(":")
    if not colon or is_address(name) or not place.endswith(".py"):
        return name
    return f"{(path.parent / place).resolve()}:{function}"
