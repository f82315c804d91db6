"""What examinations with a model look at: questions as the policy's own tokenizer and processor give them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path

from vrft.data.splits.seeded_shuffle import seeded_order
from vrft.diagnostics.check.check_case import DataCase
from vrft.errors import InputError, LabelError
from vrft.geometry.frames import View
from vrft.models.layer_sizes import patches_of
from vrft.models.policy import Policy
from vrft.rollout.length_check import check_length
from vrft.rollout.prompting import prompts_for
from vrft.tasks.lazy_questions import Pairs
from vrft.types import BoxesTarget, ClassTarget, Example

QUESTIONS = 200
"""Questions that are encoded at most."""


@dataclass(frozen=True)
class Asked:
    """One question as the policy would get it."""

    example: Example
    view: View
    prompt_tokens: int
    picture_tokens: int
    """Those of the prompt that stand for the picture."""
    patches: int
    """What the vision tower sees of the picture."""
    gold: str
    """The right answer as the policy would write it."""
    gold_tokens: int
    read_back: str
    """The right answer after its tokens were decoded."""
    too_long: str | None
    """Why the prompt is refused, where it is."""


@dataclass(frozen=True)
class ModelCase:
    """A data set and the policy that is to learn from it."""

    data: DataCase
    policy: Policy
    """May be without weights."""
    out: Path
    """Where pictures go."""

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """Up to 200 questions, hard ones among them; those about damaged pictures are left out."""
        return tuple(self.ask(_chosen(self.sound, self.data.config.seed)))

    @cached_property
    def sound(self) -> tuple[Example, ...]:
        """All questions but those about damaged pictures; of ``Pairs`` those about things that are there."""
        damaged = {name for name, found in self.data.prints.items() if isinstance(found, LabelError)}
        asked = self.data.examples
        listed = asked.present() if isinstance(asked, Pairs) else asked
        return tuple(example for example in listed if example.record_id not in damaged)

    def ask(self, examples: Sequence[Example]) -> list[Asked]:
        """Encode questions, in order of their pictures.

        Args:
            examples: about sound pictures.
        """
        ordered = sorted(examples, key=lambda example: (str(example.image), example.id))
        # A processed picture may take many megabytes: each is forgotten when its questions are encoded.
        return [
            asked
            for _, questions in groupby(ordered, key=lambda example: example.image)
            for asked in self._ask(replace(self.policy, _pictures=OrderedDict()), list(questions))
        ]

    def _ask(self, policy: Policy, examples: Sequence[Example]) -> list[Asked]:
        task, config = self.data.task, self.data.config
        found = []
        for example, prompt in zip(
            examples, prompts_for(policy, task, examples, config.prompt.form), strict=True
        ):
            view = prompt.picture.view
            gold = task.gold(example, view, config.prompt.form)
            gold_ids = policy.answer_ids(gold)
            try:
                check_length(policy, [prompt], config.rollout.max_new_tokens)
                too_long = None
            except InputError as error:
                too_long = str(error)
            pictured = prompt.token_ids.count(policy.image_token_id)
            patches = patches_of(policy, prompt.picture)
            counts = (len(prompt.token_ids), pictured, patches, gold, len(gold_ids), policy.decode(gold_ids))
            found.append(Asked(example, view, *counts, too_long))
        return found


def smallest_side_px(example: Example) -> float:
    """The shortest side of a question's boxes in original pixels; infinite where it has none."""
    boxes = example.target.boxes_xyxy_px if isinstance(example.target, BoxesTarget) else ()
    return min((min(x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes), default=float("inf"))


def _answer_size(example: Example) -> int:
    """A measure by which long answers are told from short ones."""
    target = example.target
    if isinstance(target, ClassTarget):
        return len(target.name)
    return len(target.boxes_xyxy_px) if isinstance(target, BoxesTarget) else 0


def _chosen(examples: Sequence[Example], seed: int) -> list[Example]:
    """All questions, or a quarter with the longest answers, a quarter with the smallest boxes, and others."""
    if len(examples) <= QUESTIONS:
        return list(examples)
    by_id = {example.id: example for example in examples}
    share = QUESTIONS // 4
    long = sorted(examples, key=_answer_size, reverse=True)[:share]
    small = sorted(examples, key=smallest_side_px)[:share]
    any_order = [by_id[name] for name in seeded_order(by_id, seed, "check")]
    return list({example.id: example for example in (*long, *small, *any_order)}.values())[:QUESTIONS]
