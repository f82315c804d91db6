"""What sampled groups show: rewards by term, hits, signal, faults, lengths. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vrft.diagnostics.probe.estimates import mean_pass, mean_signal
from vrft.tasks.scorer import Score
from vrft.types import Form

SIZES = (2, 4, 8, 16, 32)
"""Group sizes for which the share of groups with signal is predicted."""
KS = (1, 2, 4, 8, 16, 32)
"""Of pass@k."""
TEXTS = 3
"""Example texts kept of each fault."""
NO_SIGNAL = 0.9
"""Share of groups without reward spread above which RFT cannot start from the base."""


@dataclass(frozen=True)
class Draw:
    """One sampled answer."""

    score: Score
    tokens: int
    finished: bool
    """An end token came before the length limit."""
    hit: bool
    """A success by ``vrft.diagnostics.probe.success``."""


@dataclass(frozen=True)
class Term:
    """One reward term over all answers."""

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
class Cause:
    """One fault of answers' texts."""

    count: int
    share: float
    """Of all answers."""
    texts: tuple[str, ...]
    """Examples, each once."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of the answers, end token included."""

    mean: float
    median: float
    p90: float
    longest: int
    limit: int


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
    """Share of samples that are a success."""
    pass_at: dict[int, float]
    """Chance of at least one success in k samples."""
    never_hit: float
    """Share of questions without any success."""
    always_hit: float
    distinct: float
    """Share of a group's texts that differ from each other, mean over groups."""
    best_reward: float
    terms: dict[str, Term]
    faults: dict[str, Cause]
    truncated: float
    """Share of samples that met the length limit."""
    tokens: float
    """Mean answer length."""
    lengths: Lengths

    def row(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def describe(
    groups: Sequence[Sequence[Draw]],
    form: Form,
    group_size: int,
    weights: Mapping[str, float],
    limit: int,
) -> Probe:
    """Describe sampled groups.

    Args:
        groups: N answers to each of Q questions, at least one question and ``group_size`` answers.
        form: how the answers were asked for.
        group_size: G of training.
        weights: of the reward terms.
        limit: the length limit in tokens.

    Returns:
        Means over all answers, and estimates of what groups of other sizes would show.

    Raises:
        InputError: there are fewer answers than the group size.
    """
    draws = [draw for group in groups for draw in group]
    samples = len(groups[0])
    rewards = [[draw.score.reward for draw in group] for group in groups]
    hits = [[draw.hit for draw in group] for group in groups]
    lengths = np.array([draw.tokens for draw in draws])
    formats = [draw.score.terms.get("format", 0.0) * weights.get("format", 0.0) for draw in draws]
    return Probe(
        form=form,
        groups=len(groups),
        samples=samples,
        group_size=group_size,
        reward=float(np.mean(rewards)),
        skill=float(np.mean(rewards) - np.mean(formats)),
        formatted=float(np.mean([draw.score.answer.formatted for draw in draws])),
        parsed=float(np.mean([draw.score.answer.parsed for draw in draws])),
        signal=mean_signal(rewards, group_size),
        signal_at={size: mean_signal(rewards, size) for size in SIZES if size <= samples},
        hits=float(np.mean(hits)),
        pass_at={k: mean_pass(hits, k) for k in KS if k <= samples},
        never_hit=float(np.mean([not any(group) for group in hits])),
        always_hit=float(np.mean([all(group) for group in hits])),
        distinct=float(np.mean([len({d.score.answer.text for d in group}) / samples for group in groups])),
        best_reward=float(np.max(rewards)),
        terms={name: _term(groups, name, weight) for name, weight in weights.items()},
        faults=_faults(draws),
        truncated=float(np.mean([not draw.finished for draw in draws])),
        tokens=float(lengths.mean()),
        lengths=Lengths(
            mean=float(lengths.mean()),
            median=float(np.median(lengths)),
            p90=float(np.quantile(lengths, 0.9)),
            longest=int(lengths.max()),
            limit=limit,
        ),
    )


def better_form(probes: Sequence[Probe]) -> Probe:
    """The form in which the base policy shows more skill; of near equals the shorter answer.

    Args:
        probes: one a form, at least one.
    """
    best = max(p.skill for p in probes)
    return min((p for p in probes if p.skill >= best - 0.05), key=lambda p: p.tokens)


def _term(groups: Sequence[Sequence[Draw]], name: str, weight: float) -> Term:
    values = np.array([[draw.score.terms[name] for draw in group] for group in groups])
    problems = [
        failure.message
        for group in groups
        for draw in group
        for failure in draw.score.failures
        if failure.term == name
    ]
    return Term(
        weight=weight,
        mean=float(values.mean()),
        sd=float(values.std()),
        group_sd=float(values.std(axis=1).mean()),
        failures=len(problems),
        problem=problems[0] if problems else "",
    )


def _faults(draws: Sequence[Draw]) -> dict[str, Cause]:
    """Faults, the commonest first."""
    counts = Counter(str(fault) for draw in draws for fault in draw.score.answer.faults)
    found: dict[str, Cause] = {}
    for name, count in counts.most_common():
        texts = dict.fromkeys(d.score.answer.text for d in draws if name in d.score.answer.faults)
        found[name] = Cause(count, count / len(draws), tuple(texts)[:TEXTS])
    return found
