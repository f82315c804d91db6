"""The optimiser and its schedule, equal for RFT and SFT."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from vrft.config import Optim
from vrft.errors import ConfigError


def linear(progress: float) -> float:
    """From one to zero in a straight line (the released trainer's)."""
    return 1.0 - progress


def constant(progress: float) -> float:
    """Always one."""
    return 1.0


def cosine(progress: float) -> float:
    """From one to zero along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULES: dict[str, Callable[[float], float]] = {"linear": linear, "constant": constant, "cosine": cosine}


def build_optimiser(
    model: torch.nn.Module, settings: Optim
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW over the weights that learn, and a schedule with warm-up.

    Args:
        model: only weights with ``requires_grad`` are taken.
        settings: rates and steps.

    Raises:
        ConfigError: nothing is left to learn.
    """
    learned = [p for p in model.parameters() if p.requires_grad]
    if not learned:
        raise ConfigError("No weight would learn: set model.lora, or leave the language model trainable.")
    optimizer = torch.optim.AdamW(learned, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    shape = SCHEDULES[settings.schedule]

    def factor(step: int) -> float:
        warm = min(1.0, (step + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
        return warm * shape(min(1.0, step / settings.steps))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
