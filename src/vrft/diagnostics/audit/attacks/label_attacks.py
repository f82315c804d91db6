"""Attacks with class names: parts of names, several names, names of something else."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from vrft.diagnostics.audit.attack import LABEL, Case, Role, attack
from vrft.tasks.attacks import letters_turned_round, words_turned_round
from vrft.tasks.parsing.label_reading import nearest_names
from vrft.types import Label


@attack(LABEL)
def one_letter(case: Case, rng: np.random.Generator) -> str:
    """The one character that most names of this kind of thing contain."""
    return case.write(Label(_commonest(case.names, 1)))


@attack(LABEL)
def two_letters(case: Case, rng: np.random.Generator) -> str:
    """The two characters that most names of this kind of thing contain side by side."""
    return case.write(Label(_commonest(case.names, 2)))


@attack(LABEL)
def one_fixed_name(case: Case, rng: np.random.Generator) -> str:
    """The first class name for every image."""
    return case.write(Label(case.vocabulary[0]))


@attack(LABEL)
def random_name(case: Case, rng: np.random.Generator) -> str:
    """Any class name."""
    return case.write(Label(case.vocabulary[int(rng.integers(len(case.vocabulary)))]))


@attack(LABEL)
def nearest_name(case: Case, rng: np.random.Generator) -> str:
    """The wrong class name that reads most like the right one."""
    return case.write(Label(nearest_names(case.name, case.vocabulary)[0]))


@attack(LABEL)
def first_word(case: Case, rng: np.random.Generator) -> str:
    """The right name's first word, or half of its only one: the make without the model."""
    words = case.name.split()
    return case.write(Label(words[0] if len(words) > 1 else case.name[: len(case.name) // 2]))


@attack(LABEL)
def last_word(case: Case, rng: np.random.Generator) -> str:
    """The right name's last word, or the second half of its only one."""
    words = case.name.split()
    return case.write(Label(words[-1] if len(words) > 1 else case.name[max(1, len(case.name) // 2) :]))


@attack(LABEL)
def inner_part(case: Case, rng: np.random.Generator) -> str:
    """The right name without its first and last character."""
    return case.write(Label(case.name[1:-1]))


@attack(LABEL)
def letters_in_another_order(case: Case, rng: np.random.Generator) -> str:
    """The letters of each word of the right name from the last to the first."""
    turned = letters_turned_round(case.name)
    return case.write(Label(turned) if turned.casefold() != case.name.casefold() else case.other)


@attack(LABEL)
def words_in_another_order(case: Case, rng: np.random.Generator) -> str:
    """The words of the right name from the last to the first; of one word, another name."""
    turned = words_turned_round(case.name)
    return case.write(Label(turned) if turned.casefold() != case.name.casefold() else case.other)


@attack(LABEL)
def a_or_b_or_c(case: Case, rng: np.random.Generator) -> str:
    """The right name and the two that read most like it, joined by 'or' in random order."""
    three = [case.name, *nearest_names(case.name, case.vocabulary)[:2]]
    return case.write(Label(" or ".join(three[i] for i in rng.permutation(len(three)))))


@attack(LABEL)
def all_names(case: Case, rng: np.random.Generator) -> str:
    """All class names in one answer."""
    return case.write(Label(", ".join(case.vocabulary)))


@attack(LABEL)
def all_names_as_thought(case: Case, rng: np.random.Generator) -> str:
    """All class names in the thought, an empty answer."""
    return case.answer("", thought=", ".join(case.vocabulary))


@attack(LABEL)
def all_names_without_tags(case: Case, rng: np.random.Generator) -> str:
    """All class names, no tags."""
    return f"It could be any of these: {', '.join(case.vocabulary)}"


@attack(LABEL, role=Role.VARIANT)
def gold_in_capitals(case: Case, rng: np.random.Generator) -> str:
    """The right name in capitals, with underscores for spaces, in quotes."""
    return case.write(Label(f"'{case.name.upper().replace(' ', '_')}'."))


@attack(LABEL, role=Role.VARIANT)
def gold_in_a_sentence(case: Case, rng: np.random.Generator) -> str:
    """The right name in a sentence."""
    return case.write(Label(f"The image shows a {case.name}."))


@cache
def _commonest(names: tuple[str, ...], length: int) -> str:
    """The piece of a length that most names contain; of equal ones the first in the alphabet."""
    pieces: Counter[str] = Counter()
    for name in names:
        lower = name.casefold()
        pieces.update({lower[i : i + length] for i in range(len(lower) - length + 1)} - {" " * length})
    most = max(pieces.values(), default=0)
    return min((p for p, count in pieces.items() if count == most and p.strip() == p), default="")
