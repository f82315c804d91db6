"""Batches of prompts and answers as tensors.

Axes: P prompts, T prompt tokens (padded on the left), G answers per prompt, R = P*G answer rows (a prompt's
answers together), A answer tokens (padded on the right).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vrft.models.policy import Policy
from vrft.types import Prompt


@dataclass(frozen=True)
class PromptBatch:
    """P prompts, padded on the left to a common length."""

    ids_PT: torch.Tensor
    mask_PT: torch.Tensor
    position_ids: torch.Tensor
    """As the family's model takes them: (P, T), or (3, P, T)."""
    next_position_P: torch.Tensor
    """The position of the first answer token of each prompt."""
    prompts: tuple[Prompt, ...]


def prompt_batch(policy: Policy, prompts: Sequence[Prompt]) -> PromptBatch:
    """Pad at least one prompt on the left and compute multimodal positions."""
    length = max(len(p.token_ids) for p in prompts)
    ids = torch.full((len(prompts), length), policy.pad_token_id)
    mask = torch.zeros((len(prompts), length), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, length - len(prompt.token_ids) :] = torch.tensor(prompt.token_ids)
        mask[row, length - len(prompt.token_ids) :] = 1
    positions = row_positions(policy, ids, mask, prompts)
    following = positions.reshape(-1, *ids.shape).amax((0, 2)) + 1
    d = policy.device
    return PromptBatch(ids.to(d), mask.to(d), positions.to(d), following.to(d), tuple(prompts))


def row_positions(
    policy: Policy, ids_PT: torch.Tensor, mask_PT: torch.Tensor, prompts: Sequence[Prompt]
) -> torch.Tensor:
    """Positions of whole rows, prompts with or without answers, as the family computes them; on the CPU."""
    images = [image.inputs for image in policy.images_of(prompts)]
    return policy.family.positions(policy.core.model, ids_PT, mask_PT, images)


def image_arguments(policy: Policy, prompts: Sequence[Prompt]) -> dict[str, object]:
    """The features of all images of some prompts, as a forward pass takes them."""
    images = policy.images_of(prompts)
    return {"mm_encoder_outputs": {"image": policy.features(images)}} if images else {}


def row_arguments(policy: Policy, ids_PT: torch.Tensor, prompts: Sequence[Prompt]) -> dict[str, object]:
    """What a forward pass over whole rows takes beyond tokens, mask and positions."""
    return image_arguments(policy, prompts) | policy.family.extra(ids_PT == policy.image_token_id)


@dataclass(frozen=True)
class AnswerBatch:
    """R answers, padded on the right; masked by their length, since a policy may sample the pad token."""

    ids_RA: torch.Tensor
    mask_RA: torch.Tensor
    lengths: tuple[int, ...]


def answer_batch(policy: Policy, answers: Sequence[Sequence[int]]) -> AnswerBatch:
    """Pad answers of at least one token each on the right."""
    length = max(len(a) for a in answers)
    ids = torch.full((len(answers), length), policy.pad_token_id)
    mask = torch.zeros((len(answers), length), dtype=torch.bool)
    for row, answer in enumerate(answers):
        ids[row, : len(answer)] = torch.tensor(list(answer))
        mask[row, : len(answer)] = True
    lengths = tuple(len(a) for a in answers)
    return AnswerBatch(ids.to(policy.device), mask.to(policy.device), lengths)
