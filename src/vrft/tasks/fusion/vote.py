"""The class name that most answers give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vrft.rewards.label_rewards import exact_match
from vrft.tasks.fusion.candidate import Candidate, majority, preferred
from vrft.tasks.fusion.filter_candidates import contest_of_labels
from vrft.types import Answer


def vote(candidates: Sequence[Candidate]) -> Answer:
    """Majority vote over class names (self-consistency, Wang et al. 2022, arXiv 2203.11171).

    Names are the same where ``exact_match`` says so: but for case, gaps, quotes around them and a final dot.
    Of names with equally many votes that with the greatest mean log-probability wins, then the first.

    Args:
        candidates: N answers to one question.

    Returns:
        The likeliest of the answers that give the winning name, with the name's share of the readable
        answers as its one confidence. A lone readable answer comes back as it is.

    Raises:
        InputError: there is no candidate, or there are several and they have boxes.

    Example:
        >>> said = [Answer(True, True, label=name) for name in ("pansy", "Garden phlox", "garden_phlox.")]
        >>> fused = vote([Candidate(answer, None, 4) for answer in said])
        >>> fused.label, [f"{share:.2f}" for share in fused.confidences]
        ('Garden phlox', ['0.67'])
    """
    left = contest_of_labels(candidates)
    if left.decided is not None:
        return left.decided
    groups = grouped(left.found)
    winners = majority(groups)
    return replace(preferred(winners).answer, confidences=(len(winners) / left.n_readable,))


def grouped(named: Sequence[Candidate]) -> list[list[Candidate]]:
    """Answers by the class that they name, in the order in which the classes were first named.

    Args:
        named: answers with a class name; names are the same where ``exact_match`` says so.

    Example:
        >>> said = [Answer(True, True, label=name) for name in ("pansy", "rose", "Pansy.")]
        >>> [len(group) for group in grouped([Candidate(answer, None, 4) for answer in said])]
        [2, 1]
    """
    groups: list[list[Candidate]] = []
    for one in named:
        same = (group for group in groups if exact_match(one.answer.label, group[0].answer.label or ""))
        group = next(same, None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups
