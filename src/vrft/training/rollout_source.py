"""Rollouts of one step, as a source: choose, sample, score, advantages (Visual-RFT section 3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from vrft.data.augment import AugmentOptions
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import InputError
from vrft.rollout.driver import prompts_for, roll_out, turn_seed
from vrft.rollout.rollout_options import RolloutOptions
from vrft.rollout.sampler import Renderer, Sampler
from vrft.tasks.registry import task_of
from vrft.tasks.scorer import Scorer, score_groups
from vrft.training.advantages import shuffled
from vrft.training.batch import Batch, Stateful, shown_anew
from vrft.training.consistency import Consistency
from vrft.training.drawn_ahead import DrawnAhead, FirstDraw
from vrft.training.grpo import GrpoOptions
from vrft.training.mixture import Mixture, in_words
from vrft.training.selector import FIRST_PASS, Selector
from vrft.training.step_metrics import step_row
from vrft.types import Clock, Example, Prompt, Rollout, RolloutGroup, SampleSeed


@dataclass(frozen=True)
class _OwnedGroup:
    """A scored group, and the process that drew it and trains on it."""

    group: RolloutGroup
    process: int


Variants = Callable[[Example, Clock], Sequence[Example]]
"""From a question to what its group is asked in turns: another form, a noisy image."""


class RolloutSource:
    """Samples and scores the groups of each step; each process those of its part.

    Args:
        sampler: draws; its ``encode`` gives prompts that also serve the gradient.
        renderer: writes prompts.
        examples: the training part, of any tasks.
        scorers: by ``Example.entry``.
        rollout: group size and sampling.
        grpo: advantage, shuffled-reward control, groups without signal.
        prompts_per_step: of all processes.
        mixture: how entries share the steps, and what their rewards are worth.
        augment: how images may be shown otherwise.
        variants: what the rollouts of a group are asked, in equal parts; None asks the question itself.
        selectors: choose the questions, by ``Example.source``; those of others are all asked alike.
        consistency: pays more for answers that agree with their thoughts; None does not.
        encodes: whether prompts are encoded with gradient for sampling, and given on for one backward pass.
        gathered: around what a process samples by itself (``AnswerScorer.gathered``).
        context: which process this is.
    """

    def __init__(
        self,
        sampler: Sampler,
        renderer: Renderer,
        examples: Sequence[Example],
        scorers: Mapping[str, Scorer],
        *,
        rollout: RolloutOptions,
        grpo: GrpoOptions,
        prompts_per_step: int,
        mixture: Mixture | None = None,
        augment: AugmentOptions | None = None,
        variants: Variants | None = None,
        selectors: Mapping[str, Selector] | None = None,
        consistency: Consistency | None = None,
        encodes: bool = False,
        gathered: Callable[[], AbstractContextManager[None]] = nullcontext,
        context: DistributedContext = SINGLE_PROCESS,
    ) -> None:
        self.sampler, self.renderer, self.examples, self.scorers = sampler, renderer, examples, scorers
        self.rollout, self.grpo, self.prompts_per_step = rollout, grpo, prompts_per_step
        self.mixture = mixture or Mixture()
        self.augment, self.variants = augment or AugmentOptions(), variants
        self.selectors = dict(selectors or {})
        self.consistency = consistency
        self.encodes, self.context = encodes and variants is None, context
        self.gathered = gathered
        # What it remembers is this run's own, and not of the configuration.
        self.advantage = grpo.advantage.model_copy(deep=True)
        self._seconds_scoring = 0.0
        self._ahead = DrawnAhead() if rollout.overlap else None
        # Advantages and shuffling see the whole step; a reward of groups must too.
        self._scores_apart = not any(scorer.sees_groups for scorer in scorers.values())

    def batch(self, now: Clock) -> Batch:
        """Groups of one step; where the options allow it, questions whose answers all get the same reward
        give way to others."""
        began, count, retried = time.perf_counter(), self.prompts_per_step, self._retried
        self._seconds_scoring = 0.0
        version = now.step * self.grpo.updates
        asked = self._first(now, version)
        ahead = self._begin_next(now, version)
        first = self._shared(now, asked.groups)
        drawn = list(first)
        for number in range(1, self.rollout.resample + 1):
            missing = count - sum(d.group.has_signal for d in drawn)
            if missing <= 0:
                break
            known = {d.group.example.id for d in drawn}
            others = self.mixture.further(self._pool, now, number, missing, known)
            others = shown_anew(others, self.augment, now, number)
            drawn += self._drawn(now, number, others, self._own_prompts(others), None)
        for source, selector in self.selectors.items():
            selector.see([d.group for d in drawn if d.group.example.source == source])
        # Groups with signal go first; the sort is stable, so that without resampling nothing moves.
        kept = sorted(drawn, key=lambda d: not d.group.has_signal)[:count] if len(drawn) > count else drawn
        groups = self._selected(self.mixture.weighted(self._advantages(self._paid(kept, now), now)))
        own = tuple(
            i for i, (d, g) in enumerate(zip(kept, groups, strict=True)) if self._is_own(d) and g.trained
        )
        row = {**step_row(groups), **asked.tried}
        row["signal_share"] = float(np.mean([d.group.has_signal for d in first]))
        row["groups_drawn"] = len(drawn)
        row["groups_trained"] = sum(group.trained for group in groups)
        row["reward_retries"] = self._retried - retried
        row["seconds_scoring"] = self._seconds_scoring
        row["seconds_sampling"] = time.perf_counter() - began - self._seconds_scoring
        if self._ahead is not None:
            row |= {"staleness": version - asked.version, "seconds_waiting": asked.waited}
            row["seconds_sampling"] = asked.seconds
        row["sampled_tokens"] = sum(r.n_tokens for d in drawn for r in d.group.rollouts)
        row["sampled_tokens"] += row.get("selection_tokens", 0)
        row["sampled_tokens_a_second"] = row["sampled_tokens"] / row["seconds_sampling"]
        return Batch(
            tuple(groups),
            own,
            self.rollout.temperature,
            self.rollout.max_new_tokens,
            self._still_encoded(asked.encoded, kept, groups) if kept is drawn else None,
            row,
            version - asked.version,
            ahead,
        )

    def place(self, now: Clock) -> str:
        """Epoch and question with which a step begins."""
        chosen = {source: selector.place() for source, selector in self.selectors.items()}
        return in_words(self.mixture.places(self.examples, now, self.prompts_per_step) | chosen)

    def state(self) -> Any:
        return {name: part.state() for name, part in self._stateful.items()}

    def restore(self, state: Any) -> None:
        for name, part in self._stateful.items():
            if state and name in state:
                part.restore(state[name])

    @property
    def _stateful(self) -> dict[str, Stateful]:
        parts: dict[str, object] = {"advantage": self.advantage, "consistency": self.consistency}
        parts |= {f"selector {source}".strip(): one for source, one in self.selectors.items()}
        return {name: part for name, part in parts.items() if isinstance(part, Stateful)}

    def close(self) -> None:
        """End the sampler, and what it still draws."""
        self.sampler.close()
        if self._ahead is not None:
            self._ahead.close()

    def _first(self, now: Clock, version: int) -> FirstDraw:
        """The first draw of a step: the one that was begun a step before, or a new one."""
        found = self._ahead.drawn(now.step) if self._ahead is not None else None
        if found is None:
            self.sampler.sync(self.renderer, version)
            found = self._asking(now, version)()
        return found

    def _begin_next(self, now: Clock, version: int) -> Callable[[], Sequence[RolloutGroup]] | None:
        """Let the weights that a step begins with draw for the next one; waits for that, and gives a group of
        each server."""
        ahead = self._ahead
        if ahead is None or now.step + 1 >= now.steps:
            return None
        following = replace(now, step=now.step + 1)
        self.sampler.sync(self.renderer, version)
        ahead.begin(following.step, self._asking(following, version))

        def groups() -> Sequence[RolloutGroup]:
            found = ahead.drawn(following.step)
            return found.groups[: max(1, len(self.rollout.url))] if found is not None else ()

        return groups

    def _asking(self, now: Clock, version: int) -> Callable[[], FirstDraw]:
        """Choose what a step asks first; what then draws it may be called in another thread."""
        asked, tried = self._questions(now, self.prompts_per_step)
        chosen = shown_anew(asked, self.augment, now)
        prompts = self._own_prompts(chosen)
        encoded = self.sampler.encode(prompts) if self.encodes and prompts else None

        def draw() -> FirstDraw:
            began = time.perf_counter()
            groups = self._own_groups(now, 0, chosen, prompts, encoded)
            seconds = time.perf_counter() - began
            return FirstDraw(tried, encoded, groups, version, seconds, seconds)

        return draw

    def _questions(self, now: Clock, count: int) -> tuple[list[Example], dict[str, Any]]:
        """What a step asks first, and what choosing it says of itself."""
        turns = self.mixture.of_step(self.examples, now, count)
        if not self.selectors:
            return turns, {}
        row: dict[str, Any] = {}
        for place, selector in enumerate(self.selectors.values()):

            def draw(number: int, some: Sequence[Example], further: int = place) -> list[RolloutGroup]:
                own = self._own_prompts(some)
                drawn = self._drawn(now, number + further * FIRST_PASS, list(some), own, None)
                return [d.group for d in drawn]

            for key, value in selector.first_pass(draw, count).items():
                row[key] = row.get(key, 0) + value
        # An entry keeps its turns, and its selector says with which questions.
        taken = {
            source: iter(selector.take(now, sum(e.source == source for e in turns)))
            for source, selector in self.selectors.items()
        }
        chosen = [next(taken[e.source]) if e.source in taken else e for e in turns]
        rows = {source: selector.row() for source, selector in self.selectors.items()}
        row |= rows.get("") or {"selection": {source: own["selection"] for source, own in rows.items()}}
        return chosen, row

    @property
    def _pool(self) -> Sequence[Example]:
        """The questions that may take the place of others."""
        kept = {example.id for selector in self.selectors.values() for example in selector.pool}
        return [e for e in self.examples if e.source not in self.selectors or e.id in kept]

    def _own_prompts(self, chosen: Sequence[Example]) -> list[Prompt]:
        return prompts_for(self.renderer, chosen[self.context.shard_slice(len(chosen))])

    def _drawn(
        self, now: Clock, number: int, chosen: list[Example], prompts: list[Prompt], encoded: Any
    ) -> list[_OwnedGroup]:
        """Groups of some questions, scored, of every process; each draws its own part alone."""
        return self._shared(now, self._own_groups(now, number, chosen, prompts, encoded))

    def _own_groups(
        self, now: Clock, number: int, chosen: list[Example], prompts: list[Prompt], encoded: Any
    ) -> list[RolloutGroup]:
        """What this process draws of some questions."""
        part = self.context.shard_slice(len(chosen))
        places, seed = tuple(range(part.start, part.stop)), step_seed(now, number)
        examples = chosen[part]
        with self.gathered():
            rollouts = self._sampled(now, examples, SampleSeed(seed, places, len(chosen)), prompts, encoded)
            contrasts = self._contrasts(examples, SampleSeed(turn_seed(seed, 0), places, len(chosen)))
        return [RolloutGroup(e, r, c) for e, r, c in zip(examples, rollouts, contrasts, strict=True)]

    def _shared(self, now: Clock, own: list[RolloutGroup]) -> list[_OwnedGroup]:
        """What all processes drew, scored."""
        if self._scores_apart:
            own = self._scored(own, now)
        every = self.context.all_gather_object([_OwnedGroup(group, self.context.index) for group in own])
        if self._scores_apart:
            return every
        scored = self._scored([d.group for d in every], now) if self.context.is_first else None
        scored = self.context.broadcast_object(scored)
        return [replace(d, group=group) for d, group in zip(every, scored or [], strict=True)]

    def _sampled(
        self, now: Clock, examples: Sequence[Example], draw: SampleSeed, prompts: list[Prompt], encoded: Any
    ) -> list[tuple[Rollout, ...]]:
        """The rollouts of each question's group."""
        if self.variants is None:
            return self._rolled_out(examples, self.rollout.group_size, draw, prompts, encoded)
        return [
            self._of_variants(example, SampleSeed(draw.seed, (place,), draw.total), now)
            for example, place in zip(examples, draw.places, strict=True)
        ]

    def _rolled_out(
        self,
        examples: Sequence[Example],
        n: int,
        draw: SampleSeed,
        prompts: list[Prompt] | None = None,
        encoded: Any = None,
    ) -> list[tuple[Rollout, ...]]:
        params = self.rollout.params()
        return roll_out(
            self.sampler, self.renderer, examples, n, params, draw, prompts=prompts, encoded=encoded
        )

    def _of_variants(self, example: Example, draw: SampleSeed, now: Clock) -> tuple[Rollout, ...]:
        """The rollouts of one group, in equal parts of its variants."""
        assert self.variants is not None
        shown = self.variants(example, now)
        size, left = divmod(self.rollout.group_size, len(shown))
        if left or not size:
            raise InputError(
                f"rollout.group_size: {self.rollout.group_size} rollouts cannot be divided among "
                f"{len(shown)} variants of a question. Set a multiple of {len(shown)}."
            )
        places = tuple(draw.places[0] * len(shown) + k for k in range(len(shown)))
        drawn = self._rolled_out(shown, size, SampleSeed(draw.seed, places, draw.total * len(shown)))
        return tuple(rollout for each in drawn for rollout in each)

    def _contrasts(self, examples: Sequence[Example], draw: SampleSeed) -> list[tuple[Rollout, ...]]:
        """Rollouts of the variant that a task's reward compares with; none where it asks for none."""
        asked = [(i, c) for i, e in enumerate(examples) if (c := task_of(e).contrast_example(e)) is not None]
        found: list[tuple[Rollout, ...]] = [()] * len(examples)
        if asked:
            places = tuple(draw.places[i] for i, _ in asked)
            n = max(1, self.rollout.group_size // 2)
            drawn = self._rolled_out([c for _, c in asked], n, SampleSeed(draw.seed, places, draw.total))
            for (i, _), rollouts in zip(asked, drawn, strict=True):
                found[i] = rollouts
        return found

    @property
    def _retried(self) -> int:
        return sum(scorer.retried for scorer in self.scorers.values())

    def _scored(self, groups: list[RolloutGroup], now: Clock) -> list[RolloutGroup]:
        began = time.perf_counter()
        done = score_groups(self.scorers, groups, now)
        self._seconds_scoring += time.perf_counter() - began
        return done

    def _advantages(self, groups: list[RolloutGroup], now: Clock) -> list[RolloutGroup]:
        weights = {entry: scorer.weights for entry, scorer in self.scorers.items()}
        if self.grpo.shuffle_rewards:
            found = shuffled(self.advantage, groups, now, weights, step_seed(now))
        else:
            found = self.advantage(groups, now, weights)
        weight = self.grpo.difficulty_weight
        return found if weight is None else weight(found)

    def _paid(self, kept: Sequence[_OwnedGroup], now: Clock) -> list[RolloutGroup]:
        groups = [d.group for d in kept]
        if self.consistency is None:
            return groups
        self.consistency.follow(now)
        return self.consistency(groups, [i for i, d in enumerate(kept) if self._is_own(d)])

    def _selected(self, groups: list[RolloutGroup]) -> list[RolloutGroup]:
        """The groups that train: all, or those with signal, unless none has any."""
        if not self.grpo.only_signal or not any(group.has_signal for group in groups):
            return groups
        return [replace(group, trained=group.has_signal) for group in groups]

    def _still_encoded(self, encoded: Any, kept: list[_OwnedGroup], groups: list[RolloutGroup]) -> Any:
        """The encoded prompts of this process's groups that train."""
        mine = [g.trained for d, g in zip(kept, groups, strict=True) if self._is_own(d)]
        if encoded is None or all(mine):
            return encoded
        return encoded.select(torch.tensor([i for i, t in enumerate(mine) if t])) if any(mine) else None

    def _is_own(self, drawn: _OwnedGroup) -> bool:
        return drawn.process == self.context.index


def step_seed(now: Clock, draw: int = 0) -> int:
    """The seed of a step's draw; 0 is its first."""
    entropy = [now.seed, now.step, draw] if draw else [now.seed, now.step]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
