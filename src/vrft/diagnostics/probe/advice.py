"""From what the samples show to what to change: every rule, with its threshold and its reason.

GRPO learns only from groups whose answers have different rewards. Where hardly any group does, the rules of
``NO_SIGNAL_RULES`` say why, the first that applies; elsewhere each of ``RULES`` may speak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vrft.config.run_config import RunConfig
from vrft.diagnostics.probe.probe_summary import NO_SIGNAL, Probe, Thoughts
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
CHAINS, GUESSES = 0.15, 0.12
"""Shares of right answers that are carried by their thought: from the one on RFT is expected to learn to
think, up to the other to guess. They come from the sum of two digits (17 runs in results/reasoning): RFT
learned chains wherever the share was 0.16 or more, also where chains were 2 % of all thoughts; it learned
nothing where it was 0.11 or less, and there were none. docs/verbs/probe.md says where they err."""
FEW_RIGHT = 8
"""Fewer right answers say nothing of shares."""


@dataclass(frozen=True)
class TemperatureStats:
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


Found = tuple[str, str | None]
"""An advice's sentence and setting; its rule is the function that gives them."""


@dataclass(frozen=True)
class AdviceContext:
    """All that a rule may look at."""

    probe: Probe
    by_temperature: Sequence[TemperatureStats]
    config: RunConfig


def advise(context: AdviceContext) -> list[Advice]:
    """What to change before training, or why nothing can be learned: at least one piece of advice."""
    if 1 - context.probe.signal > NO_SIGNAL:
        return [*_spoken(NO_SIGNAL_RULES, context)[:1], *_spoken((failing_terms,), context)]
    return [*(_spoken(RULES, context) or _spoken((ready,), context)), *_spoken((to_think,), context)]


def _spoken(rules: Sequence[Rule], context: AdviceContext) -> list[Advice]:
    return [Advice(rule.__name__, *found) for rule in rules if (found := rule(context)) is not None]


def all_truncated(context: AdviceContext) -> Found | None:
    """An answer that is cut off has no final part to score: all such answers have the same reward."""
    if context.probe.truncated < ALL:
        return None
    return (
        f"{_no_signal(context)}, because {context.probe.truncated:.0%} of the answers met the length limit.",
        _longer(context),
    )


def nothing_readable(context: AdviceContext) -> Found | None:
    """What cannot be read has no reward. The direct form is easier to keep; else SFT teaches the form."""
    p = context.probe
    if p.parsed > FEW:
        return None
    cause = f"; the commonest fault is {next(iter(p.faults))}" if p.faults else ""
    return (
        f"{_no_signal(context)}, because only {p.parsed:.0%} of the answers can be read{cause}.",
        "form: direct" if p.form is Form.THINK else _sft_first(context),
    )


def all_right(context: AdviceContext) -> Found | None:
    """Where every answer is right already, none is better than another. Harder images have more to give."""
    if context.probe.hits < ALL:
        return None
    return (
        f"{_no_signal(context)}, because {context.probe.hits:.0%} of the answers are right already: "
        "there is little to learn on these images. Label harder ones.",
        "data.path: FOLDER  # of harder images",
    )


def one_answer(context: AdviceContext) -> Found | None:
    """A policy that repeats itself cannot learn what is better; a higher temperature varies the answers."""
    if context.probe.distinct > SAMENESS:
        return None
    better = _warmer(context) or HOT
    return (
        f"{_no_signal(context)}, because the answers to a question hardly differ "
        f"({context.probe.distinct:.0%} distinct texts).",
        f"rollout.temperature: {better:g}",
    )


def nothing_rewarded(context: AdviceContext) -> Found | None:
    """Where no sampled answer has a reward, there is nothing to make likelier. SFT shows what is right."""
    if context.probe.best_reward > 0:
        return None
    return (
        f"{_no_signal(context)}, because none of {context.probe.groups * context.probe.samples} answers "
        "has a reward.",
        _sft_first(context),
    )


def equal_rewards(context: AdviceContext) -> Found | None:
    """Answers differ and have the same reward: it is too coarse for them, or they are all alike wrong."""
    coarse = context.config.reward.setting != "recommended"
    return (
        f"{_no_signal(context)}, because the answers to a question differ and have the same reward: "
        f"{context.probe.always_hit:.0%} of the questions are always answered rightly, "
        f"{context.probe.never_hit:.0%} never.",
        "reward.setting: recommended" if coarse else _sft_first(context),
    )


def larger_group(context: AdviceContext) -> Found | None:
    """More answers are the cheapest signal; the smallest G with nine tenths of the largest's is taken."""
    p = context.probe
    larger = {size: share for size, share in p.signal_at.items() if size > p.group_size}
    if p.signal >= ENOUGH_SIGNAL or not larger or max(larger.values()) < p.signal + FEW:
        return None
    size = min(size for size, share in larger.items() if share >= 0.9 * max(larger.values()))
    return (
        f"{p.signal:.0%} of the groups of {p.group_size} have signal; "
        f"of groups of {size} it would be {larger[size]:.0%}.",
        f"rollout.group_size: {size}",
    )


def other_temperature(context: AdviceContext) -> Found | None:
    """Another temperature is worth it where it gives more signal and the answers stay about as good."""
    better = _warmer(context)
    if better is None:
        return None
    found = next(w for w in context.by_temperature if w.temperature == better)
    return (
        f"At temperature {better:g}, {found.signal:.0%} of the groups have signal "
        f"and the mean reward is {found.reward:.2f}.",
        f"rollout.temperature: {better:g}",
    )


