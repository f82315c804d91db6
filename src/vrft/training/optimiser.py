"""The optimiser and its schedule, equal for RFT and SFT."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from vrft.config import Optim
from vrft.errors import ConfigError

HALF = (torch.bfloat16, torch.float16)


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


class Optimiser:
    """AdamW over the weights that learn, with warm-up and schedule.

    Weights in half precision are updated through a float32 copy: at a rate of 1e-6 nearly every update would
    otherwise be rounded away.
    """

    def __init__(self, model: torch.nn.Module, settings: Optim, updates: int = 1) -> None:
        """Collect the weights.

        Args:
            model: only weights with ``requires_grad`` are taken.
            settings: rates and steps.
            updates: optimiser steps a training step; warm-up and schedule go by training steps.

        Raises:
            ConfigError: nothing is left to learn.
        """
        self.learned = [p for p in model.parameters() if p.requires_grad]
        if not self.learned:
            raise ConfigError("No weight would learn: set model.lora, or leave the language model trainable.")
        masters = [p.detach().float().clone() if p.dtype in HALF else p for p in self.learned]
        self._pairs = [(p, m) for p, m in zip(self.learned, masters, strict=True) if p is not m]
        self._adam = torch.optim.AdamW(masters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self._settings, self._updates, self._steps = settings, updates, 0

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        s = self._settings
        step = self._steps // self._updates
        warm = min(1.0, (step + 1) / s.warmup_steps) if s.warmup_steps else 1.0
        return s.learning_rate * warm * SCHEDULES[s.schedule](min(1.0, step / s.steps))

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in self.learned:
            parameter.grad = None

    def step(self) -> dict[str, Any]:
        """Clip, update and move the schedule on.

        A gradient that is not finite is left out and told: it must not reach the weights.

        Returns:
            ``grad_norm``, ``lr``, and ``skipped`` where the update was left out.
        """
        norm = float(torch.nn.utils.clip_grad_norm_(self.learned, self._settings.max_grad_norm))
        row: dict[str, Any] = {"grad_norm": norm, "lr": self.rate}
        if math.isfinite(norm):
            self._update()
        else:
            row["skipped"] = True
        self._steps += 1
        return row

    def _update(self) -> None:
        for parameter, master in self._pairs:
            master.grad = parameter.grad.float() if parameter.grad is not None else None
        for group in self._adam.param_groups:
            group["lr"] = self.rate
        self._adam.step()
        with torch.no_grad():
            for parameter, master in self._pairs:
                parameter.copy_(master)

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs."""
        masters = [master for _, master in self._pairs]
        return {"adam": self._adam.state_dict(), "steps": self._steps, "masters": masters}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self._adam.load_state_dict(state["adam"])
        self._steps = state["steps"]
        with torch.no_grad():
            for (_, master), saved in zip(self._pairs, state["masters"], strict=True):
                master.copy_(saved)
