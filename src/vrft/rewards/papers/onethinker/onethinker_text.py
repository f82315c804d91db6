"""OneThinker's rewards of texts: a choice, what is written in an image, and free text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

from vrft.rewards.papers.onethinker.onethinker_number import numerical_text, regression_text
from vrft.rewards.papers.onethinker.onethinker_reading import ACCURACY, said_in
from vrft.rewards.papers.rouge import rouge_mean
from vrft.rewards.papers.video_r1 import CHOICE, NUMERICAL, OCR, kind_of, word_accuracy
from vrft.types import Answer, Text, Value, expect

_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15}|/[0-9]{1,15})?")
_AROUND = re.compile(r"\\(?:boxed|text|mathrm|mathbf)\b|[\s$(){}\[\]]")


def choice_text(text: str, gold: str) -> float:
    """Whether two answers are the same for the released grader, 0 or 1: case, brackets and boxes aside, and
    how a number or a fraction is written.

    (The grader is one of school mathematics; other formulas are texts here.)

    Example:
        >>> [choice_text(f"<answer>{x}</answer>", "A") for x in ("(A)", "a", "AB")]
        [1.0, 1.0, 0.0]
        >>> choice_text(r"<answer>$\\frac{1}{2}$</answer>", "0.5"), choice_text("<answer>1/0</answer>", "1/0")
        (1.0, 1.0)
    """
    said, right = (_AROUND.sub("", _FRACTION.sub(r"\1/\2", one)).lower() for one in (said_in(text), gold))
    return float(said == right or _are_one_number(said, right))


def ocr_text(text: str, gold: str) -> float:
    """1 less the word error rate, in [0, 1]."""
    return word_accuracy(gold, said_in(text))


def open_ended_text(text: str, gold: str) -> float:
    """Mean of ROUGE-1, ROUGE-2 and ROUGE-L, in [0, 1]."""
    return rouge_mean(gold, said_in(text))


KINDS: Mapping[str, Callable[[str, str], float]] = {
    "multiple choice": choice_text,
    "math": choice_text,
    "numerical": numerical_text,
    "regression": regression_text,
    OCR.lower(): ocr_text,
    "open-ended": open_ended_text,
}
"""The kinds of a question in OneThinker's data."""


def answer_term(answer: Answer, target: Value, kind: str | None = None) -> float:
    """OneThinker's accuracy of a choice, a number or a text, at most 0.9; the first right answer counts.

    ``kind`` is one of ``KINDS``; None takes what the label is. Another has 0.
    """
    label = expect(target, Text)
    usual = {CHOICE: "multiple choice", NUMERICAL: "numerical"}.get(kind_of(label), "open-ended")
    code = KINDS.get((kind or usual).lower())
    if code is None:
        return 0.0
    return ACCURACY * code(answer.text, label.text)


def ocr_term(answer: Answer, target: Value) -> float:
    """OneThinker's accuracy of what is written in an image, at most 0.9."""
    return ACCURACY * ocr_text(answer.text, expect(target, Text).text)


def _are_one_number(one: str, other: str) -> bool:
    if not (_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other)):
        return False
    try:
        return Fraction(one) == Fraction(other)
    except ZeroDivisionError:
        return False
