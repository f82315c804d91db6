"""Sampling by transformers' own ``generate``, prompt by prompt: slower than a shared prompt, the same to
rounding.

It is what other samplers are held to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from vrft.models.finite import check_finite
from vrft.models.model_source import quiet
from vrft.models.policy import Policy
from vrft.rollout.digit_watch import DigitWatch
from vrft.rollout.length_check import check_length
from vrft.rollout.sampler import OwnWeights
from vrft.rollout.shared_prompt.sampler import refuse_stop_texts
from vrft.types import Completion, Prompt, SampleSeed, SamplingParams


class PlainSampler(OwnWeights):
    """The ``Sampler`` of a policy in this process; log-probabilities are as ``SharedPromptSampler``'s."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def encode(self, prompts: Sequence[Prompt]) -> None:
        """``generate`` encodes prompts itself, without gradient."""

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Prompt],
        n: int,
        params: SamplingParams,
        draw: SampleSeed,
        encoded: object | None = None,
    ) -> list[list[Completion]]:
        refuse_stop_texts(params, "plain")
        check_length(self.policy, prompts, params.max_new_tokens)
        ends = self.policy.end_token_ids
        with _explicit(self.policy):
            return [
                self._group(prompt, n, params, ends, _seed(draw.seed, place))
                for prompt, place in zip(prompts, draw.places, strict=True)
            ]

    def _group(
        self, prompt: Prompt, n: int, params: SamplingParams, ends: tuple[int, ...], seed: int
    ) -> list[Completion]:
        policy, greedy = self.policy, params.temperature == 0
        rows = 1 if greedy else n
        ids = torch.tensor([prompt.token_ids] * rows, device=policy.device)
        # Rows are repeated here: generate would repeat an image's tiles one by one.
        inputs = policy.model_inputs(policy.images_of([prompt] * rows)) if prompt.media else {}
        if policy.family.token_types is not None:
            inputs[policy.family.token_types] = (ids == policy.image_token_id).long()
        drawing = (
            {}
            if greedy
            else {"temperature": params.temperature, "top_p": params.top_p, "top_k": params.top_k}
        )
        settings = GenerationConfig(
            do_sample=not greedy,
            max_new_tokens=params.max_new_tokens,
            eos_token_id=list(ends),
            pad_token_id=policy.pad_token_id,
            **drawing,
        )
        watch = _Watch(policy, params, ends)
        with torch.random.fork_rng([policy.device] if policy.device.type == "cuda" else []):
            torch.manual_seed(seed)
            whole = policy.core.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                generation_config=settings,
                logits_processor=LogitsProcessorList([watch]),
                synced_gpus=False,  # where weights are divided, it would wait for others at each token
                **inputs,
            )
        logprobs = watch.logprobs(whole).tolist()
        answers = whole[:, ids.shape[1] :].tolist()
        digits = watch.digits(whole[:, ids.shape[1] :])
        found = [self._completion(*answer, ends) for answer in zip(answers, logprobs, digits, strict=True)]
        return found * n if greedy else found

    def _completion(
        self, ids: list[int], logprobs: list[float], digits: list[float], ends: tuple[int, ...]
    ) -> Completion:
        """A row up to its end token; what follows is padding."""
        length = next((i for i, token in enumerate(ids, 1) if token in ends), 0)
        size = length or len(ids)
        return self.policy.completion(ids[:size], logprobs[:size], length > 0, self.version, digits[:size])


class _Watch(LogitsProcessor):  # type: ignore[misc]
    """Keeps each token's log-probability by the untouched logits, then bans what must not be drawn."""

    def __init__(self, policy: Policy, params: SamplingParams, ends: tuple[int, ...]) -> None:
        self._policy, never = policy, policy.placeholder_ids
        self._temperature = 1.0 if params.untempered or params.temperature == 0 else params.temperature
        self._never, self._not_yet, self._least = list(never), [*never, *ends], params.min_new_tokens
        self._columns: list[torch.Tensor] = []
        self._digits, self._logits = DigitWatch.of(policy, params), list[torch.Tensor]()
        self._every: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._take(input_ids)
        check_finite(self._policy, scores)
        self._every = (scores / self._temperature).log_softmax(-1)
        if self._digits is not None:
            self._logits.append(scores[:, self._digits.ids])
        banned = self._not_yet if len(self._columns) < self._least else self._never
        return scores.index_fill(-1, torch.tensor(banned, device=scores.device), -torch.inf)

    def _take(self, input_ids: torch.Tensor) -> None:
        if self._every is not None:
            self._columns.append(self._every.gather(-1, input_ids[:, -1:]))

    def digits(self, answers: torch.Tensor) -> list[list[float]]:
        """Means of digits of every drawn token, row by row; empty rows where they are not kept."""
        if self._digits is None:
            return [[]] * len(answers)
        columns = [
            self._digits.means(logits, chosen) for logits, chosen in zip(self._logits, answers.T, strict=True)
        ]
        found: list[list[float]] = torch.stack(columns, -1).tolist()
        return found

    def logprobs(self, whole: torch.Tensor) -> torch.Tensor:
        """Of every drawn token, when all are drawn."""
        self._take(whole)
        return torch.cat(self._columns, -1)


@contextmanager
def _explicit(policy: Policy) -> Iterator[None]:
    """In eval mode, and nothing inherited: a release's generation config may hold a repetition penalty."""
    core, was_training, inherited = policy.core, policy.model.training, policy.core.generation_config
    core.generation_config = GenerationConfig()
    policy.model.eval()
    try:
        with quiet():
            yield
    finally:
        core.generation_config = inherited
        policy.model.train(was_training)


def _seed(seed: int, place: int) -> int:
    return int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
