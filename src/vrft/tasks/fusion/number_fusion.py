"""Several numbers as one."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.tasks.fusion.candidate import Candidate, Similarity, filter_candidates, preferred
from vrft.types import Answer, Number


def median(candidates: Sequence[Candidate], similarity: Similarity) -> Answer:
    """The answer in the middle; of an even number the lower of the two, so that it is one that was given.

    One number far off moves it by no more than one place, where a mean would follow. Of answers with this
    number the one with the greatest mean log-probability is taken, then the first. A number in a unit that
    cannot be converted to that of the first is left out.

    Raises:
        InputError: there is no candidate, or there are several and one is not a number.

    Example:
        >>> said = [Candidate(Answer(Number(n), True), None, 3) for n in (3.0, 900.0, 4.0)]
        >>> median(said, lambda one, other: float(one == other)).value.number
        4.0
    """
    left = filter_candidates(candidates, similarity, Number)
    if left.decided is not None:
        return left.decided
    unit = next((n.unit for c in left.found if (n := _number(c)).unit), "")
    known = [(same.number, c) for c in left.found if (same := _number(c).in_unit(unit)) is not None]
    middle = sorted(number for number, _ in known)[(len(known) - 1) // 2]
    return preferred([c for number, c in known if number == middle]).answer


def _number(candidate: Candidate) -> Number:
    assert isinstance(candidate.value, Number)
    return candidate.value
