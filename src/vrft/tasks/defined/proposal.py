"""A definition that labels suggest, with the reason for each choice next to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from vrft.errors import InputError
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion
from vrft.tasks.defined.definition import SUBJECT, answer_types, placeholders
from vrft.types import Provides, Record, in_words
from vrft.types.options import did_you_mean

MOST_LISTED = 30
"""Categories that a proposal lists."""


@dataclass(frozen=True)
class Proposal:
    """A definition as text."""

    name: str
    text: str
    """YAML; its comments give the reasons."""
    reasons: tuple[str, ...]
    """The same for people."""


def propose(records: Sequence[Record], name: str, source: str, kind: str | None = None) -> Proposal:
    """A definition for labelled images.

    Args:
        records: what the labels say.
        name: of the task.
        source: where the labels are, for the comments.
        kind: an answer type; None takes the one that suits the labels best.

    Raises:
        InputError: there is no such answer type, or the labels are no answers of it.
    """
    known = answer_types()
    if kind is not None and kind not in known:
        hint = did_you_mean(kind, known)
        raise InputError(
            f"There is no answer type '{kind}'.{hint} Choose one of: {', '.join(sorted(known))}."
        )
    given = sorted({one.provides for record in records for one in record.annotations})
    found = [
        (suggestion, answer, provides)
        for answer in known.values()
        for provides in answer.reads
        if provides in given and (suggestion := answer.suggest(records, provides)) is not None
    ]
    fitting = [one for one in found if kind in (None, one[1].name)]
    if not fitting:
        what = f"answers of the type '{kind}'" if kind is not None else "answers of any type"
        raise InputError(f"{source}: its labels ({in_words(given) or 'none'}) are no {what}.")
    best, answer, provides = max(fitting, key=lambda one: one[0].fit)
    others = sorted({one[1].name for one in found} - {answer.name})
    return _written(records, name, source, best, answer, provides, others)


def _written(
    records: Sequence[Record],
    name: str,
    source: str,
    best: TypeSuggestion,
    answer: type[AnswerType],
    provides: Provides,
    others: Sequence[str],
) -> Proposal:
    also = f" The same labels also answer: {', '.join(others)} (--type)." if others else ""
    reasons = [f"answer: {answer.name}, since {best.why}.{also}"]
    lines = [f"# Proposed from {source}: {len(records)} images, {in_words([provides])}.", f"name: {name}"]
    lines += [f"# {reasons[0]}", "answer:", f"  type: {answer.name}"]
    for key, (value, why) in best.options.items():
        lines += [f"  # {_sentence(why)}", f"  {key}: {value}"]
        reasons.append(f"answer.{key}: {value}, since {why}.")
    lines += ["labels:", f"  about: {provides[0]}"]
    reasons.append(f"labels.about: {provides[0]}, since they are {in_words([provides])}.")
    names = sorted({name for record in records for name in record.categories})
    if provides[0] == "category" and SUBJECT in placeholders(best.question) and len(names) <= MOST_LISTED:
        listed = ", ".join(json.dumps(one, ensure_ascii=False) for one in names)
        lines += [
            "  # All categories; leave out those that are not to be asked about.",
            f"  only: [{listed}]",
        ]
        reasons.append(f"labels.only: all {len(names)} categories; leave out what is not to be asked about.")
    shown = json.dumps(best.question, ensure_ascii=False)
    lines += (
        ["# {subject} is what the labels name; write the question as you would ask it."]
        if (SUBJECT in placeholders(best.question))
        else []
    )
    lines += [f"question: {shown}", f"# {_sentence(best.because)}", f"right: {best.rule}"]
    reasons += [f"question: {shown}.", f"right: {best.rule}, since {best.because}."]
    lines += [f"metric: {answer.metrics[0].name}", "format: tags"]
    return Proposal(name, "\n".join(lines) + "\n", tuple(reasons))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
