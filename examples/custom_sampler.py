"""A sampler of one's own: min-p (arXiv 2407.01082), which vrft does not have, by transformers' generation.

    vrft train my.yaml rollout.sampler=examples/custom_sampler.py:MinPSampler

A sampler is a class that is given the policy and has four methods. Nothing but seed and place may decide what
is drawn, or a resumed run would differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import GenerationConfig

from vrft.models.policy import Policy
from vrft.types import Completion, Prompt, SampleSeed, SamplingParams

MIN_P = 0.05
"""A token is drawn only where it is at least so likely as this share of the likeliest one."""


class MinPSampler:
    """Draws from the tokens that are not much less likely than the likeliest."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.version = policy, 0

    def encode(self, prompts: Sequence[Prompt]) -> None:
        """Nothing that the gradient could use again."""

    def generate(
        self,
        prompts: Sequence[Prompt],
        n: int,
        params: SamplingParams,
        draw: SampleSeed,
        encoded: object | None = None,
    ) -> list[list[Completion]]:
        """``n`` answers to each prompt."""
        drawn = []
        for prompt, place in zip(prompts, draw.places, strict=True):
            with torch.random.fork_rng():
                torch.manual_seed(int(np.random.SeedSequence([draw.seed, place]).generate_state(1)[0]))
                drawn.append(self._answers(prompt, n, params))
        return drawn

    @torch.no_grad()
    def _answers(self, prompt: Prompt, n: int, params: SamplingParams) -> list[Completion]:
        policy, ends = self.policy, self.policy.end_token_ids
        ids = torch.tensor([prompt.token_ids] * n, device=policy.device)
        images = policy.model_inputs(policy.images_of([prompt] * n))
        if policy.family.token_types is not None:
            images[policy.family.token_types] = (ids == policy.image_token_id).long()
        settings = GenerationConfig(
            do_sample=True,
            temperature=params.temperature,
            min_p=MIN_P,
            top_k=0,
            max_new_tokens=params.max_new_tokens,
            suppress_tokens=list(policy.placeholder_ids),  # they stand for images
            eos_token_id=list(ends),
            pad_token_id=policy.pad_token_id,
            output_logits=True,
            return_dict_in_generate=True,
        )
        mask = torch.ones_like(ids)
        out = policy.core.generate(ids, attention_mask=mask, generation_config=settings, **images)
        answers = out.sequences[:, ids.shape[1] :]
        # Log-probabilities are those of the whole vocabulary, as the gradient pass has them.
        logits = torch.stack(out.logits, 1).float() / params.temperature
        logprobs = logits.log_softmax(-1).gather(-1, answers[..., None])[..., 0]
        return [self._completion(*row, ends) for row in zip(answers.tolist(), logprobs.tolist(), strict=True)]

    def _completion(self, ids: list[int], logprobs: list[float], ends: tuple[int, ...]) -> Completion:
        """A row up to its end token; what follows is padding."""
        length = next((place for place, token in enumerate(ids, 1) if token in ends), 0)
        size = length or len(ids)
        return self.policy.completion(ids[:size], logprobs[:size], length > 0, self.version)

    def sync(self, policy: object, version: int) -> None:
        """The weights are the policy's own; a server would take them over here."""
        self.version = version

    def close(self) -> None:
        """Nothing is held."""
