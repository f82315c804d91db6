"""The optimizer and its schedule, equal for every way of learning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import ConfigError
from vrft.models.divided import everywhere, is_divided, part_of, whole
from vrft.training.training_options import OptimOptions

HALF = (torch.bfloat16, torch.float16)
FIRST_SCALE, GROWTH = 2.0**12, 200
"""Of the loss in float16: where it begins, and the steps without overflow after which it is doubled."""
SCHEDULES: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: 1.0 - progress,  # the released trainer's
    "constant": lambda progress: 1.0,
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
}


class Optimizer:
    """AdamW over the weights that learn, with warm-up and schedule.

    Weights in half precision are updated through a float32 copy: at a rate of 1e-6 nearly every update would
    otherwise be rounded away. Those in float16 learn from a scaled loss, so that small gradients do not
    vanish; the scale falls where they overflow. The gradients of several processes are summed, in float32,
    here or, where they share the weights, by what divides them.
    ``updates`` counts optimizer steps per training step; warm-up and schedule go by training steps.

    Raises:
        ConfigError: nothing is left to learn.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        options: OptimOptions,
        updates: int = 1,
        context: DistributedContext = SINGLE_PROCESS,
    ) -> None:
        self.learned = [p for p in model.parameters() if p.requires_grad]
        if not self.learned:
            raise ConfigError(
                "No weight would be trained. Set model.lora, or do not freeze the language model."
            )
        self._divided = is_divided(model)
        self._masters = [p.detach().float().clone() if p.dtype in HALF else p for p in self.learned]
        self._pairs = [(p, m) for p, m in zip(self.learned, self._masters, strict=True) if p is not m]
        self._adam = torch.optim.AdamW(
            self._masters, lr=options.learning_rate, weight_decay=options.weight_decay
        )
        narrow = any(p.dtype == torch.float16 for p in self.learned)
        device = self.learned[0].device.type
        self._scaler = torch.amp.GradScaler(device, FIRST_SCALE, growth_interval=GROWTH, enabled=narrow)
        self._options, self._updates, self._steps, self._context = options, updates, 0, context

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        o = self._options
        step = self._steps // self._updates
        warm = min(1.0, (step + 1) / o.warmup_steps) if o.warmup_steps else 1.0
        return o.learning_rate * warm * SCHEDULES[o.schedule](min(1.0, step / o.steps))

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in self.learned:
            parameter.grad = None

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradient of a part of the loss, scaled where the weights are in float16."""
        self._scaler.scale(loss).backward()

    def step(self) -> dict[str, Any]:
        """Clip, update and move the schedule on.

        Returns:
            ``grad_norm``, ``lr``, ``loss_scale`` in float16, and ``skipped`` where the gradient was not
            finite and the update was left out, unless a smaller scale may help.
        """
        for parameter, master in self._pairs:
            master.grad = parameter.grad.float() if parameter.grad is not None else None
        self._sum_gradients()
        self._scaler.unscale_(self._adam)
        found = torch.nn.utils.clip_grad_norm_(self._masters, self._options.max_grad_norm)
        norm = float(everywhere(found))
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

    def _sum_gradients(self) -> None:
        """The gradient of all processes in each; a weight that has none anywhere keeps none."""
        if self._context.count == 1 or self._divided:
            return
        has = torch.tensor([m.grad is not None for m in self._masters], dtype=torch.int32)
        has = has.to(self._masters[0].device)
        self._context.all_reduce([has])
        reached = [m for m, count in zip(self._masters, has.tolist(), strict=True) if count]
        for master in reached:
            master.grad = torch.zeros_like(master) if master.grad is None else master.grad
        self._context.all_reduce([m.grad for m in reached if m.grad is not None])

    def _update(self) -> None:
        for group in self._adam.param_groups:
            group["lr"] = self.rate
        self._scaler.step(self._adam)
        with torch.no_grad():
            for parameter, master in self._pairs:
                parameter.copy_(master)

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs, whole in the first process; a meeting where the weights are divided."""
        adam = self._adam.state_dict()
        held = {i: {key: whole(value) for key, value in own.items()} for i, own in adam["state"].items()}
        masters = [whole(master) for _, master in self._pairs]
        state = {"adam": {**adam, "state": held}, "steps": self._steps, "masters": masters}
        return state | {"scaler": self._scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        held = {
            i: {key: part_of(value, self._masters[i]) for key, value in own.items()}
            for i, own in state["adam"]["state"].items()
        }
        self._adam.load_state_dict({**state["adam"], "state": held})
        self._steps = state["steps"]
        self._scaler.load_state_dict(state["scaler"])
        with torch.no_grad():
            for (_, master), saved in zip(self._pairs, state["masters"], strict=True):
                master.copy_(part_of(saved, master))
