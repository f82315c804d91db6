"""Another policy's log-probabilities: the frozen twin, or the same model with the adapter it began with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from vrft.models.adapter_weights import is_initial
from vrft.models.divided import exchanged, own_part
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer, PolicyScorer
from vrft.types import Prompt, Turn


class Reference:
    """The policy as it was before the first step; holds a second model only where it must."""

    def __init__(self, policy: Policy, scorer: AnswerScorer | None = None) -> None:
        """``scorer`` is the policy's, where something wraps it."""
        self._adapter = hasattr(policy.model, "disable_adapter")
        own = scorer or AnswerScorer(policy)
        self._scorer = own if self._adapter else own.twin()
        self._twin = self._scorer.policy
        # A fresh adapter is switched off; one that goes on is put back to where it began.
        learned = [p for p in policy.model.parameters() if p.requires_grad] if self._adapter else []
        fresh = self._adapter and is_initial(policy.model)
        self._start = [] if fresh else [(p, own_part(p.detach()).clone()) for p in learned]

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
            with torch.no_grad(), self._at_start():
                yield
        finally:
            model.train(was_training)

    @contextmanager
    def _at_start(self) -> Iterator[None]:
        if self._adapter and not self._start:
            with self._twin.model.disable_adapter():
                yield
            return
        now = [(parameter, exchanged(parameter, value)) for parameter, value in self._start]
        try:
            yield
        finally:
            for parameter, value in now:
                exchanged(parameter, value)


class MovingReference(Reference):
    """A slow copy of the policy: each update moves it towards the policy's weights of then, in float32."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        learned = [p for p in policy.model.parameters() if p.requires_grad]
        if self._adapter:
            self._start = [(p, p.detach().clone()) for p in learned]
            kept = [value for _, value in self._start]
        else:
            twins = zip(policy.model.parameters(), self._twin.model.parameters(), strict=True)
            kept = [twin for own, twin in twins if own.requires_grad]
        # Steps of half a percent would be lost in half precision.
        self._means = [(own, value, value.detach().float()) for own, value in zip(learned, kept, strict=True)]

    def follow(self, decay: float) -> None:
        """Go ``1 - decay`` of the way to the policy."""
        with torch.no_grad():
            for own, value, mean in self._means:
                mean.lerp_(own.detach().float(), 1 - decay)
                value.copy_(mean)
        self._twin.forget_features()

    def token_logprobs(self, turns: Sequence[Turn]) -> list[tuple[float, ...]]:
        """Log-probability of each token that was said; turns with one prompt encode it once."""
        if not turns:
            return []
        with self._as_it_was():
            return PolicyScorer(self._twin).logprobs(turns)

    def state(self) -> list[torch.Tensor]:
        """Its weights that move, in order."""
        return [mean.cpu().clone() for _, _, mean in self._means]

    def restore(self, state: Sequence[torch.Tensor]) -> None:
        """Go on with these."""
        with torch.no_grad():
            for (_, value, mean), kept in zip(self._means, state, strict=True):
                mean.copy_(kept)
                value.copy_(mean)
        self._twin.forget_features()
