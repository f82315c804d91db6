"""The one driver of rollouts, for training, probe, evaluation and prediction: ask, answer, reply, parse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vrft.rollout.sampler import Renderer, Sampler
from vrft.tasks.registry import task_of
from vrft.types import (
    Completion,
    CoordinateFrame,
    Example,
    Message,
    Prompt,
    Rollout,
    SampleSeed,
    SamplingParams,
    Turn,
)

MOST_TURNS = 8


def prompts_for(
    renderer: Renderer, examples: Sequence[Example], begun: Sequence[str] | None = None
) -> list[Prompt]:
    """The first prompt of each example: its task's words, in its form, with its media.

    Args:
        renderer: whose prompts.
        examples: of any tasks.
        begun: how the answer to each begins. That is shown and not trained on, whoever samples goes on from
            there, and it is read as part of the answer. None lets the model begin.

    Raises:
        InputError: a question, or the beginning of an answer, holds a token that stands for an image.
    """
    prompts = []
    for example, beginning in zip(examples, begun or [""] * len(examples), strict=True):
        task = task_of(example)
        question = task.question(example, [renderer.frame(medium) for medium in example.media])
        shown = task.environment.start(example, question)
        own = (Message("assistant", (beginning,)),) if beginning else ()
        prompts.append(renderer.first((*shown, *own)))
    return prompts


def roll_out(
    sampler: Sampler,
    renderer: Renderer,
    examples: Sequence[Example],
    n: int,
    params: SamplingParams,
    draw: SampleSeed,
    *,
    prompts: Sequence[Prompt] | None = None,
    encoded: object | None = None,
    max_turns: int = MOST_TURNS,
) -> list[tuple[Rollout, ...]]:
    """Draw ``n`` trajectories of each example, and read what they answer.

    The first turn draws ``n`` completions to each prompt; later turns differ, and are drawn one by one.

    Args:
        sampler: who answers.
        renderer: whose prompts.
        examples: of any tasks.
        n: trajectories of each.
        params: of every turn.
        draw: where chance comes from; places are those of the examples in the whole list.
        prompts: the first prompts, where they are made already.
        encoded: of these prompts, under the same weights.
        max_turns: a trajectory ends here at the latest.

    Returns:
        One tuple of ``n`` rollouts for each example, with answers, without rewards.
    """
    first = list(prompts) if prompts is not None else prompts_for(renderer, examples)
    drawn = sampler.generate(first, n, params, draw, encoded) if first else []
    turns = [[Turn(prompt, said)] for prompt, group in zip(first, drawn, strict=True) for said in group]
    going: Sequence[int] = range(len(turns))
    for number in range(1, max_turns):
        following = _following(renderer, examples, n, turns, going)
        if not following:
            break
        places = tuple(draw.places[i // n] * n + i % n for i in following)
        later = SampleSeed(turn_seed(draw.seed, number), places, draw.total * n)
        for i, (said,) in zip(
            following, sampler.generate(list(following.values()), 1, params, later), strict=True
        ):
            turns[i].append(Turn(following[i], said))
        going = list(following)
    rollouts = [read_turns(examples[i // n], tuple(own)) for i, own in enumerate(turns)]
    return [tuple(rollouts[i * n : (i + 1) * n]) for i in range(len(examples))]


def _following(
    renderer: Renderer, examples: Sequence[Example], n: int, turns: list[list[Turn]], going: Sequence[int]
) -> dict[int, Prompt]:
    """The next prompt of every trajectory that is not over."""
    following = {}
    for i in going:
        example, last = examples[i // n], turns[i][-1]
        reply = task_of(example).environment.reply(example, turns[i]) if last.completion.finished else None
        if reply is not None:
            following[i] = renderer.following(last.prompt, last.completion, reply)
    return following


def read_turns(example: Example, turns: tuple[Turn, ...], view: str = "plain") -> Rollout:
    """A trajectory with what it answers."""
    return Rollout(example, turns, task_of(example).parse_turns(example, turns), view)


def recorded(example: Example, frames: Sequence[CoordinateFrame], said: Completion) -> Rollout:
    """An answer that exists already as text: gold, an attack, a stored or foreign one."""
    return read_turns(example, (Turn(Prompt(frames=tuple(frames)), said),))


def turn_seed(seed: int, turn: int) -> int:
    """The seed of a later turn."""
    return int(np.random.SeedSequence([seed, turn]).generate_state(1)[0])
