"""The released reward of classification, holes included (Visual-RFT's code: ``grpo_classification.py``)."""

from __future__ import annotations

from vrft.rewards.papers.visual_rft_released.released_reading import answer_of, same_number
from vrft.types import Answer, Label, Value, expect


def accuracy_text(text: str, gold: str) -> float:
    """Whether answer or class contains the other, or both hold the same number, 0 or 1.

    1 where ``same_number`` holds; else both contents lose case, blanks and underscores, and the reward is 1
    if either is part of the other. Nothing is part of everything: an empty answer is always right. Without
    tags, and with a line break within them, the whole text is the answer.

    Example:
        >>> gold = gold_text(Label("2012 BMW M3 Coupe"))
        >>> answers = ("", "BMW", "20", "Audi")
        >>> [accuracy_text(f"<think></think><answer>{x}</answer>", gold) for x in answers]
        [1.0, 1.0, 1.0, 0.0]
    """
    if same_number(text, gold):
        return 1.0
    written, right = _squeezed(answer_of(text)), _squeezed(answer_of(gold))
    return float(right in written or written in right)


def accuracy_term(answer: Answer, target: Value) -> float:
    """``accuracy_text`` of the answer's text and the target's ``gold_text``: 1 for nothing at all."""
    return accuracy_text(answer.text, gold_text(target))


def gold_text(target: Value) -> str:
    """A target in the released notation."""
    return f"<answer>{expect(target, Label).name}</answer>"


def _squeezed(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()
