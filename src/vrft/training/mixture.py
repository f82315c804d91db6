"""How the entries of a run with several tasks share its steps, and what each one's rewards are worth.

Which question comes next is a function of the seed and of the place in the run, so a run resumes to the bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pydantic import Field

from vrft.types import Clock, Example, RolloutGroup
from vrft.types.options import Options


class MixtureOptions(Options):
    """How several tasks share the steps of a run."""

    temperature: float = Field(1.0, gt=0)
    """T of p ∝ n^(1/T), where n is how many training questions an entry has: 1 draws all questions equally
    often, a large T all entries. Not used where the entries have shares."""


@dataclass(frozen=True)
class Mixture:
    """How often each entry is drawn, and λ of its rewards.

    Args:
        temperature: T of p ∝ n^(1/T).
        shares: by ``Example.source``, p up to a factor; empty goes by the number of questions.
        weights: by ``Example.source``, λ; 1 where there is none.
    """

    temperature: float = 1.0
    shares: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def probabilities(self, counts: Mapping[str, int]) -> dict[str, float]:
        """How often each entry is drawn.

        Args:
            counts: training questions of each, at least 1.

        Example:
            >>> counts = {"cells": 4, "signs": 1}
            >>> Mixture().probabilities(counts)
            {'cells': 0.8, 'signs': 0.2}
            >>> round(Mixture(temperature=2).probabilities(counts)["cells"], 6)
            0.666667
        """
        most = max(counts.values())
        sizes = {name: (count / most) ** (1 / self.temperature) for name, count in counts.items()}
        sizes = {name: self.shares[name] for name in counts} if self.shares else sizes
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}

    def of_step(self, examples: Sequence[Example], now: Clock, count: int) -> list[Example]:
        """``count`` examples. Of each entry's, epochs are shuffled anew and run into each other, so that none
        is left behind; an entry has its share at every moment, not only in the long run."""
        sources = _by_source(examples)
        began, ended = now.step * count, (now.step + 1) * count
        rates = self._rates(sources)
        turns = _in_turn(rates, [int(ended * rate) + len(rates) + 1 for rate in rates])
        chosen = []
        for number, place in turns[began:ended]:
            own = sources[number]
            epoch, within = divmod(place, len(own))
            shuffled = np.random.default_rng(_key(number, now.seed, epoch)).permutation(len(own))
            chosen.append(own[shuffled[within]])
        return chosen

    def places(self, examples: Sequence[Example], now: Clock, count: int) -> dict[str, str]:
        """Where a step begins in the epochs of each entry, by ``Example.source``.

        Example:
            >>> asked = [Example(str(i), "", "counting", (), "?") for i in range(4)]
            >>> Mixture().places(asked, Clock(3, 9), count=2)
            {'': 'epoch 2, question 3 of 4'}
        """
        sources, began = _by_source(examples), now.step * count
        rates = self._rates(sources)
        turns = _in_turn(rates, [int(began * rate) + len(rates) + 1 for rate in rates])
        drawn = Counter(number for number, _ in turns[:began])
        return {own[0].source: place_in_epoch(drawn[i], len(own)) for i, own in enumerate(sources)}

    def further(
        self, examples: Sequence[Example], now: Clock, draw: int, count: int, asked: Collection[str]
    ) -> list[Example]:
        """Other examples for a step whose rewards do not differ, entries in turn; those in ``asked`` last."""
        sources = _by_source(examples)
        orders = [
            np.random.default_rng(_key(number, now.seed, now.step, draw)).permutation(len(own))
            for number, own in enumerate(sources)
        ]
        turns = _in_turn(self._rates(sources), [len(own) for own in sources])
        mixed = [sources[number][orders[number][place]] for number, place in turns]
        return sorted(mixed, key=lambda example: example.id in asked)[:count]

    def weighted(self, groups: Sequence[RolloutGroup]) -> list[RolloutGroup]:
        """The groups with their advantages times λ: with rewards R_t this is the gradient of Σ λ_t R_t,
        whatever normalization came before."""
        return [self._weighted(group, self.weights.get(group.example.source, 1.0)) for group in groups]

    def _weighted(self, group: RolloutGroup, weight: float) -> RolloutGroup:
        if weight == 1.0:
            return group
        return replace(
            group,
            rollouts=tuple(
                replace(r, advantages=tuple(tuple(weight * a for a in turn) for turn in r.advantages))
                for r in group.rollouts
            ),
        )

    def _rates(self, sources: Sequence[Sequence[Example]]) -> list[float]:
        return list(self.probabilities({own[0].source: len(own) for own in sources}).values())


def place_in_epoch(drawn: int, size: int) -> str:
    """The place after so many draws from epochs of one size, in words."""
    epoch, within = divmod(drawn, size)
    return f"epoch {epoch + 1}, question {within + 1} of {size}"


def in_words(places: Mapping[str, str]) -> str:
    """Where the entries of a run are, each with its name where it has one."""
    return "; ".join(f"{source}: {place}" if source else place for source, place in places.items())


def _by_source(examples: Sequence[Example]) -> list[list[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(example.source, []).append(example)
    return list(found.values())


def _in_turn(rates: Sequence[float], counts: Sequence[int]) -> list[tuple[int, int]]:
    """So many draws of each entry, as (entry, how often it was drawn before), in an order that gives each its
    rate at every moment: the k-th draw of one is due at (k + 1/2) / rate."""
    due = [(np.arange(count) + 0.5) / rate for rate, count in zip(rates, counts, strict=True)]
    entry = np.repeat(np.arange(len(counts)), counts)
    place = np.concatenate([np.arange(count) for count in counts])
    order = np.argsort(np.concatenate(due), kind="stable")
    return list(zip(entry[order].tolist(), place[order].tolist(), strict=True))


def _key(number: int, *seeds: int) -> list[int]:
    """The seed of an entry's order: of the first one, that of a run with one task."""
    return [*seeds, number] if number else list(seeds)
