"""ANLS as four evaluation codes have it: they differ at one half, in what they fold and by which length they
divide (lmms-eval ``api/metrics.py`` and ``tasks/slidevqa``; VLMEvalKit's DocVQA and MMLongBench-Doc).

=====================  ================  =======================  ===========================
code                   exactly 1/2       folded                   divided by
=====================  ================  =======================  ===========================
``docvqa``             stays 1/2         case, whitespace         longer text as written
``mmlongbenchdoc``     0                 nothing                  longer text in capitals
``slidevqa``           0; '' has 0       nothing                  longer text
=====================  ================  =======================  ===========================

``docvqa`` is the same in lmms-eval and VLMEvalKit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vrft.rewards.reward_term import RewardTerm
from vrft.rewards.text_measures import HALF, edit_distance
from vrft.types import Answer, Text, Value, expect


def docvqa(prediction: str, answers: Sequence[str]) -> float:
    """ANLS of DocVQA in lmms-eval and VLMEvalKit, with the best of several answers.

    Lengths are those of the texts as they were written, in capitals, so that blanks make an answer better.

    Example:
        >>> docvqa("wxyd", ["word"]), docvqa("  WORD ", ["word"]), docvqa("wxyz", ["word", "waxy"])
        (0.5, 1.0, 0.5)
    """
    values = [
        _distance(_squeezed(prediction), _squeezed(answer), _capitals(prediction, answer))
        for answer in answers
    ]
    best = 1 - min(values, default=1.0)
    return best if best >= HALF else 0.0


def mmlongbenchdoc(prediction: str, answer: str) -> float:
    """ANLS of MMLongBench-Doc in VLMEvalKit.

    Example:
        >>> mmlongbenchdoc("wxyd", "word"), mmlongbenchdoc("two  words", "two words")
        (0.0, 0.9)
    """
    value = 1 - _distance(prediction, answer, _capitals(prediction, answer))
    return value if value > HALF else 0.0


def slidevqa(prediction: str, answer: str) -> float:
    """ANLS of SlideVQA in lmms-eval.

    Example:
        >>> slidevqa("ward", "word"), slidevqa("", "")
        (0.75, 0.0)
    """
    longer = max(len(prediction), len(answer))
    value = 1 - _distance(prediction, answer, longer) if longer else 0.0
    return value if value > HALF else 0.0


def docvqa_term(answer: Answer, target: Value) -> float:
    """``docvqa`` of what the answer says; 0 where it could not be read."""
    said = answer.as_(Text)
    return 0.0 if said is None else docvqa(said.text, expect(target, Text).right)


def mmlongbenchdoc_term(answer: Answer, target: Value) -> float:
    """``mmlongbenchdoc`` of the nearest right answer."""
    return _best(mmlongbenchdoc, answer, target)


def slidevqa_term(answer: Answer, target: Value) -> float:
    """``slidevqa`` of the nearest right answer."""
    return _best(slidevqa, answer, target)


TERMS = {
    "docvqa": RewardTerm(docvqa_term),
    "mmlongbenchdoc": RewardTerm(mmlongbenchdoc_term),
    "slidevqa": RewardTerm(slidevqa_term),
}


def _best(code: Callable[[str, str], float], answer: Answer, target: Value) -> float:
    said = answer.as_(Text)
    return 0.0 if said is None else max(code(said.text, one) for one in expect(target, Text).right)


def _squeezed(text: str) -> str:
    return " ".join(text.lower().split())


def _capitals(one: str, other: str) -> int:
    return max(len(one.upper()), len(other.upper()))


def _distance(one: str, other: str, length: int) -> float:
    return edit_distance(one, other) / length if length else 0.0
