"""How questions are put to a policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vrft.errors import InputError
from vrft.types import Form

BATCH = 64
"""Questions encoded together, by default."""


@dataclass(frozen=True)
class Asking:
    """Everything that decides an answer beside the policy and the question.

    Raises:
        InputError: a number is out of its range.
    """

    form: Form
    max_new_tokens: int = 256
    samples: int = 1
    """Answers to each question: the greedy one, the greedy ones of further looks, then sampled ones."""
    temperature: float = 1.0
    """Of the sampled ones, above 0."""
    top_p: float = 1.0
    seed: int = 0
    flip: bool = False
    """Also look at the mirrored picture, where the question allows it."""
    scales: tuple[float, ...] = ()
    """Also look at the picture scaled by each of these."""
    gate: bool = False
    """First ask whether the thing is there at all, and go on only where the policy does not say no."""
    batch: int = BATCH
    """Questions encoded together; batches are cut from the whole list, so that each is the same whenever it
    is asked."""
    rows: int = 512
    """Answers decoded together, at most, where several are drawn."""

    def __post_init__(self) -> None:
        bounds = (
            ("samples", self.samples >= 1, "at least 1"),
            ("temperature", self.temperature > 0, "above 0; the greedy answer is always among the answers"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_new_tokens", self.max_new_tokens >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1"),
        )
        for name, holds, wanted in bounds:
            if not holds:
                raise InputError(f"{name} = {getattr(self, name)} is not possible: it must be {wanted}.")

    def row(self) -> dict[str, Any]:
        """As JSON has it: two evaluations with equal rows ask alike."""
        return {**asdict(self), "form": str(self.form), "scales": list(self.scales)}
