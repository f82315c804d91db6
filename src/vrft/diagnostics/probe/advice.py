"""From what the samples show to what to change: every rule, its threshold and its reason stand here.

GRPO learns only from groups whose answers earn different rewards. Where hardly any group does, the rules of
``NO_SIGNAL_RULES`` say why, the first that applies; elsewhere each of ``RULES`` may speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrft.config.run_config import RunConfig
from vrft.diagnostics.probe.probe_summary import NO_SIGNAL, Probe
from vrft.types import Form

ALL = 0.9
"""Share of answers above which 'all' is meant."""
FEW = 0.1
"""Share of answers below which 'hardly any' is meant, and gain in signal that is worth a larger group."""
ENOUGH_SIGNAL = 0.7
TRUNCATED = 0.05
SAMENESS = 0.25
"""Share of distinct texts in a group below which the policy repeats itself."""
HOT = 1.3
WARMER = 0.2
"""Gain in signal that is worth another temperature: it is measured on a few questions."""


@dataclass(frozen=True)
class Warmth:
    """A few questions, asked at one temperature."""

    temperature: float
    groups: int
    samples: int
    reward: float
    hits: float
    formatted: float
    truncated: float
    signal: float
    """At the configured group size."""


@dataclass(frozen=True)
class Advice:
    """One sentence, and the configuration's line that follows from it."""

    rule: str
    sentence: str
    setting: str | None = None
    """As ``rollout.group_size: 16``; None where nothing need be changed."""


@dataclass(frozen=True)
class Seen:
    """All that a rule may look at."""

    probe: Probe
    warmths: Sequence[Warmth]
    config: RunConfig


def advise(seen: Seen) -> list[Advice]:
    """What to change before training, or why nothing can be learned.

    Args:
        seen: the samples' description and the configuration they were drawn under.

    Returns:
        At least one piece of advice.
    """
    if 1 - seen.probe.signal > NO_SIGNAL:
        first = next(advice for rule in NO_SIGNAL_RULES if (advice := rule(seen)) is not None)
        return [first, *_spoken((failing_terms,), seen)]
    return _spoken(RULES, seen) or [ready(seen)]


def _spoken(rules: Sequence[Rule], seen: Seen) -> list[Advice]:
    return [advice for rule in rules if (advice := rule(seen)) is not None]


def all_truncated(seen: Seen) -> Advice | None:
    """An answer that is cut off has no final part to score: all such answers earn the same."""
    if seen.probe.truncated < ALL:
        return None
    return Advice(
        "all_truncated",
        f"{_no_signal(seen)}, because {seen.probe.truncated:.0%} of the answers met the length limit.",
        _longer(seen),
    )


def nothing_readable(seen: Seen) -> Advice | None:
    """What cannot be read earns nothing. The direct form is easier to keep; else SFT teaches the form."""
    p = seen.probe
    if p.parsed > FEW:
        return None
    cause = f"; the commonest fault is {next(iter(p.faults))}" if p.faults else ""
    return Advice(
        "nothing_readable",
        f"{_no_signal(seen)}, because only {p.parsed:.0%} of the answers can be read{cause}.",
        "prompt.form: direct" if p.form is Form.THINK else _sft_first(seen),
    )


def all_right(seen: Seen) -> Advice | None:
    """Where every answer is right already, none is better than another. Harder pictures have more to give."""
    if seen.probe.hits < ALL:
        return None
    return Advice(
        "all_right",
        f"{_no_signal(seen)}, because {seen.probe.hits:.0%} of the answers are right already: "
        "there is little to learn on these pictures. Label harder ones.",
        "data.path: FOLDER  # of harder pictures",
    )


def one_answer(seen: Seen) -> Advice | None:
    """A policy that repeats itself cannot be told what is better; a higher temperature varies the answers."""
    if seen.probe.distinct > SAMENESS:
        return None
    better = _warmer(seen) or HOT
    return Advice(
        "one_answer",
        f"{_no_signal(seen)}, because the answers to a question hardly differ "
        f"({seen.probe.distinct:.0%} distinct texts).",
        f"rollout.temperature: {better:g}",
    )


def nothing_earned(seen: Seen) -> Advice | None:
    """Where no sampled answer earns anything, there is nothing to make likelier. SFT shows what is right."""
    if seen.probe.best_reward > 0:
        return None
    return Advice(
        "nothing_earned",
        f"{_no_signal(seen)}, because none of {seen.probe.groups * seen.probe.samples} answers "
        "earns anything.",
        _sft_first(seen),
    )


def equal_pay(seen: Seen) -> Advice | None:
    """Answers differ and earn the same: the reward is too coarse for them, or they are all alike wrong."""
    coarse = seen.config.reward.setting != "recommended"
    return Advice(
        "equal_pay",
        f"{_no_signal(seen)}, because the answers to a question differ and earn the same: "
        f"{seen.probe.always_hit:.0%} of the questions are always answered rightly, "
        f"{seen.probe.never_hit:.0%} never.",
        "reward.setting: recommended" if coarse else _sft_first(seen),
    )


