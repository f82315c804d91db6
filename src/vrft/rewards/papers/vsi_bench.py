"""VSI-Bench's released scores (arXiv 2412.14171, ``lmms_eval/tasks/vsibench/utils.py``), quirks included."""

from __future__ import annotations

import re

import numpy as np

from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, Number, Value, expect

THRESHOLDS = np.linspace(0.5, 0.95, 10)
_ANSWER = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)


def mra(said: float, right: float) -> float:
    """Mean relative accuracy with <=, divided by the right number with its sign.

    Any answer to a negative number has 1.0, since the quotient is negative; of 0 nothing is right.

    Example:
        >>> mra(9, 10), mra(5, 10), mra(50, -10)
        (0.9, 0.1, 1.0)
    """
    return _met(said, right, right)


def mra_of_vlmevalkit(said: float, right: float) -> float:
    """The same as VLMEvalKit's ``spatial_bench`` has it: divided by the size, and 0 is right of 0.

    Example:
        >>> mra_of_vlmevalkit(-12, -10), mra_of_vlmevalkit(0, 0)
        (0.6, 1.0)
    """
    return float(said == 0) if right == 0 else _met(said, right, abs(right))


def _met(said: float, right: float, size: float) -> float:
    with np.errstate(all="ignore"):
        error = np.abs(np.float64(said) - np.float64(right)) / np.float64(size)
    return float((error <= 1 - THRESHOLDS).mean())


def first_word(prediction: str) -> str:
    """What counts of a text: what is before its first blank, without full stops at its end.

    Example:
        >>> first_word("9 chairs"), first_word("A."), first_word("There are 10")
        ('9', 'A', 'There')
    """
    return prediction.split(" ")[0].rstrip(".").strip()


def number_score(prediction: str, gold: float) -> float:
    """Score of a question for a number: ``mra`` of the first word, 0 where that is no number.

    Raises:
        ZeroDivisionError: the right number is 0, as in the release.

    Example:
        >>> number_score("9 chairs", 10.0), number_score("There are 10", 10.0)
        (0.9, 0.0)
    """
    try:
        said = float(first_word(prediction))
    except ValueError:
        return 0.0
    if gold == 0:
        raise ZeroDivisionError("VSI-Bench divides by the right number, which is 0")
    return mra(said, gold)


def choice_score(prediction: str, gold: str) -> float:
    """Score of a question with choices: whether the first word is the letter, in any case.

    Example:
        >>> choice_score("a. left", "A"), choice_score("(A)", "A")
        (1.0, 0.0)
    """
    return float(first_word(prediction).lower() == gold.lower())


def number_term(answer: Answer, target: Value) -> float:
    """VSI-Bench's score of the answer tags' content, or of the whole text without them."""
    found = _ANSWER.search(answer.text)
    return number_score(found[1] if found else answer.text, expect(target, Number).number)


SETTING = {"mra": RewardTerm(number_term, unsafe=True)}
"""The setting ``vsi_bench``; where it raises, the term counts 0 and the failure is logged."""
