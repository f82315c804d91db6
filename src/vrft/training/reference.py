"""Another policy's log-probabilities: the frozen twin, or the same model with its adapter switched off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from vrft.models.policy import Policy
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer
from vrft.types import Prompt


class Reference:
    """The policy as it was before the first step; holds a second model only where it must."""

    def __init__(self, policy: Policy) -> None:
        self._adapter = hasattr(policy.model, "disable_adapter")
        self._twin = policy if self._adapter else policy.frozen_copy()
        self._scorer = AnswerScorer(self._twin)

    def logprobs(
        self,
        prompts: Sequence[Prompt],
        answers: Sequence[tuple[int, ...]],
        group_size: int,
        temperature: float,
        method: LogprobMethod,
    ) -> torch.Tensor:
        """Log-probabilities (R, A) under the reference; arguments as of ``AnswerScorer.forward``."""
        with self._as_it_was():
            found: tuple[torch.Tensor, torch.Tensor] = self._scorer(
                list(prompts), list(answers), group_size, temperature, method
            )
            return found[0]

    def distributions(
        self,
        prompts: Sequence[Prompt],
        answers: Sequence[tuple[int, ...]],
        group_size: int,
        temperature: float,
        method: LogprobMethod,
    ) -> tuple[torch.Tensor, nn.Module]:
        """Its hidden states (N, H) and its head, from which a chunk of distributions can be computed."""
        with self._as_it_was():
            return self._scorer.hidden(list(prompts), list(answers), group_size, method)

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        model = self._twin.model
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), model.disable_adapter() if self._adapter else nullcontext():
                yield
        finally:
            model.train(was_training)
