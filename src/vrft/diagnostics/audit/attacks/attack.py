"""What an attack is, and the decorator that enters one in the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vrft.diagnostics.audit.audit_case import Case, Notation

Write = Callable[[Case, np.random.Generator], str]
"""From a question, and a source of random choices, to an answer's whole text."""


class Role(StrEnum):
    """What an answer stands for, which decides what it is compared with."""

    REFERENCE = "reference"
    """Answers of good faith: gold, gold with jitter, honest. The others are measured against them."""
    ATTACK = "attack"
    """Answers that know no more than the honest policy, or are wrong: they must stay clearly below it."""
    RESTATED = "restated"
    """The honest policy's boxes, written as they should not be: they must not earn more than it, but may
    earn as much where a reward does not look at what is odd about them."""
    VARIANT = "variant"
    """The gold answer in another dress, or damaged: it may earn what gold earns and no more, and is not
    compared with the honest policy, which knows less."""


@dataclass(frozen=True)
class Attack:
    """One way to answer every question of an audit."""

    name: str
    says: str
    """One sentence for people."""
    role: Role
    notations: frozenset[Notation]
    """Where it can be written."""
    from_label: bool
    """It is made from labelled boxes or from the honest policy's; without any it answers as that one does."""
    function: Write

    def write(self, case: Case, rng: np.random.Generator) -> str:
        """The answer's text."""
        if self.from_label and not case.name and not case.gold_boxes:
            return case.honest_text()
        return self.function(case, rng)


LIBRARY: dict[str, Attack] = {}
"""Every attack by its name, filled by ``attack``; read it through ``attacks.library``."""


def attack(
    *notations: Notation, role: Role = Role.ATTACK, from_label: bool = False
) -> Callable[[Write], Write]:
    """Enter a function in the library under its own name; its docstring tells people what it does.

    Args:
        notations: where it can be written; everywhere if none is named.
        role: what its answers are compared with.
        from_label: as in ``Attack``.
    """

    def enter(function: Write) -> Write:
        name = function.__name__
        assert name not in LIBRARY, f"two attacks are called {name}"
        says = " ".join((function.__doc__ or "").split())
        LIBRARY[name] = Attack(name, says, role, frozenset(notations or Notation), from_label, function)
        return function

    return enter
