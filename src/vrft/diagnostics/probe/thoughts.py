"""Whether right answers are carried by their thoughts: what a policy answers behind another thought.

A right answer may come from its thought, or by luck, or be known without any thought. Each right sample is
asked again, greedily, behind its own thought, behind none, and behind the thought of another question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vrft.diagnostics.probe.probe_summary import Thoughts
from vrft.errors import InputError
from vrft.rollout.driver import prompts_for, roll_out
from vrft.rollout.sampler import Renderer, Sampler
from vrft.tasks.parsing.tags import THINK_CLOSE, thought_span
from vrft.tasks.registry import task_of
from vrft.tasks.rollout_facts import is_success, share_with_work
from vrft.tasks.task import SUCCESS
from vrft.types import Answer, Form, Rollout, RolloutGroup, SampleSeed, SamplingParams

MOST = 32
"""Right samples that are asked again: three short greedy answers each."""


def right_samples(groups: Sequence[RolloutGroup]) -> list[Rollout]:
    """The samples of one turn whose thought and answer are in form, and whose answer is right."""
    return [
        rollout
        for group in groups
        for rollout in group.rollouts
        if rollout.example.form is Form.THINK
        and len(rollout.turns) == 1
        and rollout.answer.formatted
        and thought_span(rollout.turns[0].text) is not None
        and is_success(rollout)
    ]


def thoughts_behind(
    sampler: Sampler,
    renderer: Renderer,
    right: Sequence[Rollout],
    chosen: Sequence[Rollout],
    params: SamplingParams,
    at_once: int,
) -> Thoughts:
    """Ask right samples again behind their own thought, behind none, and behind another question's.

    Args:
        sampler: the policy that sampled them.
        renderer: whose prompts.
        right: the right samples, as ``right_samples`` gives them.
        chosen: those that are asked again.
        params: greedy, or else answers depend on chance.
        at_once: questions that are answered together.
    """

    def answers(asked: Sequence[Rollout], begun: Sequence[str]) -> list[Answer]:
        examples, found = [one.example for one in asked], list[Answer]()
        for start in range(0, len(examples), at_once):
            some = examples[start : start + at_once]
            prompts = prompts_for(renderer, some, begun[start : start + at_once])
            draw = SampleSeed.whole(len(some))
            drawn = roll_out(sampler, renderer, some, 1, params, draw, prompts=prompts, max_turns=1)
            found += [one.answer for (one,) in drawn]
        return found

    tried = [one for one in chosen if _can_be_asked(renderer, one)]
    others = [_other(tried, place) for place in range(len(tried))]
    pairs = [(one, other) for one, other in zip(tried, others, strict=True) if other is not None]
    own = _rightly(tried, answers(tried, [_beginning(one, one) for one in tried]))
    none = _rightly(tried, answers(tried, [_beginning(one, None) for one in tried]))
    swapped = answers([one for one, _ in pairs], [_beginning(*pair) for pair in pairs])
    return Thoughts(
        right=len(right),
        tried=len(tried),
        carried=_share([with_it and not without for with_it, without in zip(own, none, strict=True)]),
        unneeded=_share(none),
        lucky=_share([not (with_it or without) for with_it, without in zip(own, none, strict=True)]),
        swapped=len(pairs),
        follows=_share([_is_same(pair[1], answer) for pair, answer in zip(pairs, swapped, strict=True)]),
        shown=share_with_work(tried),
    )


def _can_be_asked(renderer: Renderer, one: Rollout) -> bool:
    """Whether the thought may stand in a prompt: not where it holds a token that stands for an image."""
    try:
        prompts_for(renderer, [one.example], [_beginning(one, one)])
    except InputError:
        return False
    return True


def _beginning(one: Rollout, thinker: Rollout | None) -> str:
    """An answer up to its content, behind its own thought, another's, or none.

    Where a token of the answer holds the end of the tag and more, it begins before that token: the policy
    goes on from tokens that it would have written itself.
    """
    text, completion = one.turns[0].text, one.turns[0].completion
    begin, end, content = thought_span(text) or (0, 0, 0)
    before = len(text) - len(completion.text)
    ends = [before + place for place in completion.ends]
    start = max((e for e in ends if end + len(THINK_CLOSE) <= e <= content), default=content)
    if thinker is one:
        return text[:start]
    thought = " "
    if thinker is not None:
        its = thinker.turns[0].text
        first, last, _ = thought_span(its) or (0, 0, 0)
        thought = its[first:last]
    return text[:begin] + thought + text[end:start]


def _other(tried: Sequence[Rollout], place: int) -> Rollout | None:
    """The next sample that answers another question of the same task, and says something else."""
    one = tried[place]
    return next(
        (
            other
            for other in (*tried[place + 1 :], *tried[:place])
            if other.example.id != one.example.id
            and other.example.task == one.example.task
            and not _is_same(one, other.answer)
        ),
        None,
    )


def _rightly(asked: Sequence[Rollout], answers: Sequence[Answer]) -> list[bool]:
    return [is_success(replace(one, answer=answer)) for one, answer in zip(asked, answers, strict=True)]


def _is_same(one: Rollout, answer: Answer) -> bool:
    """Whether an answer says what a sample said."""
    said, value = one.answer.value, answer.value
    return said is not None and value is not None and task_of(one.example).similarity(said, value) >= SUCCESS


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
