"""How near a text is to another: edit distance, ANLS, shared words; plain functions of two texts.

Case, width and whitespace are the caller's to fold (``vrft.types.names``), of both texts alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

HALF = 0.5
"""ANLS counts what is nearer than this."""
_WORDS = re.compile(
    # Scripts without blanks between words: each sign is one.
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
    r"|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+"
)


def words_of(text: str) -> list[str]:
    """Its words as whitespace parts them; of Chinese and Japanese every sign.

    Example:
        >>> words_of("TOTAL 42.50 EUR"), words_of("出口 2")
        (['TOTAL', '42.50', 'EUR'], ['出', '口', '2'])
    """
    return _WORDS.findall(text)


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions of characters, or of words, that make one the other.

    Levenshtein 1966. Characters are code points, not bytes.

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance(["the", "red", "bus"], ["the", "bus"])
        (3, 1)
    """
    first = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    first = min(len(one), len(other)) if first is None else first
    one, other = sorted((one[first:], other[first:]), key=len)
    if not one or not other:
        return len(one) + len(other)
    numbers = {item: number for number, item in enumerate({*one, *other})}
    columns = np.array([numbers[item] for item in other])
    steps = np.arange(len(other) + 1)
    row = steps
    for place, item in enumerate(one, 1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (columns != numbers[item]))
        # An insertion follows any earlier column: a running minimum of what is left of the steps.
        row = np.minimum.accumulate(np.concatenate(([place], changed)) - steps) + steps
    return int(row[-1])


def edit_similarity(one: str, other: str) -> float:
    """1 - d / max(len), in [0, 1], with the edit distance d; 1 of two empty texts.

    Example:
        >>> edit_similarity("word", "ward"), edit_similarity("", "x")
        (0.75, 0.0)
    """
    longer = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longer if longer else 1.0


def anls(said: str, right: Iterable[str]) -> float:
    """Average Normalised Levenshtein Similarity: that of the nearest right answer, 0 unless above one half.

    ANLS = max over right answers of s if s > 1/2 else 0, s = 1 - d / max(len) (Biten et al. 2019, arXiv
    1907.00490, with the threshold 0.5; a similarity of exactly one half is 0). Of folded texts.

    Example:
        >>> anls("paris", ["london", "paris"]), anls("ab", ["a"]), round(anls("kitten", ["sitting"]), 4)
        (1.0, 0.0, 0.5714)
    """
    best = max((edit_similarity(said, one) for one in right), default=0.0)
    return best if best > HALF else 0.0


def word_f1(said: Sequence[str], right: Sequence[str]) -> float:
    """F1 of shared words, each as often as it is in both; 1 of no words and no words.

    F1 = 2 n / (len(said) + len(right)), n the words in common with their counts (SQuAD, arXiv 1606.05250).

    Example:
        >>> word_f1(["a", "red", "car"], ["the", "red", "car"])
        0.6666666666666666
    """
    if not said and not right:
        return 1.0
    shared = sum((Counter(said) & Counter(right)).values())
    return 2 * shared / (len(said) + len(right))


def error_rate(said: Sequence[str], right: Sequence[str]) -> float:
    """Edit distance over the length of the right text, which may pass 1: CER of characters, WER of words.

    NaN where the right text is empty and the other is not.

    Example:
        >>> error_rate("749.00", "2.49"), error_rate("", "")
        (1.25, 0.0)
    """
    if not right:
        return float("nan") if said else 0.0
    return edit_distance(said, right) / len(right)
