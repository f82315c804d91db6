"""What OneThinker's rewards share: how the answer is taken out of a text, its format, and the weights."""

from __future__ import annotations

import re

from vrft.rewards.papers.tag_form import has_form
from vrft.rewards.reward_term import AnswerReward, RewardTerm
from vrft.types import Answer, Value

ACCURACY, FORMAT = 0.9, 0.1
"""Weights of both in the total."""
STRUCTURE = 0.5
"""The bonus where an answer has the structure of its kind; a number, a letter or a text has it always."""
_ANSWER = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)
_BLANKS = re.compile(r"\s*([<>/])\s*")
"""Blanks around signs of tags, which that code takes out of a text first, wherever they are."""


def answer_of(text: str) -> str:
    """The content of the first answer tags; the whole text where there are none.

    Example:
        >>> answer_of("<think>x</think><answer>3 / 4</answer><answer>5</answer>"), answer_of("7")
        ('3/4', '7')
    """
    squeezed = _squeezed(text)
    found = _ANSWER.search(squeezed)
    return found[1].strip() if found else squeezed


def said_in(text: str) -> str:
    """``answer_of``; the whole text where the tags are empty, too."""
    return answer_of(text) or text.strip()


def number_in(text: str) -> float | None:
    """A text as a number, commas dropped wherever they are; None where it is none."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def has_format(text: str) -> bool:
    """Whether a text is a thought and an answer in their tags, blanks around them aside."""
    return has_form(_squeezed(text))


def format_term(answer: Answer, target: Value | None) -> float:
    """OneThinker's format, 0 or 0.1."""
    return FORMAT * has_format(answer.text)


def structure_term(answer: Answer, target: Value | None) -> float:
    """OneThinker's bonus for structure where every answer in the format has it, 0 or 0.5."""
    return STRUCTURE * has_format(answer.text)


def plain_setting(accuracy: AnswerReward) -> dict[str, RewardTerm]:
    """The setting ``onethinker`` of answers without a structure of their own: 1.5 in all.

    Args:
        accuracy: the term, which gives at most 0.9.
    """
    return {
        "accuracy": RewardTerm(accuracy, high=ACCURACY, unsafe=True),
        "format": RewardTerm(format_term, high=FORMAT, unsafe=True),
        "structure": RewardTerm(structure_term, high=STRUCTURE, unsafe=True),
    }


def _squeezed(text: str) -> str:
    return _BLANKS.sub(r"\1", text)
