"""The released accuracy of Video-R1 (arXiv 2503.21776) and of GRPO-CARE (2506.16141), by kind of question.

Both are one function; GRPO-CARE refuses NaN and infinity. For comparison with their figures: a reward that is
sensitive to a decimal point, that knows one letter and nothing around it, and in Video-R1 pays for NaN.
"""

from __future__ import annotations

import math
import re
from functools import partial

from vrft.rewards.papers.onethinker.onethinker_reading import number_in
from vrft.rewards.papers.rouge import rouge_mean
from vrft.rewards.papers.tag_form import has_form
from vrft.rewards.reward_term import AnswerReward, RewardTerm
from vrft.rewards.text_measures import error_rate
from vrft.types import Answer, Text, Value, expect

CHOICE, NUMERICAL, REGRESSION = "multiple choice", "numerical", "regression"
OCR, FREE = "OCR", "free-form"
_ANSWER = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)
_ROOM = 1e-9


def accuracy(content: str, solution: str, kind: str, guarded: bool = False) -> float:
    """The accuracy of a completion, in [0, 1]; 0 for another kind.

    Args:
        content: the completion; without answer tags it says ''.
        solution: the label in answer tags; without these it is '', which every untagged completion equals.
        kind: one of the kinds of this module, as spelt.
        guarded: as in GRPO-CARE: an answer NaN or infinity is wrong.

    Example:
        >>> label = "<answer>10</answer>"
        >>> [accuracy(f"<answer>{x}</answer>", label, "regression") for x in ("9", "ten", "NaN")]
        [0.89999999991, 0.0, 1.0]
        >>> accuracy("<answer>10.0</answer>", label, "numerical")
        0.0
    """
    said, right = _answer_of(content), _answer_of(solution)
    if kind == CHOICE:
        return float(said == right)
    if kind == OCR:
        return word_accuracy(right, said)
    if kind == FREE:
        return rouge_mean(right, said)
    if kind not in (NUMERICAL, REGRESSION) or (kind == NUMERICAL and _pointed(said) != _pointed(right)):
        return 0.0
    number, label = number_in(said), number_in(right)
    if number is None or label is None or (guarded and not math.isfinite(number)):
        return 0.0
    if kind == NUMERICAL:
        return float(round(number, 2) == round(label, 2))
    # Of NaN the greater of 0 and NaN is 0 in the release: no difference.
    return 1 - min(1.0, max(0.0, (abs(number - label) + _ROOM) / (abs(label) + _ROOM)))


def word_accuracy(reference: str, hypothesis: str) -> float:
    """1 less the word error rate, and never below 0; words as blanks part them.

    Example:
        >>> round(word_accuracy("the red car", "the red bus"), 4), word_accuracy("", "car")
        (0.6667, 0.0)
    """
    right, said = reference.split(), hypothesis.split()
    return float(not said) if not right else max(0.0, 1 - error_rate(said, right))


def kind_of(target: Text) -> str:
    """The kind that these projects give a question: a choice, a number, or free text."""
    if target.choices:
        return CHOICE
    return FREE if number_in(target.text) is None else NUMERICAL


def format_term(answer: Answer, target: Value | None) -> float:
    """Whether the text has the form, 0 or 1."""
    return float(has_form(answer.text))


def accuracy_term(answer: Answer, target: Value, kind: str | None = None, guarded: bool = False) -> float:
    """``accuracy`` of an answer's text and the label; of several right answers the first."""
    label = expect(target, Text)
    solution = f"<answer>{label.text}</answer>"
    return accuracy(answer.text, solution, kind or kind_of(label), guarded)


def setting(kind: str | None = None, guarded: bool = False) -> dict[str, RewardTerm]:
    """The setting of Video-R1, or of GRPO-CARE: accuracy and format, 2 in all."""
    term: AnswerReward = partial(accuracy_term, kind=kind, guarded=guarded)
    return {"accuracy": RewardTerm(term, unsafe=True), "format": RewardTerm(format_term, unsafe=True)}


def _answer_of(text: str) -> str:
    found = _ANSWER.search(text)
    return found[1].strip() if found else ""


def _pointed(text: str) -> bool:
    return "." in text or "," in text
