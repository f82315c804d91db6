"""A policy as a predictor. Axes: Q questions, N answers to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import InputError
from vrft.inference.ask_options import AskOptions
from vrft.inference.test_time_views import TTAView, views_of
from vrft.rollout.driver import prompts_for, roll_out
from vrft.rollout.sampler import SERVED, Renderer, Sampler, load_sampler
from vrft.tasks.registry import task_of
from vrft.tasks.task import PresenceQuestion
from vrft.types import (
    Answer,
    Boxes,
    Completion,
    Example,
    GateAnswer,
    Message,
    Prediction,
    Prompt,
    Rollout,
    SampleSeed,
    Turn,
)

if TYPE_CHECKING:
    from vrft.models.policy import Policy

DECIMALS = 5
"""Of log-probabilities: what is beyond depends on how many threads add."""


@dataclass(frozen=True)
class PolicyPredictor:
    """Asks a policy: a plain greedy answer, then greedy ones of further views, then sampled ones in turns.

    Args:
        sampler: who answers.
        renderer: whose prompts; a policy is one.
        options: how it is asked.
        name: in tables.
    """

    sampler: Sampler
    renderer: Renderer
    options: AskOptions = field(default_factory=AskOptions)
    name: str = "policy"

    @classmethod
    def of(
        cls,
        policy: Policy,
        options: AskOptions | None = None,
        urls: Sequence[str] = (),
        context: DistributedContext = SINGLE_PROCESS,
    ) -> Self:
        """A policy with the sampler that shares prompts; where servers are named, they answer with its
        weights."""
        sampler = load_sampler(SERVED if urls else "shared_prompt", policy, urls=urls, context=context)
        sampler.sync(policy, 0)
        return cls(sampler, policy, options or AskOptions())

    def predict(self, examples: Sequence[Example], batch: int = 0) -> list[Prediction]:
        """Ask questions that are encoded together; each answer is that of the plain rollout.

        Args:
            examples: Q questions of any tasks.
            batch: number of the batch; with the seed it decides what is drawn.

        Raises:
            InputError: a prompt does not fit into the model, or a task has no gate.
        """
        gates = self._gates(examples) if self.options.gate else [None] * len(examples)
        places = [i for i, gate in enumerate(gates) if gate is None or gate.present is not False]
        asked = dict(zip(places, self._ask([examples[i] for i in places], batch), strict=True))
        return [_prediction(*each, asked.get(i)) for i, each in enumerate(zip(examples, gates, strict=True))]

    def _gates(self, examples: Sequence[Example]) -> list[GateAnswer | None]:
        """Whether each thing is there at all, in the policy's own greedy words (Visual-RFT, section 4.1)."""
        gates = [_presence(example) for example in examples]
        prompts = [
            self.renderer.first((Message("user", (*example.media, gate.question(example))),))
            for example, gate in zip(examples, gates, strict=True)
        ]
        said = self.sampler.generate(prompts, 1, self.options.greedy, SampleSeed.whole(len(prompts)))
        return [
            GateAnswer(_rounded(one), gate.read(one.text, example.form), prompt.length or 0)
            for example, gate, prompt, (one,) in zip(examples, gates, prompts, said, strict=True)
        ]

    def _ask(self, examples: Sequence[Example], batch: int) -> list[tuple[Rollout, ...]]:
        """All rollouts of each question: the greedy ones by view, then the sampled ones, views in turns."""
        options = self.options
        views = [views_of(example, options.flip, options.scales) for example in examples]
        said: list[list[list[Rollout]]] = [[] for _ in examples]
        for place in range(max(map(len, views), default=0)):
            here = [q for q, own in enumerate(views) if place < len(own)]
            shown = [views[q][place] for q in here]
            asked = [view.example for view in shown]
            prompts = prompts_for(self.renderer, asked)
            counts = [sampled_from(options.samples, len(views[q]), place) for q in here]
            draw = SampleSeed.whole(len(asked))
            greedy = roll_out(self.sampler, self.renderer, asked, 1, options.greedy, draw, prompts=prompts)
            drawn = self._drawn(asked, prompts, counts, (batch, place))
            for q, view, first, others in zip(here, shown, greedy, drawn, strict=True):
                score = options.score
                said[q].append([_kept(with_score(one, score), view) for one in (*first, *others)])
        return [_in_turns(own) for own in said]

    def _drawn(
        self, examples: Sequence[Example], prompts: list[Prompt], counts: list[int], place: tuple[int, int]
    ) -> list[tuple[Rollout, ...]]:
        """Sampled rollouts, so many of each example; no more rows at once than the options allow."""
        most = max(counts, default=0)
        if not most:
            return [()] * len(examples)
        per = max(1, self.options.rows // most)
        groups: list[tuple[Rollout, ...]] = []
        for begin in range(0, len(examples), per):
            seed = np.random.SeedSequence([self.options.seed, *place, begin]).generate_state(1)[0]
            asked, part = examples[begin : begin + per], prompts[begin : begin + per]
            draw, params = SampleSeed.whole(len(part), int(seed)), self.options.sampled
            groups += roll_out(self.sampler, self.renderer, asked, most, params, draw, prompts=part)
        return [group[:count] for group, count in zip(groups, counts, strict=True)]


def with_score(rollout: Rollout, score: str) -> Rollout:
    """A rollout whose answer's parts have the confidences of a name; the written ones, where its task has no
    such confidences, or they are not known."""
    rule = task_of(rollout.example).confidence_sources.get(score)
    given = rule(rollout) if rule is not None else None
    boxes = rollout.answer.as_(Boxes)
    if given is None or boxes is None:
        return rollout
    scores = tuple(round(value, DECIMALS) for value in given)
    return replace(rollout, answer=replace(rollout.answer, value=replace(boxes, scores=scores)))


def sampled_from(samples: int, count: int, place: int) -> int:
    """How many of ``samples`` answers are sampled from one of ``count`` views: they take turns."""
    left = max(0, samples - count)
    return left // count + (place < left % count)


def _presence(example: Example) -> PresenceQuestion:
    task = task_of(example)
    if task.presence_question is None:
        raise InputError(f"{task.name} cannot ask first whether something is in the image. Leave --gate out.")
    return task.presence_question


def _prediction(
    example: Example, gate: GateAnswer | None, rollouts: tuple[Rollout, ...] | None
) -> Prediction:
    if rollouts is None:  # the gate said no
        return Prediction(example, Answer(task_of(example).answer(), formatted=True), gate=gate)
    return Prediction(example, rollouts[0].answer, rollouts, gate=gate)


def _in_turns(views: list[list[Rollout]]) -> tuple[Rollout, ...]:
    most = max(map(len, views))
    return tuple(own[i] for i in range(most) for own in views if i < len(own))


def _kept(rollout: Rollout, view: TTAView) -> Rollout:
    """A rollout of a view as every later reader has it, from disk or not."""
    turns = tuple(
        Turn(replace(t.prompt, token_ids=(), n_tokens=t.prompt.length), _rounded(t.completion))
        for t in rollout.turns
    )
    return replace(rollout, turns=turns, view=view.name, answer=view.believed(rollout.answer))


def _rounded(said: Completion) -> Completion:
    logprobs, digits = (tuple(round(n, DECIMALS) for n in row) for row in (said.logprobs, said.digits))
    return replace(said, logprobs=logprobs, digits=digits)
