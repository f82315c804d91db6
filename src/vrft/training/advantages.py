"""Advantages: what each rollout earns against others. They see all groups of a step. Axes: P groups, G
rollouts.

Each is a frozen object with its own options, called with the groups, where the run is, and the weights of
the reward terms; it fills ``Rollout.advantages``. An all-equal group is exactly zero. One that remembers
between steps has ``state()`` and ``restore(state)``, and its state is in the checkpoint.

To add one: a class here and its entry in ``ADVANTAGES``; or ``grpo.advantage: {name: package.module:Class}``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from pydantic import Field, PrivateAttr

from vrft.errors import ConfigError
from vrft.types import Clock, RolloutGroup
from vrft.types.options import Options

EPSILON = 1e-4
"""Added to a standard deviation, as the released trainer does."""
EMA_EPSILON = 1e-6
"""The same in OneThinker's code."""
Weights = Mapping[str, Mapping[str, float]]
"""The weight of each reward term, by ``Example.entry``."""


class Advantage(Options, ABC):
    """An advantage with its options."""

    @abstractmethod
    def __call__(
        self, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None = None
    ) -> list[RolloutGroup]:
        """The groups of a step, which have rewards, with their advantages."""


class _OfRewards(Advantage):
    """An advantage that looks at rewards alone."""

    @abstractmethod
    def of(self, rewards_PG: np.ndarray) -> np.ndarray:
        """From rewards, float64, to advantages of the same shape."""

    def __call__(
        self, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None = None
    ) -> list[RolloutGroup]:
        return [filled(group, row) for group, row in zip(groups, _by_size(groups, self.of), strict=True)]


class Centered(_OfRewards):
    """r - mean within each group, without the standard deviation (Dr. GRPO, arXiv 2503.20783, section 3)."""

    def of(self, rewards_PG: np.ndarray) -> np.ndarray:
        """(G - 1)/G of ``LeaveOneOut``.

        Example:
            >>> Centered().of(np.array([[1.0, 0.0, 0.0, 0.0]])).tolist()
            [[0.75, -0.25, -0.25, -0.25]]
        """
        return centered(rewards_PG)


class LeaveOneOut(_OfRewards):
    """r_i less the mean of its group's other rewards (RLOO, arXiv 2402.14740, section 3.3).

    The baseline does not depend on the answer itself, so the policy gradient is unbiased.
    """

    def of(self, rewards_PG: np.ndarray) -> np.ndarray:
        """Zero for a group whose rewards are all equal, so also where G is 1.

        Example:
            >>> LeaveOneOut().of(np.array([[1.0, 0.0, 0.5]])).tolist()
            [[0.75, -0.75, 0.0]]
        """
        others = (rewards_PG.sum(1, keepdims=True) - rewards_PG) / max(rewards_PG.shape[1] - 1, 1)
        return np.where(_all_equal(rewards_PG), 0.0, rewards_PG - others)


class GroupNormalized(_OfRewards):
    """(r - mean) / (std + 1e-4) within each group (Visual-RFT Eq. 4; the sample standard deviation)."""

    std_floor: float = Field(0.0, ge=0)
    """A smaller standard deviation is replaced by this; above 0 it keeps small differences small."""

    def of(self, rewards_PG: np.ndarray) -> np.ndarray:
        """The z-scores.

        Example:
            >>> [f"{a:.4f}" for a in GroupNormalized().of(np.array([[1.0] + [0.0] * 7]))[0, :2].tolist()]
            ['2.4742', '-0.3535']
        """
        if rewards_PG.shape[1] < 2:
            return centered(rewards_PG)
        found: np.ndarray = centered(rewards_PG) / spread(rewards_PG, 1, self.std_floor)
        return found


