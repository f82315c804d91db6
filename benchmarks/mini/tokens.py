"""Tokens that went forward and backward through the text model in one run, rollouts counted.

The vision tower is frozen and encodes an image once a run, for SFT and RFT alike: it is left out. So is
validation, which is the same for both. The 36 image tokens of a prompt are counted where the text model
reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from vrft.config.run_config import RunConfig
from vrft.rollout.driver import prompts_for
from vrft.rollout.sampler import Renderer
from vrft.run_folder import RunFolder
from vrft.training.batch import examples_of_step
from vrft.types import Clock, Example


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


def prompt_lengths(renderer: Renderer, examples: Sequence[Example]) -> dict[str, int]:
    """Tokens of each question's prompt by its id, image tokens included."""
    prompts = prompts_for(renderer, examples)
    return {e.id: len(p.token_ids) for e, p in zip(examples, prompts, strict=True)}


def tokens_of(
    config: RunConfig, folder: RunFolder, examples: Sequence[Example], lengths: Mapping[str, int]
) -> Tokens:
    """Count a run's tokens from what it logged; ``lengths`` are those of its questions' prompts."""
    logprob_method = folder.read_json("run.json")["parity"]["method"]
    rows = [row for row in folder.rows("metrics.jsonl") if "loss" in row]
    forward = backward = 0
    for row in rows:
        now = Clock(row["step"] - 1, config.optim.steps, config.seed)
        chosen = examples_of_step(examples, now, config.optim.prompts_per_step)
        prompts = sum(lengths[e.id] for e in chosen)
        ahead, back = COUNTS[config.method](row, prompts, config, logprob_method)
        forward, backward = forward + ahead, backward + back
    return Tokens(len(rows), forward, backward)


def steps_within(budget: int, spent: Tokens) -> int:
    """How many steps like those of a run cost as much as a budget, rounded up.

    Example:
        >>> steps_within(1000, Tokens(steps=10, forward=150, backward=150))
        34
    """
    return ceil(budget * spent.steps / spent.total)


def _sft(row: Mapping[str, int], prompts: int, config: RunConfig, logprob_method: str) -> tuple[int, int]:
    once = prompts + row["gold_tokens"]
    return once, once


def _rft(row: Mapping[str, int], prompts: int, config: RunConfig, logprob_method: str) -> tuple[int, int]:
    answers = row["sampled_tokens"]
    # Shared prompts are encoded once for sampling and training; packed rows once more, plain ones G times.
    encodings = {"shared": 1, "packed": 1, "plain": config.rollout.group_size}[logprob_method]
    training = encodings * prompts + answers
    forward = training - prompts if logprob_method == "shared" else training
    reference = training if config.grpo.kl.beta else 0
    return prompts + answers + forward + reference, training


COUNTS = {"sft": _sft, "rft": _rft}
