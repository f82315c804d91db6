"""The training loop: one for RFT and SFT, which differ only in what one step does.

A step is a pure function of weights, optimiser and step number (every random choice is seeded by run and
step), so a run that was interrupted and resumed ends where an uninterrupted one ends.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

import torch

from vrft.config.run_config import RunConfig
from vrft.distributed import ALONE, Share
from vrft.errors import RunError
from vrft.models.policy import Policy
from vrft.run_folder import RunFolder
from vrft.training.checkpoint import (
    check_together,
    load_trainable_state,
    newest_checkpoint,
    save_checkpoint,
    trainable_state,
)
from vrft.training.memory import peak_memory_gib
from vrft.training.optimizer import Optimiser

Row = dict[str, Any]
Backward = Callable[[torch.Tensor], None]
MOST_SKIPPED = 3
"""Steps in a row whose gradient may fail to be finite; each is skipped."""


class StepFunction(Protocol):
    """Runs forward and backward passes of one step; gradients are left on the weights."""

    updates: int
    """Optimiser steps a training step."""

    def __call__(self, step: int, backward: Backward = torch.Tensor.backward) -> Row:
        """Args: step, from 0; backward, called on each part of the loss. Returns: what to log."""
        ...

    def again(self, backward: Backward = torch.Tensor.backward) -> Row:
        """The gradient of a further update on the same data."""
        ...

    def offending(self) -> Any:
        """The step's data as plain JSON values, written down where its gradient was not finite."""
        ...


class Progress(Protocol):
    """Where a loop tells how far it is."""

    def __call__(self, step: int, steps: int, row: Row) -> None:
        """Args: steps done, steps in all, what was logged."""
        ...


@dataclass(frozen=True)
class LoopResult:
    """How a loop ended."""

    steps: int
    best_step: int
    best_value: float | None
    stopped: bool
    """Ended by a signal; a checkpoint was written."""


def run_loop(
    policy: Policy,
    config: RunConfig,
    folder: RunFolder,
    step_function: StepFunction,
    validate: Callable[[], float] | None,
    progress: Progress = lambda step, steps, row: None,
    share: Share = ALONE,
) -> LoopResult:
    """Train until the steps are done, patience is over, or a signal asks to stop.

    The policy ends with the weights of its best validation (the earliest of equals, the start included), so
    RFT and SFT are held to the same rule; without validation, with the last ones.

    Args:
        policy: trained in place.
        config: the run's configuration.
        folder: where metrics and checkpoints go; its newest checkpoint is resumed.
        step_function: one step's forward and backward passes.
        validate: score of the validation part, higher is better; None where there is none.
        progress: called after each step.
        share: which process this is. All take every step together and stop at the same one.

    Raises:
        RunError: gradients are not finite again and again, or the processes' weights have come apart.
    """
    settings, checks = config.optim, config.checks
    optimiser = Optimiser(policy.model, settings, step_function.updates, share)
    best: dict[str, Any] = {"step": 0, "value": None, "weights": None}
    start = 0
    state = newest_checkpoint(folder.path / "checkpoints")
    if state is not None:
        load_trainable_state(policy.model, state["weights"])
        optimiser.load_state_dict(state["optimiser"])
        best, start = state["best"], state["step"]
    folder.cut("metrics.jsonl", start)
    folder.cut("rollouts.jsonl", start)
    folder.cut("reward_failures.jsonl", start)
    every = checks.validate_every if validate is not None else 0
    if every and start == 0 and best["value"] is None:
        best = _validated(policy, folder, validate, 0, best)

    def checkpoint(step: int) -> None:
        check_together(policy.model, share)
        if not share.is_first:
            return
        weights = trainable_state(policy.model)
        content = {"step": step, "weights": weights, "best": best, "optimiser": optimiser.state_dict()}
        save_checkpoint(folder.path / "checkpoints", step, content)

    def patience_over(step: int) -> bool:
        return bool(every and checks.patience) and step - best["step"] >= checks.patience * every

    step, over, skipped = start, patience_over(start), 0
    with _stop_requests() as asked:
        stop = any(share.collected([bool(asked)]))
        while step < settings.steps and not over and not stop:
            began = time.monotonic()
            optimiser.zero_grad()
            row = {"step": step + 1, **step_function(step, optimiser.backward), **optimiser.step()}
            for _ in range(step_function.updates - 1):
                optimiser.zero_grad()
                row |= {**step_function.again(optimiser.backward), **optimiser.step()}
            row["seconds"] = time.monotonic() - began
            row["peak_memory_gib"] = peak_memory_gib(policy.device)
            step += 1
            folder.append("metrics.jsonl", row)
            skipped = skipped + 1 if row.get("skipped") else 0
            if skipped:
                _tell_skipped(folder, step, step_function, skipped)
            progress(step, settings.steps, row)
            if every and (step % every == 0 or step == settings.steps):
                best = _validated(policy, folder, validate, step, best)
                over = patience_over(step)
            stop = any(share.collected([bool(asked)]))
            if step % checks.checkpoint_every == 0 or step == settings.steps or over or stop:
                checkpoint(step)
    if not stop and best["weights"] is not None:
        load_trainable_state(policy.model, best["weights"])
    return LoopResult(step, best["step"] if best["weights"] is not None else step, best["value"], stop)


def _tell_skipped(folder: RunFolder, step: int, step_function: StepFunction, in_a_row: int) -> None:
    """Write down what gave a gradient that is not finite; stop where it happens again and again.

    Raises:
        RunError: ``MOST_SKIPPED`` steps in a row.
    """
    name = f"not_finite/step_{step:06d}.json"
    folder.write_json(name, step_function.offending())
    if in_a_row >= MOST_SKIPPED:
        raise RunError(
            f"The gradients of {in_a_row} steps in a row were not finite; their data stands in "
            f"{folder.path / name} and beside it. Lower optim.learning_rate or use model.dtype: float32, and "
            "go on with --resume."
        )


def _validated(
    policy: Policy, folder: RunFolder, validate: Callable[[], float] | None, step: int, best: dict[str, Any]
) -> dict[str, Any]:
    assert validate is not None
    value = validate()
    folder.append("metrics.jsonl", {"step": step, "validation": value})
    if best["value"] is None or value > best["value"]:
        return {"step": step, "value": value, "weights": trainable_state(policy.model)}
    return best


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying in the middle of a step; a second Ctrl-C does die.

    A launcher of several processes answers one Ctrl-C with a SIGTERM to those that heard it themselves.
    """
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in seen:
            raise KeyboardInterrupt
        seen.append(number)

    try:
        before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are the caller's business
        yield seen
        return
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
