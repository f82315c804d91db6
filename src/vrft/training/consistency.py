"""The consistency bonus of GRPO-CARE: right answers that their own reasoning makes likely earn more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pydantic import Field

from vrft.errors import ConfigError
from vrft.tasks.parsing.tags import ANSWER_CLOSE, thought_span
from vrft.types import Clock, Rollout, RolloutGroup, Turn
from vrft.types.options import Options

if TYPE_CHECKING:
    from vrft.distributed import DistributedContext
    from vrft.training.reference import MovingReference

LEAST_ACCURACY = 0.1
"""An answer that earns no more is not accurate."""
TERM = "consistency"
"""The bonus among a rollout's reward terms."""
_EPSILON = 1e-6


class ConsistencyOptions(Options):
    """GRPO-CARE (arXiv 2506.16141), with the values of its scripts: the reward plus coefficient times
    accuracy where an answer is accurate and consistent. It has no KL term."""

    coefficient: float = Field(0.5, gt=0)
    """Of the bonus; the code's own default is 1."""
    margin: float = Field(0.01, ge=0)
    """By so much an answer may be less likely than the accurate ones of its group are on average."""
    bound: float = Field(0.95, gt=0, le=1)
    """Likelihoods above count as this: being surer earns nothing."""
    term: str = ""
    """The reward term that says how accurate an answer is, in [0, 1]; the setting's first where none is
    named."""
    decay: float = Field(0.995, ge=0, le=1)
    """Of the moving average of the policy that judges."""
    every: int = Field(10, ge=1)
    """Steps between two updates of it."""


def confidence(logprobs: Sequence[float], bound: float | None = 0.95) -> float:
    """How likely an answer is behind its own reasoning: exp of its tokens' mean log-probability, as released
    (the paper has the mean probability); of no token the bound.

    Example:
        >>> round(confidence([-0.5, -0.1]), 4), confidence([]), round(confidence([-0.01], bound=None), 4)
        (0.7408, 0.95, 0.99)
    """
    found = math.exp(sum(logprobs) / (len(logprobs) + _EPSILON))
    return found if bound is None else min(found, bound)


def bonuses(
    accuracy: Sequence[float],
    confidences: Sequence[float | None],
    margin: float | None = 0.01,
    coefficient: float = 0.5,
) -> list[float]:
    """What each answer of a group earns for consistency, as released.

    Accurate is what earns more than 0.1 and no less than the group's mean; of these, consistent is what is no
    less likely than they are on average, less the margin. One whose likelihood is not known earns nothing.

    Example:
        >>> bonuses([1, 1, 0, 0], [0.9, 0.5, 0.9, 0.9])
        [0.5, 0.0, 0.0, 0.0]
    """
    least = fmean(accuracy)
    pairs = zip(accuracy, confidences, strict=True)
    # Of the accurate ones.
    sure = {i: c for i, (a, c) in enumerate(pairs) if a > LEAST_ACCURACY and a >= least and c is not None}
    if not sure:
        return [0.0] * len(accuracy)
    enough = fmean(sure.values()) - (margin or 0.0)
    return [coefficient * a if i in sure and sure[i] >= enough else 0.0 for i, a in enumerate(accuracy)]


class Consistency:
    """Adds the bonus to the rewards of groups; remembers the policy that judges.

    Args:
        options: of ``grpo.consistency``.
        reference: starts as the policy, and follows it slowly.
        context: which process this is: each judges its own groups.
    """

    def __init__(
        self, options: ConsistencyOptions, reference: MovingReference, context: DistributedContext
    ) -> None:
        self._options, self._reference, self._context = options, reference, context

    def follow(self, now: Clock) -> None:
        """Let the judge follow the policy, where it is time."""
        if now.step and now.step % self._options.every == 0:
            self._reference.follow(self._options.decay)

    def __call__(self, groups: Sequence[RolloutGroup], own: Sequence[int]) -> list[RolloutGroup]:
        """Groups of a step with their bonus.

        Args:
            groups: of every process, scored.
            own: places of those that this process judges; together all processes judge all.
        """
        judged = [(place, self._confidences(groups[place])) for place in own]
        found = dict(self._context.all_gather_object(judged))
        return [self._paid(group, found[place]) for place, group in enumerate(groups)]

    def state(self) -> Any:
        """The judge's weights."""
        return self._reference.state()

    def restore(self, state: Any) -> None:
        self._reference.restore(state)

    def _confidences(self, group: RolloutGroup) -> list[float | None]:
        """Of each answer; None where no token of it is behind a thought: released code takes it for sure."""
        places = [answer_tokens(rollout) for rollout in group.rollouts]
        turns = [r.turns[-1] for r, own in zip(group.rollouts, places, strict=True) if own]
        known = iter(self._reference.token_logprobs(turns))
        return [
            confidence([logprobs[i] for i in own], self._options.bound)
            if own and (logprobs := next(known))
            else None
            for own in places
        ]

    def _paid(self, group: RolloutGroup, confidences: Sequence[float | None]) -> RolloutGroup:
        accuracy = [self._accuracy(rollout) for rollout in group.rollouts]
        paid = bonuses(accuracy, confidences, self._options.margin, self._options.coefficient)
        rollouts = tuple(
            replace(r, reward=r.reward + amount, terms={**r.terms, TERM: amount})
            for r, amount in zip(group.rollouts, paid, strict=True)
        )
        return replace(group, rollouts=rollouts)

    def _accuracy(self, rollout: Rollout) -> float:
        name = self._options.term or next(iter(rollout.terms), "")
        if name not in rollout.terms:
            known = ", ".join(rollout.terms) or "none"
            raise ConfigError(
                f"grpo.consistency.term: the reward has no term '{name}'. Choose one of: {known}."
            )
        return rollout.terms[name] or 0.0


def answer_tokens(rollout: Rollout) -> list[int]:
    """Places of the last turn's tokens that write the content of the answer tags, behind a closed thought;
    empty where the text has no such form."""
    turn: Turn = rollout.turns[-1]
    span = thought_span(turn.text)
    if span is None:
        return []
    begun, begin = len(turn.prompt.begun), span[2]
    end = turn.text.find(ANSWER_CLOSE, begin)
    if end < 0:
        return []
    spans = turn.completion.token_spans
    return [i for i, (first, last) in enumerate(spans) if max(first + begun, begin) < min(last + begun, end)]
