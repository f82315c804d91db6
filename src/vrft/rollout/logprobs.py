"""Log-probabilities of answers, without ever holding all logits.

Axes as in ``vrft.rollout.prompt_batch``; H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from vrft.models.policy import Policy
from vrft.rollout.hidden_states import HIDDEN, LogprobMethod
from vrft.rollout.prompt_batch import answer_batch
from vrft.rollout.shared_prompt.prefill import Encoded, prefill
from vrft.types import Prompt, Turn

CHUNK_LOGITS = 2**24
"""Logits that exist at one time, 64 MB in float32; more are computed in chunks, and again in backward."""


def selective_logprobs(
    hidden_NH: torch.Tensor, ids_N: torch.Tensor, head: nn.Module, temperature: float, vocabulary: int
) -> torch.Tensor:
    """Log-probability (N,) of given tokens, in float32 or better; a chunk's logits are computed again in
    backward."""

    def chunk(hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        logits = head(hidden)
        logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
        logits = logits / temperature if temperature != 1 else logits
        return -F.cross_entropy(logits, ids, reduction="none")

    return _in_chunks(chunk, (hidden_NH, ids_N), vocabulary)


TokenFunction = Callable[..., torch.Tensor]
"""From log-probabilities (n, V) under the policy, and (n, V) under each other one, to n numbers."""


def distribution_values(
    function: TokenFunction,
    policies: Sequence[tuple[torch.Tensor, nn.Module]],
    temperature: float,
    vocabulary: int,
) -> torch.Tensor:
    """What a function makes of whole distributions, without holding all of them.

    Args:
        function: of one (n, V) for each policy.
        policies: hidden states (N, H) and head of each; of the first, with gradient, and of others without.
        temperature: divides the logits, above 0.
        vocabulary: number of logits per token.

    Returns:
        (N,) numbers; a chunk is computed again in backward.
    """
    heads = [head for _, head in policies]

    def chunk(*hidden: torch.Tensor) -> torch.Tensor:
        own, *others = zip(heads, hidden, strict=True)
        with torch.no_grad():
            theirs = [F.log_softmax(head(h).float() / temperature, -1) for head, h in others]
        return function(F.log_softmax(own[0](own[1]).float() / temperature, -1), *theirs)

    return _in_chunks(chunk, [hidden for hidden, _ in policies], vocabulary * len(policies))


def _in_chunks(
    chunk: Callable[..., torch.Tensor], rows: Sequence[torch.Tensor], vocabulary: int
) -> torch.Tensor:
    tokens = max(1, CHUNK_LOGITS // vocabulary)
    parts = []
    for own in zip(*[each.split(tokens) for each in rows], strict=True):
        if torch.is_grad_enabled() and len(rows[0]) > tokens:
            parts.append(checkpoint(chunk, *own, use_reentrant=False))
        else:
            parts.append(chunk(*own))
    return torch.cat(parts)


class AnswerScorer(nn.Module):
    """The one module whose forward every gradient pass goes through, prefill included, so that the hooks of
    wrappers (DDP, FSDP2) hold."""

    is_divided = False
    """Whether processes share the weights, so that all of them have to come to each forward."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.model = policy.model
        self.policy = policy

    def gathered(self) -> AbstractContextManager[None]:
        """Around what reads the weights by other ways than this module."""
        return nullcontext()

    def twin(self) -> AnswerScorer:
        """That of a frozen copy of the policy."""
        return AnswerScorer(self.policy.frozen_copy())

    def on_one(self) -> Policy | None:
        """The policy where one process alone can save it; None in the others."""
        return self.policy

    def forward(
        self,
        prompts: list[Prompt],
        answers: list[tuple[int, ...]] | None = None,
        group_size: int = 1,
        temperature: float = 1.0,
        method: LogprobMethod = "shared",
        encoded: Encoded | None = None,
        per_token: TokenFunction | None = None,
        others: Sequence[tuple[torch.Tensor, nn.Module]] = (),
    ) -> tuple[torch.Tensor, torch.Tensor] | Encoded:
        """Log-probabilities of each prompt's answers; or, without answers, the prompts encoded.

        Args:
            prompts: P prompts.
            answers: P * group_size answers, a prompt's answers together.
            group_size: answers per prompt.
            temperature: divides the logits.
            method: a key of ``vrft.rollout.hidden_states.HIDDEN``.
            encoded: what this gave for the same prompts under the same weights: good for one backward pass,
                and only where nothing wraps this module.
            per_token: gives this instead of the log-probability, as ``distribution_values`` computes it.
            others: hidden states and head of other policies, which ``per_token`` compares with.

        Returns:
            log-probabilities (R, A), zero where there is no token, and the mask (R, A).
        """
        if answers is None:
            return prefill(self.policy, prompts)
        if len(answers) != len(prompts) * group_size:
            raise ValueError(f"{len(answers)} answers for {len(prompts)} prompts of {group_size}")
        batch = answer_batch(self.policy, answers)
        hidden_NH = HIDDEN[method](self.policy, prompts, batch, group_size, encoded)
        head, vocabulary = self.policy.core.get_output_embeddings(), self.policy.vocabulary
        if per_token is None:
            ids_N = batch.ids_RA[batch.mask_RA]
            chosen = selective_logprobs(hidden_NH, ids_N, head, temperature, vocabulary)
        else:
            chosen = distribution_values(per_token, [(hidden_NH, head), *others], temperature, vocabulary)
        values = torch.zeros(batch.mask_RA.shape, dtype=chosen.dtype, device=chosen.device)
        return values.masked_scatter(batch.mask_RA, chosen), batch.mask_RA

    def hidden(
        self, prompts: list[Prompt], answers: list[tuple[int, ...]], group_size: int, method: LogprobMethod
    ) -> tuple[torch.Tensor, nn.Module]:
        """Hidden states (N, H) that predict the answers' tokens, and the head, of a model in no wrapper."""
        batch = answer_batch(self.policy, answers)
        hidden_NH = HIDDEN[method](self.policy, prompts, batch, group_size, None)
        return hidden_NH, self.policy.core.get_output_embeddings()


class PolicyScorer:
    """The ``TokenScorer`` of a policy: a reference, a teacher, the policy itself off its own samples."""

    def __init__(self, policy: Policy, temperature: float = 1.0, method: LogprobMethod = "shared") -> None:
        self._scorer, self._temperature, self._method = AnswerScorer(policy), temperature, method

    @torch.no_grad()
    def logprobs(self, turns: Sequence[Turn]) -> list[tuple[float, ...]]:
        """Log-probability of each token that was said; turns with one prompt encode it once."""
        places: dict[Prompt, list[int]] = {}
        for place, turn in enumerate(turns):
            if turn.completion.token_ids:
                places.setdefault(turn.prompt, []).append(place)
        found: list[tuple[float, ...]] = [()] * len(turns)
        for prompt, own in places.items():
            answers = [turns[place].completion.token_ids for place in own]
            logprobs_RA, _ = self._scorer([prompt], answers, len(own), self._temperature, self._method)
            for place, answer, row in zip(own, answers, logprobs_RA.tolist(), strict=True):
                found[place] = tuple(row[: len(answer)])
        return found
