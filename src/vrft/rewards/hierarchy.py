"""Graded credit for a class: a near relative of the right one earns more than a stranger."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import takewhile

from vrft.errors import InputError
from vrft.rewards.label_rewards import exact_match
from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, ClassTarget, Target

Ancestry = Mapping[str, tuple[str, ...]]
"""Of each name its line from the root down to itself, the root left out."""


def graded(parents: Mapping[str, str]) -> RewardTerm:
    """``accuracy`` that pays in part for a class near the right one.

    Write ``flowers = graded({...})`` in a module of your own, and name it in the configuration as
    ``reward.custom: {my_module:flowers: 1.0}``.

    Args:
        parents: the parent of each name; what is a parent and has none itself hangs from one root.

    Returns:
        A term in [0, 1] as ``wu_palmer`` computes it; it can be pickled.

    Raises:
        InputError: a name is its own ancestor.

    Example:
        >>> term = graded({"rose": "rosids", "apple": "rosids", "tulip": "lilies"})
        >>> target = ClassTarget("rose", ("rose", "apple", "tulip"))
        >>> [term(Answer(True, True, label=x), target) for x in ("rose", "apple", "tulip", "rosids")]
        [1.0, 0.5, 0.0, 0.0]
    """
    names = dict.fromkeys((*parents, *parents.values()))
    return partial(wu_palmer, lines={name: _line(name, parents) for name in names})


def wu_palmer(answer: Answer, target: Target, lines: Ancestry) -> float:
    """Similarity of the named class to the right one in a tree of classes.

    R = 2 N_3 / (N_1 + N_2 + 2 N_3): N_3 edges from the root to the lowest common ancestor, N_1 and N_2 from
    there to the two classes (Wu and Palmer 1994, Verb semantics and lexical selection). 1 for the class
    itself, 0 for classes that share the root alone. Only a class to choose from earns: a name higher up in
    the tree would be paid on every picture below it.

    Args:
        answer: the parsed answer.
        target: the class, with the classes that it was chosen from (where none are given, the tree's leaves).
        lines: of each name its line from the root, as ``graded`` makes them.

    Returns:
        In [0, 1].

    Example:
        >>> lines = {"rose": ("plant", "rose"), "fern": ("plant", "fern")}
        >>> wu_palmer(Answer(True, True, label="fern"), ClassTarget("rose"), lines)
        0.5
    """
    assert isinstance(target, ClassTarget)
    if not answer.parsed:
        return 0.0
    if exact_match(answer.label, target.name):
        return 1.0
    named = next((name for name in target.names or _leaves(lines) if exact_match(answer.label, name)), None)
    right, other = _known(target.name, lines), _known(named, lines)
    shared = _shared(right, other)
    return 2 * shared / (len(right) + len(other)) if shared else 0.0


def _known(name: str | None, lines: Ancestry) -> tuple[str, ...]:
    return next((line for known, line in lines.items() if exact_match(name, known)), ())


def _leaves(lines: Ancestry) -> list[str]:
    inner = {name for line in lines.values() for name in line[:-1]}
    return [name for name in lines if name not in inner]


def _shared(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """How many names two lines share, from the root down."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _line(name: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    line = [name]
    while (parent := parents.get(line[-1])) is not None:
        if parent in line:
            raise InputError(f"hierarchy: '{parent}' is its own ancestor ({' < '.join((*line, parent))}).")
        line.append(parent)
    return tuple(reversed(line))
