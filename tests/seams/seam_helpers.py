"""What the seam tests share: an image, a clip, a sampler without a model, and the scoring of what it says."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from custom_task import CUSTOM, CUSTOM_SPEC
from vrft.rewards.reward_term import as_term
from vrft.rollout.driver import roll_out
from vrft.rollout.scripted import CharacterRenderer, ScriptedSampler
from vrft.tasks.parsing.answer_parsers import parse_answer
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.registry import load_task, register
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.tasks.task import Task
from vrft.types import (
    Annotation,
    Boxes,
    Example,
    Image,
    Record,
    RolloutGroup,
    SampleSeed,
    SamplingParams,
    Video,
)
from vrft.types.plugins import load_object

COUNT = type(load_task(CUSTOM_SPEC))
LookAgain = load_object(f"{CUSTOM.parent / 'custom_environment.py'}:LookAgain")
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
IMAGE = Image(Path("a.jpg"), (200, 100))
CLIP = Video(Path("b.mp4"), (64, 64), (0.0, 1.0, 2.0, 3.0))
CUP, FORK = (20.0, 10.0, 60.0, 50.0), (100.0, 20.0, 160.0, 80.0)
PHOTO = Record(
    "a",
    (IMAGE,),
    (Annotation("category", "cup", Boxes((CUP,))), Annotation("category", "fork", Boxes((FORK,)))),
)
RENDERER = CharacterRenderer()


class TaggedTask(Task):
    """A task whose answer is between the tags: ``read`` and ``write`` are its reader and writer."""

    help = "A task of the tests."

    def read(self, content: str):
        raise NotImplementedError

    def write(self, value) -> str:
        return str(value)

    def gold(self, example, frames):
        return in_tags(self.write(example.target), "I look.", example.form)

    def parse(self, text, example, frames):
        return parse_answer(text, example.form, self.read)


def ask(
    task: Task, texts: Sequence[str] | ScriptedSampler, examples, n: int, **options
) -> list[RolloutGroup]:
    """Groups of ``n`` scored rollouts; the sampler says the texts in turn."""
    register(task)
    sampler = texts if not isinstance(texts, list | tuple) else ScriptedSampler(*texts)
    every = roll_out(sampler, RENDERER, examples, n, SamplingParams(), SampleSeed.whole(len(examples)))
    groups = [RolloutGroup(e, rollouts) for e, rollouts in zip(examples, every, strict=True)]
    return Scorer(task, RewardOptions(**options)).score(groups)


def setting(**terms) -> dict:
    return {"recommended": {name: as_term(term) for name, term in terms.items()}}


def answered(number: str) -> str:
    return f"<think>I count.</think><answer>{number}</answer>"


def t_iou(one, other) -> float:
    both = max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))
    return both / (max(one.end_s, other.end_s) - min(one.start_s, other.start_s))


def rewards(group: RolloutGroup) -> list[float]:
    return [r.reward for r in group.rollouts]


def shown(example: Example) -> Image:
    return example.media[0]


def pstdev(numbers) -> float:
    mean = math.fsum(numbers) / len(numbers)
    return math.sqrt(math.fsum((n - mean) ** 2 for n in numbers) / len(numbers))
