"""The comparison every run makes before its first step: is sharing the prompt exact for this model?

transformers raises nothing when sharing is wrong, so nothing but a comparison on real answers can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vrft.engine.logprobs import AnswerScorer, Path
from vrft.policies.policy import Policy, Prompt

THRESHOLDS = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.1}
"""Largest difference of a log-probability that rounding explains, by precision of the weights."""


@dataclass(frozen=True)
class Parity:
    """What the comparison found, and the path that follows from it."""

    logprob_max_abs_diff: float
    threshold: float
    path: Path


@torch.no_grad()
def compare_paths(
    policy: Policy,
    prompts: list[Prompt],
    answers: list[tuple[int, ...]],
    group_size: int,
    wanted: str = "auto",
) -> Parity:
    """Compare shared and plain log-probabilities of real groups.

    Args:
        policy: the model.
        prompts: P prompts.
        answers: P * group_size sampled answers.
        group_size: answers a prompt.
        wanted: 'auto' shares the prompt unless the difference is above the threshold; 'shared' and 'plain'
            are obeyed, the figure is recorded all the same.
    """
    scorer = AnswerScorer(policy)
    shared, mask = scorer(prompts, answers, group_size, 1.0, "shared")
    plain, _ = scorer(prompts, answers, group_size, 1.0, "plain")
    difference = float((shared - plain)[mask].abs().max())
    threshold = THRESHOLDS.get(policy.core.dtype, 1e-3)
    # NaN compares false: a path that gives NaN is never taken by 'auto'.
    found: Path = "shared" if difference <= threshold else "plain"
    choice: dict[str, Path] = {"auto": found, "shared": "shared", "plain": "plain"}
    return Parity(difference, threshold, choice[wanted])
