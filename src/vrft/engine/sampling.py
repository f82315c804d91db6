"""Sampling with a shared prompt: each distinct prompt is encoded once, its cache repeated for G answers.

Rows leave when they finish. Nothing is inherited from a checkpoint's generation config.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vrft.engine.logprobs import prefill
from vrft.engine.prompts import prompt_batch
from vrft.policies.policy import Policy, Prompt


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn.

    Args:
        temperature: 0 is greedy.
        top_p: share of probability mass kept, in (0, 1].
        top_k: most likely tokens kept; 0 keeps all.
        max_new_tokens: length limit of an answer.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 256


@dataclass(frozen=True)
class Sampled:
    """One drawn answer: its tokens (end token included), their log-probabilities, and whether it ended."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


@torch.no_grad()
def sample(
    policy: Policy, prompts: Sequence[Prompt], group_size: int, sampling: Sampling, seed: int = 0
) -> list[list[Sampled]]:
    """Draw ``group_size`` answers to each prompt.

    Args:
        policy: put into eval mode while sampling, since activation checkpointing in train mode drops the
            cache.
        prompts: P prompts, decoded together.
        group_size: answers a prompt.
        sampling: explicit settings.
        seed: the draw depends on nothing else.

    Returns:
        P groups of ``group_size`` answers; log-probabilities are those of the tempered softmax over the whole
        vocabulary (temperature 1 where greedy).
    """
    was_training = policy.model.training
    policy.model.eval()
    try:
        rows = _decode(policy, prompts, group_size, sampling, seed)
    finally:
        policy.model.train(was_training)
    return [rows[i : i + group_size] for i in range(0, len(rows), group_size)]


def _decode(
    policy: Policy, prompts: Sequence[Prompt], group_size: int, sampling: Sampling, seed: int
) -> list[Sampled]:
    core, device = policy.core, policy.device
    generator = torch.Generator(device=device).manual_seed(seed)
    batch = prompt_batch(policy, prompts)
    cache, hidden_RH = prefill(policy, batch)
    cache.batch_repeat_interleave(group_size)
    hidden_RH = hidden_RH.repeat_interleave(group_size, 0)
    count = len(prompts) * group_size
    mask = torch.cat(
        [
            batch.mask_PT.repeat_interleave(group_size, 0),
            batch.mask_PT.new_ones((count, sampling.max_new_tokens)),
        ],
        1,
    )
    position_R = batch.next_position_P.repeat_interleave(group_size)
    width = batch.ids_PT.shape[1]
    ends = torch.tensor(policy.end_token_ids, device=device)
    banned = torch.tensor(policy.placeholder_ids, device=device)
    alive = torch.arange(count, device=device)
    tokens = torch.zeros((count, sampling.max_new_tokens), dtype=torch.long, device=device)
    logprobs = torch.zeros((count, sampling.max_new_tokens), device=device)
    lengths = torch.zeros(count, dtype=torch.long, device=device)
    finished = torch.zeros(count, dtype=torch.bool, device=device)
    for step in range(sampling.max_new_tokens):
        logits = core.lm_head(hidden_RH).float()
        chosen, logprob = _choose(logits, sampling, banned, count, alive, generator)
        tokens[alive, step], logprobs[alive, step], lengths[alive] = chosen, logprob, step + 1
        ended = torch.isin(chosen, ends)
        finished[alive[ended]] = True
        if ended.all() or step + 1 == sampling.max_new_tokens:
            break
        if ended.any():
            keep = torch.nonzero(~ended).squeeze(-1)
            cache.batch_select_indices(keep)
            alive, chosen, mask, position_R = alive[keep], chosen[keep], mask[keep], position_R[keep]
        hidden_RH = core.model(
            input_ids=chosen[:, None],
            attention_mask=mask[:, : width + step + 1],
            position_ids=(position_R + step)[None, :, None].expand(3, -1, -1),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
    everything = zip(tokens.tolist(), logprobs.tolist(), lengths.tolist(), finished.tolist(), strict=True)
    return [Sampled(tuple(t[:n]), tuple(p[:n]), done) for t, p, n, done in everything]


def _choose(
    logits_RV: torch.Tensor,
    sampling: Sampling,
    banned: torch.Tensor,
    count: int,
    alive: torch.Tensor,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One token a row and its log-probability."""
    scale = sampling.temperature if sampling.temperature > 0 else 1.0
    logprobs = torch.log_softmax(logits_RV / scale, -1)
    allowed = logprobs.index_fill(-1, banned, -torch.inf)
    if sampling.temperature == 0:
        chosen = allowed.argmax(-1)
    else:
        # One uniform number for every row, finished or not: a row's draw does not depend on its neighbours.
        uniform = torch.rand(count, generator=generator, device=logits_RV.device)[alive]
        chosen = _draw(_truncate(allowed, sampling), uniform)
    return chosen, logprobs.gather(-1, chosen[:, None]).squeeze(-1)


def _truncate(logprobs_RV: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    if sampling.top_k:
        least = logprobs_RV.topk(min(sampling.top_k, logprobs_RV.shape[-1]), -1).values[:, -1:]
        logprobs_RV = logprobs_RV.masked_fill(logprobs_RV < least, -torch.inf)
    if sampling.top_p < 1:
        ordered, order = logprobs_RV.softmax(-1).sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered
        dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= sampling.top_p)
        logprobs_RV = logprobs_RV.masked_fill(dropped, -torch.inf)
    return logprobs_RV


def _draw(logprobs_RV: torch.Tensor, uniform_R: torch.Tensor) -> torch.Tensor:
    """Inverse-transform sampling; never a token of zero probability."""
    probabilities = logprobs_RV.double().softmax(-1)
    cumulative = probabilities.cumsum(-1)
    threshold = uniform_R.double()[:, None] * cumulative[:, -1:]
    chosen = (cumulative <= threshold).sum(-1).clamp(max=logprobs_RV.shape[-1] - 1)
    likeliest = probabilities.argmax(-1)
    possible = probabilities.gather(-1, chosen[:, None]).squeeze(-1) > 0
    return torch.where(possible, chosen, likeliest)
