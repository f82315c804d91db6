"""ROUGE as the package ``rouge_score`` 0.1.2 has it with its stemmer: what released rewards of free text use.

Only the letters a to z and digits count, so that a text in another script has nothing in common with itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

_WORD = re.compile(r"[a-z0-9]+")
_VOWELS = "aeiou"
_IRREGULAR = {
    "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news", "innings": "inning",
    "inning": "inning", "outings": "outing", "outing": "outing", "cannings": "canning", "canning": "canning",
    "howe": "howe", "proceed": "proceed", "exceed": "exceed", "succeed": "succeed", "sky": "sky",
}  # fmt: skip
_SECOND = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
    ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"),
    ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"),
    ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
    ("fulli", "ful"),
)  # fmt: skip
_THIRD = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
    ("ness", ""),
)  # fmt: skip
_FOURTH = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "sion", "tion", "ou",
    "ism", "ate", "iti", "ous", "ive", "ize",
)  # fmt: skip


def rouge_mean(reference: str, hypothesis: str) -> float:
    """Mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L of two texts, in [0, 1].

    Two equal texts of one word have 2/3, since they have no pair of words.

    Example:
        >>> rouge_mean("two dogs run", "two dogs run"), round(rouge_mean("the dog runs", "dogs running"), 4)
        (1.0, 0.7556)
        >>> rouge_mean("一只狗", "一只狗"), round(rouge_mean("dog", "dog"), 4)
        (0.0, 0.6667)
    """
    right, said = _tokens(reference), _tokens(hypothesis)
    if not right or not said:
        return 0.0
    grams = [_shared(_grams(right, n), _grams(said, n)) for n in (1, 2)]
    return (sum(grams) + _f(_longest(right, said), len(said), len(right))) / 3


def _tokens(text: str) -> list[str]:
    return [stem(word) if len(word) > 3 else word for word in _WORD.findall(text.lower())]


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _shared(right: Counter[tuple[str, ...]], said: Counter[tuple[str, ...]]) -> float:
    return _f((right & said).total(), said.total(), right.total())


def _f(common: int, said: int, right: int) -> float:
    precision, recall = common / max(said, 1), common / max(right, 1)
    return 2 * precision * recall / (precision + recall) if common else 0.0


def _longest(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, candidate in enumerate(other, 1):
            diagonal, row[place] = (
                row[place],
                diagonal + 1 if word == candidate else max(row[place - 1 : place + 1]),
            )
    return row[-1]


@cache
def stem(word: str) -> str:
    """The stem of a lower-case English word (Porter 1980, with the additions of NLTK).

    Example:
        >>> [stem(word) for word in ("running", "dogs", "relational", "hopping", "agreed", "dying")]
        ['run', 'dog', 'relat', 'hop', 'agre', 'die']
    """
    if word in _IRREGULAR or len(word) <= 2:
        return _IRREGULAR.get(word, word)
    word = _without_y(_past(_singular(word)))
    word = _replaced(_second(word), _THIRD)
    return _double_l(_without_e(_fourth(word)))


def _consonant(word: str, place: int) -> bool:
    if word[place] == "y":
        return place == 0 or not _consonant(word, place - 1)
    return word[place] not in _VOWELS


def _measure(word: str) -> int:
    """How often a consonant follows a vowel."""
    kinds = [_consonant(word, place) for place in range(len(word))]
    return sum(not before and after for before, after in pairwise(kinds))


def _has_vowel(word: str) -> bool:
    return any(not _consonant(word, place) for place in range(len(word)))


def _is_short(word: str) -> bool:
    """It ends in consonant, vowel, consonant."""
    last = len(word) - 1
    if last == 1:
        return not _consonant(word, 0) and _consonant(word, 1)
    return (
        last >= 2
        and _consonant(word, last - 2)
        and not _consonant(word, last - 1)
        and _consonant(word, last)
        and word[last] not in "wxy"
    )


def _is_double(word: str) -> bool:
    return len(word) >= 2 and word[-1] == word[-2] and _consonant(word, len(word) - 1)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    ending = next((end for end in ("ed", "ing") if word.endswith(end)), None)
    if ending is None or not _has_vowel(word.removesuffix(ending)):
        return word
    word = word.removesuffix(ending)
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if _is_double(word):
        return word if word[-1] in "lsz" else word[:-1]
    return word + "e" if _measure(word) == 1 and _is_short(word) else word


def _without_y(word: str) -> str:
    ends = word.endswith("y") and len(word) > 2 and _consonant(word, len(word) - 2)
    return word[:-1] + "i" if ends else word


def _replaced(word: str, rules: Sequence[tuple[str, str]]) -> str:
    """The first ending that fits replaced, where what is before it is long enough."""
    for ending, other in rules:
        if word.endswith(ending):
            begin = word.removesuffix(ending)
            return begin + other if _measure(begin) > 0 else word
    return word


def _second(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _second(word[:-2])
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    return _replaced(word, _SECOND)


def _fourth(word: str) -> str:
    for ending in _FOURTH:
        if word.endswith(ending):
            begin = word[:-3] if ending in ("sion", "tion") else word.removesuffix(ending)
            return begin if _measure(begin) > 1 else word
    return word


def _without_e(word: str) -> str:
    begin = word[:-1]
    if not word.endswith("e"):
        return word
    return begin if _measure(begin) > 1 or (_measure(begin) == 1 and not _is_short(begin)) else word


def _double_l(word: str) -> str:
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word
