"""Attacks with numbers that are no probability, or that say what they should not."""

from __future__ import annotations

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Role, attack
from vrft.diagnostics.audit.audit_case import Case, GuessedBox, Notation
from vrft.diagnostics.audit.jitter import box_apart

LIST = Notation.LIST


@attack(LIST)
def junk_at_0(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence 0."""
    return _junk(case, rng, 0.0)


@attack(LIST)
def junk_at_1(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence 1."""
    return _junk(case, rng, 1.0)


@attack(LIST)
def junk_at_100(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence 100."""
    return _junk(case, rng, "100")


@attack(LIST)
def junk_at_minus_5(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence -5."""
    return _junk(case, rng, "-5")


@attack(LIST)
def junk_at_nan(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence NaN."""
    return _junk(case, rng, "NaN")


@attack(LIST)
def junk_at_infinity(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence Infinity."""
    return _junk(case, rng, "Infinity")


@attack(LIST)
def junk_at_minus_infinity(case: Case, rng: np.random.Generator) -> str:
    """One wrong box, confidence -Infinity."""
    return _junk(case, rng, "-Infinity")


@attack(LIST, role=Role.RESTATED, from_label=True)
def honest_at_100(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes, confidence 100 each."""
    return case.boxes([GuessedBox(box.box_xyxy_px, "100") for box in case.honest.boxes])


@attack(LIST, from_label=True)
def one_at_100_then_junk(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's first right box at confidence 100, then five wrong ones at 0.50."""
    safe = [GuessedBox(box.box_xyxy_px, "100") for box in case.honest.boxes if box.real]
    junk = [GuessedBox(box_apart(case.gold_boxes, rng), 0.5) for _ in range(5)]
    return case.boxes([*safe[:1], *junk])


def _junk(case: Case, rng: np.random.Generator, confidence: float | str) -> str:
    return case.boxes([GuessedBox(box_apart(case.gold_boxes, rng), confidence)])