class BatchNormalized(_OfRewards):
    """(r - mean of the group) / (std of all rewards of the step + 1e-4) (Lite PPO, arXiv 2508.08221).

    Easy and hard prompts keep their size against each other, which a group's own deviation takes from them.
    """

    std_floor: float = Field(0.0, ge=0)
    """A smaller standard deviation is replaced by this."""

    def of(self, rewards_PG: np.ndarray) -> np.ndarray:
        """Divided by one number for the whole step.

        Example:
            >>> found = BatchNormalized().of(np.array([[0.0, 1.0], [4.0, 7.0]]))
            >>> [[f"{a:.4f}" for a in group] for group in found.tolist()]
            [['-0.1581', '0.1581'], ['-0.4743', '0.4743']]
        """
        if rewards_PG.size < 2:
            return centered(rewards_PG)
        found: np.ndarray = centered(rewards_PG) / spread(rewards_PG, (0, 1), self.std_floor)
        return found

    def __call__(
        self, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None = None
    ) -> list[RolloutGroup]:
        """Groups of different sizes share the step's deviation."""
        if len({len(group.rollouts) for group in groups}) <= 1:
            return super().__call__(groups, now, weights)
        every = np.array([r.reward for group in groups for r in group.rollouts], dtype=np.float64)
        scale = spread(every, 0, self.std_floor)
        rows = _by_size(groups, lambda rewards_PG: centered(rewards_PG) / scale)
        return [filled(group, row) for group, row in zip(groups, rows, strict=True)]


class TermNormalized(Advantage):
    """Each reward term normalized by itself, then their weighted sum over the step (GDPO, arXiv 2601.05242).

    Normalizing the sum instead lets answers with different terms share one advantage. The mean over the
    step, which the paper subtracts too, is zero already. A term that abstained counts 0 here.
    """

    std_floor: float = Field(0.0, ge=0)
    """A smaller standard deviation of a term is replaced by this."""

    def __call__(
        self, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None = None
    ) -> list[RolloutGroup]:
        scores = [self._scores(group, (weights or {}).get(group.example.entry, {})) for group in groups]
        if sum(map(len, scores)) > 1:
            if len({len(row) for row in scores}) == 1:
                scores_PG = np.stack(scores)
                scores = list(scores_PG / spread(scores_PG, (0, 1), 0.0))
            else:
                scale = spread(np.concatenate(scores), 0, 0.0)
                scores = [row / scale for row in scores]
        return [filled(group, row.tolist()) for group, row in zip(groups, scores, strict=True)]

    def _scores(self, group: RolloutGroup, weights: Mapping[str, float]) -> np.ndarray:
        names = list(group.rollouts[0].terms)
        terms = np.array([[r.terms[n] or 0.0 for n in names] for r in group.rollouts], dtype=np.float64)
        weights_K = np.array([weights.get(n, 1.0) for n in names], dtype=np.float64)
        scores: np.ndarray = self.of(terms[None], weights_K)[0]
        return scores

    def of(self, terms_PGK: np.ndarray, weights_K: np.ndarray) -> np.ndarray:
        """Weighted sum of each term's z-score within its group, (P, G), before the batch normalization."""
        normalized = GroupNormalized(std_floor=self.std_floor)
        scores = [normalized.of(term_PG) for term_PG in np.moveaxis(terms_PGK, 2, 0)]
        found: np.ndarray = np.stack(scores, 2) @ weights_K
        return found


