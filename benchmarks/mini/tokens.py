"""Tokens that went forward and backward through the text model in one run, rollouts counted.

The vision tower is frozen and encodes a picture once a run, for SFT and RFT alike: it is left out. So is
validation, which is the same for both. The 36 picture tokens of a prompt are counted where the text model
reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from vrft.config.run_config import RunConfig
from vrft.models.policy import Policy
from vrft.rollout.prompting import prompts_for
from vrft.run_folder import RunFolder
from vrft.tasks.task import Task
from vrft.training.batches import examples_of_step
from vrft.types import Example, Form


@dataclass(frozen=True)
class Tokens:
    """Tokens of one run."""

    steps: int
    forward: int
    """Prompts, sampled tokens (one forward pass each), answers of the training pass, and the reference's."""
    backward: int

    @property
    def total(self) -> int:
        """Forward and backward together."""
        return self.forward + self.backward


def prompt_lengths(policy: Policy, task: Task, examples: Sequence[Example], form: Form) -> dict[str, int]:
    """Tokens of each question's prompt by its id, picture tokens included."""
    prompts = prompts_for(policy, task, examples, form)
    return {e.id: len(p.token_ids) for e, p in zip(examples, prompts, strict=True)}


def tokens_of(
    config: RunConfig, folder: RunFolder, examples: Sequence[Example], lengths: Mapping[str, int]
) -> Tokens:
    """Count a run's tokens from what it logged.

    Args:
        config: its configuration.
        folder: its folder, for the metrics and the form of its training pass.
        examples: its training questions.
        lengths: of their prompts.
    """
    path = folder.read_json("run.json")["parity"]["path"]
    rows = [row for row in folder.rows("metrics.jsonl") if "loss" in row]
    forward = backward = 0
    for row in rows:
        chosen = examples_of_step(examples, row["step"] - 1, config.optim.prompts_per_step, config.seed)
        prompts = sum(lengths[e.id] for e in chosen)
        ahead, back = COUNTS[config.kind](row, prompts, config, path)
        forward, backward = forward + ahead, backward + back
    return Tokens(len(rows), forward, backward)


def steps_within(budget: int, spent: Tokens) -> int:
    """How many steps like those of a run cost as much as a budget, rounded up.

    Example:
        >>> steps_within(1000, Tokens(steps=10, forward=150, backward=150))
        34
    """
    return ceil(budget * spent.steps / spent.total)


def _sft(row: Mapping[str, int], prompts: int, config: RunConfig, path: str) -> tuple[int, int]:
    once = prompts + row["gold_tokens"]
    return once, once


def _rft(row: Mapping[str, int], prompts: int, config: RunConfig, path: str) -> tuple[int, int]:
    answers = row["sampled_tokens"]
    # Shared prompts are encoded once for sampling and training; packed rows once more, plain ones G times.
    encodings = {"shared": 1, "packed": 1, "plain": config.rollout.group_size}[path]
    training = encodings * prompts + answers
    again = training - prompts if path == "shared" else training
    reference = training if config.grpo.beta else 0
    return prompts + answers + again + reference, training


COUNTS = {"sft": _sft, "rft": _rft}
