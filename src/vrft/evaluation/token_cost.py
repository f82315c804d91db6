"""What several answers cost, and what they are worth: the curve of value against compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrft.errors import InputError
from vrft.tasks.fusion.candidate import Candidate
from vrft.types import Answer

SIZES = (1, 2, 4, 8, 16)
"""Answers a question at which a curve is drawn."""


@dataclass(frozen=True)
class Asked:
    """One question with all answers that were drawn to it.

    Raises:
        InputError: an answer's prompt is not said, or not there.
    """

    prompts_tokens: tuple[int, ...]
    """Length of each prompt, the picture's tokens included: one, or one a look at the picture."""
    candidates: tuple[Candidate, ...]
    """In the order of drawing; the first is the plain answer."""
    prompt_of: tuple[int, ...] = ()
    """Place of each candidate's prompt; empty where there is one prompt."""

    def __post_init__(self) -> None:
        places = self.prompt_of or (0,) * len(self.candidates)
        known = range(len(self.prompts_tokens))
        if len(places) != len(self.candidates) or not all(place in known for place in places):
            raise InputError(
                f"spend: {len(self.candidates)} answers belong to the prompts {list(places)}, of "
                f"{len(self.prompts_tokens)}. Give the place of one prompt for each answer."
            )

    def spent(self, n: int) -> int:
        """Tokens of the first n answers: each prompt once, since answers share it, and every answer's own.

        Example:
            >>> drawn = tuple(Candidate(Answer(True, True), None, tokens) for tokens in (5, 7, 9))
            >>> Asked((100,), drawn).spent(2), Asked((100, 80), drawn, (0, 0, 1)).spent(3)
            (112, 201)
        """
        used = set((self.prompt_of or (0,) * len(self.candidates))[:n])
        answers = sum(c.n_tokens for c in self.candidates[:n])
        return sum(self.prompts_tokens[place] for place in used) + answers


@dataclass(frozen=True)
class CurveRow:
    """One point of a curve."""

    n: int
    """Answers a question."""
    tokens: float
    """Mean tokens a question, prompt and answers."""
    value: float


def curve(
    asked: Sequence[Asked],
    rule: Callable[[Sequence[Candidate]], Answer],
    value: Callable[[Sequence[Answer]], float],
    sizes: Sequence[int] = SIZES,
) -> list[CurveRow]:
    """Value against compute: each row fuses the first n answers to every question.

    Args:
        asked: Q questions.
        rule: makes one answer of several, such as one of ``vrft.tasks.fusion.RULES``.
        value: scores the Q fused answers, in the order of the questions.
        sizes: values of n.

    Returns:
        One row a size. With n = 1 every rule gives the first answer.

    Raises:
        InputError: there is no question, or one has fewer answers than a size asks for.

    Example:
        >>> from vrft.tasks.fusion.vote import vote
        >>> drawn = [Candidate(Answer(True, True, label=x), None, 4) for x in ("cat", "dog", "dog")]
        >>> right = lambda answers: sum(a.label == "dog" for a in answers) / len(answers)
        >>> curve([Asked((50,), tuple(drawn))], vote, right, sizes=(1, 3))
        [CurveRow(n=1, tokens=54.0, value=0.0), CurveRow(n=3, tokens=62.0, value=1.0)]
    """
    fewest = min((len(one.candidates) for one in asked), default=0)
    if not asked or not all(1 <= n <= fewest for n in sizes):
        raise InputError(
            f"curve: sizes {', '.join(map(str, sizes))} were asked for, and {len(asked)} questions have at "
            f"least {fewest} answers each. Draw more answers, or ask for sizes from 1 to that."
        )
    return [
        CurveRow(
            n,
            sum(one.spent(n) for one in asked) / len(asked),
            value([rule(one.candidates[:n]) for one in asked]),
        )
        for n in sizes
    ]
