"""What examinations with a model look at: questions as the policy's own tokenizer and processor give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path

from vrft.data.splits.question_pool import seeded_order
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, examined
from vrft.errors import InputError, LabelError
from vrft.models.layer_sizes import patches_of
from vrft.models.policy import MediumCache, Policy, ProcessedImage
from vrft.progress import ProgressReporter
from vrft.rollout.driver import prompts_for
from vrft.rollout.length_check import check_length
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.tasks.registry import task_of
from vrft.training.training_options import Gpus
from vrft.types import Answer, BoxXYXY, CoordinateFrame, Example, Prompt, Value

QUESTIONS = 200
"""Questions that are encoded at most."""


@dataclass(frozen=True)
class EncodedQuestion:
    """One question as the policy would get it."""

    example: Example
    frames: tuple[CoordinateFrame, ...]
    prompt_tokens: int
    image_tokens: int
    """Those of the prompt that stand for images."""
    patches: int
    """What the vision tower sees of the images."""
    gold_tokens: int
    read_back: Answer
    """The right answer, after it was written, tokenized, decoded and parsed."""
    too_long: str | None
    """Why the prompt is refused, where it is."""

    @property
    def target(self) -> Value:
        assert self.example.target is not None
        return self.example.target


@dataclass(frozen=True)
class ModelCase:
    """A dataset and the policy that is to learn from it."""

    data: DataCase
    policy: Policy
    """May be without weights."""
    out: Path
    """Where images go."""
    memory_gib: float | None = None
    """Of the device that will train, where it is not this machine's."""
    gpus: Gpus | None = None
    """The GPUs that will train together; None for one."""

    def examine(self, reporter: ProgressReporter) -> list[Finding]:
        from vrft.diagnostics.check.model_fit import MODEL_EXAMINATIONS

        return examined(MODEL_EXAMINATIONS, self, "Examining with the model", reporter)

    @cached_property
    def encoded(self) -> tuple[EncodedQuestion, ...]:
        """Up to 200 questions, hard ones among them; those about damaged images are left out."""
        return tuple(self.encode(_chosen(self.sound, self.data.config.seed)))

    @cached_property
    def sound(self) -> tuple[Example, ...]:
        """All questions with a label but those about damaged images; where they are too many to be listed,
        those about things that are there."""
        damaged = {name for name, found in self.data.prints.items() if isinstance(found, LabelError)}
        asked = self.data.examples
        listed = asked.present() if isinstance(asked, LazyQuestionGrid) else asked
        return tuple(e for e in listed if e.record_id not in damaged and e.target is not None)

    def encode(self, examples: Sequence[Example]) -> list[EncodedQuestion]:
        """Encode questions about sound images, in order of their images."""
        ordered = sorted(examples, key=lambda example: (_shown(example), example.id))
        # A processed image may take many megabytes: each is forgotten when its questions are encoded.
        return [
            self._encode(policy, example, prompt)
            for _, questions in groupby(ordered, key=_shown)
            for policy in [replace(self.policy, _images=MediumCache[ProcessedImage]())]
            for listed in [list(questions)]
            for example, prompt in zip(listed, prompts_for(policy, listed), strict=True)
        ]

    def _encode(self, policy: Policy, example: Example, prompt: Prompt) -> EncodedQuestion:
        task = task_of(example)
        written = policy.said(task.gold(example, prompt.frames)).token_ids
        too_long = None
        try:
            check_length(policy, [prompt], self.data.config.rollout.max_new_tokens)
        except InputError as error:
            # The finding has the place.
            too_long = str(error).removeprefix(f"{prompt.media[0].path}: " if prompt.media else "")
        return EncodedQuestion(
            example,
            prompt.frames,
            prompt_tokens=len(prompt.token_ids),
            image_tokens=prompt.token_ids.count(policy.image_token_id),
            patches=sum(patches_of(policy, policy.image(medium)) for medium in prompt.media),
            gold_tokens=len(written),
            read_back=task.parse(policy.decode(written), example, prompt.frames),
            too_long=too_long,
        )


def boxes_in(value: Value | None) -> tuple[BoxXYXY, ...]:
    """The boxes that a value consists of; none where it is of another kind."""
    return getattr(value, "xyxy_px", ())


def smallest_side_px(example: Example) -> float:
    """The shortest side of a question's boxes in pixels of the file; infinite where it has none."""
    sides = (min(x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes_in(example.target))
    return min(sides, default=float("inf"))


def _shown(example: Example) -> tuple[str, ...]:
    return tuple(str(medium.path) for medium in example.media)


def _chosen(examples: Sequence[Example], seed: int) -> list[Example]:
    """All questions, or a quarter with the longest answers, a quarter with the smallest boxes, and others."""
    if len(examples) <= QUESTIONS:
        return list(examples)
    by_id = {example.id: example for example in examples}
    share = QUESTIONS // 4
    long = sorted(examples, key=lambda e: e.target.size if e.target is not None else 0, reverse=True)[:share]
    small = sorted(examples, key=smallest_side_px)[:share]
    any_order = [by_id[name] for name in seeded_order(by_id, seed, "check")]
    return list({example.id: example for example in (*long, *small, *any_order)}.values())[:QUESTIONS]
