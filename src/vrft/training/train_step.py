"""One training step: a batch from the source, its gradient by micro-batches, numbers to log. Axes: R
answers, A tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer, TokenFunction
from vrft.training.answer_rows import AnswerRow, answer_rows, joined, shared_prompts
from vrft.training.batch import Batch, Row, Source
from vrft.training.grpo import Forward, Objective
from vrft.training.losses import StepSize
from vrft.training.mismatch_alarm import LARGEST, MEAN, MismatchAlarm
from vrft.training.reference import Reference
from vrft.training.written_numbers import NumberMeans, digit_mean, number_means
from vrft.types import Clock, Rollout, RolloutGroup, Turn

Backward = Callable[[torch.Tensor], None]


class TrainStep:
    """Leaves the gradient of a step's loss on the weights.

    Args:
        policy: that learns.
        source: of the groups.
        objective: what is minimized.
        method: how log-probabilities are computed.
        answer_scorer: the module that every gradient pass goes through; None makes one.
        others: other policies that the objective looks at, by name.
        micro_groups: groups of one forward and backward pass; 0 takes all of this process at once.
        context: which process this is.
        alarm: looks at what the sampler says of its tokens, before the first update of each step.
    """

    def __init__(
        self,
        policy: Policy,
        source: Source,
        objective: Objective,
        *,
        method: LogprobMethod,
        answer_scorer: AnswerScorer | None = None,
        others: Mapping[str, Reference] | None = None,
        micro_groups: int = 0,
        context: DistributedContext = SINGLE_PROCESS,
        alarm: MismatchAlarm | None = None,
    ) -> None:
        self.policy, self.source, self.objective, self.method = policy, source, objective, method
        self.others, self.micro_groups, self.context = dict(others or {}), micro_groups, context
        self.updates, self.alarm = objective.updates, alarm
        self.done = 0
        """Gradients so far, each with an optimizer step: the version of the weights."""
        self.answer_scorer = answer_scorer or AnswerScorer(policy)
        self.batch = Batch((), ())
        self._encoded: Any = None
        self._others: dict[tuple[str, int], torch.Tensor] = {}
        self._own: dict[int, torch.Tensor] = {}
        self._worst: tuple[float, Turn | None] = (0.0, None)
        self._compared: Row = {}

    def __call__(self, now: Clock, backward: Backward = torch.Tensor.backward) -> Row:
        """Take a batch, and leave the gradient of its loss on the weights."""
        with self.policy.learning():
            self.batch = self.source.batch(now)
        self._encoded, self._others, self._own = self.batch.encoded, {}, {}
        self.done = now.step * self.updates
        return {**self.batch.metrics, **self.update(backward)}

    def update(self, backward: Backward = torch.Tensor.backward, first: bool = True) -> Row:
        """The gradient on the batch, under the weights as they now are."""
        began = time.perf_counter()
        encoded, self._encoded = self._encoded, None  # it is good for one backward pass
        with self.policy.learning():
            own = self._backward(encoded, backward, first)
        row = _reduced(self.context.all_gather_object([own]))
        self.done += 1
        row["seconds_training"] = time.perf_counter() - began
        tokens = sum(r.n_tokens for group in self.batch.trained for r in group.rollouts)
        row["trained_tokens_a_second"] = tokens / row["seconds_training"]
        return row | self._looked_at(row) if first else row

    def failed_batch(self) -> Any:
        """The step's answers as plain JSON values, written down where its gradient was not finite."""
        return [
            {
                "example_id": group.example.id,
                "answers": [
                    {"text": r.completion.text, "terms": dict(r.terms), "advantages": r.advantages}
                    for r in group.rollouts
                ],
            }
            for group in self.batch.groups
        ]

    def _looked_at(self, row: Row) -> Row:
        """Compare sampler and policy while both have the same weights: on this step's answers, or, where
        those are older, on the next step's, for whose row that is kept. Nothing is drawn afterwards."""
        ahead = self.batch.ahead() if self.batch.ahead is not None else None
        known, self._compared = self._compared if self.batch.staleness else {}, {}
        if self.alarm is not None:
            if not self.batch.staleness:
                self.alarm.see(row, self._worst)
            if ahead is not None:
                self._compared = self.alarm.compare(ahead)
        return known

    def _backward(self, encoded: Any, backward: Backward, first: bool) -> Row:
        """Accumulate the exact gradient of this process's part of the step's loss, by micro-batches."""
        own = [self.batch.groups[i] for i in self.batch.own]
        size = step_size(self.batch, self.objective.counts_truncated)
        micro = self.micro_groups or max(1, len(own))
        total: dict[str, float] = {MEAN: 0.0}
        self._worst = (0.0, None)
        for begin in range(0, self._passes(len(own), micro) * micro, micro):
            part = own[begin : begin + micro]
            if not part:
                idle = self._forward(self._stand_in, begin, None, first)
                backward(0 * self.objective(idle, size).loss)
                continue
            forward = self._forward(part, begin, encoded, first)
            if forward.sampled_RA.any():
                off_RA = ((forward.sampled_RA - forward.logprobs_RA.detach()) * forward.mask_RA).abs()
                total[MEAN] += float(off_RA.sum()) / size.tokens
                self._worst = max(self._worst, _worst(part, off_RA), key=lambda one: one[0])
            found = self.objective(forward, size)
            backward(found.loss)
            for name, value in found.metrics.items():
                total[name] = total.get(name, 0.0) + value
        return {**total, LARGEST: self._worst[0]}

    def _passes(self, own: int, micro: int) -> int:
        """Micro-batches; where processes share the weights, as many in each, some for nothing."""
        passes = -(-own // micro)
        return max(self.context.all_gather_object([passes])) if self.answer_scorer.is_divided else passes

    @property
    def _stand_in(self) -> list[RolloutGroup]:
        """One answer of the step, for a process that has none of its own left."""
        group = self.batch.trained[0]
        return [replace(group, rollouts=group.rollouts[:1])]

    def _forward(self, part: Sequence[RolloutGroup], begin: int, encoded: Any, first: bool) -> Forward:
        rollouts = [r for group in part for r in group.rollouts]
        by_group = [[answer_rows(r) for r in group.rollouts] for group in part]
        each = [rows for own in by_group for rows in own]
        rows, counts = [row for own in each for row in own], [len(own) for own in each]
        answers = [row.token_ids for row in rows]
        prompts, size = shared_prompts([[row for one in own for row in one] for own in by_group])
        # What the sampler encoded is one prompt per group, that of the first turns.
        encoded = encoded if len(rows) == len(rollouts) and len(prompts) == len(part) else None
        arguments = (prompts, answers, size, self.batch.temperature, self.method)
        logprobs_SA, tokens_SA = self.answer_scorer(*arguments, encoded)
        logprobs_RA = joined(logprobs_SA, tokens_SA, counts)
        tokens_RA = joined(tokens_SA, tokens_SA, counts)
        for name in self.objective.needs:
            if (name, begin) not in self._others:
                found = self.others[name].logprobs(*arguments)
                self._others[name, begin] = joined(found, tokens_SA, counts)

        def per_token(function: TokenFunction, *names: str) -> torch.Tensor:
            others = [self.others[name].distributions(*arguments) for name in names]
            values_SA, _ = self.answer_scorer(*arguments, None, function, others)
            return joined(values_SA, tokens_SA, counts)

        def numbers() -> NumberMeans:
            ids = torch.tensor(self.policy.digit_ids, device=logprobs_RA.device)
            said = [[action for row in own for action in row.actions] for own in each]
            return number_means(rollouts, per_token(partial(digit_mean, ids)), said)

        own_RA = self._own.setdefault(begin, logprobs_RA.detach())
        device = logprobs_RA.device
        finished_R = torch.tensor([r.finished for r in rollouts], device=device)
        mask_RA = tokens_RA
        if not all(all(row.actions) for row in rows):
            mask_RA = as_rows(_of_rollouts(each, "actions"), tokens_RA, logprobs_RA) > 0
        if not self.objective.counts_truncated:
            mask_RA = mask_RA & finished_R[:, None]
        if all(len(r.turns) == 1 and len(r.advantages[0]) == 1 for r in rollouts):
            shared = [[r.advantages[0][0]] for r in rollouts]
            advantages = torch.tensor(shared, dtype=logprobs_RA.dtype, device=device)
        else:
            advantages = as_rows(_of_rollouts(each, "advantages"), tokens_RA, logprobs_RA)
        return Forward(
            logprobs_RA=logprobs_RA,
            mask_RA=mask_RA,
            sampled_RA=as_rows(_of_rollouts(each, "logprobs"), tokens_RA, logprobs_RA),
            advantages=advantages,
            finished_R=finished_R,
            others={name: self._others[name, begin] for name in self.objective.needs},
            first_update=first and not self.batch.staleness,
            per_token=per_token,
            numbers=numbers,
            own_RA=own_RA,
        )


def _worst(part: Sequence[RolloutGroup], off_RA: torch.Tensor) -> tuple[float, Turn]:
    """The largest difference, and the turn whose token it is of."""
    row, token = divmod(int(off_RA.argmax()), off_RA.shape[1])
    rollout: Rollout = [r for group in part for r in group.rollouts][row]
    for turn in rollout.turns:
        if token < len(turn.completion.token_ids):
            break
        token -= len(turn.completion.token_ids)
    return float(off_RA.max()), turn


def _of_rollouts(each: Sequence[Sequence[AnswerRow]], field: str) -> list[list[float]]:
    return [[value for row in own for value in getattr(row, field)] for own in each]


def step_size(batch: Batch, counts_truncated: bool = True) -> StepSize:
    """Answers, and tokens that count, of a whole step, those of other processes too."""
    rollouts = [r for group in batch.trained for r in group.rollouts]
    tokens = sum(r.n_tokens for r in rollouts if counts_truncated or r.finished)
    return StepSize(len(rollouts), max(tokens, 1), batch.max_tokens)


def as_rows(values: Sequence[Sequence[float]], mask_RA: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Numbers per token, as lists of each answer's own length, put where the mask is True; 0 elsewhere."""
    lengths = [len(row) for row in values]
    if lengths != mask_RA.sum(1).tolist():
        raise ValueError(f"lists of {lengths} values for rows of {mask_RA.sum(1).tolist()} tokens")
    flat = torch.tensor([v for row in values for v in row], dtype=like.dtype, device=like.device)
    return torch.zeros(mask_RA.shape, dtype=like.dtype, device=like.device).masked_scatter(mask_RA, flat)


def _reduced(every: Sequence[Row]) -> Row:
    """What all processes measured: their parts of the step's sums, and the largest mismatch."""
    names = list(dict.fromkeys(name for row in every for name in row))
    total = {name: sum(row.get(name, 0.0) for row in every) for name in names}
    return total | {LARGEST: max(row[LARGEST] for row in every)}
