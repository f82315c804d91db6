"""One step of supervised fine-tuning on the gold answers: the twin that RFT is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vrft.config.run_config import RunConfig
from vrft.distributed import ALONE, Share
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import Path
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.prompting import prompts_for
from vrft.tasks.task import Task
from vrft.training.batches import examples_of_step, with_changes
from vrft.training.loop import Backward, Row
from vrft.training.losses import sequence_mean, token_mean
from vrft.types import Example


class SftStep:
    """The step function of SFT: cross-entropy of the gold answer's tokens, mean over tokens."""

    def __init__(
        self,
        policy: Policy,
        task: Task,
        examples: Sequence[Example],
        config: RunConfig,
        path: Path,
        share: Share = ALONE,
    ) -> None:
        self.policy, self.task, self.examples, self.config, self.path = policy, task, examples, config, path
        self.share = share
        self.answer_scorer = AnswerScorer(policy)
        self.updates = 1
        self._chosen: list[Example] = []

    def again(self, backward: Backward = torch.Tensor.backward) -> Row:
        """A step of SFT has one update."""
        return {}

    def offending(self) -> Any:
        """The examples of the step."""
        return [example.id for example in self._chosen]

    def __call__(self, step: int, backward: Backward = torch.Tensor.backward) -> Row:
        """Leave the gradient of the step's loss on the weights."""
        with self.policy.learning():
            return self._backward(step, backward)

    def _backward(self, step: int, backward: Backward) -> Row:
        config = self.config
        chosen = examples_of_step(self.examples, step, config.optim.prompts_per_step, config.seed)
        chosen = with_changes(chosen, config, step)
        self._chosen = chosen
        form = config.prompt.form
        own = chosen[self.share.part(len(chosen))]
        prompts = prompts_for(self.policy, self.task, own, form)
        golds = [
            self.policy.answer_ids(self.task.gold(e, p.picture.view, form))
            for e, p in zip(own, prompts, strict=True)
        ]
        tokens = sum(self.share.collected([len(gold) for gold in golds]))
        size = config.optim.micro_prompts or len(prompts)
        total = {"loss": 0.0, "sequence_loss": 0.0}
        for begin in range(0, len(prompts), size):
            part = slice(begin, begin + size)
            logprobs_RA, mask_RA = self.answer_scorer(prompts[part], golds[part], 1, 1.0, self.path)
            loss = token_mean(-logprobs_RA, mask_RA, len(chosen), tokens)
            backward(loss)
            total["loss"] += loss.item()
            total["sequence_loss"] += sequence_mean(
                -logprobs_RA.detach(), mask_RA, len(chosen), tokens
            ).item()
        every = self.share.collected([total])
        summed = {name: sum(row[name] for row in every) for name in total}
        return {**summed, "pictures": len(chosen), "gold_tokens": tokens}
