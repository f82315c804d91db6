"""Stops a run whose sampler does not draw from the policy: its log-probabilities are others."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import RunError
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer, PolicyScorer
from vrft.rollout.sampler import Sampler, ServedSampler
from vrft.training.batch import Row
from vrft.types import RolloutGroup, Turn

LIMIT, MEAN_LIMIT = 1e-3, 0.05
"""For answers from elsewhere: of single tokens with weights in float32, of the mean in half precision."""
LARGEST, MEAN = "sampling_mismatch", "sampling_mismatch_mean"
"""Keys of a step's row: between the sampler's and the policy's log-probabilities of sampled tokens."""


class MismatchAlarm:
    """Looks at the first update of each step, where policy and sampler have the same weights.

    Args:
        sampler: who drew, here or elsewhere.
        scorer: the policy's own log-probabilities.
        limit: of a single token; None is the module's, and of a sampler in this process none.
        temperature: of the sampling.
        context: which process this is.
        method: how ``compare`` computes the policy's own.
    """

    def __init__(
        self,
        sampler: Sampler,
        scorer: AnswerScorer,
        limit: float | None,
        temperature: float,
        context: DistributedContext = SINGLE_PROCESS,
        method: LogprobMethod = "plain",
    ) -> None:
        self._sampler, self._scorer, self._context = sampler, scorer, context
        self._method: LogprobMethod = method
        self._temperature, self._limit, self._key = temperature, limit, LARGEST
        if limit is None and isinstance(sampler, ServedSampler):
            half = scorer.policy.core.dtype in (torch.bfloat16, torch.float16)
            self._limit, self._key = (MEAN_LIMIT, MEAN) if half else (LIMIT, LARGEST)

    def see(self, row: Row, worst: tuple[float, Turn | None]) -> None:
        """Look at what a first update measured.

        Args:
            row: of all processes, the same in each.
            worst: of this process: its largest difference, and the turn that has it.

        Raises:
            RunError: the limit is passed; names the cause.
        """
        if self._limit is None or row[self._key] <= self._limit:
            return
        gap, turn = max(self._context.all_gather_object([worst]), key=lambda one: one[0])
        mean = " on average" if self._key == MEAN else ""
        said = (
            f"rollout.max_mismatch: log-probabilities of the sampler and of the policy differ by "
            f"{row[self._key]:.2g}{mean}, and rounding explains {self._limit:g}: the answers are not the "
            "policy's."
        )
        if turn is not None and isinstance(self._sampler, ServedSampler):
            # Asked again is a single answer, whose tokens may all be far.
            limit = max(self._limit, gap / 10) if mean else self._limit
            said += f" {self._sampler.explain(turn, self._scorer, limit, self._temperature)}"
        raise RunError(said)

    def compare(self, groups: Sequence[RolloutGroup]) -> Row:
        """As ``see``, of answers for a later step, while the policy has the weights that drew them.

        Args:
            groups: some of each process.

        Returns:
            What ``see`` looked at.
        """
        turns = [turn for group in groups for rollout in group.rollouts for turn in rollout.turns]
        own = PolicyScorer(self._scorer.policy, self._temperature, self._method).logprobs(turns)
        worst: tuple[float, Turn | None] = (0.0, None)
        total, tokens = 0.0, 0
        for turn, found in zip(turns, own, strict=True):
            off = [abs(a - b) for a, b in zip(found, turn.completion.logprobs, strict=True)]
            worst = max(worst, (max(off, default=0.0), turn), key=lambda one: one[0])
            total, tokens = total + sum(off), tokens + len(off)
        totals, counts, largest = zip(
            *self._context.all_gather_object([(total, tokens, worst[0])]), strict=True
        )
        row = {LARGEST: max(largest), MEAN: sum(totals) / max(1, sum(counts))}
        self.see(row, worst)
        return row
