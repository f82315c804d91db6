"""What every rule starts from: which answers can be read, and whether anything is there at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vrft.errors import InputError
from vrft.tasks.fusion.candidate import Candidate, majority, preferred
from vrft.types import Answer


@dataclass(frozen=True)
class Contest:
    """What is left to a rule."""

    found: tuple[Candidate, ...] = ()
    """Candidates that found something, in the given order; empty where all is decided."""
    n_readable: int = 0
    """Answers that could be read, abstentions included: what shares are shares of."""
    decided: Answer | None = None
    """The result, where no rule is needed."""


def contest(candidates: Sequence[Candidate]) -> Contest:
    """Drop what cannot be read, then let the majority say whether anything is there.

    An answer that could not be read counts as never given. Of one readable answer, or none, the result is
    that answer, or the first, as it is. Where more answers abstain than find something, the result is the
    likeliest abstention; a tie goes to the side with the greater mean log-probability, then to finding.
    Points are no boxes: answers that only point vote for finding and are then dropped, unless all do.

    Args:
        candidates: N answers to one question.

    Returns:
        The decision, or what is left to decide.

    Raises:
        InputError: there is no candidate.

    Example:
        >>> cat, nothing = Answer(True, True, label="cat"), Answer(True, True)
        >>> contest([Candidate(answer, None, 3) for answer in (cat, nothing, nothing)]).decided == nothing
        True
    """
    if not candidates:
        raise InputError("fusion: there is no answer to fuse. Give at least one candidate.")
    readable = [c for c in candidates if c.answer.parsed]
    if len(readable) < 2:
        return Contest(decided=(readable or candidates)[0].answer)
    abstained = [c for c in readable if c.answer.abstained]
    finding = [c for c in readable if not c.answer.abstained]
    side = majority([group for group in (finding, abstained) if group])
    found = tuple(c for c in side if c.answer.boxes_xyxy_px or c.answer.label is not None)
    if not found:
        return Contest(decided=preferred(side).answer)
    return Contest(found, len(readable))


def contest_of_boxes(candidates: Sequence[Candidate]) -> Contest:
    """``contest`` of answers with boxes.

    Raises:
        InputError: there is no candidate, or several answers are left and one names a class instead.
    """
    left = contest(candidates)
    if not all(c.answer.boxes_xyxy_px for c in left.found):
        raise InputError(
            "fusion: these answers name a class and have no boxes. "
            "Use 'vote', 'best_logprob' or 'self_consistency'."
        )
    return left


def contest_of_labels(candidates: Sequence[Candidate]) -> Contest:
    """``contest`` of answers that name a class.

    Raises:
        InputError: there is no candidate, or several answers are left and one has boxes instead.
    """
    left = contest(candidates)
    if any(c.answer.label is None for c in left.found):
        raise InputError(
            "fusion: these answers have boxes and name no class. "
            "Use 'wbf', 'nms', 'medoid', 'best_logprob' or 'self_consistency'."
        )
    return left