def some_truncated(context: AdviceContext) -> Found | None:
    """A cut answer is scored as wrong, whatever it was going to say: the policy learns to be short."""
    if context.probe.truncated < TRUNCATED:
        return None
    return (
        f"{context.probe.truncated:.0%} of the answers met the length limit "
        f"of {context.probe.lengths.limit} tokens.",
        _longer(context),
    )


def mostly_unreadable(context: AdviceContext) -> Found | None:
    """While most answers cannot be read, what is learned first is the form, which SFT teaches faster."""
    p = context.probe
    if p.parsed >= 0.5:
        return None
    cause = next(iter(p.faults), "unknown")
    return (
        f"Only {p.parsed:.0%} of the answers can be read; the commonest fault is {cause}.",
        "form: direct" if p.form is Form.THINK else _sft_first(context),
    )


def never_right(context: AdviceContext) -> Found | None:
    """RL makes likelier what is sampled already. Where nothing right is sampled it can only come nearer."""
    p = context.probe
    if p.never_hit < 0.5:
        return None
    return (
        f"{p.never_hit:.0%} of the questions have no success among {p.samples} answers: "
        "there the policy can learn to come nearer and to keep the form, but has nothing right to repeat.",
        _sft_first(context),
    )


def failing_terms(context: AdviceContext) -> Found | None:
    """A term that cannot be computed counts 0 and hides how good the answer is."""
    failing = {name: term for name, term in context.probe.terms.items() if term.failures}
    if not failing:
        return None
    name, term = next(iter(failing.items()))
    section = "custom" if name in context.config.reward.custom else "weights"
    return (
        f"The term {name} failed for {term.failures} answers ({term.problem}). Fix it, or switch it off.",
        f"reward.{section}: {{'{name}': 0}}",
    )


def ready(context: AdviceContext) -> Found:
    """Nothing speaks against training."""
    p = context.probe
    return (
        f"{p.signal:.0%} of the groups of {p.group_size} have signal and {p.parsed:.0%} of the answers "
        "can be read: RFT has something to learn from.",
        None,
    )


def to_think(context: AdviceContext) -> Found | None:
    """Whatever is right is made likelier: the chain behind it, or the guess."""
    return None if (thoughts := context.probe.thoughts) is None else (side_of(thoughts), None)


def side_of(thoughts: Thoughts) -> str:
    """Whether a base is expected to learn to think or to guess, in words.

    Args:
        thoughts: of its right samples.
    """
    tried, carried, lucky, unneeded = thoughts.tried, thoughts.carried, thoughts.lucky, thoughts.unneeded
    if carried is None or lucky is None or unneeded is None or tried < FEW_RIGHT:
        return (
            f"Only {thoughts.right} sampled answers are right and in form: too few to say whether "
            "thoughts carry right answers. Sample more answers or questions to know."
        )
    count = round(carried * tried)
    found = (
        f"Of {tried} right answers {count} ({carried:.0%}) are carried by their thought: the likeliest "
        "answer is right behind it and wrong without it"
    )
    if carried >= CHAINS:
        return f"{found}. RFT has chains to reinforce."
    if carried > GUESSES:
        return (
            f"{found}. With sums of two digits RFT learned to think from 16% on and nothing up to 11%; "
            "so few answers do not tell these apart. Sample more of them to know."
        )
    if unneeded >= lucky:
        return (
            f"{found}. {round(unneeded * tried)} stay right without any thought: RFT can reinforce the "
            "answers, but has hardly a chain to reinforce. The direct form may do as well and is shorter."
        )
    return (
        f"{found}. {round(lucky * tried)} are luck (behind the same thought the likeliest answer is "
        "wrong): RFT may reward guesses before chains. Where an answer has to be worked out, SFT on some "
        "right chains first gives it more to reinforce. A warmer temperature gave less in our benchmark, and "
        "32 answers to a question as much as 8."
    )


def sentences_of(row: Mapping[str, Any]) -> list[str]:
    """What a probe found, by the row that it left: its form, and of the think form the side that it is on."""
    found = (
        f"Form of answers: {row['form']}. Rewards differ within {row['signal']:.0%} of groups, and "
        f"{row['formatted']:.0%} of sampled answers are well formed."
    )
    thoughts = row.get("thoughts")
    return [found] if thoughts is None else [found, side_of(Thoughts(**thoughts))]


def _no_signal(context: AdviceContext) -> str:
    p = context.probe
    many = "No group" if p.signal == 0 else f"Only {p.signal:.0%} of the groups"
    return f"{many} of {p.group_size} {'has' if p.signal == 0 else 'have'} signal"


def _longer(context: AdviceContext) -> str:
    return f"rollout.max_new_tokens: {2 * context.config.rollout.max_new_tokens}"


def _sft_first(context: AdviceContext) -> str:
    twin = f"{context.config.out}-sft"
    return f"model.path: {twin}/model  # after 'vrft sft' with out={twin}; 'vrft fit' does so by itself"


def _warmer(context: AdviceContext) -> float | None:
    """The temperature with most signal, where it beats the configured one and is about as good."""
    configured = context.config.rollout.temperature
    own = next((stats for stats in context.by_temperature if stats.temperature == configured), None)
    if own is None:
        return None
    best = max(context.by_temperature, key=lambda w: w.signal)
    worth = best.signal >= own.signal + WARMER and best.reward >= 0.8 * own.reward
    return best.temperature if worth else None


Rule = Callable[[AdviceContext], Found | None]

NO_SIGNAL_RULES: tuple[Rule, ...] = (
    all_truncated,
    nothing_readable,
    all_right,
    one_answer,
    nothing_rewarded,
    equal_rewards,
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
