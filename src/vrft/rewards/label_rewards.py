"""Classification rewards: R_cls = R_acc + R_format (Visual-RFT, Eq. 9), and what else is right than the name.

An answer that could not be read has reward 0. Every term raises InputError for a target that is not a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import takewhile

from vrft.errors import InputError
from vrft.rewards.reward_term import AnswerReward
from vrft.types import Answer, Label, Value, expect
from vrft.types.names import nfc, plain_name

Aliases = Mapping[str, Sequence[str]]
"""Other names of classes, by class."""
Ancestry = Mapping[str, tuple[str, ...]]
"""Of each name its line from the root down to itself, the root left out."""

_NO_TABLE = (
    "aliases: a table {class: [other names]} was expected. A configuration cannot hold one: make a term with "
    "vrft.rewards.label_rewards.accuracy_with in a module of yours and name it in reward.custom."
)


def exact_match(label: str | None, name: str) -> bool:
    """Whether a written label is a class name by the rules of ``vrft.types.names``.

    Case, gaps, quotes around it, a final full stop, full and half width, and how accents are composed make no
    difference.

    Example:
        >>> exact_match("'Garden_Phlox'.", "garden phlox"), exact_match("phlox", "garden phlox")
        (True, False)
    """
    written = plain_name(label or "")
    return bool(written) and written == plain_name(name)


def label_of(answer: Answer) -> str | None:
    """The class name that an answer gives, as written; None where none could be read."""
    label = answer.as_(Label)
    return label.name if label else None


def accuracy(answer: Answer, target: Value, aliases: Aliases | None = None) -> float:
    """Whether the right class is named, 0 or 1.

    R_acc = 1 if the predicted class equals the labelled one, else 0 (Visual-RFT, Eq. 9), by
    ``exact_match``. With aliases, another name of the class is right as well, unless it is the name of
    another class to choose from, or an alias of two.

    Raises:
        InputError: the aliases are not a table.

    Example:
        >>> accuracy(Answer(Label("Garden phlox"), True), Label("garden phlox"))
        1.0
        >>> accuracy(Answer(Label("moggy"), True), Label("cat"), aliases={"cat": ["moggy"]})
        1.0
    """
    right, label = expect(target, Label), label_of(answer)
    if label is None:
        return 0.0
    return float(exact_match(label, right.name) or (bool(aliases) and _is_alias(label, right, aliases or {})))


def accuracy_with(aliases: Aliases) -> AnswerReward:
    """``accuracy`` that knows other names of the classes.

    Write ``flowers = accuracy_with({...})`` in a module of your own, and name it in the configuration as
    ``reward.custom: {my_module:flowers: 1.0}``.

    Args:
        aliases: other names of classes, by class.

    Returns:
        A term; it can be pickled.

    Raises:
        InputError: this is not a table, the names of a class are not a list, or one of them is empty.

    Example:
        >>> term = accuracy_with({"cat": ["moggy", "tabby"], "dog": ["pooch"]})
        >>> [term(Answer(Label(name), True), Label("cat")) for name in ("tabby", "pooch")]
        [1.0, 0.0]
    """
    if not hasattr(aliases, "items"):
        raise InputError(_NO_TABLE)
    for name, others in aliases.items():
        if isinstance(others, str) or not all(isinstance(x, str) and plain_name(x) for x in others):
            raise InputError(
                f"aliases: the value for '{name}' is not a list of names: {others!r}. "
                f'Write {{"{name}": ["another name"]}}.'
            )
    return partial(accuracy, aliases={name: tuple(others) for name, others in aliases.items()})


def accuracy_substring(answer: Answer, target: Value) -> float:
    """Whether answer or class contains the other, 0 or 1; for comparison with released figures only.

    The rule of the released training and evaluation code, without case, blanks and underscores. Do not
    train on it: 'e', '20' or a list of all classes is right on most images. Unlike there, an empty answer is
    wrong.

    Example:
        >>> accuracy_substring(Answer(Label("BMW"), True), Label("2012 BMW M3 Coupe"))
        1.0
    """
    right, written = _squeezed(expect(target, Label).name), _squeezed(label_of(answer) or "")
    return float(bool(written) and (written in right or right in written))


def graded(parents: Mapping[str, str]) -> AnswerReward:
    """``accuracy`` that gives a part of the reward for a class near the right one.

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
        >>> target = Label("rose", ("rose", "apple", "tulip"))
        >>> [term(Answer(Label(x), True), target) for x in ("rose", "apple", "tulip", "rosids")]
        [1.0, 0.5, 0.0, 0.0]
    """
    parents = {nfc(name): nfc(parent) for name, parent in parents.items()}
    names = dict.fromkeys((*parents, *parents.values()))
    return partial(wu_palmer, lines={name: _line(name, parents) for name in names})


def wu_palmer(answer: Answer, target: Value, lines: Ancestry) -> float:
    """Similarity of the named class to the right one in a tree of classes, in [0, 1].

    R = 2 N_3 / (N_1 + N_2 + 2 N_3): N_3 edges from the root to the lowest common ancestor, N_1 and N_2 from
    there to the two classes (Wu and Palmer 1994, Verb semantics and lexical selection). 1 for the class
    itself, 0 for classes that share the root alone. Only a class to choose from counts: a name higher up in
    the tree would be right in part on every image below it.

    Example:
        >>> lines = {"rose": ("plant", "rose"), "fern": ("plant", "fern")}
        >>> wu_palmer(Answer(Label("fern"), True), Label("rose"), lines)
        0.5
    """
    meant, label = expect(target, Label), label_of(answer)
    if label is None:
        return 0.0
    if exact_match(label, meant.name):
        return 1.0
    named = next((name for name in meant.vocabulary or _leaves(lines) if exact_match(label, name)), None)
    right, other = _known(meant.name, lines), _known(named, lines)
    pairs = zip(right, other, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return 2 * shared / (len(right) + len(other)) if shared else 0.0


def _is_alias(label: str, target: Label, aliases: Aliases) -> bool:
    """Whether a label is an alias of the target's class alone, and not a class's own name."""
    if not hasattr(aliases, "items"):
        raise InputError(_NO_TABLE)
    classes = target.vocabulary or tuple(aliases)
    if any(exact_match(label, name) for name in classes):
        return False
    meant = {
        plain_name(name)
        for name, others in aliases.items()
        if any(exact_match(name, known) for known in classes)
        and any(exact_match(label, other) for other in others)
    }
    return meant == {plain_name(target.name)}


def _squeezed(text: str) -> str:
    return "".join(nfc(text).lower().replace("_", "").split())


def _known(name: str | None, lines: Ancestry) -> tuple[str, ...]:
    return next((line for known, line in lines.items() if exact_match(name, known)), ())


def _leaves(lines: Ancestry) -> list[str]:
    inner = {name for line in lines.values() for name in line[:-1]}
    return [name for name in lines if name not in inner]


def _line(name: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    line = [name]
    while (parent := parents.get(line[-1])) is not None:
        if parent in line:
            raise InputError(
                f"hierarchy: '{parent}' is its own ancestor ({' < '.join((*line, parent))}). Remove a link."
            )
        line.append(parent)
    return tuple(reversed(line))
