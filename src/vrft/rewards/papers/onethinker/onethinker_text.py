"""OneThinker's rewards of texts: a choice, what is written in an image, and free text."""

from __future__ import annotations

import re

from vrft.rewards.papers.onethinker.onethinker_number import numerical_text
from vrft.rewards.papers.onethinker.onethinker_reading import ACCURACY, said_in
from vrft.rewards.papers.rouge import rouge_mean
from vrft.rewards.papers.video_r1 import CHOICE, NUMERICAL, kind_of, word_accuracy
from vrft.types import Answer, Text, Value, expect

_AROUND = re.compile(r"\\(?:boxed|text|mathrm|mathbf)\b|[\s$(){}\[\]]")


def choice_text(text: str, gold: str) -> float:
    """Whether two answers are the same for the released grader, 0 or 1: case, brackets and boxes aside.

    (The grader is one of school mathematics; formulas are left out here.)

    Example:
        >>> [choice_text(f"<answer>{x}</answer>", "A") for x in ("(A)", "a", "AB")]
        [1.0, 1.0, 0.0]
    """
    return float(_AROUND.sub("", said_in(text)).lower() == _AROUND.sub("", gold).lower())


def ocr_text(text: str, gold: str) -> float:
    """1 less the word error rate, in [0, 1]."""
    return word_accuracy(gold, said_in(text))


def open_ended_text(text: str, gold: str) -> float:
    """Mean of ROUGE-1, ROUGE-2 and ROUGE-L, in [0, 1]."""
    return rouge_mean(gold, said_in(text))


def answer_term(answer: Answer, target: Value) -> float:
    """OneThinker's accuracy of a choice, a number or a text, at most 0.9; the first right answer counts."""
    label = expect(target, Text)
    code = {CHOICE: choice_text, NUMERICAL: numerical_text}.get(kind_of(label), open_ended_text)
    return ACCURACY * code(answer.text, label.text)


def ocr_term(answer: Answer, target: Value) -> float:
    """OneThinker's accuracy of what is written in an image, at most 0.9."""
    return ACCURACY * ocr_text(answer.text, expect(target, Text).text)
