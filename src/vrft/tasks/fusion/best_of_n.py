"""Best of N: one whole answer, as it was written."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.errors import InputError
from vrft.tasks.fusion.agreement import most_agreed
from vrft.tasks.fusion.candidate import Candidate, preferred
from vrft.tasks.fusion.filter_candidates import contest
from vrft.types import Answer


def best_logprob(candidates: Sequence[Candidate]) -> Answer:
    """The answer with the greatest mean log-probability of its tokens, of equals the first.

    Whether anything is there is the majority's to say (``contest.contest``), and not that of a short and
    therefore likely 'No Objects'.

    Args:
        candidates: N answers to one question.

    Returns:
        One of the answers, unchanged.

    Raises:
        InputError: there is no candidate, or there are several and a log-probability is not known.

    Example:
        >>> said = [(Answer(True, True, label=x), p) for x, p in (("cat", -0.9), ("dog", -0.2))]
        >>> best_logprob([Candidate(answer, p, 3) for answer, p in said]).label
        'dog'
    """
    if len(candidates) > 1 and any(c.mean_logprob is None for c in candidates):
        raise InputError(
            "best_logprob: the log-probability of an answer is not known. Use 'self_consistency', or sample "
            "the answers instead of reading them from a file."
        )
    left = contest(candidates)
    return left.decided if left.decided is not None else preferred(left.found).answer


def self_consistency(candidates: Sequence[Candidate]) -> Answer:
    """The answer with the greatest mean ``agreement`` with the others.

    Of equals the likeliest by mean log-probability is taken, then the first. Of boxes it is the answer that
    ``medoid`` takes, with the confidences that the model wrote.

    Args:
        candidates: N answers to one question.

    Returns:
        One of the answers, unchanged.

    Raises:
        InputError: there is no candidate.

    Example:
        >>> said = [Answer(True, True, label=name) for name in ("cat", "dog", "Dog")]
        >>> self_consistency([Candidate(answer, None, 3) for answer in said]).label
        'dog'
    """
    left = contest(candidates)
    return left.decided if left.decided is not None else preferred(most_agreed(left.found)).answer
