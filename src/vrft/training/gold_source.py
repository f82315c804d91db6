"""Gold answers, or given texts, as a source: the supervised twin that RFT is measured against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vrft.data.augment import AugmentOptions
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.rollout.driver import prompts_for
from vrft.rollout.sampler import Renderer
from vrft.tasks.registry import task_of
from vrft.training.batch import Batch, shown_anew
from vrft.training.mixture import Mixture, in_words
from vrft.types import Answer, Clock, Example, Prompt, Rollout, RolloutGroup, Turn


class GoldSource:
    """The right answer of each example, as a group of one.

    Args:
        renderer: writes prompts.
        examples: the training part.
        prompts_per_step: of all processes.
        mixture: how entries share the steps; λ is of rewards, and plays no part here.
        augment: how images may be shown otherwise; not where there are texts, which were written about the
            images as they are.
        texts: what is learned, by the example's id; None takes each task's own gold answers.
        context: which process this is.
    """

    def __init__(
        self,
        renderer: Renderer,
        examples: Sequence[Example],
        *,
        prompts_per_step: int,
        mixture: Mixture | None = None,
        augment: AugmentOptions | None = None,
        texts: Mapping[str, str] | None = None,
        context: DistributedContext = SINGLE_PROCESS,
    ) -> None:
        self.renderer, self.examples, self.prompts_per_step = renderer, examples, prompts_per_step
        self.texts, self.context, self.mixture = texts or {}, context, mixture or Mixture()
        self.augment = augment if augment is not None and not self.texts else AugmentOptions()

    def batch(self, now: Clock) -> Batch:
        """The gold answers of one step; each process writes those of its part."""
        chosen = self.mixture.of_step(self.examples, now, self.prompts_per_step)
        chosen = shown_anew(chosen, self.augment, now)
        part = self.context.shard_slice(len(chosen))
        own = [
            self._group(e, p)
            for e, p in zip(chosen[part], prompts_for(self.renderer, chosen[part]), strict=True)
        ]
        groups = tuple(self.context.all_gather_object(own))
        tokens = sum(group.rollouts[0].n_tokens for group in groups)
        places = tuple(range(part.start, part.stop))
        return Batch(groups, places, metrics={"images": len(groups), "gold_tokens": tokens})

    def place(self, now: Clock) -> str:
        """Epoch and question with which a step begins."""
        return in_words(self.mixture.places(self.examples, now, self.prompts_per_step))

    def _group(self, example: Example, prompt: Prompt) -> RolloutGroup:
        given = self.texts.get(example.id)
        text = given if given is not None else task_of(example).gold(example, prompt.frames)
        turn = Turn(prompt, self.renderer.said(text))
        answer = Answer(example.target, True, text=text)
        return RolloutGroup(example, (Rollout(example, (turn,), answer, advantages=((1.0,),)),))