class AbsoluteWeighted(Advantage):
    """GRPO's advantage times r^alpha, r the raw reward for being right (AP-GRPO, arXiv 2601.07695).

    In a group that is bad throughout, dividing by a tiny deviation makes the least bad answer a model; here
    it counts for as little as it earned. The mean of a group is no longer zero: of answers that are right or
    wrong only the right ones are learned from. (That the factor multiplies the advantage is the reading of
    code by others; only the paper's first pages are to be had.)
    """

    alpha: float = Field(1.0, ge=0)
    """0 is ``group_normalized`` to the bit, since 0^0 is 1 here."""
    term: str = ""
    """The reward term that says how right an answer is; the setting's first where none is named. Weights and
    other terms, such as the format, have no part in it."""
    std_floor: float = Field(0.0, ge=0)
    """A smaller standard deviation is replaced by this."""

    def __call__(
        self, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None = None
    ) -> list[RolloutGroup]:
        plain = GroupNormalized(std_floor=self.std_floor)
        rows = _by_size(groups, plain.of)
        found = []
        for group, row in zip(groups, rows, strict=True):
            raw = np.array([self._raw(rollout.terms) for rollout in group.rollouts], dtype=np.float64)
            found.append(filled(group, self.of(np.array(row), raw).tolist()))
        return found

    def of(self, advantages_PG: np.ndarray, raw_PG: np.ndarray) -> np.ndarray:
        """Advantages of any shape times raw rewards, brought to [0, 1], to the power alpha.

        Example:
            >>> AbsoluteWeighted().of(np.array([1.0, 1.0, -1.0, -1.0]), np.array([1, 0.5, 0, 0.5])).tolist()
            [1.0, 0.5, -0.0, -0.5]
        """
        found: np.ndarray = advantages_PG * raw_PG.clip(0.0, 1.0) ** self.alpha
        return found

    def _raw(self, terms: Mapping[str, float | None]) -> float:
        name = self.term or next(iter(terms), "")
        if name not in terms:
            known = ", ".join(terms) or "none"
            raise ConfigError(
                f"grpo.advantage.term: the reward has no term '{name}'. Choose one of: {known}."
            )
        return terms[name] or 0.0


