"""What the three released scripts share: the prelude that compares one number, the tags, the format."""

from __future__ import annotations

import re
from functools import lru_cache

from vrft.types import Answer, Value

THINK_OPEN, ANSWER_OPEN, ANSWER_CLOSE = "<think>", "<answer>", "</answer>"
_SEAM = re.compile(r"</think>\s*<answer>")

# A number counts after a blank or '='; its thousands may be grouped.
_GROUPED = r"\d{1,3}(?:[ ,]\d{3})+(?:\.\d+)?"
_NUMBER = rf"(?:\A|[\s=])(-?(?:{_GROUPED}|\d+[.,]\d+|\.?\d+))"
_READINGS = (
    re.compile(rf"(?i:final answer.{{0,100}}?)\s+is:?{_NUMBER}"),
    re.compile(rf"(?i:answer):.{{0,50}}?{_NUMBER}(?!\s*=)"),
    re.compile(rf"(?i:answer).{{0,50}}?{_NUMBER}(?!\s*=)"),
    re.compile(_NUMBER),
)
_PLACES = 6


def same_number(text: str, gold: str) -> bool:
    """The prelude of every released accuracy reward: whether two texts 'mean' the same number, to six places.

    The scripts hand both texts whole to a library for school mathematics, before they look at boxes or names.
    It takes one number of each: after the words 'final answer ... is'; else the first within 50 characters
    after 'answer:', or after the word 'answer', which the tag <answer> contains; else the last of all. Of
    several such places the last counts, and a number only after a blank. Of ``<answer>[{'Position': [254,
    303, ...`` it takes 303, the second coordinate of the first box, since the first follows a bracket.
    Lists without blanks hide it. (The rule of math-verify 0.5 to 0.9, restated; formulas and percentages are
    left out.)

    Example:
        >>> gold = "<answer>[{'Position': [254, 303, 291, 365], 'Confidence': 1}]</answer>"
        >>> same_number("<answer>[{'Position': [0, 303, 5, 310], 'Confidence': 1}]</answer>", gold)
        True
        >>> same_number("<answer>[{'Position': [254,303,291,365], 'Confidence': 1}]</answer>", gold)
        False
        >>> same_number("The final answer is 303.", gold)
        True
    """
    first, second = _number(text), _number(gold)
    return first is not None and second is not None and round(first, _PLACES) == round(second, _PLACES)


def answer_of(text: str, over_lines: bool = False) -> str:
    """The content of the first answer tags, or the whole text where there are none; trimmed.

    The content may hold line breaks in the script for grounding alone (``over_lines``).
    """
    start, close = text.find(ANSWER_OPEN), -1
    while start >= 0:
        start += len(ANSWER_OPEN)
        if close < start:
            close = text.find(ANSWER_CLOSE, start)
        if close < 0:
            break
        cut = -1 if over_lines else text.find("\n", start, close)
        if cut < 0:
            return text[start:close].strip()
        start = text.find(ANSWER_OPEN, cut)
    return text.strip()


def has_format(text: str) -> bool:
    """Whether a text runs from <think> to </answer> with the seam </think> <answer> somewhere between.

    The scripts demand no more: tags may repeat, and both parts may be empty.
    """
    start, end = len(THINK_OPEN), len(text) - len(ANSWER_CLOSE)
    whole = text.startswith(THINK_OPEN) and text.endswith(ANSWER_CLOSE)
    return whole and _SEAM.search(text, start, max(end, start)) is not None


def format_term(answer: Answer, target: Value | None) -> float:
    """``has_format`` of the answer's text, 0 or 1."""
    return float(has_format(answer.text))


@lru_cache(maxsize=1024)
def _number(text: str) -> float | None:
    # Kept: every term asks it of one answer, and of one gold answer for a whole group.
    for reading in _READINGS:
        found = list(reading.finditer(text))
        if found:
            return _value(found[-1].group(1))
    return None


def _value(written: str) -> float:
    grouped = re.fullmatch(f"-?{_GROUPED}", written)
    return float(re.sub("[ ,]", "", written) if grouped else written.replace(",", "."))
