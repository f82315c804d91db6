"""Sampling with a shared prompt: each distinct prompt is encoded once and read by its G answers.

Rows leave when they finish. Nothing is inherited from a checkpoint's generation config.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vrft.models.policy import Policy, Prompt
from vrft.rollout.length_check import check_length
from vrft.rollout.shared_prompt.decoders import Decoder, decoder_of
from vrft.rollout.shared_prompt.prefill import Encoded


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
    min_new_tokens: int = 0
    """No end token is drawn before."""
    untempered: bool = False
    """Log-probabilities are those at temperature 1, comparable between temperatures, as a best of N needs
    them; for a gradient they are those of the drawing."""


@dataclass(frozen=True)
class Sampled:
    """One drawn answer: its tokens (end token included), their log-probabilities, and whether it ended."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


@dataclass(frozen=True)
class Among:
    """The place of some prompts in a longer list that several processes share."""

    first: int
    """The place of the first of them."""
    prompts: int
    """The length of the whole list."""


@torch.no_grad()
def sample(
    policy: Policy,
    prompts: Sequence[Prompt],
    group_size: int,
    sampling: Sampling,
    seed: int = 0,
    encoded: Encoded | None = None,
    together: bool = True,
    among: Among | None = None,
) -> list[list[Sampled]]:
    """Draw ``group_size`` answers to each prompt.

    Args:
        policy: put into eval mode while sampling, since activation checkpointing in train mode drops the
            cache.
        prompts: P prompts, decoded together.
        group_size: answers a prompt.
        sampling: explicit settings.
        seed: the draw depends on nothing else.
        encoded: the prompts, where they were encoded already under the same weights.
        together: where several questions are about one picture, encode it once for all of them, if that
            saves enough. The same to rounding; a run that must give the same bits as one that encodes every
            prompt by itself turns it off.
        among: of which longer list these prompts are a part; their answers are those of the whole list.

    Returns:
        P groups of ``group_size`` answers; log-probabilities are those of the tempered softmax over the whole
        vocabulary (temperature 1 where greedy, or ``untempered``).

    Raises:
        InputError: a prompt does not fit into the model.
    """
    check_length(policy, prompts, sampling.max_new_tokens)
    was_training = policy.model.training
    policy.model.eval()
    try:
        decoder = decoder_of(policy, prompts, group_size, sampling.max_new_tokens, encoded, together)
        whole = among or Among(0, len(prompts))
        rows = _decode(policy, decoder, len(prompts), group_size, sampling, seed, whole)
    finally:
        policy.model.train(was_training)
    return [rows[i : i + group_size] for i in range(0, len(rows), group_size)]


def _decode(
    policy: Policy,
    decoder: Decoder,
    prompts: int,
    group_size: int,
    sampling: Sampling,
    seed: int,
    among: Among,
) -> list[Sampled]:
    head, device = policy.core.get_output_embeddings(), policy.device
    generator = torch.Generator(device=device).manual_seed(seed)
    hidden_RH = decoder.first_PH.repeat_interleave(group_size, 0)
    count = prompts * group_size
    first_R = decoder.first_position_P.repeat_interleave(group_size)
    ends = torch.tensor(policy.end_token_ids, device=device)
    never = torch.tensor(policy.placeholder_ids, device=device)
    not_yet = torch.cat([never, ends])
    drawn = _Drawn(count, sampling.max_new_tokens, device)
    # One number for every answer and step: a draw does not depend on its neighbours.
    shape = (sampling.max_new_tokens, among.prompts * group_size)
    uniform_SR = torch.rand(shape, generator=generator, device=device)
    uniform_SR = uniform_SR[:, among.first * group_size :][:, :count]
    # Rows stand as (prompts, group); which answer stands in a row changes as answers end.
    rows_PG = torch.arange(count, device=device).view(prompts, group_size)
    rows_R, position_R = rows_PG.flatten(), first_R
    with torch.inference_mode():
        for step in range(sampling.max_new_tokens):
            banned = not_yet if step < sampling.min_new_tokens else never
            chosen, logprob = _choose(head(hidden_RH).float(), sampling, banned, uniform_SR[step, rows_R])
            drawn.write(step, rows_R, chosen, logprob, torch.isin(chosen, ends))
            if drawn.all_finished or step + 1 == sampling.max_new_tokens:
                break
            if drawn.fresh_end and (kept := _smaller(drawn.finished[rows_PG])) is not None:
                decoder.select(*kept)
                places_PG = kept[1]
                rows_PG = rows_R[places_PG]
                rows_R, chosen = rows_PG.flatten(), chosen[places_PG.flatten()]
                position_R = first_R[rows_R]
            hidden_RH = decoder.step(chosen, position_R + step)
    return drawn.answers()


class _Drawn:
    """What was drawn so far, by answer."""

    def __init__(self, count: int, longest: int, device: torch.device) -> None:
        self.tokens = torch.zeros((count, longest), dtype=torch.long, device=device)
        self.logprobs = torch.zeros((count, longest), device=device)
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

    def answers(self) -> list[Sampled]:
        columns = (self.tokens, self.logprobs, self.lengths, self.finished)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [Sampled(tuple(t[:n]), tuple(p[:n]), done) for t, p, n, done in rows]


def _smaller(finished_PG: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """A smaller layout of the rows, where answers have ended; None where none is smaller.

    Every prompt keeps as many rows as the one with most answers under way; rows beyond its own are repeats
    that nobody reads.

    Returns:
        The prompts that stay, and the old numbers of the rows in their new places, (prompts, group).
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
    logits_RV: torch.Tensor,
    sampling: Sampling,
    banned: torch.Tensor,
    uniform_R: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One token a row and its log-probability."""
    greedy = sampling.temperature == 0
    scaled_RV = logits_RV if greedy or sampling.temperature == 1 else logits_RV / sampling.temperature
    probabilities_RV = scaled_RV.softmax(-1)
    if greedy:
        chosen = scaled_RV.index_fill(-1, banned, -torch.inf).argmax(-1)
    else:
        chosen = _draw(_truncate(probabilities_RV.index_fill(-1, banned, 0.0), sampling), uniform_R)
    if sampling.untempered and sampling.temperature not in (0, 1):
        probabilities_RV = logits_RV.softmax(-1)
    return chosen, probabilities_RV.gather(-1, chosen[:, None]).squeeze(-1).log()


def _truncate(probabilities_RV: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Zero beyond the edges; what is left need not sum to one."""
    if sampling.top_k:
        kept = probabilities_RV.topk(min(sampling.top_k, probabilities_RV.shape[-1]), -1).values
        probabilities_RV = probabilities_RV.masked_fill(probabilities_RV < kept[:, -1:], 0.0)
    if sampling.top_p < 1:
        ordered, order = probabilities_RV.sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered
        edge_R1 = sampling.top_p * ordered.sum(-1, keepdim=True)
        dropped = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= edge_R1)
        probabilities_RV = probabilities_RV.masked_fill(dropped, 0.0)
    return probabilities_RV


def _draw(probabilities_RV: torch.Tensor, uniform_R: torch.Tensor) -> torch.Tensor:
    """Inverse-transform sampling; never a token of zero probability.

    The first place whose cumulative probability is above the threshold is one where it rose.
    """
    cumulative = probabilities_RV.cumsum(-1)
    total = cumulative[:, -1:]
    threshold = torch.minimum(uniform_R[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(-1)
