"""The reference policy: the frozen twin, or the same model with its LoRA adapter switched off."""

from __future__ import annotations

import copy
from collections import OrderedDict
from contextlib import nullcontext
from dataclasses import replace

import torch

from vrft.models.policy import Policy, Prompt
from vrft.rollout.hidden_states import Path
from vrft.rollout.logprobs import AnswerScorer


class Reference:
    """Gives the reference's log-probabilities; holds a second model only where it must."""

    def __init__(self, policy: Policy, beta: float) -> None:
        """Make the reference.

        Args:
            policy: as it is before the first step.
            beta: weight of the KL term; 0 makes no reference.
        """
        self._adapter = hasattr(policy.model, "disable_adapter")
        self._twin = policy
        if beta and not self._adapter:
            model = copy.deepcopy(policy.model).eval().requires_grad_(False)
            # Its weights never change, so each picture is encoded once; a tower that is frozen in the policy
            # gives both the same features.
            features = policy._features if policy.vision_frozen else OrderedDict()
            self._twin = replace(policy, model=model, vision_frozen=True, _features=features)
        self._scorer = AnswerScorer(self._twin)

    @torch.no_grad()
    def logprobs(
        self,
        prompts: list[Prompt],
        answers: list[tuple[int, ...]],
        group_size: int,
        temperature: float,
        path: Path,
    ) -> torch.Tensor:
        """Log-probabilities (R, A) under the reference; arguments as of ``AnswerScorer.forward``."""
        was_training = self._twin.model.training
        self._twin.model.eval()
        try:
            with self._twin.model.disable_adapter() if self._adapter else nullcontext():
                return self._scorer(prompts, answers, group_size, temperature, path)[0]
        finally:
            self._twin.model.train(was_training)
