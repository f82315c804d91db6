"""One of several answers to a question, and what every rule starts from: who is readable, is anything
there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrft.errors import InputError
from vrft.types import Answer, Rollout, Value


@dataclass(frozen=True)
class Candidate:
    """One of the N answers to a question.

    Args:
        answer: places in pixels of the file.
        mean_logprob: mean log-probability of its tokens; None where it is not known.
        n_tokens: its sampled tokens, end tokens included.

    Raises:
        InputError: the log-probability is not a number, or the length is negative.
    """

    answer: Answer
    mean_logprob: float | None
    n_tokens: int

    def __post_init__(self) -> None:
        if self.mean_logprob is not None and math.isnan(self.mean_logprob):
            raise InputError("candidate: its mean log-probability is not a number. Give None if unknown.")
        if self.n_tokens < 0:
            raise InputError(f"candidate: n_tokens is {self.n_tokens}. Give the number of sampled tokens.")

    @classmethod
    def of(cls, rollout: Rollout) -> Candidate:
        """A rollout as a candidate."""
        return cls(rollout.answer, rollout.mean_logprob, rollout.n_tokens)

    @property
    def value(self) -> Value:
        """What it says; it must have been read."""
        assert self.answer.value is not None
        return self.answer.value


Similarity = Callable[[Value, Value], float]
"""How far two values say the same, in [0, 1]; 0 of a value and itself where its kind is of no use."""
Rule = Callable[[Sequence[Candidate], Similarity], Answer]
"""From the answers to one question, at least one, to one answer."""


@dataclass(frozen=True)
class Filtered:
    """What is left to a rule.

    Args:
        found: candidates that found something, in the given order; empty where all is decided.
        n_readable: answers that could be read, abstentions included: what shares are shares of.
        decided: the result, where no rule is needed.
    """

    found: tuple[Candidate, ...] = ()
    n_readable: int = 0
    decided: Answer | None = None


def filter_candidates(
    candidates: Sequence[Candidate], similarity: Similarity, kind: type[Value] = Value
) -> Filtered:
    """Drop what cannot be read, then let the majority say whether anything is there.

    An answer that could not be read counts as never given. Of one readable answer, or none, the result is
    that answer, or the first, as it is. Where more answers abstain than find something, the result is the
    likeliest abstention; a tie goes to the side with the greater mean log-probability, then to finding.
    Answers of a kind that the task cannot compare, such as points where boxes were asked for, vote for
    finding and are then dropped, unless all are; one that is not of the rule's kind is an InputError.
    """
    if not candidates:
        raise InputError("fusion: there is no answer to fuse. Give at least one candidate.")
    readable = [c for c in candidates if c.answer.parsed]
    if len(readable) < 2:
        return Filtered(decided=(readable or candidates)[0].answer)
    finding = [c for c in readable if not c.answer.abstained]
    side = majority([group for group in (finding, [c for c in readable if c.answer.abstained]) if group])
    found = tuple(c for c in side if not c.answer.abstained and similarity(c.value, c.value) > 0)
    if not found:
        return Filtered(decided=preferred(side).answer)
    other = next((c.value for c in found if not isinstance(c.value, kind)), None)
    if other is not None:
        raise InputError(
            f"fusion: this rule is for answers of kind '{kind.kind}', and one is of kind '{other.kind}'. "
            "Use 'self_consistency' or 'best_logprob'."
        )
    return Filtered(found, len(readable))


def likelihood(candidates: Sequence[Candidate]) -> float:
    """Mean of those mean log-probabilities that are known; minus infinity where none is."""
    known = [c.mean_logprob for c in candidates if c.mean_logprob is not None]
    return math.fsum(known) / len(known) if known else -math.inf


def preferred(candidates: Sequence[Candidate]) -> Candidate:
    """The likeliest candidate, by mean log-probability; of equals, and where none is known, the first."""
    return max(candidates, key=lambda c: likelihood([c]))


def majority(groups: Sequence[Sequence[Candidate]]) -> Sequence[Candidate]:
    """The largest group; of equals the one with the greatest mean log-probability, then the first."""
    return max(groups, key=lambda group: (len(group), likelihood(group)))
