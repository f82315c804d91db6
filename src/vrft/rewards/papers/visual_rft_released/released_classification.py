"""The released reward of classification, holes included (Visual-RFT's code: ``grpo_classification.py``)."""

from __future__ import annotations

from vrft.rewards.papers.visual_rft_released.released_reading import answer_of, same_number
from vrft.types import Answer, ClassTarget, Target


def accuracy_text(text: str, gold: str) -> float:
    """Pay where answer or class contains the other, or where both hold the same number.

    1 where ``same_number`` holds; else both contents lose case, blanks and underscores, and 1 is paid if
    either stands in the other. Nothing stands in everything: an empty answer is always right. Without tags,
    and with a line break within them, the whole text is the answer.

    Args:
        text: of the answer.
        gold: the right answer, as ``gold_text`` writes it.

    Returns:
        0 or 1.

    Example:
        >>> gold = gold_text(ClassTarget("2012 BMW M3 Coupe"))
        >>> answers = ("", "BMW", "20", "Audi")
        >>> [accuracy_text(f"<think></think><answer>{x}</answer>", gold) for x in answers]
        [1.0, 1.0, 1.0, 0.0]
    """
    if same_number(text, gold):
        return 1.0
    written, right = _squeezed(answer_of(text)), _squeezed(answer_of(gold))
    return float(right in written or written in right)


def accuracy_term(answer: Answer, target: Target) -> float:
    """``accuracy_text`` of the answer's text and the target's ``gold_text``.

    Args:
        answer: its text is read.
        target: the class.

    Returns:
        0 or 1; 1 for nothing at all.

    Example:
        >>> accuracy_term(Answer(False, False, text="<answer></answer>"), ClassTarget("rose"))
        1.0
    """
    return accuracy_text(answer.text, gold_text(target))


def gold_text(target: Target) -> str:
    """A target in the released notation.

    Example:
        >>> gold_text(ClassTarget("garden phlox"))
        '<answer>garden phlox</answer>'
    """
    assert isinstance(target, ClassTarget)
    return f"<answer>{target.name}</answer>"


def _squeezed(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()
