"""The training loop: one for every way of learning, which differ only in source and objective.

A step is a pure function of weights, optimizer, step number and the state of whatever remembers (every
random choice is seeded by run and step), so a run that was interrupted and resumed ends where an
uninterrupted one ends.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from torch.distributed import DistError

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import NumbersError, RunError
from vrft.models.divided import is_divided
from vrft.models.policy import Policy
from vrft.progress import Update
from vrft.run_folder import RunFolder
from vrft.training.batch import Row, Stateful
from vrft.training.checkpoint import (
    check_together,
    load_trainable_state,
    newest_checkpoint,
    parts_of_state,
    save_checkpoint,
    trainable_state,
    whole_state,
)
from vrft.training.loggers import Logger
from vrft.training.memory import peak_memory_gib
from vrft.training.optimizer import Optimizer
from vrft.training.reward_watch import RewardWatch
from vrft.training.step_metrics import BY_SOURCE
from vrft.training.train_step import TrainStep
from vrft.training.training_options import ChecksOptions, OptimOptions
from vrft.training.validation import Validation
from vrft.types import Clock

_LOGGER = logging.getLogger("vrft.training")
MOST_SKIPPED = 3
"""Steps in a row whose gradient may fail to be finite; each is skipped."""
ADVICE = "Lower optim.learning_rate, or set model.dtype: float32, and train again in another folder."
"""What helps where numbers grow without end; a run that is resumed keeps its settings."""


class Progress(Protocol):
    """Called after each step."""

    def __call__(self, step: int, steps: int, row: Row) -> None:
        """Args: steps done, steps in all, what was logged."""
        ...


def shown_by(update: Update) -> Progress:
    """Reports the steps of a run to a progress bar."""
    last = 0

    def progress(step: int, steps: int, row: Row) -> None:
        nonlocal last
        key = "reward" if "reward" in row else "loss"
        validation, parts = row.get("validation"), row.get(BY_SOURCE, {})
        each = ", ".join(f"{name} {own[key]:.2f}" for name, own in parts.items())
        seen = f" ({each})" if each else ""
        seen += f", validation {validation:.3f}" if validation is not None else ""
        update(step - last, f"{key} {row[key]:.2f}{seen}")
        last = step

    return progress


@dataclass(frozen=True)
class LoopResult:
    """How a loop ended; ``stopped`` by a signal, after a checkpoint was written."""

    steps: int
    best_step: int
    best_value: float | None
    stopped: bool
    best_values: Mapping[str, float]
    """The validation of each entry at the best step."""


def run_loop(
    policy: Policy,
    train_step: TrainStep,
    folder: RunFolder,
    loggers: Sequence[Logger],
    *,
    optim: OptimOptions,
    checks: ChecksOptions,
    seed: int,
    validation: Validation | None = None,
    progress: Progress = lambda step, steps, row: None,
    context: DistributedContext = SINGLE_PROCESS,
) -> LoopResult:
    """Train until the steps are done, patience is over, or a signal asks to stop.

    The policy ends with the weights of its best validation (the earliest of equals, the start included), so
    RFT and SFT are held to the same rule; without validation, with the last ones.

    Raises:
        RunError: gradients or the policy's own numbers are no longer finite, a reward always fails, no
            checkpoint can be read, or the processes' weights have come apart.
    """
    optimizer = Optimizer(policy.model, optim, train_step.updates, context)
    remembers = {"source": train_step.source, "validation": validation}
    state = _State(policy, optimizer, remembers, folder.path / "checkpoints")
    step = state.restore()
    if 0 < step < optim.steps and context.is_first:
        place = train_step.source.place(Clock(step, optim.steps, seed))
        _LOGGER.warning(f"The run goes on after step {step} of {optim.steps}: {place}.")
    for logger in loggers:
        logger.start(step)
    every = checks.validate_every if validation is not None else 0
    latest, watch = None, RewardWatch(folder)

    def validate(step: int) -> None:
        nonlocal latest
        assert validation is not None
        latest = validation.score()
        _log(loggers, step, validation.row(latest))
        if validation.is_better(latest, state.best["value"]):
            values, weights = dict(validation.values), trainable_state(policy.model)
            state.best = {"step": step, "value": latest, "values": values, "weights": weights}

    def patience_over(step: int) -> bool:
        return bool(every and checks.patience) and step - state.best["step"] >= checks.patience * every

    if every and step == 0 and state.best["value"] is None:
        validate(0)
    over, skipped = patience_over(step), 0
    with _stop_requests() as asked, _divergence(lambda: step):
        stop = any(context.all_gather_object([bool(asked)]))
        while step < optim.steps and not over and not stop:
            row = _one_step(train_step, optimizer, Clock(step, optim.steps, seed))
            row["peak_memory_gib"] = peak_memory_gib(policy.device)
            step += 1
            _log(loggers, step, row)
            for logger in loggers:
                logger.log_groups(step, train_step.batch.groups)
            watch.see(step, train_step.batch.groups, row.get("reward_retries", 0))
            skipped = skipped + 1 if row.get("skipped") else 0
            if skipped:
                _report_skipped(folder, step, train_step, skipped)
            progress(step, optim.steps, {"step": step, "validation": latest, **row})
            if every and (step % every == 0 or step == optim.steps):
                validate(step)
                over = patience_over(step)
            stop = any(context.all_gather_object([bool(asked)]))
            if step % checks.checkpoint_every == 0 or step == optim.steps or over or stop:
                check_together(policy.model, context)
                state.save(step, context.is_first)
    best = state.best
    if not stop and best["weights"] is not None:
        load_trainable_state(policy.model, best["weights"])
    for logger in loggers:
        logger.close()
    watch.close()
    best_step = best["step"] if best["weights"] is not None else step
    return LoopResult(step, best_step, best["value"], stop, best.get("values", {}))


class _State:
    """What changes from step to step, and is kept in checkpoints: weights, optimizer, whatever remembers, by
    its name, and the best so far."""

    def __init__(
        self, policy: Policy, optimizer: Optimizer, remembers: Mapping[str, object], folder: Path
    ) -> None:
        self._policy, self._optimizer, self._folder = policy, optimizer, folder
        self._remembers = {name: one for name, one in remembers.items() if isinstance(one, Stateful)}
        self.best: dict[str, Any] = {"step": 0, "value": None, "weights": None}

    def restore(self) -> int:
        """Go back to the newest checkpoint; the step that it is of, 0 where there is none."""
        kept = newest_checkpoint(self._folder, mapped=is_divided(self._policy.model))
        if kept is None:
            return 0
        model = self._policy.model
        load_trainable_state(model, parts_of_state(model, kept["weights"]))
        self._optimizer.load_state_dict(kept["optimizer"])
        best = kept["best"]["weights"]
        self.best = {**kept["best"], "weights": best and parts_of_state(model, best)}
        for name, one in self._remembers.items():
            if kept.get(name) is not None:
                one.restore(kept[name])
        return int(kept["step"])

    def save(self, step: int, writes: bool) -> None:
        """One process writes; where weights are divided, all give their parts."""
        model = self._policy.model
        if not writes and not is_divided(model):
            return
        weights = self.best["weights"]
        content = {
            "step": step,
            "weights": whole_state(model, trainable_state(model)),
            "best": {**self.best, "weights": weights and whole_state(model, weights)},
            "optimizer": self._optimizer.state_dict(),
            **{name: one.state() for name, one in self._remembers.items()},
        }
        if writes:
            save_checkpoint(self._folder, step, content)


def _one_step(train_step: TrainStep, optimizer: Optimizer, clock: Clock) -> Row:
    """A batch, and every update on it; what is logged of them."""
    began = time.monotonic()
    optimizer.zero_grad()
    row = {**train_step(clock, optimizer.backward), **optimizer.step()}
    for _ in range(train_step.updates - 1):
        optimizer.zero_grad()
        row |= {**train_step.update(optimizer.backward, first=False), **optimizer.step()}
    return {**row, "seconds": time.monotonic() - began}


def _log(loggers: Sequence[Logger], step: int, row: Row) -> None:
    for logger in loggers:
        logger.log(step, row)


def _report_skipped(folder: RunFolder, step: int, train_step: TrainStep, in_a_row: int) -> None:
    """Write down what gave a gradient that is not finite; stop where it happens again and again."""
    name = f"not_finite/step_{step:06d}.json"
    folder.write_json(name, train_step.failed_batch())
    if in_a_row >= MOST_SKIPPED:
        raise RunError(
            f"The gradients of {in_a_row} steps in a row were not finite; their data are in "
            f"{folder.path / name} and next to it. {ADVICE}"
        )


@contextmanager
def _divergence(step: Callable[[], int]) -> Iterator[None]:
    """Say where a training ends that has diverged, or has lost a process; a model that was broken before it
    says so itself."""
    try:
        yield
    except NumbersError as error:
        if not step():
            raise
        raise RunError(
            f"After step {step()} the policy's own numbers are no longer finite: its training has diverged. "
            f"{ADVICE}"
        ) from error
    except RuntimeError as error:
        if not isinstance(error, DistError) and "gloo" not in str(error):
            raise
        raise RunError(
            f"Another process has ended after step {step()}, and no process can go on without it: its own "
            "output says why. Start as many as there are, with --resume."
        ) from error


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
