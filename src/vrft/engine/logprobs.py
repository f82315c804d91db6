"""Log-probabilities of answers, by two paths that compute the same thing.

``shared``: each prompt is encoded once into a key-value cache, with gradient, and its G answers run over the
repeated cache in one pass. ``plain``: every answer is encoded together with its prompt, as trainers usually
do.

Axes as in ``vrft.engine.prompts``; H hidden width.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache

from vrft.engine.prompts import AnswerBatch, PromptBatch, answer_batch, multimodal_positions, prompt_batch
from vrft.policies.policy import Policy, Prompt

Path = Literal["shared", "plain"]
CHUNK_TOKENS = 1024
"""Answer tokens whose full-vocabulary logits exist at one time."""


def selective_logprobs(
    hidden_NH: torch.Tensor, ids_N: torch.Tensor, head: nn.Module, temperature: float
) -> torch.Tensor:
    """Log-probability of given tokens without holding all logits.

    Args:
        hidden_NH: last hidden states, one a token to be predicted.
        ids_N: the tokens.
        head: from hidden states to logits.
        temperature: divides the logits, above 0.

    Returns:
        (N,) log-probabilities, in float32 or better; the logits of a chunk are computed again in backward.
    """

    def chunk(hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        logits = head(hidden)
        logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
        logits = logits / temperature
        return logits.gather(-1, ids[:, None]).squeeze(-1) - logits.logsumexp(-1)

    parts = []
    for hidden, ids in zip(hidden_NH.split(CHUNK_TOKENS), ids_N.split(CHUNK_TOKENS), strict=True):
        if torch.is_grad_enabled() and len(ids_N) > CHUNK_TOKENS:
            parts.append(checkpoint(chunk, hidden, ids, use_reentrant=False))
        else:
            parts.append(chunk(hidden, ids))
    return torch.cat(parts)


class AnswerScorer(nn.Module):
    """The one module whose forward every gradient pass goes through, so that wrappers' hooks hold."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.model = policy.model
        self.policy = policy

    def forward(
        self,
        prompts: list[Prompt],
        answers: list[tuple[int, ...]],
        group_size: int,
        temperature: float = 1.0,
        path: Path = "shared",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of each prompt's answers.

        Args:
            prompts: P prompts.
            answers: P * group_size answers, a prompt's answers together.
            group_size: answers a prompt.
            temperature: divides the logits.
            path: 'shared' or 'plain'.

        Returns:
            log-probabilities (R, A), zero where there is no token, and the mask (R, A).
        """
        if len(answers) != len(prompts) * group_size:
            raise ValueError(f"{len(answers)} answers for {len(prompts)} prompts of {group_size}")
        batch = answer_batch(self.policy, answers)
        hidden_RAH = HIDDEN[path](self.policy, prompts, batch, group_size)
        head = self.policy.core.lm_head
        chosen = selective_logprobs(hidden_RAH[batch.mask_RA], batch.ids_RA[batch.mask_RA], head, temperature)
        logprobs = torch.zeros(batch.mask_RA.shape, dtype=chosen.dtype, device=chosen.device)
        return logprobs.masked_scatter(batch.mask_RA, chosen), batch.mask_RA


def _shared_hidden(
    policy: Policy, prompts: list[Prompt], answers: AnswerBatch, group_size: int
) -> torch.Tensor:
    """Hidden states that predict each answer token, prompts encoded once."""
    batch = prompt_batch(policy, prompts)
    cache, last_PH = prefill(policy, batch)
    cache.batch_repeat_interleave(group_size)
    first_RH = last_PH.repeat_interleave(group_size, 0)
    inputs_RA = answers.ids_RA[:, :-1]
    if not inputs_RA.shape[1]:
        return first_RH[:, None]
    steps = torch.arange(inputs_RA.shape[1], device=inputs_RA.device)
    following_R = batch.next_position_P.repeat_interleave(group_size)
    rest_RAH = policy.core.model(
        input_ids=inputs_RA,
        attention_mask=torch.cat(
            [batch.mask_PT.repeat_interleave(group_size, 0), answers.mask_RA[:, :-1].long()], 1
        ),
        position_ids=(following_R[:, None] + steps[None]).expand(3, -1, -1),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return torch.cat([first_RH[:, None], rest_RAH], 1)


def prefill(policy: Policy, batch: PromptBatch) -> tuple[Any, torch.Tensor]:
    """Encode prompts once.

    Returns:
        Their key-value cache and the hidden state of each one's last token, (P, H).
    """
    output = policy.core.model(
        input_ids=batch.ids_PT,
        attention_mask=batch.mask_PT,
        position_ids=batch.positions_3PT,
        mm_encoder_outputs={"image": policy.features([p.picture for p in batch.prompts])},
        past_key_values=DynamicCache(config=policy.core.config.get_text_config()),
        use_cache=True,
    )
    return output.past_key_values, output.last_hidden_state[:, -1]


def _plain_hidden(
    policy: Policy, prompts: list[Prompt], answers: AnswerBatch, group_size: int
) -> torch.Tensor:
    """Hidden states that predict each answer token, every prompt encoded with every answer."""
    repeated = [p for p in prompts for _ in range(group_size)]
    batch = prompt_batch(policy, repeated)
    ids = torch.cat([batch.ids_PT, answers.ids_RA], 1)
    mask = torch.cat([batch.mask_PT, answers.mask_RA.long()], 1)
    # Positions are computed anew over the whole row: this path shares nothing with the other one.
    grids = [p.picture.grid_thw for p in repeated]
    safe = ids.masked_fill(mask == 0, policy.pad_token_id)
    positions = multimodal_positions(policy, safe.cpu(), mask.cpu(), grids).to(ids.device)
    hidden = policy.core.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        mm_encoder_outputs={"image": policy.features([p.picture for p in repeated])},
        use_cache=False,
    ).last_hidden_state
    start = batch.ids_PT.shape[1] - 1
    return hidden[:, start : start + answers.ids_RA.shape[1]]


HIDDEN = {"shared": _shared_hidden, "plain": _plain_hidden}
