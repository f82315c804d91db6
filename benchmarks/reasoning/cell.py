"""The cells: a question, the share of chains of its base, a seed, and what is done otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reasoning.questions import QUESTIONS, Question

SHARES = (0.0, 0.02, 0.05, 0.1, 0.2)
"""Shares of real chains among the thoughts of a base."""
MAIN = 0.2
"""Of the model that the package ships."""
SHIPPED = "miniature-reasoning"
PLAIN = "plain"


@dataclass(frozen=True)
class Variant:
    """What RFT does otherwise."""

    title: str
    short: str
    """In a plot."""
    overrides: tuple[str, ...] = ()
    """``key=value`` of the configuration."""


VARIANTS: Mapping[str, Variant] = {
    PLAIN: Variant("as it is", "as it is"),
    "group32": Variant("32 answers to a question instead of 8", "32 answers", ("rollout.group_size=32",)),
    "warm": Variant("temperature 1.3 instead of 1", "temperature 1.3", ("rollout.temperature=1.3",)),
    "guess_proof": Variant(
        "a reward that a guess cannot earn: right, and the thought shows a computation",
        "guess-proof reward",
        ("reward.weights={accuracy: 0}", 'reward.custom={"reasoning.guess_proof:right_and_worked": 1.0}'),
    ),
}
"""By name."""


@dataclass(frozen=True)
class Cell:
    """What a cell is called."""

    question: str
    share: float
    seed: int
    variant: str = PLAIN

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.question}-{self.share:g}-{self.seed}" + (
            f"-{self.variant}" if self.variant != PLAIN else ""
        )

    @property
    def asks(self) -> Question:
        """Its question."""
        return QUESTIONS[self.question]

    @property
    def row(self) -> tuple[str, float, str]:
        """What its seeds have in common."""
        return self.question, self.share, self.variant

    def model(self, bases: Path | None) -> str:
        """Its base: a folder below ``bases``; the embedded model where that has none at the main share."""
        folder = (bases or Path()) / f"chains-{self.share:g}"
        if bases is not None and (folder.exists() or self.share != MAIN):
            return str(folder)
        return SHIPPED if self.share == MAIN else str(folder)


RFT_ONLY = ("rft",)
FEW = ("sft_direct", "sft_think", "rft", "rejection_1")
SEVERAL = (*FEW, "rejection_3")
ALL = (
    "sft_direct", "sft_think", "sft_curated", "rft", "rft_direct", "rejection_1", "rejection_2",
    "rejection_3", "oracle", "shuffled",
)  # fmt: skip
"""Arms, in the order in which they train."""


def _cells(
    questions: tuple[str, ...], shares: tuple[float, ...], seeds: int, variants: tuple[str, ...] = (PLAIN,)
) -> list[Cell]:
    return [
        Cell(question, share, seed, variant)
        for seed in range(seeds)
        for question in questions
        for share in shares
        for variant in variants
    ]


UNSURE = (0.02, 0.05)
"""Shares at which what moves the threshold is tried."""
TABLES: Mapping[str, Mapping[Cell, tuple[str, ...]]] = {
    "main": dict.fromkeys(_cells(("two",), (MAIN,), 5), ALL),
    "chains": dict.fromkeys(_cells(("two",), tuple(s for s in SHARES if s != MAIN), 3), SEVERAL),
    "questions": dict.fromkeys(_cells(("three", "box"), (MAIN,), 3), FEW),
    "threshold": dict.fromkeys(
        [
            *_cells(("two",), UNSURE, 3, tuple(v for v in VARIANTS if v != PLAIN)),
            *_cells(("three",), UNSURE, 3),
        ],
        RFT_ONLY,
    ),
}
"""The arms of every cell, by table."""
CELLS: Mapping[Cell, tuple[str, ...]] = {
    cell: arms for table in TABLES.values() for cell, arms in table.items()
}
"""All of them, in the order in which they run."""
BY_NAME: Mapping[str, Cell] = {cell.name: cell for cell in CELLS}
