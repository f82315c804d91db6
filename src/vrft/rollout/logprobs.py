"""Log-probabilities of answers, without ever holding all logits.

Axes as in ``vrft.rollout.prompt_batch``; H hidden width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from vrft.models.policy import Policy, Prompt
from vrft.rollout.hidden_states import HIDDEN, Path
from vrft.rollout.prompt_batch import answer_batch
from vrft.rollout.shared_prompt.prefill import Encoded

CHUNK_LOGITS = 2**24
"""Logits that exist at one time, 64 MB in float32; more are computed in chunks, and again in backward."""


def selective_logprobs(
    hidden_NH: torch.Tensor, ids_N: torch.Tensor, head: nn.Module, temperature: float, vocabulary: int
) -> torch.Tensor:
    """Log-probability of given tokens without holding all logits.

    Args:
        hidden_NH: last hidden states, one a token to be predicted.
        ids_N: the tokens.
        head: from hidden states to logits.
        temperature: divides the logits, above 0.
        vocabulary: number of logits a token.

    Returns:
        (N,) log-probabilities, in float32 or better; the logits of a chunk are computed again in backward.
    """

    def chunk(hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        logits = head(hidden)
        logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
        logits = logits / temperature if temperature != 1 else logits
        return -F.cross_entropy(logits, ids, reduction="none")

    tokens = max(1, CHUNK_LOGITS // vocabulary)
    parts = []
    for hidden, ids in zip(hidden_NH.split(tokens), ids_N.split(tokens), strict=True):
        if torch.is_grad_enabled() and len(ids_N) > tokens:
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
        encoded: Encoded | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of each prompt's answers.

        Args:
            prompts: P prompts.
            answers: P * group_size answers, a prompt's answers together.
            group_size: answers a prompt.
            temperature: divides the logits.
            path: a key of ``vrft.rollout.hidden_states.HIDDEN``.
            encoded: the prompts, where they were encoded already under the same weights.

        Returns:
            log-probabilities (R, A), zero where there is no token, and the mask (R, A).
        """
        if len(answers) != len(prompts) * group_size:
            raise ValueError(f"{len(answers)} answers for {len(prompts)} prompts of {group_size}")
        batch = answer_batch(self.policy, answers)
        hidden_NH = HIDDEN[path](self.policy, prompts, batch, group_size, encoded)
        head, vocabulary = self.policy.core.get_output_embeddings(), self.policy.vocabulary
        ids_N = batch.ids_RA[batch.mask_RA]
        chosen = selective_logprobs(hidden_NH, ids_N, head, temperature, vocabulary)
        logprobs = torch.zeros(batch.mask_RA.shape, dtype=chosen.dtype, device=chosen.device)
        return logprobs.masked_scatter(batch.mask_RA, chosen), batch.mask_RA
