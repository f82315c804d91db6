"""How much is trained and tried: the same for RFT and its twin, and the same in every cell."""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "miniature"


@dataclass(frozen=True)
class Effort:
    """What every trial has in common."""

    steps: int = 80
    """Optimizer steps of a trial at most."""
    every: int = 10
    """Steps between validations; the best of them, the start included, is a trial's result."""
    prompts: int = 16
    """Images a step."""
    group: int = 8
    """G, answers an image."""
    max_new_tokens: int = 110
    rft_rates: tuple[float, ...] = (2e-5, 5e-5, 1e-4, 2e-4)
    sft_rates: tuple[float, ...] = (1e-5, 3e-5, 1e-4, 3e-4)
    both_rates: tuple[float, ...] = (2e-5, 1e-4)
    """Of RFT that starts from the twin."""
    beta: float = 0.04
    reward: str = "recommended"
    difficulty_samples: int = 8
    """Answers of the base policy to each training image, for the curated twin."""
    asked: int | None = None
    """Held-out questions; None takes the setting's own number."""
    resamples: int = 500
    """Bootstrap draws of images."""
    model: str = MODEL

    @property
    def tries_code(self) -> bool:
        """Whether the numbers mean nothing: studies then keep their own efforts small too."""
        return self.asked is not None


FULL = Effort()
TINY = Effort(
    steps=2,
    every=1,
    prompts=2,
    group=2,
    max_new_tokens=24,
    rft_rates=(1e-4,),
    sft_rates=(1e-4,),
    both_rates=(1e-4,),
    difficulty_samples=2,
    asked=8,
    resamples=20,
)
"""Shows in seconds that the code runs; its numbers mean nothing."""
