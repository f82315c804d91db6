"""How short answers to questions are compared: one normaliser of both sides, numbers as numbers, yes and no.

What contains the right answer is not the right answer, and neither is what is contained in it.
"""

from __future__ import annotations

import math
import re

from vrft.tasks.parsing.label_reading import read_label
from vrft.tasks.parsing.numbers import read_number
from vrft.types.names import plain_name

_NUMBER = re.compile(
    r"(?P<sign>[-+−]?) ?(?P<currency>[$€£¥]?) ?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,30}|(?=\.[0-9]))(?:\.(?P<rest>[0-9]{0,30}))?"
    r" ?(?P<percent>%?)\.?"
)
_CHOICE = re.compile(r"\(([A-Za-z])\)\.?|([A-Za-z])[).]")
_ARTICLES = re.compile(r"(?:(?:an?|the) )+(?=\S)")
_YES_NO = re.compile(r"\W{0,3}(yes|no)\b(?=\s*(?:[.,;:!—–-]|$))", re.IGNORECASE)
_EITHER = re.compile(r"\b(?:yes|no)\b", re.IGNORECASE)
_YEAR = re.compile(r"[12][0-9]{3}")
_ROUNDS = 10
_EXACT = 1e-9
"""Relative room for a number that was converted between units."""


def short_form(text: str) -> str:
    """An answer as it is compared: a number or the letter of a choice without what does not change it.

    What is neither stays as it is. A percent or currency sign is part of the answer; other units are text.

    Example:
        >>> short_form("1,200.50"), short_form("+7.0"), short_form("-0"), short_form("seven")
        ('1200.5', '7', '0', 'seven')
        >>> short_form("$ 1,000"), short_form("50 %"), short_form("(B)"), short_form("7 or 8")
        ('$1000', '50%', 'B', '7 or 8')
    """
    if choice := _CHOICE.fullmatch(text.strip()):
        return choice[1] or choice[2]
    number = _NUMBER.fullmatch(text.strip())
    if number is None:
        return text
    whole, rest = number["whole"].replace(",", "").lstrip("0") or "0", (number["rest"] or "").rstrip("0")
    plain = f"{whole}.{rest}".rstrip(".")
    sign = "-" if number["sign"] in ("-", "−") and plain != "0" else ""
    return f"{sign}{number['currency']}{plain}{number['percent']}"


def plain_answer(text: str) -> str:
    """An answer without all that makes no difference; of its own result it changes nothing.

    What it is wrapped in is taken off (``read_label``), then case, width, quotes and a final full stop
    (``plain_name``), articles before it, and what ``short_form`` takes off a number or a letter.

    Example:
        >>> plain_answer("The **Black Cat**."), plain_answer("Answer: (B)"), plain_answer("1,200.0")
        ('black cat', 'b', '1200')
        >>> plain_answer("the cat"), plain_answer("A"), plain_answer("There are 7 cups.")
        ('cat', 'a', '7')
    """
    for _ in range(_ROUNDS):
        shorter = short_form(_ARTICLES.sub("", plain_name(read_label(text.strip(), True)[0] or text), 1))
        if shorter == text:
            break
        text = shorter
    return text


def is_right(said: str, right: str, tolerance: float = 0.0) -> bool:
    """Whether an answer says what the right one says.

    It does where both are the same for ``plain_answer``; where the right one is yes or no, and the answer
    begins with that word and has not the other one; and where the right one is a number and no more, and the
    answer says one number that is the same, in words or in another unit.

    Args:
        said: the answer.
        right: the label.
        tolerance: how far a number may be off, as a share of the right one. A whole number of four digits
            without a unit from 1000 to 2999 may be a year, and must be met exactly.

    Example:
        >>> is_right("Yes, it shows a notice.", "yes"), is_right("Brown", "brow"), is_right("", "black")
        (True, False, False)
        >>> is_right("103", "100", 0.05), is_right("2008", "2010", 0.05), is_right("50%", "0.5")
        (True, False, True)
        >>> is_right("5, not 6", "5"), is_right("Windows 11", "11"), is_right("11", "Windows 11")
        (False, True, False)
    """
    plain, wanted = plain_answer(said), plain_answer(right)
    if not plain:
        return False
    if plain == wanted:
        return True
    if wanted in ("yes", "no"):
        first = _YES_NO.match(said)
        return first is not None and {word.casefold() for word in _EITHER.findall(said)} == {wanted}
    return _same_amount(said, right, tolerance)


def is_amount(text: str) -> bool:
    """Whether a text is a number, with or without a unit, and no more.

    Example:
        >>> [is_amount(text) for text in ("12", "$1,000", "1.8 m", "50%", "Windows 11", "seven")]
        [True, True, True, True, False, False]
    """
    return _NUMBER.fullmatch(text.strip()) is not None or not read_number(text.strip(), None).faults


def _same_amount(said: str, right: str, tolerance: float) -> bool:
    if not is_amount(right):
        return False
    wanted, found = read_number(right.strip(), None), read_number(said.strip(), None)
    if wanted.unit and found.unit and wanted.unit != found.unit:
        found = read_number(said.strip(), wanted.unit)
    if wanted.number is None or found.number is None:
        return False
    number, other = _share(wanted.number, wanted.unit), _share(found.number, found.unit)
    if _YEAR.fullmatch(right.strip()):
        tolerance = 0.0
    return math.isclose(number, other, rel_tol=_EXACT) or abs(other - number) <= tolerance * abs(number) + (
        _EXACT * abs(number) if tolerance else 0.0
    )


def _share(number: float, unit: str) -> float:
    return number / 100 if unit == "%" else number
