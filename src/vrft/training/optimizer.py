"""The optimiser and its schedule, equal for RFT and SFT."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from vrft.config.run_config import Optim
from vrft.distributed import ALONE, Share
from vrft.errors import ConfigError

HALF = (torch.bfloat16, torch.float16)
FIRST_SCALE, GROWTH = 2.0**12, 200
"""Of the loss in float16: where it begins, and the steps without overflow after which it is doubled."""


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
    otherwise be rounded away. Those in float16 learn from a scaled loss, so that small gradients do not
    vanish; the scale falls where they overflow. The gradients of several processes are added up, in float32.
    """

    def __init__(
        self, model: torch.nn.Module, settings: Optim, updates: int = 1, share: Share = ALONE
    ) -> None:
        """Collect the weights.

        Args:
            model: only weights with ``requires_grad`` are taken.
            settings: rates and steps.
            updates: optimiser steps a training step; warm-up and schedule go by training steps.
            share: which process this is; each has the same weights, and its own part of the gradient.

        Raises:
            ConfigError: nothing is left to learn.
        """
        self.learned = [p for p in model.parameters() if p.requires_grad]
        if not self.learned:
            raise ConfigError("No weight would learn: set model.lora, or leave the language model trainable.")
        masters = [p.detach().float().clone() if p.dtype in HALF else p for p in self.learned]
        self._pairs = [(p, m) for p, m in zip(self.learned, masters, strict=True) if p is not m]
        self._masters = masters
        self._adam = torch.optim.AdamW(masters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        narrow = any(p.dtype == torch.float16 for p in self.learned)
        device = self.learned[0].device.type
        self._scaler = torch.amp.GradScaler(device, FIRST_SCALE, growth_interval=GROWTH, enabled=narrow)
        self._settings, self._updates, self._steps, self._share = settings, updates, 0, share

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

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradient of a part of the loss, scaled where the weights are in float16.

        Args:
            loss: a number.
        """
        self._scaler.scale(loss).backward()

    def step(self) -> dict[str, Any]:
        """Clip, update and move the schedule on.

        A gradient that is not finite is left out and told: it must not reach the weights.

        Returns:
            ``grad_norm``, ``lr``, ``loss_scale`` in float16, and ``skipped`` where the update was left out,
            unless a smaller scale may mend that.
        """
        for parameter, master in self._pairs:
            master.grad = parameter.grad.float() if parameter.grad is not None else None
        self._add_up()
        self._scaler.unscale_(self._adam)
        norm = float(torch.nn.utils.clip_grad_norm_(self._masters, self._settings.max_grad_norm))
        row: dict[str, Any] = {"grad_norm": norm, "lr": self.rate}
        if self._scaler.is_enabled():
            row["loss_scale"] = self._scaler.get_scale()
        if math.isfinite(norm):
            self._update()
        elif row.get("loss_scale", 1.0) <= 1:
            row["skipped"] = True
        self._scaler.update()
        self._steps += 1
        return row

    def _add_up(self) -> None:
        """The gradient of all processes in each; a weight that has none anywhere keeps none."""
        if self._share.count == 1:
            return
        has = torch.tensor([m.grad is not None for m in self._masters], dtype=torch.int32)
        has = has.to(self._masters[0].device)
        self._share.add_up([has])
        reached = [m for m, count in zip(self._masters, has.tolist(), strict=True) if count]
        for master in reached:
            master.grad = torch.zeros_like(master) if master.grad is None else master.grad
        self._share.add_up([m.grad for m in reached if m.grad is not None])

    def _update(self) -> None:
        for group in self._adam.param_groups:
            group["lr"] = self.rate
        self._scaler.step(self._adam)
        with torch.no_grad():
            for parameter, master in self._pairs:
                parameter.copy_(master)

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs."""
        masters = [master for _, master in self._pairs]
        state = {"adam": self._adam.state_dict(), "steps": self._steps, "masters": masters}
        return state | {"scaler": self._scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self._adam.load_state_dict(state["adam"])
        self._steps = state["steps"]
        self._scaler.load_state_dict(state["scaler"])
        with torch.no_grad():
            for (_, master), saved in zip(self._pairs, state["masters"], strict=True):
                master.copy_(saved)
