"""Means over base and novel classes, as open-vocabulary detection is reported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from vrft.errors import InputError


@dataclass(frozen=True)
class OpenVocabulary:
    """Means of a figure over classes, in [0, 1]; NaN where no class can be measured."""

    base: float
    novel: float
    all: float
    """Mean over all classes, not over the two means."""
    unmeasured: tuple[str, ...]
    """Classes without a figure, because no image has a label of them; left out of the means."""


def open_vocabulary(
    by_class: Mapping[str, float], base: Sequence[str], novel: Sequence[str]
) -> OpenVocabulary:
    """Means over base, novel and all classes.

    Args:
        by_class: a figure such as AP by class, in [0, 1]; NaN where it cannot be measured. Classes in
            neither list are passed over.
        base: classes that training has seen.
        novel: classes that it has not.

    Raises:
        InputError: a class is listed twice, or has no figure: counted as 0 it would pull the mean down, left
            out it would raise it.

    Example:
        >>> open_vocabulary({"cat": 0.75, "dog": 0.5, "yak": 0.25}, base=["cat", "dog"], novel=["yak"])
        OpenVocabulary(base=0.625, novel=0.25, all=0.5, unmeasured=())
    """
    names = [*base, *novel]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"The class '{twice[0]}' is listed twice. Name each class once, as base or as novel."
        )
    missing = [name for name in names if name not in by_class]
    if missing:
        raise InputError(
            f"{len(missing)} of the classes have no figure, such as '{missing[0]}'. Ask about all classes of "
            "the two lists, or shorten the lists."
        )
    return OpenVocabulary(
        base=_mean([by_class[name] for name in base]),
        novel=_mean([by_class[name] for name in novel]),
        all=_mean([by_class[name] for name in names]),
        unmeasured=tuple(name for name in names if math.isnan(by_class[name])),
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else math.nan
