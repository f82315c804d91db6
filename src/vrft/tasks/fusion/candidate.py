"""One of several answers to the same question, and which of them comes first where a rule is undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vrft.errors import InputError
from vrft.types import Answer


@dataclass(frozen=True)
class Candidate:
    """One of the N answers to a question.

    Raises:
        InputError: the log-probability is not a number, or the length is negative.
    """

    answer: Answer
    """With boxes in pixels of the original picture."""
    mean_logprob: float | None
    """Mean log-probability of its tokens; None where it is not known."""
    n_tokens: int
    """Its sampled tokens, end token included."""

    def __post_init__(self) -> None:
        if self.mean_logprob is not None and math.isnan(self.mean_logprob):
            raise InputError("candidate: its mean log-probability is not a number. Give None if unknown.")
        if self.n_tokens < 0:
            raise InputError(f"candidate: {self.n_tokens} tokens. Give the number that was sampled.")

    @classmethod
    def drawn(cls, answer: Answer, logprobs: Sequence[float]) -> Candidate:
        """A candidate as it was sampled.

        Args:
            answer: what its text says.
            logprobs: log-probability of each of its tokens, end token included.

        Example:
            >>> Candidate.drawn(Answer(True, True, label="cat"), (-0.5, -1.5)).mean_logprob
            -1.0
        """
        return cls(answer, math.fsum(logprobs) / len(logprobs) if logprobs else None, len(logprobs))


def likelihood(candidates: Sequence[Candidate]) -> float:
    """Mean of those mean log-probabilities that are known; minus infinity where none is."""
    known = [c.mean_logprob for c in candidates if c.mean_logprob is not None]
    return math.fsum(known) / len(known) if known else -math.inf


def preferred(candidates: Sequence[Candidate]) -> Candidate:
    """The likeliest candidate, by mean log-probability; of equals, and where none is known, the first.

    Args:
        candidates: at least one.

    Example:
        >>> said = [Candidate(Answer(True, True, label=x), p, 1) for x, p in (("cat", None), ("dog", -2.0))]
        >>> preferred(said).answer.label
        'dog'
    """
    return max(candidates, key=lambda c: likelihood([c]))


def majority(groups: Sequence[Sequence[Candidate]]) -> Sequence[Candidate]:
    """The largest group; of equals the one with the greatest mean log-probability, then the first.

    Args:
        groups: candidates that say the same, at least one group.

    Example:
        >>> cat, dog = (Candidate(Answer(True, True, label=x), -1.0, 1) for x in ("cat", "dog"))
        >>> [c.answer.label for c in majority([[cat], [dog, dog]])]
        ['dog', 'dog']
    """
    return max(groups, key=lambda group: (len(group), likelihood(group)))
