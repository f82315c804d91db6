"""Sampling with a shared prompt: each distinct prompt is encoded once and read by its G answers.

Rows leave when they finish. Nothing is inherited from a checkpoint's generation config.
Axes: P prompts, G answers per prompt, R = P*G rows, S steps, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from vrft.errors import InputError
from vrft.models.finite import check_finite, not_finite
from vrft.models.policy import Policy
from vrft.rollout.digit_watch import NO_DIGIT, DigitWatch
from vrft.rollout.length_check import check_length
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.sampler import OwnWeights
from vrft.rollout.shared_prompt.decoders import Decoder, decoder_of
from vrft.rollout.shared_prompt.prefill import Encoded
from vrft.types import Completion, Prompt, SampleSeed, SamplingParams


class SharedPromptSampler(OwnWeights):
    """The ``Sampler`` of a policy in this process.

    Log-probabilities are those of the tempered softmax over the whole vocabulary (temperature 1 where
    greedy, or ``untempered``).

    Args:
        policy: in eval mode while it samples, since activation checkpointing in train mode drops the cache.
        share_images: where several questions are about one image, encode it once for all of them, if that
            saves enough. The same to rounding; a run that must give the same bits as one that encodes every
            prompt by itself turns it off.
        scorer: the ``AnswerScorer`` through which gradient passes go, where something wraps it.
    """

    def __init__(self, policy: Policy, share_images: bool = True, scorer: nn.Module | None = None) -> None:
        self.policy, self.share_images = policy, share_images
        self._scorer = AnswerScorer(policy) if scorer is None else scorer

    def encode(self, prompts: Sequence[Prompt]) -> Encoded | None:
        """The prompts encoded with gradient; None where attention cannot share them."""
        if not prompts or not self.policy.shares_prompt:
            return None
        with torch.enable_grad(), self.policy.learning():
            encoded: Encoded = self._scorer(list(prompts))
        return encoded

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Prompt],
        n: int,
        params: SamplingParams,
        draw: SampleSeed,
        encoded: object | None = None,
    ) -> list[list[Completion]]:
        """Draw ``n`` completions to each prompt; see ``Sampler``."""
        if not prompts:
            return []
        policy, longest = self.policy, params.max_new_tokens
        refuse_stop_texts(params, "shared_prompt")
        check_length(policy, prompts, longest)
        was_training = policy.model.training
        policy.model.eval()
        try:
            own = encoded if isinstance(encoded, Encoded) else None
            decoder = decoder_of(policy, prompts, n, longest, own, self.share_images)
            check_finite(policy, decoder.first_PH)
            uniform_SR = uniform_numbers(draw, n, longest, policy.device)
            drawn = _decode(policy, decoder, len(prompts), n, params, uniform_SR)
        finally:
            policy.model.train(was_training)
        if bool(drawn.logprobs.isnan().any()):
            raise not_finite(policy)
        kept = params.digits and bool(policy.digit_ids)
        rows = [
            policy.completion(tokens, logprobs, done, self.version, digits if kept else ())
            for tokens, logprobs, done, digits in drawn.answers()
        ]
        return [rows[i : i + n] for i in range(0, len(rows), n)]


def refuse_stop_texts(params: SamplingParams, sampler: str) -> None:
    """Stop texts that would be ignored are an error."""
    if params.stop:
        raise InputError(
            f"The sampler '{sampler}' stops at end tokens only. Leave `stop` empty; it is {params.stop}."
        )


def uniform_numbers(draw: SampleSeed, n: int, steps: int, device: torch.device) -> torch.Tensor:
    """One number for every answer and step of the whole list, of which these places have (S, R): a draw does
    not depend on its neighbors."""
    generator = torch.Generator(device=device).manual_seed(draw.seed)
    whole = torch.rand((steps, draw.total * n), generator=generator, device=device)
    columns = torch.tensor([place * n + i for place in draw.places for i in range(n)], device=device)
    return whole[:, columns]


def _decode(
    policy: Policy, decoder: Decoder, prompts: int, n: int, params: SamplingParams, uniform_SR: torch.Tensor
) -> _Drawn:
    head, device = policy.core.get_output_embeddings(), policy.device
    hidden_RH = decoder.first_PH.repeat_interleave(n, 0)
    first_R = decoder.first_position_P.repeat_interleave(n)
    ends = torch.tensor(policy.end_token_ids, device=device)
    never = torch.tensor(policy.placeholder_ids, device=device)
    not_yet = torch.cat([never, ends])
    drawn = _Drawn(prompts * n, params.max_new_tokens, device)
    digits = DigitWatch.of(policy, params)
    # Rows are laid out as (prompts, group); which answer is in a row changes as answers end.
    rows_PG = torch.arange(prompts * n, device=device).view(prompts, n)
    rows_R, position_R = rows_PG.flatten(), first_R
    with torch.inference_mode():
        for step in range(params.max_new_tokens):
            banned = not_yet if step < params.min_new_tokens else never
            logits_RV = head(hidden_RH).float()
            chosen, logprob = _choose(logits_RV, params, banned, uniform_SR[step, rows_R])
            if digits is not None:
                drawn.digits[rows_R, step] = digits.means(logits_RV[:, digits.ids], chosen)
            drawn.write(step, rows_R, chosen, logprob, torch.isin(chosen, ends))
            if drawn.all_finished or step + 1 == params.max_new_tokens:
                break
            if drawn.fresh_end and (kept := _smaller(drawn.finished[rows_PG])) is not None:
                decoder.select(*kept)
                places_PG = kept[1]
                rows_PG = rows_R[places_PG]
                rows_R, chosen = rows_PG.flatten(), chosen[places_PG.flatten()]
                position_R = first_R[rows_R]
            hidden_RH = decoder.step(chosen, position_R + step)
    return drawn


class _Drawn:
    """What was drawn so far, by answer."""

    def __init__(self, count: int, longest: int, device: torch.device) -> None:
        self.tokens = torch.zeros((count, longest), dtype=torch.long, device=device)
        self.logprobs = torch.zeros((count, longest), device=device)
        self.digits = torch.full((count, longest), NO_DIGIT, device=device)
        self.lengths = torch.zeros(count, dtype=torch.long, device=device)
        self.finished = torch.zeros(count, dtype=torch.bool, device=device)
        self.fresh_end = False
        self._ended = 0

    @property
    def all_finished(self) -> bool:
        return self._ended == len(self.finished)

    def write(
        self, step: int, rows: torch.Tensor, tokens: torch.Tensor, logprobs: torch.Tensor, ended: torch.Tensor
    ) -> None:
        """One token of each row; rows whose answer has ended keep what they have."""
        if self._ended:
            going = ~self.finished[rows]
            rows, tokens, logprobs, ended = rows[going], tokens[going], logprobs[going], ended[going]
        self.tokens[rows, step], self.logprobs[rows, step], self.lengths[rows] = tokens, logprobs, step + 1
        fresh = int(ended.sum())
        self.fresh_end = fresh > 0
        if fresh:
            self.finished[rows] = ended
            self._ended += fresh

    def answers(self) -> list[tuple[list[int], list[float], bool, list[float]]]:
        """Tokens, their log-probabilities, whether the answer ended, and means of digits."""
        columns = (self.tokens, self.logprobs, self.lengths, self.finished, self.digits)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [(tokens[:n], logprobs[:n], done, digits[:n]) for tokens, logprobs, n, done, digits in rows]


def _smaller(finished_PG: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """A smaller layout of the rows, where answers have ended; None where none is smaller.

    Gives the prompts that stay, and the old numbers of the rows in their new places, (prompts, group):
    every prompt keeps as many rows as the one with most answers under way, and what is beyond its own is a
    repeat that nobody reads.
    """
    going_P = (~finished_PG).sum(1)
    alive = torch.nonzero(going_P).squeeze(-1)
    width = int(going_P.max())
    if len(alive) == len(finished_PG) and width == finished_PG.shape[1]:
        return None
    # A stable sort brings the answers under way to the front.
    order = torch.sort(finished_PG[alive].long(), dim=1, stable=True).indices[:, :width]
    return alive, order + alive[:, None] * finished_PG.shape[1]


def _choose(
    logits_RV: torch.Tensor, params: SamplingParams, banned: torch.Tensor, uniform_R: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One token per row and its log-probability."""
    greedy = params.temperature == 0
    scaled_RV = logits_RV if greedy or params.temperature == 1 else logits_RV / params.temperature
    probabilities_RV = scaled_RV.softmax(-1)
    if greedy:
        chosen = scaled_RV.index_fill(-1, banned, -torch.inf).argmax(-1)
    else:
        chosen = _draw(_truncate(probabilities_RV.index_fill(-1, banned, 0.0), params), uniform_R)
    if params.untempered and params.temperature not in (0, 1):
        probabilities_RV = logits_RV.softmax(-1)
    return chosen, probabilities_RV.gather(-1, chosen[:, None]).squeeze(-1).log()


def _truncate(probabilities_RV: torch.Tensor, params: SamplingParams) -> torch.Tensor:
    """Zero beyond the edges; what is left need not sum to one."""
    if params.top_k:
        kept = probabilities_RV.topk(min(params.top_k, probabilities_RV.shape[-1]), -1).values
        probabilities_RV = probabilities_RV.masked_fill(probabilities_RV < kept[:, -1:], 0.0)
    if params.top_p < 1:
        ordered, order = probabilities_RV.sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered
        edge_R1 = params.top_p * ordered.sum(-1, keepdim=True)
        dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= edge_R1)
        probabilities_RV = probabilities_RV.masked_fill(dropped, 0.0)
    return probabilities_RV


def _draw(probabilities_RV: torch.Tensor, uniform_R: torch.Tensor) -> torch.Tensor:
    """Inverse-transform sampling; never a token of zero probability.

    The first place whose cumulative probability is above the threshold is one where it rose. Of
    probabilities that are not numbers none is, and the last token stands for them.
    """
    cumulative = probabilities_RV.cumsum(-1)
    total = cumulative[:, -1:]
    threshold = torch.minimum(uniform_R[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    chosen = torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)
    return chosen.clamp(max=probabilities_RV.shape[-1] - 1)