class EmaNormalized(Advantage):
    """(r - mean of the group) / σ of its task, σ from moving averages (EMA-GRPO, OneThinker, arXiv
    2512.03043).

    Tasks of large and of small differences are brought to one scale, and hard and easy questions of a task
    keep their size against each other. m1 and m2 are moving averages of the mean of r and of r² over a task's
    rollouts of each step, as the released code has them: the first step sets them, later ones enter before
    they are used; σ = √(m2 - m1²). A group in which some |A| is above ``largest`` is divided by its own
    deviation instead. A task is an entry of the run (``Example.entry``).
    """

    decay: float = Field(0.99, ge=0, le=1)
    """Of the moving averages."""
    std_floor: float = Field(1e-3, gt=0)
    """A smaller σ is replaced by this."""
    largest: float = Field(5.0, gt=0)
    """Of |A|; beyond it a group is divided by its own deviation."""
    _moments: dict[str, tuple[float, float]] = PrivateAttr(default_factory=dict)

    def __call__(
        self, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None = None
    ) -> list[RolloutGroup]:
        entries: dict[str, list[float]] = {}
        for group in groups:
            entries.setdefault(group.example.entry, []).extend(r.reward for r in group.rollouts)
        sigma = {name: self.sigma(name, np.array(own, dtype=np.float64)) for name, own in entries.items()}
        return [
            filled(group, self.of([r.reward for r in group.rollouts], sigma[group.example.entry]).tolist())
            for group in groups
        ]

    def sigma(self, entry: str, rewards: np.ndarray) -> float:
        """σ of an entry once a step's rewards have entered; it is remembered.

        Example:
            >>> ema = EmaNormalized()
            >>> ema.restore({"detection": [0.5, 0.5]})
            >>> rewards = np.array([1.0] + [0.0] * 7)
            >>> [f"{a:.5f}" for a in ema.of(rewards, ema.sigma("detection", rewards))[:2].tolist()]
            ['1.75005', '-0.25001']
        """
        seen = float(rewards.mean()), float((rewards**2).mean())
        before = self._moments.get(entry, seen)
        m1, m2 = (self.decay * old + (1 - self.decay) * new for old, new in zip(before, seen, strict=True))
        self._moments[entry] = (m1, m2)
        return max(math.sqrt(max(m2 - m1 * m1, 0.0)), self.std_floor)

    def of(self, rewards_G: Sequence[float] | np.ndarray, sigma: float) -> np.ndarray:
        """One group's advantages."""
        difference_G = centered(np.array(rewards_G, dtype=np.float64)[None])[0]
        found: np.ndarray = difference_G / (sigma + EMA_EPSILON)
        if np.abs(found).max() > self.largest:
            found = difference_G / (difference_G.std() + EMA_EPSILON)
        return found

    def state(self) -> dict[str, list[float]]:
        """m1 and m2 of each entry."""
        return {name: list(moments) for name, moments in self._moments.items()}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Go on with these."""
        self._moments = {name: (float(m1), float(m2)) for name, (m1, m2) in state.items()}


ADVANTAGES: dict[str, type[Advantage]] = {
    "group_normalized": GroupNormalized,
    "centered": Centered,
    "batch_normalized": BatchNormalized,
    "leave_one_out": LeaveOneOut,
    "term_normalized": TermNormalized,
    "absolute_weighted": AbsoluteWeighted,
    "ema_normalized": EmaNormalized,
}


def shuffled(
    advantage: Advantage, groups: Sequence[RolloutGroup], now: Clock, weights: Weights | None, seed: int
) -> list[RolloutGroup]:
    """The shuffled-reward control: each rollout gets what another of its group earned, so nothing can be
    learned.

    Rewards and terms in the result are those that were used, as they are what the run learns from.
    """
    rng = np.random.default_rng(seed)
    given = []
    for group in groups:
        order = rng.permutation(len(group.rollouts)).tolist()
        pairs = [(rollout, group.rollouts[i]) for rollout, i in zip(group.rollouts, order, strict=True)]
        mixed = tuple(replace(r, reward=other.reward, terms=other.terms) for r, other in pairs)
        given.append(replace(group, rollouts=mixed))
    # Terms go with the reward where an advantage looks at them, and stay with the text in what is logged.
    done = []
    for group, new in zip(groups, advantage(given, now, weights), strict=True):
        pairs = list(zip(new.rollouts, group.rollouts, strict=True))
        done.append(replace(new, rollouts=tuple(replace(r, terms=own.terms) for r, own in pairs)))
    return done


def filled(group: RolloutGroup, advantages: Sequence[float]) -> RolloutGroup:
    """A group with one advantage for each rollout, the same for all its turns and tokens."""
    rollouts = tuple(
        replace(r, advantages=((a,),) * len(r.turns)) for r, a in zip(group.rollouts, advantages, strict=True)
    )
    return replace(group, rollouts=rollouts)


def centered(rewards_PG: np.ndarray) -> np.ndarray:
    """Rewards less their group's mean; exactly 0 for a group whose rewards are all equal."""
    # Not rounding noise that a division makes large.
    return np.where(_all_equal(rewards_PG), 0.0, rewards_PG - rewards_PG.mean(1, keepdims=True))


def spread(rewards: np.ndarray, axis: int | tuple[int, ...], std_floor: float) -> np.ndarray:
    """What centered rewards are divided by: the sample standard deviation, at least the floor, plus 1e-4."""
    deviation: np.ndarray = rewards.std(axis, ddof=1, keepdims=True)
    return deviation.clip(min=std_floor) + EPSILON


def _all_equal(rewards_PG: np.ndarray) -> np.ndarray:
    """True (P, 1) for groups whose rewards are all equal, bit for bit."""
    found: np.ndarray = (rewards_PG == rewards_PG[:, :1]).all(1, keepdims=True)
    return found


def _by_size(
    groups: Sequence[RolloutGroup], function: Callable[[np.ndarray], np.ndarray]
) -> list[list[float]]:
    """A function of (P, G) rewards for groups of any sizes, one row of advantages for each group."""
    rows: dict[int, list[float]] = {}
    for size in {len(group.rollouts) for group in groups}:
        places = [i for i, group in enumerate(groups) if len(group.rollouts) == size]
        rewards = [[r.reward for r in groups[i].rollouts] for i in places]
        found = function(np.array(rewards, dtype=np.float64)).tolist()
        rows |= dict(zip(places, found, strict=True))
    return [rows[i] for i in range(len(groups))]
