"""How much every trial trains and tries."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mini.effort import FULL as MINI
from mini.effort import TINY as MINI_TINY

from vrft.workflows.fit_settings import FitSettings, Recipe

RATES = (3e-5, 1e-4, 3e-4)
"""Tried on the development seed."""
FULL = replace(MINI, steps=60, every=15, rft_rates=RATES, sft_rates=RATES, max_new_tokens=160)
TINY = replace(MINI_TINY, resamples=10)
"""Shows in seconds that the code runs; its numbers mean nothing."""
VALIDATION, HELDOUT = 80, 300
"""Questions of a task, at most."""


@dataclass(frozen=True)
class PuzzleSettings(FitSettings):
    """Of the puzzles before the labels."""

    rate: float = RATES[0]
    prompts: int = FULL.prompts
    longest: int = FULL.max_new_tokens

    @property
    def recipe(self) -> Recipe:
        rates, steps = (self.rate,), self.warm_up_steps or 1
        return Recipe(rates, rates, steps, self.prompts, self.longest, steps, 0, None)
