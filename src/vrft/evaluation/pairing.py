"""Systems are compared on the same questions, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.types import Example


def same_questions(systems: Mapping[str, Sequence[Judged]]) -> dict[str, list[Judged]]:
    """Put the answers of several systems into one order, by question.

    Args:
        systems: answers by the system's name.

    Returns:
        The same answers, sorted by the example's id.

    Raises:
        InputError: a question occurs twice in a system, or two systems differ in a question's id, picture or
            label.
    """
    ordered = {name: sorted(judged, key=lambda j: j.example.id) for name, judged in systems.items()}
    asked = {name: {j.example.id: j.example for j in judged} for name, judged in ordered.items()}
    for name, judged in ordered.items():
        if len(asked[name]) < len(judged):
            twice = next(a.example.id for a, b in pairwise(judged) if a.example.id == b.example.id)
            raise InputError(f"'{name}' answers question '{twice}' twice. Evaluate '{name}' again.")
    names = list(asked)
    for name in names[1:]:
        _check_same(names[0], asked[names[0]], name, asked[name])
    return ordered


def _check_same(
    reference: str, expected: Mapping[str, Example], name: str, found: Mapping[str, Example]
) -> None:
    odd = sorted(expected.keys() ^ found.keys())
    if odd:
        raise InputError(
            f"'{reference}' and '{name}' answered different questions: {len(odd)} occur in one only, "
            f"such as '{odd[0]}'. Evaluate both on the same held-out questions."
        )
    changed = [
        key
        for key, example in expected.items()
        if (example.record_id, example.target) != (found[key].record_id, found[key].target)
    ]
    if changed:
        raise InputError(
            f"The label or picture of question '{changed[0]}' is not the same for '{reference}' and '{name}' "
            f"({len(changed)} such questions). The data changed between the evaluations: evaluate both again."
        )
