"""Class names in detail: two rules of what is right, each class by itself, and which classes are confused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.rewards.label_rewards import accuracy_substring, exact_match
from vrft.tasks.metrics.metric import METRICS, GroupValue, per_group
from vrft.types import Answer, ClassTarget, Example


@dataclass(frozen=True)
class Confusion:
    """A class and what it was called."""

    right: str
    said: str | None
    """The class that was named; the label as written where it is no class; None where none could be read."""
    count: int


@dataclass(frozen=True)
class Naming:
    """How well classes are named; shares in [0, 1], NaN without answers."""

    strict: float
    """Share of answers that are the class name: the metric 'accuracy'."""
    lenient: float
    """Share where answer or class name holds the other, as the released code counts, but for empty answers:
    those are wrong here."""
    class_mean: float
    """Mean of the strict accuracy of each class: every class counts alike."""
    by_class: Mapping[str, GroupValue]
    """Strict accuracy of each class, in alphabetical order."""
    collisions: tuple[tuple[str, str], ...]
    """Pairs of classes that the lenient rule takes for one another: its figure is too high where there are
    some."""
    only_lenient: tuple[Confusion, ...]
    """Answers that the lenient rule alone calls right, the most frequent first."""
    confusions: tuple[Confusion, ...]
    """Answers that are wrong by the strict rule, the most frequent first."""


def naming(judged: Sequence[Judged]) -> Naming:
    """Measure answers to classification questions in detail.

    Args:
        judged: answers; the classes are the right ones and those that the questions let choose from.

    Raises:
        InputError: an example's target is no class name.

    Example:
        >>> from pathlib import Path
        >>> targets = ClassTarget("cat"), ClassTarget("wildcat")
        >>> asked = [Example(t.name, "a", Path("a.png"), (8, 8), "classification", "pet", t) for t in targets]
        >>> found = naming([Judged(example, "Cat", Answer(True, True, label="Cat"), 2) for example in asked])
        >>> found.strict, found.lenient, found.collisions
        (0.5, 1.0, (('cat', 'wildcat'),))
        >>> found.confusions
        (Confusion(right='wildcat', said='cat', count=1),)
    """
    targets = [_target(j.example) for j in judged]
    names = sorted({name for target in targets for name in (target.name, *target.names)})
    meant = _classes({j.answer.label for j in judged if j.answer.parsed}, names)
    said = [
        (target.name, meant[j.answer.label] if j.answer.parsed else None)
        for j, target in zip(judged, targets, strict=True)
    ]
    strict = [METRICS["accuracy"].value([j]) > 0 for j in judged]
    lenient = [METRICS["accuracy_lenient"].value([j]) > 0 for j in judged]
    by_class = per_group(judged, lambda example: _target(example).name, METRICS["accuracy"])
    return Naming(
        strict=_mean(strict),
        lenient=_mean(lenient),
        class_mean=_mean([group.value for group in by_class.values()]),
        by_class=by_class,
        collisions=collisions(names),
        only_lenient=_counted(pair for pair, a, b in zip(said, strict, lenient, strict=True) if b and not a),
        confusions=_counted(pair for pair, right in zip(said, strict, strict=True) if not right),
    )


def named_class(label: str | None, names: Iterable[str]) -> str | None:
    """The class that a label is the name of by ``exact_match``, the first of several; None where it is none.

    Args:
        label: as written.
        names: of the classes.

    Example:
        >>> named_class("Garden_Phlox.", ["rose", "garden phlox"])
        'garden phlox'
    """
    return next((name for name in names if exact_match(label, name)), None)


def collisions(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of class names that the released rule takes for one another.

    Args:
        names: class names; each is compared with every other.

    Example:
        >>> collisions(["rose", "primrose", "tulip", "Tulip_"])
        (('rose', 'primrose'), ('tulip', 'Tulip_'))
    """
    return tuple(
        (a, b)
        for a, b in combinations(names, 2)
        if accuracy_substring(Answer(True, True, label=a), ClassTarget(b))
    )


def _classes(labels: Iterable[str | None], names: Sequence[str]) -> dict[str | None, str | None]:
    """Of each label the class that it is the name of, or itself where there is none."""
    return {label: named_class(label, names) or label for label in labels}


def _counted(pairs: Iterable[tuple[str, str | None]]) -> tuple[Confusion, ...]:
    counts = Counter(pairs)
    ordered = sorted(counts, key=lambda pair: (-counts[pair], pair[0], pair[1] or ""))
    return tuple(Confusion(right, said, counts[right, said]) for right, said in ordered)


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else float("nan")


def _target(example: Example) -> ClassTarget:
    if not isinstance(example.target, ClassTarget):
        raise InputError(f"Example '{example.id}' asks for no class name. Give answers to classification.")
    return example.target
