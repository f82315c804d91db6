"""Answers to one batch of questions. Axes: Q questions, N answers to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vrft.evaluation.judged import Gate, Judged, Said
from vrft.inference.ask_options import Asking
from vrft.inference.presence_gate import ask_gate
from vrft.inference.test_time_views import Look, looks
from vrft.models.policy import Policy, Prompt
from vrft.rollout.box_logprobs import box_logprobs
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.sampling import Sampled, Sampling, sample
from vrft.tasks.task import Task
from vrft.types import Answer, Example

DECIMALS = 5
"""Of log-probabilities: what is beyond depends on how many threads add."""


@dataclass(frozen=True)
class _View:
    """One look at one question's picture, with the answers that were drawn."""

    look: Look
    prompt: Prompt
    saids: list[Said]
    """The greedy one, then the sampled ones."""


def answer_questions(
    policy: Policy, task: Task, examples: Sequence[Example], asking: Asking, batch: int = 0
) -> list[Judged]:
    """Ask a policy questions that are encoded together.

    Args:
        policy: whom to ask.
        task: of the questions.
        examples: Q questions.
        asking: how.
        batch: number of the batch; with the seed it decides what is drawn.

    Returns:
        One judged answer a question, in order: the plain greedy answer, with further ones in ``others``.

    Raises:
        InputError: a prompt does not fit into the model, or the task has no gate.
    """
    gates = ask_gate(policy, task, examples, asking) if asking.gate else [None] * len(examples)
    open_places = [i for i, gate in enumerate(gates) if gate is None or gate.present is not False]
    views = _looked(policy, task, [examples[i] for i in open_places], asking, batch)
    judged = {
        place: _judged(examples[place], own, gates[place], asking)
        for place, own in zip(open_places, views, strict=True)
    }
    return [judged.get(i) or _denied(examples[i], gates[i], asking) for i in range(len(examples))]


def _looked(
    policy: Policy, task: Task, examples: Sequence[Example], asking: Asking, batch: int
) -> list[list[_View]]:
    """Of each question its looks, the plain one first, with their answers."""
    shown = [looks(example, asking.flip, asking.scales) for example in examples]
    views: list[list[_View]] = [[] for _ in examples]
    for place in range(max(map(len, shown), default=0)):
        here = [q for q, own in enumerate(shown) if place < len(own)]
        prompts = prompts_for(policy, task, [shown[q][place].example for q in here], asking.form)
        further = [_draws(asking.samples, len(shown[q]), place) for q in here]
        greedy = sample(policy, prompts, 1, Sampling(temperature=0, max_new_tokens=asking.max_new_tokens))
        drawn = _drawn(policy, prompts, further, asking, (batch, place))
        for q, prompt, (first,), others in zip(here, prompts, greedy, drawn, strict=True):
            look = shown[q][place]
            saids = [_said(policy, task, one, prompt, look, asking) for one in (first, *others)]
            views[q].append(_View(look, prompt, saids))
    return views


def _draws(samples: int, count: int, place: int) -> int:
    """How many of ``samples`` answers are sampled from one of ``count`` looks: they take turns."""
    left = max(0, samples - count)
    return left // count + (place < left % count)


def _drawn(
    policy: Policy, prompts: list[Prompt], counts: list[int], asking: Asking, place: tuple[int, int]
) -> list[list[Sampled]]:
    """Sampled answers, so many to each prompt; no more rows at once than the settings allow."""
    most = max(counts, default=0)
    if not most:
        return [[] for _ in prompts]
    sampling = Sampling(
        asking.temperature, asking.top_p, max_new_tokens=asking.max_new_tokens, untempered=True
    )
    per = max(1, asking.rows // most)
    groups: list[list[Sampled]] = []
    for begin in range(0, len(prompts), per):
        entropy = [asking.seed, *place, begin]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        groups += sample(policy, prompts[begin : begin + per], most, sampling, seed)
    return [group[:count] for group, count in zip(groups, counts, strict=True)]


def _said(policy: Policy, task: Task, one: Sampled, prompt: Prompt, look: Look, asking: Asking) -> Said:
    text = policy.decode(one.token_ids)
    answer = task.parse(text, prompt.picture.view, asking.form)
    return Said(
        text,
        look.back(answer),
        len(one.token_ids),
        round(float(np.mean(one.logprobs)), DECIMALS),
        tuple(None if p is None else round(p, DECIMALS) for p in box_logprobs(policy, one, answer)),
        one.finished,
        look.name,
    )


def _judged(example: Example, views: list[_View], gate: Gate | None, asking: Asking) -> Judged:
    """The plain answer, and the others: the greedy ones of further looks, then the looks in turns."""
    first = views[0].saids[0]
    others = [view.saids[0] for view in views[1:]]
    most = max(len(view.saids) for view in views)
    others += [view.saids[i] for i in range(1, most) for view in views if i < len(view.saids)]
    return Judged(
        example,
        first.text,
        first.answer,
        first.tokens,
        first.logprob,
        first.box_logprobs,
        first.finished,
        views[0].prompt.picture.view,
        asking.form,
        tuple(others),
        {view.look.name: len(view.prompt.token_ids) for view in views},
        gate,
    )


def _denied(example: Example, gate: Gate | None, asking: Asking) -> Judged:
    """What a question comes to where the gate said no."""
    return Judged(example, "", Answer(parsed=True, formatted=True), 0, form=asking.form, gate=gate)