def larger_group(seen: Seen) -> Advice | None:
    """More answers a question are the cheapest source of signal where there are few pictures.

    The smallest G is taken that has nine tenths of the signal of the largest that could be judged.
    """
    p = seen.probe
    larger = {size: share for size, share in p.signal_at.items() if size > p.group_size}
    if p.signal >= ENOUGH_SIGNAL or not larger or max(larger.values()) < p.signal + FEW:
        return None
    size = min(size for size, share in larger.items() if share >= 0.9 * max(larger.values()))
    return Advice(
        "larger_group",
        f"{p.signal:.0%} of the groups of {p.group_size} have signal; "
        f"of groups of {size} it would be {larger[size]:.0%}.",
        f"rollout.group_size: {size}",
    )


def other_temperature(seen: Seen) -> Advice | None:
    """Another temperature is worth it where it gives more signal and the answers stay about as good."""
    better = _warmer(seen)
    if better is None:
        return None
    found = next(w for w in seen.warmths if w.temperature == better)
    return Advice(
        "other_temperature",
        f"At temperature {better:g}, {found.signal:.0%} of the groups have signal "
        f"and the mean reward is {found.reward:.2f}.",
        f"rollout.temperature: {better:g}",
    )


def some_truncated(seen: Seen) -> Advice | None:
    """A cut answer is scored as wrong, whatever it was going to say: the policy learns to be short."""
    if seen.probe.truncated < TRUNCATED:
        return None
    return Advice(
        "some_truncated",
        f"{seen.probe.truncated:.0%} of the answers met the length limit "
        f"of {seen.probe.lengths.limit} tokens.",
        _longer(seen),
    )


def mostly_unreadable(seen: Seen) -> Advice | None:
    """While most answers cannot be read, what is learned first is the form, which SFT teaches faster."""
    p = seen.probe
    if p.parsed >= 0.5:
        return None
    cause = next(iter(p.faults), "unknown")
    return Advice(
        "mostly_unreadable",
        f"Only {p.parsed:.0%} of the answers can be read; the commonest fault is {cause}.",
        "prompt.form: direct" if p.form is Form.THINK else _sft_first(seen),
    )


def never_right(seen: Seen) -> Advice | None:
    """RL makes likelier what is sampled already. Where nothing right is sampled it can only come nearer."""
    p = seen.probe
    if p.never_hit < 0.5:
        return None
    return Advice(
        "never_right",
        f"{p.never_hit:.0%} of the questions have no success among {p.samples} answers: "
        "there the policy can learn to come nearer and to keep the form, but has nothing right to repeat.",
        _sft_first(seen),
    )


def failing_terms(seen: Seen) -> Advice | None:
    """A term that cannot be computed counts 0 and hides what the answer is worth."""
    failing = {name: term for name, term in seen.probe.terms.items() if term.failures}
    if not failing:
        return None
    name, term = next(iter(failing.items()))
    section = "custom" if name in seen.config.reward.custom else "weights"
    return Advice(
        "failing_terms",
        f"The term {name} failed for {term.failures} answers ({term.problem}). Mend it, or switch it off.",
        f"reward.{section}: {{'{name}': 0}}",
    )


def ready(seen: Seen) -> Advice:
    """Nothing speaks against training."""
    p = seen.probe
    return Advice(
        "ready",
        f"{p.signal:.0%} of the groups of {p.group_size} have signal and {p.parsed:.0%} of the answers "
        "can be read: RFT has something to learn from.",
    )


def _no_signal(seen: Seen) -> str:
    p = seen.probe
    many = "No group" if p.signal == 0 else f"Only {p.signal:.0%} of the groups"
    return f"{many} of {p.group_size} {'has' if p.signal == 0 else 'have'} signal"


def _longer(seen: Seen) -> str:
    return f"rollout.max_new_tokens: {2 * seen.config.rollout.max_new_tokens}"


def _sft_first(seen: Seen) -> str:
    twin = f"{seen.config.out}-sft"
    return f"model.path: {twin}/model  # after `vrft sft` of this configuration with out={twin}"


def _warmer(seen: Seen) -> float | None:
    """The temperature with most signal, where it beats the configured one and is about as good."""
    own = next((w for w in seen.warmths if w.temperature == seen.config.rollout.temperature), None)
    if own is None:
        return None
    best = max(seen.warmths, key=lambda w: w.signal)
    worth = best.signal >= own.signal + WARMER and best.reward >= 0.8 * own.reward
    return best.temperature if worth else None


Rule = Callable[[Seen], Advice | None]

NO_SIGNAL_RULES: tuple[Rule, ...] = (
    all_truncated,
    nothing_readable,
    all_right,
    one_answer,
    nothing_earned,
    equal_pay,
)
"""Why hardly any group has signal: in this order, since each cause hides those after it."""

RULES: tuple[Rule, ...] = (
    failing_terms,
    some_truncated,
    mostly_unreadable,
    larger_group,
    other_temperature,
    never_right,
)
