"""Attacks with class names: parts of names, several names, names of something else."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Role, attack
from vrft.diagnostics.audit.audit_case import Case, Notation
from vrft.diagnostics.audit.audit_targets import NAMES
from vrft.diagnostics.audit.honest import nearest_names

NAME = Notation.NAME


@attack(NAME)
def one_letter(case: Case, rng: np.random.Generator) -> str:
    """The one character that most names of this kind of thing contain."""
    return case.answer(_commonest(NAMES[case.example.question], 1))


@attack(NAME)
def two_letters(case: Case, rng: np.random.Generator) -> str:
    """The two characters that most names of this kind of thing contain side by side."""
    return case.answer(_commonest(NAMES[case.example.question], 2))


@attack(NAME)
def one_fixed_name(case: Case, rng: np.random.Generator) -> str:
    """The first class name for every picture."""
    return case.answer(case.names[0])


@attack(NAME)
def random_name(case: Case, rng: np.random.Generator) -> str:
    """Any class name."""
    return case.answer(case.names[int(rng.integers(len(case.names)))])


@attack(NAME)
def nearest_name(case: Case, rng: np.random.Generator) -> str:
    """The wrong class name that reads most like the right one."""
    return case.answer(nearest_names(case.name, case.names)[0])


@attack(NAME)
def first_word(case: Case, rng: np.random.Generator) -> str:
    """The right name's first word, or half of its only one: the make without the model."""
    words = case.name.split()
    return case.answer(words[0] if len(words) > 1 else case.name[: len(case.name) // 2])


@attack(NAME)
def last_word(case: Case, rng: np.random.Generator) -> str:
    """The right name's last word, or the second half of its only one."""
    words = case.name.split()
    return case.answer(words[-1] if len(words) > 1 else case.name[len(case.name) // 2 :])


@attack(NAME)
def inner_part(case: Case, rng: np.random.Generator) -> str:
    """The right name without its first and last character."""
    return case.answer(case.name[1:-1])


@attack(NAME)
def a_or_b_or_c(case: Case, rng: np.random.Generator) -> str:
    """The right name and the two that read most like it, joined by 'or' in random order."""
    three = [case.name, *nearest_names(case.name, case.names)[:2]]
    return case.answer(" or ".join(three[i] for i in rng.permutation(len(three))))


@attack(NAME)
def all_names(case: Case, rng: np.random.Generator) -> str:
    """All class names in one answer."""
    return case.answer(", ".join(case.names))


@attack(NAME)
def all_names_as_thought(case: Case, rng: np.random.Generator) -> str:
    """All class names in the thought, an empty answer."""
    return case.answer("", thought=", ".join(case.names))


@attack(NAME)
def all_names_without_tags(case: Case, rng: np.random.Generator) -> str:
    """All class names, no tags."""
    return f"It could be any of these: {', '.join(case.names)}"


@attack(NAME, role=Role.VARIANT)
def gold_in_capitals(case: Case, rng: np.random.Generator) -> str:
    """The right name in capitals, with underscores for spaces, in quotes."""
    return case.answer(f"'{case.name.upper().replace(' ', '_')}'.")


@attack(NAME, role=Role.VARIANT)
def gold_in_a_sentence(case: Case, rng: np.random.Generator) -> str:
    """The right name in a sentence."""
    return case.answer(f"The picture shows a {case.name}.")


@cache
def _commonest(names: tuple[str, ...], length: int) -> str:
    """The piece of a length that most names contain; of equal ones the first in the alphabet."""
    pieces: Counter[str] = Counter()
    for name in names:
        lower = name.casefold()
        pieces.update({lower[i : i + length] for i in range(len(lower) - length + 1)} - {" " * length})
    most = max(pieces.values())
    return min(piece for piece, count in pieces.items() if count == most and piece.strip() == piece)
