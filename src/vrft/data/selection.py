"""Which training questions RFT asks, by how well the policy answers them: the rules of ``data.select``.

A rule gives each question a weight and says why, from the newest answers to it. Weight 0 leaves it out; the
others are drawn in proportion to their weights (``vrft.training.selector``).

To add one: a class here and its entry in ``SELECTIONS``; or ``data.select: {name: package.module:Class}``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from vrft.types.options import Options

Outcome = tuple[bool, float]
"""Whether one answer was right, by its task's rule, and its score in [0, 1]. Format and weights have no part
in it: a policy that only learns the form would look as if it were learning."""
KEPT, NEVER_RIGHT, SOLVED, NO_SPREAD = "kept", "never right", "solved", "all answers alike"


@dataclass(frozen=True)
class Results:
    """What the newest answers to one question were worth."""

    rate: float
    """Share that is right."""
    score: float
    """Mean score."""
    spread: float
    """Standard deviation of the scores, of these answers and not of all that there could be (ddof 0)."""

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Results:
        """Of at least one answer.

        Example:
            >>> Results.of([(True, 1.0), (False, 0.0), (False, 0.0), (True, 1.0)])
            Results(rate=0.5, score=0.5, spread=0.5)
        """
        right, scores = zip(*outcomes, strict=True)
        # Of equal scores the mean may be off by a last bit, and no spread must be none.
        spread = float(np.std(scores)) if len(set(scores)) > 1 else 0.0
        return cls(sum(right) / len(right), float(np.mean(scores)), spread)


@dataclass(frozen=True)
class QuestionWeight:
    """How often a question is asked against the others, and why; 0 is never."""

    weight: float
    why: str


class SelectionRule(Options, ABC):
    """A rule with its options."""

    samples: int = Field(8, ge=1)
    """The newest answers that a question is judged by; where fewer are known at first, the rest is drawn."""
    floor: float = Field(0.05, ge=0, lt=1)
    """Share of the draws that goes to all questions alike, so that one that was left out can come back."""
    probe: str | None = None
    """A probe.json of the same model, form and data: what it knows is not drawn again."""

    @abstractmethod
    def weigh(self, results: Sequence[Results], epoch: int) -> list[QuestionWeight]:
        """One for each question, in order; ``epoch`` counts from 0."""


class PassRate(SelectionRule):
    """Leaves out what is never right and what is nearly always right (the queries of Qwen3-VL's RL recipe).

    Of 16 answers none right, or 15 and more: a group of such answers has hardly any spread.
    """

    samples: int = Field(16, ge=1)
    """The newest answers that a question is judged by, and the first draw."""
    lowest: float = Field(0.0, ge=0, le=1)
    """Questions with this share of right answers, or a lower one, are left out."""
    highest: float = Field(15 / 16, ge=0, le=1)
    """Questions with this share of right answers, or a higher one, are left out."""

    @model_validator(mode="after")
    def _check_order(self) -> PassRate:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest {self.lowest:g} is not below highest {self.highest:g}")
        return self

    def weigh(self, results: Sequence[Results], epoch: int) -> list[QuestionWeight]:
        """Weight 1 or 0.

        Example:
            >>> rates = [0, 1 / 16, 14 / 16, 15 / 16]
            >>> [v.why for v in PassRate().weigh([Results(rate, rate, 0.0) for rate in rates], 0)]
            ['never right', 'kept', 'kept', 'solved']
        """
        return [self._of(one.rate) for one in results]

    def _of(self, rate: float) -> QuestionWeight:
        if rate <= self.lowest:
            return QuestionWeight(0.0, NEVER_RIGHT)
        return QuestionWeight(0.0, SOLVED) if rate >= self.highest else QuestionWeight(1.0, KEPT)


class Gaussian(SelectionRule):
    """Prefers a mean score near a center, and leaves out what is solved from the second epoch on (Time-R1,
    arXiv 2503.13377, as released).

    The weight of a mean score d is exp(-((d - center) / width)^2 / 2). Questions at 0 are left out as well:
    the released filter keeps 0 < d <= 0.7.
    """

    center: float = Field(0.3, ge=0, le=1)
    """The mean score that is asked most."""
    width: float = Field(0.2, gt=0)
    """Standard deviation of the bell."""
    solved: float = Field(0.7, gt=0, le=1)
    """After the first epoch, questions above this mean score are left out."""

    def weigh(self, results: Sequence[Results], epoch: int) -> list[QuestionWeight]:
        """The bell, and 0 for what is left out.

        Example:
            >>> found = Gaussian().weigh([Results(0, d, 0) for d in (0.0, 0.3, 0.5, 0.9)], epoch=1)
            >>> [f"{v.weight:.4f} {v.why}" for v in found]
            ['0.0000 never right', '1.0000 kept', '0.6065 kept', '0.0000 solved']
        """
        return [self._of(one.score, epoch) for one in results]

    def _of(self, score: float, epoch: int) -> QuestionWeight:
        if score <= 0:
            return QuestionWeight(0.0, NEVER_RIGHT)
        if epoch and score > self.solved:
            return QuestionWeight(0.0, SOLVED)
        return QuestionWeight(float(np.exp(-(((score - self.center) / self.width) ** 2) / 2)), KEPT)


class Variance(SelectionRule):
    """Asks in proportion to sigma^alpha, the spread of the scores, within three buckets of fixed shares.

    Temporal-RLT (arXiv 2506.01908) keeps the samples whose reward varies, and gives no thresholds;
    ``shares: null`` is that. Buckets, thresholds and shares are those of its fully described relative RITA:
    hard up to 0.2 right answers, easy from 0.8, in between medium. What is never right, or always worth the
    same, is left out.
    """

    alpha: float = Field(1.0, ge=0)
    """0 asks all of a bucket alike."""
    hard: float = Field(0.2, ge=0, le=1)
    """A question with this share of right answers, or a lower one, is hard."""
    easy: float = Field(0.8, ge=0, le=1)
    """A question with this share of right answers, or a higher one, is easy."""
    shares: tuple[float, float, float] | None = (1.0, 6.0, 3.0)
    """Of hard, medium and easy ones among the draws; that of an empty bucket goes to the others. None has no
    buckets, and also asks what is never right by the task's rule, where scores differ all the same."""

    @model_validator(mode="after")
    def _check_buckets(self) -> Variance:
        if self.hard >= self.easy:
            raise ValueError(f"hard {self.hard:g} is not below easy {self.easy:g}")
        if self.shares is not None and (min(self.shares) < 0 or not sum(self.shares)):
            raise ValueError("shares must not be negative, and one must be above 0")
        return self

    def weigh(self, results: Sequence[Results], epoch: int) -> list[QuestionWeight]:
        """Weights that sum to the shares of the buckets that hold something.

        Example:
            >>> seen = [(0.5, 0.5, 0.5), (0.5, 0.5, 0.25), (1, 0.9, 0.1), (1, 1, 0)]
            >>> found = Variance().weigh([Results(*one) for one in seen], 0)
            >>> [f"{v.weight:.1f} {v.why}" for v in found]
            ['4.0 medium', '2.0 medium', '3.0 easy', '0.0 all answers alike']
        """
        names = [self._bucket(one) for one in results]
        sizes = [one.spread**self.alpha for one in results]
        if self.shares is None:
            return [
                QuestionWeight(size if name == KEPT else 0.0, name)
                for name, size in zip(names, sizes, strict=True)
            ]
        shares = dict(zip(("hard", "medium", "easy"), self.shares, strict=True))
        totals = {name: sum(s for n, s in zip(names, sizes, strict=True) if n == name) for name in shares}
        return [
            QuestionWeight(shares[name] * size / totals[name] if name in shares else 0.0, name)
            for name, size in zip(names, sizes, strict=True)
        ]

    def _bucket(self, one: Results) -> str:
        if one.spread == 0:
            return NO_SPREAD
        if self.shares is None:
            return KEPT
        if one.rate == 0:
            return NEVER_RIGHT
        return "hard" if one.rate <= self.hard else "easy" if one.rate >= self.easy else "medium"


SELECTIONS: dict[str, type[SelectionRule]] = {
    "pass_rate": PassRate,
    "gaussian": Gaussian,
    "variance": Variance,
}


def systematic_draws(weights: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Places drawn in proportion to weights, with as little chance as that leaves.

    Args:
        weights: (N,), none negative, at least one above 0.
        count: how many draws.
        rng: where the first one falls.

    Returns:
        ``count`` places in order. Any run of neighbours is drawn within one of its expected number, so each
        place is drawn floor or ceil of its own; with equal weights and N draws, exactly once.

    Example:
        >>> systematic_draws(np.array([1.0, 0.0, 3.0]), 4, np.random.default_rng(0))
        [0, 2, 2, 2]
    """
    expected = np.cumsum(weights) / weights.sum() * count
    expected[-1] = count
    # The offset stays off its ends, where rounding could give one draw more or less.
    before = np.floor(np.concatenate([[0.0], expected]) + rng.uniform(1e-6, 1 - 1e-6))
    return [int(place) for place in np.repeat(np.arange(len(weights)), np.diff(before).astype(int))]
