"""Shaping of length and repetition, for every task: small weights beside a reward for being right.

The field writes these as penalties; here each is brought to [0, 1]. An answer that could not be read earns
nothing in any of them: silence is short and repeats nothing, too. Lengths are in tokens, or in words where
the answer was not sampled here.
"""

from __future__ import annotations

import math

from vrft.rewards.box_rewards import iou_dense
from vrft.rewards.label_rewards import accuracy
from vrft.types import Answer, ClassTarget, Target

RIGHT_SHORT, RIGHT_LONG = 1.0, 0.5
"""VLM-R1's pay for a right answer of no length and of the greatest."""
WRONG_SHORT, WRONG_LONG = -0.5, 0.0
"""Its pay for wrong ones: the shorter the worse."""


def length_of(answer: Answer) -> int:
    """Tokens of an answer, or its words where the tokens are not known.

    Example:
        >>> length_of(Answer(True, True, text="a b c")), length_of(Answer(True, True, text="a", n_tokens=7))
        (3, 7)
    """
    return len(answer.text.split()) if answer.n_tokens is None else answer.n_tokens


def cosine(length: float, right: bool, longest: int) -> float:
    """The cosine schedule of length, on its own scale.

    R(L) = R_0 - (R_0 - R_1) (1 - cos(pi L / L_max)) / 2 with (R_0, R_1) = (1, .5) for a right answer and
    (-.5, 0) for a wrong one (arXiv 2502.03373 with VLM-R1's constants). L is clamped at L_max: unclamped, as
    VLM-R1 has it, an endless answer earns as much as an empty one.

    Args:
        length: 0 or more.
        right: whether the answer is.
        longest: L_max, above 0.

    Returns:
        In [-0.5, 1].

    Example:
        >>> [round(cosine(length, True, 1024), 2) for length in (0, 512, 1024, 2048)]
        [1.0, 0.75, 0.5, 0.5]
    """
    short, long = (RIGHT_SHORT, RIGHT_LONG) if right else (WRONG_SHORT, WRONG_LONG)
    return short - (short - long) * (1 - math.cos(math.pi * min(length / longest, 1.0))) / 2


def length_cosine(answer: Answer, target: Target, longest: int = 1024, right_from: float = 0.7) -> float:
    """Pay right answers for being short, and wrong ones for having thought longer.

    R = (cosine(L) + 0.5) / 1.5. Right is an answer of at least ``right_from`` by the task's own measure:
    ``iou_dense`` for boxes, ``accuracy`` for a class. (VLM-R1 overwrites that measure by 1 and so takes every
    answer for right.)

    Args:
        answer: the parsed answer.
        target: boxes or a class.
        longest: length from which on the pay stays the same, above 0.
        right_from: in [0, 1].

    Returns:
        In [0, 1]; 0 where nothing could be read.

    Example:
        >>> rose = Answer(True, True, label="rose", n_tokens=512)
        >>> round(length_cosine(rose, ClassTarget("rose")), 4)  # (0.75 + 0.5) / 1.5
        0.8333
    """
    if not answer.parsed:
        return 0.0
    measure = accuracy if isinstance(target, ClassTarget) else iou_dense
    value = cosine(length_of(answer), measure(answer, target) >= right_from, longest)
    return min(max((value - WRONG_SHORT) / (RIGHT_SHORT - WRONG_SHORT), 0.0), 1.0)


def length_soft_overlong(answer: Answer, target: Target, longest: int = 256, buffer: int = 64) -> float:
    """Pay in full up to a buffer before the greatest length, then falling to nothing.

    R = 1 + R_length with R_length = 0 for L <= L_max - L_c, ((L_max - L_c) - L) / L_c up to L_max, and -1
    beyond (DAPO, arXiv 2503.14476, Eq. 13).

    Args:
        answer: the parsed answer.
        target: not looked at.
        longest: L_max.
        buffer: L_c, 0 or more; with 0 the pay falls at once.

    Returns:
        In [0, 1]; 0 where nothing could be read.

    Example:
        >>> answers = [Answer(True, True, label="rose", n_tokens=n) for n in (192, 224, 256, 999)]
        >>> [length_soft_overlong(answer, ClassTarget("rose")) for answer in answers]
        [1.0, 0.5, 0.0, 0.0]
    """
    left = longest - length_of(answer)
    if not answer.parsed or left < 0:
        return 0.0
    return min(left / buffer, 1.0) if buffer > 0 else 1.0


def no_repetition(answer: Answer, target: Target, n: int = 6) -> float:
    """Share of the text's n-grams that are not repetitions of an earlier one.

    R = #{different n-grams} / #{n-grams} of the lower-case words (one less the repetition penalty of arXiv
    2502.03373, with VLM-R1's 6-grams for text).

    Args:
        answer: the parsed answer.
        target: not looked at.
        n: words of an n-gram, at least 1.

    Returns:
        In [0, 1]; 1 for a text of fewer than n words, 0 where nothing could be read.

    Example:
        >>> no_repetition(Answer(True, True, text="a a a a a a a"), ClassTarget("a"))
        0.5
    """
    if not answer.parsed:
        return 0.0
    words = answer.text.lower().split()
    grams = list(zip(*(words[start:] for start in range(n)), strict=False))
    return len(set(grams)) / len(grams) if grams else 1.0
