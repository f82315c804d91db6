"""Class names in detail: two rules of what is right, each class by itself, and which classes are confused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from vrft.rewards.label_rewards import accuracy_substring, exact_match
from vrft.tasks.metrics.metric import GroupValue, mean, per_group
from vrft.tasks.metrics.shared_metrics import ACCURACY, ACCURACY_LENIENT, answer_name, target_label
from vrft.types import Answer, Label, Prediction


@dataclass(frozen=True)
class Confusion:
    """A class and what it was called: a class, the label as written where it is not one, or None where none
    could be read."""

    right: str
    said: str | None
    count: int


@dataclass(frozen=True)
class Naming:
    """How well classes are named; shares in [0, 1], NaN without answers.

    Args:
        strict: share of answers that are the class name: the metric 'accuracy'.
        lenient: share where answer or class name holds the other, as the released code counts, but for empty
            answers: those are wrong here.
        class_mean: mean of the strict accuracy of each class: every class counts alike.
        by_class: strict accuracy of each class, in alphabetical order.
        collisions: pairs of classes that the lenient rule takes for one another: its figure is too high where
            there are some.
        only_lenient: answers that the lenient rule alone calls right, the most frequent first.
        confusions: answers that are wrong by the strict rule, the most frequent first.
    """

    strict: float
    lenient: float
    class_mean: float
    by_class: Mapping[str, GroupValue]
    collisions: tuple[tuple[str, str], ...]
    only_lenient: tuple[Confusion, ...]
    confusions: tuple[Confusion, ...]


def naming(predictions: Sequence[Prediction]) -> Naming:
    """Measure answers to classification questions in detail.

    Raises:
        InputError: an example's target is not a class name.

    Example:
        >>> from vrft.types import Example
        >>> asked = [Example(n, "a", "classification", (), "pet", Label(n)) for n in ("cat", "wildcat")]
        >>> found = naming([Prediction(example, Answer(Label("Cat"))) for example in asked])
        >>> found.strict, found.lenient, found.collisions
        (0.5, 1.0, (('cat', 'wildcat'),))
        >>> found.confusions
        (Confusion(right='wildcat', said='cat', count=1),)
    """
    targets = [target_label(one.example) for one in predictions]
    names = sorted({name for target in targets for name in (target.name, *target.vocabulary)})
    written = [answer_name(one.answer) for one in predictions]
    meant = {label: named_class(label, names) or label for label in set(written)}
    said = [(target.name, meant[label]) for target, label in zip(targets, written, strict=True)]
    strict = [ACCURACY.value([one]) > 0 for one in predictions]
    lenient = [ACCURACY_LENIENT.value([one]) > 0 for one in predictions]
    by_class = per_group(predictions, ACCURACY, lambda example: target_label(example).name)
    return Naming(
        strict=mean(np.array(strict)),
        lenient=mean(np.array(lenient)),
        class_mean=mean(np.array([group.value for group in by_class.values()])),
        by_class=by_class,
        collisions=collisions(names),
        only_lenient=_most_frequent(
            pair for pair, a, b in zip(said, strict, lenient, strict=True) if b and not a
        ),
        confusions=_most_frequent(pair for pair, right in zip(said, strict, strict=True) if not right),
    )


def named_class(label: str | None, names: Iterable[str]) -> str | None:
    """The first class that a label names by ``exact_match``; None where there is none."""
    return next((name for name in names if exact_match(label, name)), None)


def collisions(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of class names that the released rule takes for one another.

    Example:
        >>> collisions(["rose", "primrose", "tulip", "Tulip_"])
        (('rose', 'primrose'), ('tulip', 'Tulip_'))
    """
    return tuple((a, b) for a, b in combinations(names, 2) if accuracy_substring(Answer(Label(a)), Label(b)))


def _most_frequent(pairs: Iterable[tuple[str, str | None]]) -> tuple[Confusion, ...]:
    counts = Counter(pairs)
    ordered = sorted(counts, key=lambda pair: (-counts[pair], pair[0], pair[1] or ""))
    return tuple(Confusion(right, said, counts[right, said]) for right, said in ordered)
