"""Advantages by name: pure functions from what answers earned to advantages (P prompts, G answers)."""

from __future__ import annotations

from collections.abc import Callable

import torch

from vrft.training.advantages.batch_normalised import batch_normalised
from vrft.training.advantages.centred import centred
from vrft.training.advantages.common import Rewards, with_signal
from vrft.training.advantages.group_normalised import group_normalised
from vrft.training.advantages.leave_one_out import leave_one_out
from vrft.training.advantages.term_normalised import term_normalised

__all__ = ["ADVANTAGES", "Rewards", "with_signal"]

ADVANTAGES: dict[str, Callable[[Rewards, float], torch.Tensor]] = {
    "group_normalised": lambda rewards, floor: group_normalised(rewards.total_PG, floor),
    "centred": lambda rewards, floor: centred(rewards.total_PG),
    "batch_normalised": lambda rewards, floor: batch_normalised(rewards.total_PG, floor),
    "leave_one_out": lambda rewards, floor: leave_one_out(rewards.total_PG),
    "term_normalised": lambda rewards, floor: term_normalised(rewards.terms_PGK, rewards.weights_K, floor),
}
"""Of a step's rewards and the floor of the standard deviation, which those without one ignore."""
