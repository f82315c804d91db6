"""Ways to the hidden states that predict answer tokens; all compute the same thing.

``shared``: each prompt is encoded once, with gradient, and its answers read its keys and values.
``packed``: one row per prompt, ``[prompt | answer 1 | ... | answer G]``, under a mask in which answers do
not see each other. ``plain``: every answer is encoded together with its prompt, as trainers usually do.

Prompts that were encoded already, under the same weights, may be handed in; only ``shared`` can use them.

Axes as in ``vrft.rollout.prompt_batch``; N tokens of all answers, one answer after the other; H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from vrft.models.attention.token_layout import lay_out
from vrft.models.policy import Policy
from vrft.rollout.prompt_batch import AnswerBatch, image_arguments, prompt_batch, row_arguments, row_positions
from vrft.rollout.shared_prompt.prefill import Encoded, answer_hidden, prefill
from vrft.types import Prompt

LogprobMethod = Literal["shared", "packed", "plain"]


def shared_hidden(
    policy: Policy,
    prompts: list[Prompt],
    answers: AnswerBatch,
    group_size: int,
    encoded: Encoded | None = None,
) -> torch.Tensor:
    """Hidden states (N, H), prompts encoded once and read by their answers, no token padded."""
    if encoded is None:
        encoded = prefill(policy, prompts)
    # The prompt's last token predicts an answer's first; the answer's own tokens predict the others.
    rest = [length - 1 for length in answers.lengths]
    first_RH = encoded.last_PH.repeat_interleave(group_size, 0)
    inputs = answers.mask_RA.clone()
    inputs[torch.arange(len(rest)), torch.tensor(rest)] = False
    only_ends = not any(rest)
    if only_ends:  # one runs for nothing: processes that share weights go through each layer equally often
        rest[0], inputs[0, 0] = 1, True
    groups = [rest[i : i + group_size] for i in range(0, len(rest), group_size)]
    prompt = encoded.prompt.laid_out(lay_out(groups, policy.device))
    steps_RA = torch.arange(inputs.shape[1], device=inputs.device).expand(inputs.shape)
    positions_RA = encoded.batch.next_position_P.repeat_interleave(group_size)[:, None] + steps_RA
    rest_NH = answer_hidden(policy, prompt, answers.ids_RA[inputs][None], positions_RA[inputs][None])[0]
    if only_ends:
        return first_RH + 0 * rest_NH.sum()
    return torch.cat([first_RH, rest_NH])[_in_order(rest, policy.device)]


def _in_order(rest: list[int], device: torch.device) -> torch.Tensor:
    """Places of each answer's first and following tokens, where all first ones come before all others."""
    order, begin = [], len(rest)
    for row, length in enumerate(rest):
        order += [row, *range(begin, begin + length)]
        begin += length
    return torch.tensor(order, device=device)


def packed_hidden(
    policy: Policy,
    prompts: list[Prompt],
    answers: AnswerBatch,
    group_size: int,
    encoded: Encoded | None = None,
) -> torch.Tensor:
    """Hidden states (N, H), one packed row per prompt."""
    batch = prompt_batch(policy, prompts)
    count, width = batch.ids_PT.shape
    length = answers.ids_RA.shape[1] - 1
    inputs_PX = answers.ids_RA[:, :-1].reshape(count, -1)
    steps_X = torch.arange(length, device=policy.device).repeat(group_size)
    following = policy.family.spread(batch.next_position_P[:, None] + steps_X[None])
    mask = packed_mask(batch.mask_PT.bool(), group_size, length)
    if policy.family.two_way:
        mask[:, 0, :width, :width] |= _same_image(batch.ids_PT == policy.image_token_id)
    # The mask says all: what else a family adds for whole rows would make a mask of its own.
    hidden_PLH = policy.core.model(
        input_ids=torch.cat([batch.ids_PT, inputs_PX], 1),
        attention_mask=mask,
        position_ids=torch.cat([batch.position_ids, following], -1),
        use_cache=False,
        **image_arguments(policy, prompts),
    ).last_hidden_state
    first_RH = hidden_PLH[:, width - 1].repeat_interleave(group_size, 0)
    rest_RAH = hidden_PLH[:, width:].reshape(count * group_size, length, hidden_PLH.shape[-1])
    return torch.cat([first_RH[:, None], rest_RAH], 1)[answers.mask_RA]


def _same_image(imaged_PT: torch.Tensor) -> torch.Tensor:
    """Which tokens (P, T, T) are of one image: of one run of image tokens."""
    begins_PT = imaged_PT & ~imaged_PT.roll(1, -1)
    image_PT = begins_PT.cumsum(-1)
    return imaged_PT[:, :, None] & imaged_PT[:, None] & (image_PT[:, :, None] == image_PT[:, None])


def packed_mask(prompt_PT: torch.Tensor, group_size: int, length: int) -> torch.Tensor:
    """Who sees whom in packed rows, bool (P, 1, L, L): the prompt itself, an answer the prompt and its own
    past.

    Every token sees itself, so that no row is empty.
    """
    count, width = prompt_PT.shape
    device = prompt_PT.device
    whole = width + group_size * length
    mask = torch.zeros(count, whole, whole, dtype=torch.bool, device=device)
    causal = torch.ones(width, width, dtype=torch.bool, device=device).tril()
    mask[:, :width, :width] = causal[None] & prompt_PT[:, None]
    mask[:, width:, :width] = prompt_PT[:, None]
    own = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    mask[:, width:, width:] = torch.block_diag(*[own] * group_size)
    mask |= torch.eye(whole, dtype=torch.bool, device=device)
    return mask[:, None]


def plain_hidden(
    policy: Policy,
    prompts: list[Prompt],
    answers: AnswerBatch,
    group_size: int,
    encoded: Encoded | None = None,
) -> torch.Tensor:
    """Hidden states (N, H), every prompt encoded with every answer."""
    repeated = [p for p in prompts for _ in range(group_size)]
    batch = prompt_batch(policy, repeated)
    ids = torch.cat([batch.ids_PT, answers.ids_RA], 1)
    mask = torch.cat([batch.mask_PT, answers.mask_RA.long()], 1)
    # Positions are computed anew over the whole row: this way has nothing in common with the others.
    safe = ids.masked_fill(mask == 0, policy.pad_token_id)
    positions = row_positions(policy, safe.cpu(), mask.cpu(), repeated).to(ids.device)
    hidden = policy.core.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        use_cache=False,
        **row_arguments(policy, ids, repeated),
    ).last_hidden_state
    start = batch.ids_PT.shape[1] - 1
    found: torch.Tensor = hidden[:, start : start + answers.ids_RA.shape[1]][answers.mask_RA]
    return found


HiddenStates = Callable[[Policy, list[Prompt], AnswerBatch, int, Encoded | None], torch.Tensor]
HIDDEN: dict[LogprobMethod, HiddenStates] = {
    "shared": shared_hidden,
    "packed": packed_hidden,
    "plain": plain_hidden,
}
"""From the fastest to the slowest, as ``benchmarks/logprob_methods.py`` measures them. The clock of one run
decides
nothing: two runs of one configuration must take the same method, or their digits would differ."""
