"""Answers of good faith, beside which the attacks are read."""

from __future__ import annotations

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Role, attack
from vrft.diagnostics.audit.audit_case import Case, GuessedBox, Notation
from vrft.diagnostics.audit.honest import jittered


@attack(role=Role.REFERENCE)
def gold(case: Case, rng: np.random.Generator) -> str:
    """The right answer."""
    return case.gold()


@attack(Notation.LIST, Notation.CORNERS, role=Role.REFERENCE)
def gold_with_jitter(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box at the honest policy's precision, confidence 0.95, and none false."""
    return case.boxes([GuessedBox(jittered(box, rng), 0.95) for box in case.gold_boxes])


@attack(role=Role.REFERENCE)
def honest(case: Case, rng: np.random.Generator) -> str:
    """The honest policy."""
    return case.honest_text()
