"""The validation of a policy while it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from vrft.distributed import DistributedContext
from vrft.evaluation.statistics import by_task
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.policy import Policy
from vrft.rollout.sampler import ServedSampler
from vrft.tasks.registry import task_of
from vrft.training.train_step import TrainStep
from vrft.training.validation import Validation
from vrft.types import Example


def policy_validation(
    policy: Policy,
    val: Sequence[Example],
    options: AskOptions,
    context: DistributedContext,
    step: TrainStep | None = None,
    gathered: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Validation:
    """The validation of a policy, each entry by the headline metric of its task.

    Args:
        policy: as it is whenever it is asked.
        val: at least one question.
        options: how they are put.
        context: which process this is; each answers its part.
        step: of the training; where its sampler asks servers, they answer here too.
        gathered: around what a process asks by itself (``AnswerScorer.gathered``).
    """
    first = {example.entry: example for example in reversed(val)}
    metrics = {name: task_of(first[name]).metrics[0] for name in sorted(first)}
    batch = min(options.batch, math.ceil(len(val) / context.count))
    options = replace(options, batch=batch)
    sampler = getattr(step.source, "sampler", None) if step is not None else None
    served = sampler if isinstance(sampler, ServedSampler) else None
    predictor = PolicyPredictor(served, policy, options) if served else PolicyPredictor.of(policy, options)

    def measure() -> dict[str, float]:
        if served is not None and step is not None:
            served.sync(policy, step.done)
        found = evaluate(predictor, val, batch=batch, context=context, gathered=gathered)
        parts = by_task(found)
        return {name: metric.value(parts[name]) for name, metric in metrics.items()}

    return Validation(metrics, measure)
