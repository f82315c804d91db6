"""What several answers to one question cost, and how far they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vrft.evaluation.judged import Judged
from vrft.evaluation.token_cost import Asked
from vrft.tasks.fusion.candidate import Candidate
from vrft.tasks.fusion.vote import grouped

FOUND, NOTHING = "something found", "nothing found"


@dataclass(frozen=True)
class Spent:
    """Test-time compute on one question."""

    answers: int
    readable: int
    tokens: int | None
    """Of all answers and of each prompt once, the picture's included; None where a prompt's are not known."""
    shares: Mapping[str, float]
    """What the readable answers say, the largest share first: class names, or whether something is there."""


def spent_on(judged: Judged) -> Spent:
    """Count what was spent on one question.

    Args:
        judged: all that was said to it.

    Example:
        >>> from pathlib import Path
        >>> from vrft.evaluation.judged import Said
        >>> from vrft.types import Answer, Example, Unlabelled
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "classification", "pet", Unlabelled())
        >>> cat, dog = (Answer(True, True, label=name) for name in ("cat", "dog"))
        >>> others = tuple(Said("", answer, 3) for answer in (dog, dog, cat, dog))
        >>> spent_on(Judged(example, "", cat, 3, others=others, prompt_tokens={"plain": 50}))
        Spent(answers=5, readable=5, tokens=65, shares={'dog': 0.6, 'cat': 0.4})
    """
    said = judged.said
    candidates = tuple(one.candidate for one in said)
    readable = [c for c in candidates if c.answer.parsed]
    looks = list(judged.prompt_tokens)
    tokens = None
    if all(one.look in looks for one in said):
        places = tuple(looks.index(one.look) for one in said)
        asked = Asked(tuple(judged.prompt_tokens.values()), candidates, places)
        gate = judged.gate.tokens if judged.gate is not None else 0
        tokens = asked.spent(len(said)) + gate
    return Spent(len(said), len(readable), tokens, _shares(readable))


def _shares(readable: Sequence[Candidate]) -> dict[str, float]:
    counts = {group[0].answer.label or "": len(group) for group in grouped(_named(readable))}
    unnamed = [c for c in readable if c.answer.label is None]
    nothing = sum(c.answer.abstained for c in unnamed)
    counts |= {FOUND: len(unnamed) - nothing, NOTHING: nothing}
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return {name: count / len(readable) for name, count in ordered if count}


def _named(readable: Sequence[Candidate]) -> list[Candidate]:
    return [c for c in readable if c.answer.label is not None]
