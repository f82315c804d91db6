"""Sizes of a training step, the same for every engine that is measured."""

from __future__ import annotations

from dataclasses import dataclass

LORA_RANK = 16
LORA_ALPHA = 32


@dataclass(frozen=True)
class Shape:
    """One shape of a step."""

    image_tokens: int
    prompts: int
    group: int
    new_tokens: int
    beta: float
    frozen_vision: bool = False
    lora: bool = False
