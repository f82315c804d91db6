"""One step of Visual-RFT: rollouts, loss, gradient. Axes: P prompts, G answers a prompt, A tokens."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from vrft.config.run_config import Grpo
from vrft.models.policy import Prompt
from vrft.rollout.hidden_states import Path
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.shared_prompt.prefill import Encoded
from vrft.training.groups import Group
from vrft.training.kl import ESTIMATORS
from vrft.training.loop import Backward, Row
from vrft.training.losses import LOSSES, KlTerm, LossOptions, StepSize, as_rows, keep_finished
from vrft.training.reference import Reference
from vrft.training.rollouts import RolloutMaker

MEASURED = ("loss", "kl", "clipped_low_share", "clipped_high_share", "ratio_mean", "sampling_mismatch")
"""What a backward pass logs; ``sampling_mismatch`` is the largest difference of a token's log-probability
between sampling and training, of which a first update has rounding alone."""


def options(grpo: Grpo) -> LossOptions:
    """A configuration's edges and temperatures."""
    high = grpo.clip if grpo.clip_high is None else grpo.clip_high
    return LossOptions(grpo.clip, high, grpo.tau_positive, grpo.tau_negative)


def step_size(groups: Sequence[Group], mask_truncated: bool, max_tokens: int) -> StepSize:
    """Answers, and tokens that count, of a whole step, those of other processes too."""
    rollouts = [r for g in groups for r in g.rollouts]
    tokens = sum(len(r.token_ids) for r in rollouts if r.finished or not mask_truncated)
    return StepSize(len(rollouts), max(tokens, 1), max_tokens)


class RftStep:
    """The step function of RFT (Visual-RFT section 3): GRPO on the policy's own answers."""

    def __init__(self, rollouts: RolloutMaker, reference: Reference, path: Path) -> None:
        self.rollouts, self.reference, self.path = rollouts, reference, path
        self.policy, self.config, self.share = rollouts.policy, rollouts.config, rollouts.share
        config = self.config
        self.answer_scorer = AnswerScorer(self.policy)
        self.updates = config.grpo.updates
        # Prompts that are encoded for sampling serve the gradient too, where all of them train at once and
        # nothing drops out of the one and not of the other.
        drops = config.model.lora is not None and config.model.lora.dropout > 0
        self._encodes_once = path == "shared" and not config.optim.micro_prompts and not drops
        self._encoded: Encoded | None = None
        self._groups: list[Group] = []
        self._reference_RA: dict[int, torch.Tensor] = {}

    def __call__(self, step: int, backward: Backward = torch.Tensor.backward) -> Row:
        """Sample, score, and leave the gradient of the step's loss on the weights."""
        with self.policy.learning():
            groups, row, self._encoded = self.rollouts(step, self._encodes_once)
        self._groups = self._counted(groups)
        row["groups_trained"] = len(self._groups)
        self._reference_RA = {}
        return {**row, **self.again(backward)}

    def _counted(self, groups: list[Group]) -> list[Group]:
        """The groups that train: all, or those with signal, unless none has any."""
        counted = [group for group in groups if group.has_signal]
        if not self.config.grpo.only_signal or not counted:
            return groups
        own = [group for group in groups if group.prompt is not None]
        places = [i for i, group in enumerate(own) if group.has_signal]
        if self._encoded is not None and len(places) < len(own):
            kept = torch.tensor(places, device=self.policy.device)
            self._encoded = self._encoded.select(kept) if places else None
        return counted

    def again(self, backward: Backward = torch.Tensor.backward) -> Row:
        """The gradient on the same answers, under the weights as they now are."""
        began = time.perf_counter()
        encoded, self._encoded = self._encoded, None  # it is good for one backward pass
        with self.policy.learning():
            row = self._summed(self._backward(encoded, backward))
        row["seconds_training"] = time.perf_counter() - began
        tokens = sum(len(r.token_ids) for g in self._groups for r in g.rollouts)
        row["trained_tokens_a_second"] = tokens / row["seconds_training"]
        return row

    def offending(self) -> Any:
        """The answers of the step, for a report of what broke it."""
        return [
            {
                "example_id": g.example.id,
                "answers": [{"text": r.text, "terms": r.terms, "advantage": r.advantage} for r in g.rollouts],
            }
            for g in self._groups
        ]

    def _summed(self, own: Row) -> Row:
        """What all processes measured: their parts of the step's sums, and the largest mismatch."""
        every = self.share.collected([own])
        total = {name: sum(row[name] for row in every) for name in MEASURED}
        return total | {"sampling_mismatch": max(row["sampling_mismatch"] for row in every)}

    def _backward(self, encoded: Encoded | None, backward: Backward) -> Row:
        """Accumulate the exact gradient of this process's part of the step's loss, by micro-batches."""
        config, grpo = self.config, self.config.grpo
        size = step_size(self._groups, grpo.mask_truncated, config.rollout.max_new_tokens)
        own = [(g.prompt, g.rollouts) for g in self._groups if g.prompt is not None]
        micro = config.optim.micro_prompts or max(1, len(own))
        total = dict.fromkeys(MEASURED, 0.0)
        for begin in range(0, len(own), micro):
            part = own[begin : begin + micro]
            prompts: list[Prompt] = [prompt for prompt, _ in part]
            rollouts = [r for _, each in part for r in each]
            answers = [r.token_ids for r in rollouts]
            arguments = (prompts, answers, config.rollout.group_size, config.rollout.temperature, self.path)
            logprobs_RA, mask_RA = self.answer_scorer(*arguments, encoded)
            device = logprobs_RA.device
            advantages_R = torch.tensor(
                [r.advantage for r in rollouts], dtype=logprobs_RA.dtype, device=device
            )
            sampled_RA = as_rows([r.logprobs for r in rollouts], mask_RA, logprobs_RA)
            mismatch = float((sampled_RA - logprobs_RA.detach()).abs().max())
            total["sampling_mismatch"] = max(total["sampling_mismatch"], mismatch)
            # With one update the policy that sampled is this one: its ratio is 1, and needs no old values.
            old_RA = sampled_RA if grpo.updates > 1 else None
            if grpo.mask_truncated:
                finished_R = torch.tensor([r.finished for r in rollouts], device=device)
                mask_RA = keep_finished(mask_RA, finished_R)
            term = None
            if grpo.beta:
                if begin not in self._reference_RA:
                    self._reference_RA[begin] = self.reference.logprobs(*arguments)
                kl = ESTIMATORS[grpo.kl](logprobs_RA, self._reference_RA[begin])
                term = KlTerm(kl, grpo.beta, grpo.kl_correction)
                total["kl"] += float((kl.detach() * mask_RA).sum()) / size.tokens
            loss = LOSSES[grpo.loss](logprobs_RA, old_RA, advantages_R, mask_RA, size, options(grpo), term)
            backward(loss.value)
            total["loss"] += loss.value.item()
            total["clipped_low_share"] += loss.clipped_low_share.item()
            total["clipped_high_share"] += loss.clipped_high_share.item()
            total["ratio_mean"] += loss.ratio_mean.item()
        return total
