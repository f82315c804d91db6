"""Rewards of the text itself, for every task: its form, its length, its repetitions.

The field writes those of length and repetition as penalties; here each is brought to [0, 1], for small
weights next to a reward for being right. An answer that could not be read has 0 in all of them: silence is
short and repeats nothing, too. Lengths are in tokens, or in words where the answer was not sampled here. None
of them looks at the target, but for the measure of ``length_cosine``.
"""

from __future__ import annotations

import math
from functools import partial

from vrft.rewards.reward_term import AnswerReward
from vrft.types import Answer, Value

RIGHT_SHORT, RIGHT_LONG = 1.0, 0.5
"""VLM-R1's reward for a right answer of no length and of the greatest."""
WRONG_SHORT, WRONG_LONG = -0.5, 0.0
"""Its reward for wrong ones: the shorter the worse."""


def format_reward(answer: Answer, target: Value | None) -> float:
    """Whether a readable answer has the demanded tags around it, 0 or 1.

    R_format = 1 if the text has exactly the demanded form, else 0 (Visual-RFT, section 3.2.1; the paper
    leaves the value open, its released code gives 1 or 0). Stricter than the release: each tag once, a
    thought that is more than dots, and content without a fault.

    Example:
        >>> from vrft.types import Label
        >>> format_reward(Answer(Label("rose"), formatted=True), Label("tulip"))
        1.0
    """
    return float(answer.formatted)


def length_of(answer: Answer) -> int:
    """Tokens of an answer, or its words where the tokens are not known."""
    return len(answer.text.split()) if answer.n_tokens is None else answer.n_tokens


def cosine(length: float, right: bool, longest: int) -> float:
    """The cosine schedule of length, on its own scale from -0.5 to 1.

    R(L) = R_0 - (R_0 - R_1) (1 - cos(pi L / L_max)) / 2 with (R_0, R_1) = (1, .5) for a right answer and
    (-.5, 0) for a wrong one (arXiv 2502.03373 with VLM-R1's constants). L is clamped at L_max: unclamped, as
    VLM-R1 has it, an endless answer has as much as an empty one.
    """
    short, long = (RIGHT_SHORT, RIGHT_LONG) if right else (WRONG_SHORT, WRONG_LONG)
    return short - (short - long) * (1 - math.cos(math.pi * min(length / longest, 1.0))) / 2


def length_cosine_by(measure: AnswerReward) -> AnswerReward:
    """``length_cosine`` of a task: right is an answer that is good by its measure.

    Args:
        measure: ``(answer, target)`` in [0, 1]: ``iou_dense`` for boxes, ``accuracy`` for a class.

    Example:
        >>> from vrft.rewards.label_rewards import accuracy
        >>> from vrft.types import Label
        >>> rose = Answer(Label("rose"), True, n_tokens=512)
        >>> round(length_cosine_by(accuracy)(rose, Label("rose")), 4)  # (0.75 + 0.5) / 1.5
        0.8333
    """
    return partial(length_cosine, measure)


def length_cosine(
    measure: AnswerReward, answer: Answer, target: Value, longest: int = 1024, right_from: float = 0.7
) -> float:
    """Reward right answers for being short, and wrong ones for having thought longer.

    R = (cosine(L) + 0.5) / 1.5. (VLM-R1 overwrites the measure by 1 and so takes every answer for right.)

    Args:
        measure: of the task, bound by ``length_cosine_by``.
        answer: the parsed answer.
        target: what the measure compares with.
        longest: length from which on the reward stays the same, above 0.
        right_from: least measure of a right answer, in [0, 1].
    """
    if not answer.parsed:
        return 0.0
    value = cosine(length_of(answer), measure(answer, target) >= right_from, longest)
    return min(max((value - WRONG_SHORT) / (RIGHT_SHORT - WRONG_SHORT), 0.0), 1.0)


def usual_terms(measure: AnswerReward) -> dict[str, AnswerReward]:
    """The terms here that every task has besides its own and the form, by name.

    Args:
        measure: of the task, as in ``length_cosine_by``.
    """
    return {
        "length_cosine": length_cosine_by(measure),
        "length_soft_overlong": length_soft_overlong,
        "no_repetition": no_repetition,
    }


def length_soft_overlong(answer: Answer, target: Value | None, longest: int = 256, buffer: int = 64) -> float:
    """1 up to a buffer before the greatest length, then falling to 0.

    R = 1 + R_length with R_length = 0 for L <= L_max - L_c, ((L_max - L_c) - L) / L_c up to L_max, and -1
    beyond (DAPO, arXiv 2503.14476, Eq. 13), where L_max is ``longest`` and L_c is ``buffer``, 0 or more.

    Example:
        >>> from vrft.types import Label
        >>> answers = [Answer(Label("rose"), True, n_tokens=n) for n in (192, 224, 256, 999)]
        >>> [length_soft_overlong(answer, None) for answer in answers]
        [1.0, 0.5, 0.0, 0.0]
    """
    left = longest - length_of(answer)
    if not answer.parsed or left < 0:
        return 0.0
    return min(left / buffer, 1.0) if buffer > 0 else 1.0


def no_repetition(answer: Answer, target: Value | None, n: int = 6) -> float:
    """Share of the text's n-grams that are not repetitions of an earlier one.

    R = #{different n-grams} / #{n-grams} of the lower-case words (one less the repetition penalty of arXiv
    2502.03373, with VLM-R1's 6-grams for text); 1 for a text of fewer than n words.

    Example:
        >>> from vrft.types import Label
        >>> no_repetition(Answer(Label("a"), True, text="a a a a a a a"), None)
        0.5
    """
    if not answer.parsed:
        return 0.0
    words = answer.text.lower().split()
    grams = list(zip(*(words[start:] for start in range(n)), strict=False))
    return len(set(grams)) / len(grams) if grams else 1.0
