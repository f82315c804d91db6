"""Best of N: one whole answer, as it was written; and the vote over class names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType

from vrft.errors import InputError
from vrft.tasks.fusion.candidate import Candidate, Rule, Similarity, filter_candidates, majority, preferred
from vrft.types import Answer, Label, Value


def best_logprob(candidates: Sequence[Candidate], similarity: Similarity) -> Answer:
    """The answer with the greatest mean log-probability of its tokens, of equals the first.

    Whether anything is there is the majority's to say, and not that of a short and therefore likely 'No
    Objects'.

    Raises:
        InputError: there is no candidate, or there are several and a log-probability is not known.

    Example:
        >>> said = [Candidate(Answer(Label(x), True), p, 3) for x, p in (("cat", -0.9), ("dog", -0.2))]
        >>> best_logprob(said, lambda one, other: float(one == other)).value.name
        'dog'
    """
    if len(candidates) > 1 and any(c.mean_logprob is None for c in candidates):
        raise InputError(
            "best_logprob: the log-probability of an answer is not known. Use 'self_consistency', or sample "
            "the answers instead of reading them from a file."
        )
    left = filter_candidates(candidates, similarity)
    return left.decided if left.decided is not None else preferred(left.found).answer


def self_consistency(candidates: Sequence[Candidate], similarity: Similarity) -> Answer:
    """The answer with the greatest mean similarity to the others.

    Of equals the likeliest by mean log-probability is taken, then the first.

    Example:
        >>> from vrft.types import Number
        >>> said = [Candidate(Answer(Number(n), True), None, 3) for n in (4.0, 3.0, 3.0)]
        >>> self_consistency(said, lambda one, other: float(one == other)).value.number
        3.0
    """
    left = filter_candidates(candidates, similarity)
    if left.decided is not None:
        return left.decided
    return preferred(most_agreed(left.found, similarity)).answer


def mean_pair_agreement(values: Sequence[Value], similarity: Similarity) -> float:
    """How far several answers to one question say the same: the mean similarity of two of them.

    Of class names it is the chance that two different answers, taken at random, name the same class: of n
    answers, c of them for each class, the sum of c (c - 1) / (n (n - 1)).
    """
    pairs = [similarity(one, other) for one, other in combinations(values, 2)]
    return math.fsum(pairs) / max(len(pairs), 1)


def most_agreed(candidates: Sequence[Candidate], similarity: Similarity) -> list[Candidate]:
    """Those candidates whose mean similarity to the others is greatest, in the given order."""
    n = len(candidates)
    pairs = {(i, j): similarity(candidates[i].value, candidates[j].value) for j in range(n) for i in range(j)}
    means = [
        math.fsum(pairs[min(i, j), max(i, j)] for j in range(n) if j != i) / max(n - 1, 1) for i in range(n)
    ]
    return [c for c, mean in zip(candidates, means, strict=True) if mean == max(means)]


def vote(candidates: Sequence[Candidate], similarity: Similarity) -> Answer:
    """Majority vote over class names (self-consistency, Wang et al. 2022, arXiv 2203.11171).

    Of names with equally many votes that with the greatest mean log-probability wins, then the first.

    Returns:
        The likeliest of the answers that give the winning name, with the name's share of the readable
        answers as its score. A lone readable answer comes back as it is.

    Raises:
        InputError: there is no candidate, or there are several and one is not a label.

    Example:
        >>> from vrft.rewards.label_rewards import exact_match
        >>> said = [Answer(Label(name), True) for name in ("pansy", "Garden phlox", "garden_phlox.")]
        >>> same = lambda one, other: float(exact_match(one.name, other.name))
        >>> vote([Candidate(answer, None, 4) for answer in said], same).value.describe()
        'Class: Garden phlox (67% of the answers)'
    """
    left = filter_candidates(candidates, similarity, Label)
    if left.decided is not None:
        return left.decided
    winners = majority(grouped(left.found, similarity))
    answer = preferred(winners).answer
    assert isinstance(answer.value, Label)
    return replace(answer, value=replace(answer.value, score=len(winners) / left.n_readable))


NAME_RULES: Mapping[str, Rule] = MappingProxyType(
    {"vote": vote, "best_logprob": best_logprob, "self_consistency": self_consistency}
)
"""Of tasks whose answer is one name, the usual one first."""


def grouped(candidates: Sequence[Candidate], similarity: Similarity) -> list[list[Candidate]]:
    """Readable answers that say the same (similarity 1), in the order in which each was first said."""
    groups: list[list[Candidate]] = []
    for one in candidates:
        group = next((g for g in groups if similarity(one.value, g[0].value) == 1), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups
