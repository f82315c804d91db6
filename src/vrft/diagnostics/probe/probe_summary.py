"""What sampled groups show: rewards by term, successes, signal, faults, lengths. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import comb
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.tasks.rollout_facts import is_success, outcome
from vrft.types import Form, Rollout, RolloutGroup


def pass_at_k(samples: int, hits: int, k: int) -> float:
    """Chance that k answers hold at least one hit: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, Eq. 1).

    Args:
        samples: n answers that were drawn.
        hits: c of them that hit, 0 to n.
        k: 1 to n.

    Returns:
        A fraction in [0, 1]; over draws of the n answers its mean is 1 - (1 - p)^k.

    Raises:
        InputError: k or the hits are out of their range.

    Example:
        >>> round(pass_at_k(8, 2, 4), 4)
        0.7857
    """
    if not (1 <= k <= samples and 0 <= hits <= samples):
        raise InputError(
            f"pass@{k} cannot be computed from {hits} hits in {samples} answers: k must be 1 to {samples}, "
            f"hits 0 to {samples}."
        )
    return 1 - comb(samples - hits, k) / comb(samples, k)


def signal_at(rewards: Sequence[float], group_size: int) -> float:
    """Chance that G answers to a question have different rewards, so that the group has an advantage.

    G of the n answers, without replacement, are all equal in sum over values v of C(n_v, G) of C(n, G) ways.

    Args:
        rewards: of n answers to one question.
        group_size: G, 2 to n.

    Returns:
        A fraction in [0, 1]; over draws of the n answers its mean is 1 - sum of p_v^G, which for a reward of
        two values is 1 - p^G - (1 - p)^G.

    Raises:
        InputError: the group size is out of its range.

    Example:
        >>> signal_at([1, 0, 0, 0], 2), signal_at([1, 1, 1], 2)
        (0.5, 0.0)
    """
    count = len(rewards)
    if not 2 <= group_size <= count:
        raise InputError(
            f"Groups of {group_size} cannot be judged from {count} answers. Use groups of 2 to {count}."
        )
    equal = sum(comb(same, group_size) for same in Counter(rewards).values())
    return 1 - equal / comb(count, group_size)


def mean_signal(rewards_QN: Sequence[Sequence[float]], group_size: int) -> float:
    """``signal_at`` over questions, all alike."""
    return float(np.mean([signal_at(rewards, group_size) for rewards in rewards_QN]))


def mean_pass(hits_QN: Sequence[Sequence[bool]], k: int) -> float:
    """``pass_at_k`` over questions, all alike."""
    return float(np.mean([pass_at_k(len(hits), sum(hits), k) for hits in hits_QN]))


SIZES = (2, 4, 8, 16, 32)
"""Group sizes for which the share of groups with signal is predicted."""
KS = (1, 2, 4, 8, 16, 32)
"""Of pass@k."""
TEXTS = 3
"""Example texts kept of each fault."""
NO_SIGNAL = 0.9
"""Share of groups without reward spread above which RFT cannot start from the base."""


@dataclass(frozen=True)
class TermStats:
    """One reward term over all answers for which it has a value."""

    weight: float
    mean: float
    sd: float
    group_sd: float
    """Mean standard deviation inside a group: what the advantages are made of."""
    failures: int
    """Answers for which it could not be computed."""
    problem: str
    """What the first failure said; empty without one."""


@dataclass(frozen=True)
class FaultStats:
    """One fault of answers' texts."""

    count: int
    share: float
    """Of all answers."""
    texts: tuple[str, ...]
    """Examples, each once."""


@dataclass(frozen=True)
class LengthStats:
    """Tokens of the answers, end token included."""

    mean: float
    median: float
    p90: float
    longest: int
    limit: int


@dataclass(frozen=True)
class Thoughts:
    """What carries the right samples of the think form. Shares are of those ``tried``, or None of none.

    ``carried``, ``unneeded`` and ``lucky`` sum to one.
    """

    right: int
    """Samples that are right and in the demanded form."""
    tried: int
    """Of them asked again, evenly chosen."""
    carried: float | None
    """Behind its own thought the policy answers rightly again, behind none wrongly."""
    unneeded: float | None
    """Behind no thought the policy answers rightly as well."""
    lucky: float | None
    """Behind its own thought the likeliest answer is wrong, and so it is behind none."""
    swapped: int
    """Asked behind the thought of another question whose answer is another."""
    follows: float | None
    """Share of those swapped whose answer is then the other question's."""
    shown: float | None = None
    """Share whose thought shows a computation, where the task has that notion."""


@dataclass(frozen=True)
class Probe:
    """What the base policy's samples look like under one form of asking."""

    form: Form
    groups: int
    """Questions asked."""
    samples: int
    """Answers to each."""
    group_size: int
    """G for which ``signal`` holds."""
    reward: float
    """Mean reward of a sample."""
    skill: float
    """Mean reward without the format term."""
    formatted: float
    """Share of samples in the demanded form."""
    parsed: float
    signal: float
    """Share of groups of G whose rewards differ."""
    signal_at: dict[int, float]
    """The same at other G, as far as there are answers enough."""
    hits: float
    """Share of samples that are a success by their task's rule."""
    pass_at: dict[int, float]
    """Chance of at least one success in k samples."""
    never_hit: float
    """Share of questions without any success."""
    always_hit: float
    distinct: float
    """Share of a group's texts that differ from each other, mean over groups."""
    best_reward: float
    terms: dict[str, TermStats]
    faults: dict[str, FaultStats]
    truncated: float
    """Share of samples that met the length limit."""
    tokens: float
    """Mean answer length."""
    lengths: LengthStats
    thoughts: Thoughts | None = None
    """Of the think form, where the policy was asked again."""
    outcomes: dict[str, tuple[tuple[bool, float], ...]] = field(default_factory=dict)
    """By question: of each answer, whether it is right, and its score; what ``data.select`` begins with."""
    digests: dict[str, str] = field(default_factory=dict)
    """By question: of its image, its words and its label, which a run that goes by the outcomes compares."""

    def row(self) -> dict[str, Any]:
        return asdict(self)


def describe(
    groups: Sequence[RolloutGroup], *, form: Form, group_size: int, weights: Mapping[str, float], limit: int
) -> Probe:
    """Describe sampled groups: means over all answers, and estimates for groups of other sizes."""
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    samples = len(groups[0].rollouts)
    rewards = [[rollout.reward for rollout in group.rollouts] for group in groups]
    hits = [[is_success(rollout) for rollout in group.rollouts] for group in groups]
    lengths = np.array([rollout.n_tokens for rollout in rollouts])
    formats = [(r.terms.get("format") or 0.0) * weights.get("format", 0.0) for r in rollouts]
    distinct = [len({r.completion.text for r in group.rollouts}) / samples for group in groups]
    return Probe(
        form=form,
        groups=len(groups),
        samples=samples,
        group_size=group_size,
        reward=float(np.mean(rewards)),
        skill=float(np.mean(rewards) - np.mean(formats)),
        formatted=float(np.mean([rollout.answer.formatted for rollout in rollouts])),
        parsed=float(np.mean([rollout.answer.parsed for rollout in rollouts])),
        signal=mean_signal(rewards, group_size),
        signal_at={size: mean_signal(rewards, size) for size in SIZES if size <= samples},
        hits=float(np.mean(hits)),
        pass_at={k: mean_pass(hits, k) for k in KS if k <= samples},
        never_hit=float(np.mean([not any(group) for group in hits])),
        always_hit=float(np.mean([all(group) for group in hits])),
        distinct=float(np.mean(distinct)),
        best_reward=float(np.max(rewards)),
        terms={name: _term(groups, name, weight) for name, weight in weights.items()},
        faults=_faults(rollouts),
        truncated=float(np.mean([not rollout.finished for rollout in rollouts])),
        tokens=float(lengths.mean()),
        lengths=LengthStats(
            mean=float(lengths.mean()),
            median=float(np.median(lengths)),
            p90=float(np.quantile(lengths, 0.9)),
            longest=int(lengths.max()),
            limit=limit,
        ),
        outcomes={group.example.id: tuple(map(outcome, group.rollouts)) for group in groups},
    )


def better_form(probes: Sequence[Probe]) -> Probe:
    """The form in which the base policy shows more skill; of near equals the one with shorter answers."""
    best = max(p.skill for p in probes)
    return min((p for p in probes if p.skill >= best - 0.05), key=lambda p: p.tokens)


def _term(groups: Sequence[RolloutGroup], name: str, weight: float) -> TermStats:
    # Another task's term, and one that abstained, have no value.
    listed = [[r.terms[name] for r in group.rollouts if r.terms.get(name) is not None] for group in groups]
    known = [np.array(values, dtype=np.float64) for values in listed if values]
    every = np.concatenate(known) if known else np.zeros(1)
    failures = [f for group in groups for r in group.rollouts for f in r.failures if f.term == name]
    return TermStats(
        weight=weight,
        mean=float(every.mean()),
        sd=float(every.std()),
        group_sd=float(np.mean([values.std() for values in known])) if known else 0.0,
        failures=len(failures),
        problem=failures[0].message if failures else "",
    )


def _faults(rollouts: Sequence[Rollout]) -> dict[str, FaultStats]:
    counts = Counter(str(fault) for rollout in rollouts for fault in rollout.answer.faults)
    found: dict[str, FaultStats] = {}
    for name, count in counts.most_common():
        texts = dict.fromkeys(r.completion.text for r in rollouts if name in r.answer.faults)
        found[name] = FaultStats(count, count / len(rollouts), tuple(texts)[:TEXTS])
    return found
