"""How much every trial trains and tries, and the settings of trials that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mini.effort import FULL as MINI
from mini.effort import TINY as MINI_TINY
from mini.effort import Effort

from vrft.workflows.fit_settings import FitSettings, Recipe

FULL = replace(MINI, steps=60, rft_rates=(5e-5, 1e-4), sft_rates=(3e-5, 1e-4, 3e-4), max_new_tokens=96)
TINY = replace(MINI_TINY, max_new_tokens=12)
"""Shows in seconds that the code runs; its numbers mean nothing."""
REJECTION_RATES = (1e-4, 3e-4)
SAMPLES = 8
"""Answers of the base to each held-out question, for pass@k."""
OBJECTS = 300
"""Images of one object that the old skills are measured on."""
FORCED = 150
"""Held-out questions that are asked behind a given chain."""


@dataclass(frozen=True)
class ArmSettings(FitSettings):
    """Settings of one arm: those of ``vrft fit`` with the benchmark's own effort."""

    effort: Effort = FULL
    sft_rates: tuple[float, ...] = FULL.sft_rates

    @property
    def recipe(self) -> Recipe:
        """The same for every model."""
        e = self.effort
        return Recipe(e.rft_rates, self.sft_rates, e.steps, e.prompts, e.max_new_tokens, e.every, 0, None)
