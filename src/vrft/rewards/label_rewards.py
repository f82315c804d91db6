"""Classification rewards: R_cls = R_acc + R_format (Visual-RFT, Eq. 9)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

from vrft.errors import InputError
from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, ClassTarget, Target

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_GAPS = re.compile(r"[\s_-]+")


def exact_match(label: str | None, name: str) -> bool:
    """Whether a written label is a class name, but for case, gaps, quotes around it and a final dot.

    Args:
        label: as written; None or empty matches nothing.
        name: the class name.

    Example:
        >>> exact_match("'Garden_Phlox'.", "garden phlox"), exact_match("phlox", "garden phlox")
        (True, False)
    """
    written = _normal(label or "")
    return bool(written) and written == _normal(name)


_NO_TABLE = (
    "aliases: a table {class: [other names]} was expected. A configuration cannot hold one: make a term with "
    "vrft.rewards.label_rewards.accuracy_with in a module of yours and name it in reward.custom."
)
Aliases = Mapping[str, Sequence[str]]
"""Other names of classes, by class."""


def accuracy(answer: Answer, target: Target, aliases: Aliases | None = None) -> float:
    """Pay for the right class.

    R_acc = 1 if the predicted class equals the labelled one, else 0 (Visual-RFT, Eq. 9), by
    ``exact_match``. With aliases, another name of the class is right as well, unless it is the name of
    another class to choose from, or an alias of two.

    Args:
        answer: the parsed answer.
        target: the class, with the classes that it was chosen from.
        aliases: other names of the classes.

    Returns:
        0 or 1.

    Raises:
        InputError: the aliases are no table.

    Example:
        >>> accuracy(Answer(True, True, label="Garden phlox"), ClassTarget("garden phlox"))
        1.0
        >>> accuracy(Answer(True, True, label="moggy"), ClassTarget("cat"), aliases={"cat": ["moggy"]})
        1.0
    """
    assert isinstance(target, ClassTarget)
    if not answer.parsed:
        return 0.0
    right = exact_match(answer.label, target.name)
    return float(right or (bool(aliases) and _is_alias(answer.label, target, aliases or {})))


def accuracy_with(aliases: Aliases) -> RewardTerm:
    """``accuracy`` that knows other names of the classes.

    Write ``flowers = accuracy_with({...})`` in a module of your own, and name it in the configuration as
    ``reward.custom: {my_module:flowers: 1.0}``.

    Args:
        aliases: other names of classes, by class.

    Returns:
        A term; it can be pickled.

    Raises:
        InputError: this is no table, the names of a class are no list, or one of them is empty.

    Example:
        >>> term = accuracy_with({"cat": ["moggy", "tabby"], "dog": ["pooch"]})
        >>> [term(Answer(True, True, label=x), ClassTarget("cat")) for x in ("tabby", "pooch")]
        [1.0, 0.0]
    """
    if not hasattr(aliases, "items"):
        raise InputError(_NO_TABLE)
    for name, others in aliases.items():
        if isinstance(others, str) or not all(isinstance(x, str) and _normal(x) for x in others):
            raise InputError(
                f"aliases: what stands for '{name}' is no list of names: {others!r}. "
                f'Write {{"{name}": ["another name"]}}.'
            )
    return partial(accuracy, aliases={name: tuple(others) for name, others in aliases.items()})


def accuracy_substring(answer: Answer, target: Target) -> float:
    """Pay where either of answer and class contains the other; for comparison with released figures only.

    The rule of the released training and evaluation code, without case, blanks and underscores. Do not
    train on it: 'e', '20' or a list of all classes earns full pay on most pictures. Unlike there, an empty
    answer earns nothing.

    Args:
        answer: the parsed answer.
        target: the class.

    Returns:
        0 or 1.

    Example:
        >>> accuracy_substring(Answer(True, True, label="BMW"), ClassTarget("2012 BMW M3 Coupe"))
        1.0
    """
    assert isinstance(target, ClassTarget)
    written, right = _squeezed(answer.label or ""), _squeezed(target.name)
    return float(answer.parsed and bool(written) and (written in right or right in written))


def _is_alias(label: str | None, target: ClassTarget, aliases: Aliases) -> bool:
    """Whether a label is an alias of the target's class alone, and no class's own name."""
    if not hasattr(aliases, "items"):
        raise InputError(_NO_TABLE)
    classes = target.names or tuple(aliases)
    if any(exact_match(label, name) for name in classes):
        return False
    meant = {
        _normal(name)
        for name, others in aliases.items()
        if any(exact_match(name, known) for known in classes)
        and any(exact_match(label, other) for other in others)
    }
    return meant == {_normal(target.name)}


def _normal(text: str) -> str:
    text = text.strip().removesuffix(".").strip().strip(_QUOTES).strip().removesuffix(".")
    return _GAPS.sub(" ", text.casefold()).strip()


def _squeezed(text: str) -> str:
    return "".join(text.lower().replace("_", "").split())
