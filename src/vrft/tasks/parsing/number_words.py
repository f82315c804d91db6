"""Whole numbers in English words."""

from __future__ import annotations

import re

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {
    **{word: value for value, word in enumerate(("zero", *_ONES, *_TEENS))},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6}

_BELOW_100 = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_ONES)}))?"
    rf"|{'|'.join(reversed(_TEENS))}|{'|'.join(_ONES)}|zero)"
)
_BELOW_1000 = rf"(?:(?:(?:{_BELOW_100}|a)[ -])?hundred(?:[ -](?:and )?{_BELOW_100})?|{_BELOW_100})"
_MILLIONS = rf"(?:{_BELOW_1000}|a) million"
_THOUSANDS = rf"(?:{_BELOW_1000}|a) thousand(?:,? (?:and )?{_BELOW_1000})?"
WORDED = (
    rf"(?:(?:{_BELOW_100}|a)[ -])?dozen|(?:{_MILLIONS},? (?:and )?)?{_THOUSANDS}"
    rf"|{_MILLIONS}(?:,? (?:and )?{_BELOW_1000})?|{_BELOW_1000}"
)
"""A pattern of one number in words, for ``re.IGNORECASE``."""


def value_in_words(words: str) -> int:
    """The number of words that match ``WORDED``.

    Example:
        >>> value_in_words("twelve"), value_in_words("One hundred and twenty-one")
        (12, 121)
        >>> value_in_words("three hundred thousand and five")
        300005
    """
    total, part = 0, 0
    for word in re.findall(r"[a-z]+", words.casefold()):
        scale = _SCALES.get(word, 1)
        if word == "a":
            part = 1
        elif scale >= 1000:
            total, part = total + max(part, 1) * scale, 0
        elif scale > 1:
            part = max(part, 1) * scale
        else:
            part += _VALUES.get(word, 0)
    return total + part
