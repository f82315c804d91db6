"""The comparison every run makes before its first step: which forms are exact?

transformers raises nothing when sharing is wrong, so nothing but a comparison on real answers can tell.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import get_args

import torch

from vrft.engine.forms import Path
from vrft.engine.logprobs import AnswerScorer
from vrft.policies.policy import Policy, Prompt

THRESHOLDS = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.1}
"""Largest difference of a log-probability that rounding explains, by precision of the weights."""
FORMS: tuple[Path, ...] = get_args(Path)
"""From the fastest to the slowest, as ``benchmarks/step_time.py`` measures them. The clock of a single run
decides nothing: two runs of one configuration must take the same form, or their digits would differ."""


@dataclass(frozen=True)
class Parity:
    """What the comparison found, and the form that follows from it."""

    logprob_max_abs_diff: float | None
    """Of the shared form against the plain one; None where it could not run."""
    threshold: float
    path: Path
    differences: dict[Path, float | None]
    """Of every form against the plain one; None where it could not run."""
    seconds: dict[Path, float | None]
    """Of a forward and backward pass over the compared group."""


def compare_paths(
    policy: Policy,
    prompts: list[Prompt],
    answers: list[tuple[int, ...]],
    group_size: int,
    wanted: str = "auto",
) -> Parity:
    """Compare the forms' log-probabilities on real groups, and time them.

    Args:
        policy: the model; its gradients are dropped.
        prompts: P prompts.
        answers: P * group_size sampled answers.
        group_size: answers a prompt.
        wanted: 'auto' takes the first form within the threshold; a form's name is obeyed, the figures are
            recorded all the same.
    """
    scorer = AnswerScorer(policy)
    group = (prompts, answers, group_size)
    found = {form: _measured(policy, scorer, form, group) for form in FORMS}
    if found["plain"] is None:
        scorer(*group, 1.0, "plain")  # raises what is wrong
        raise AssertionError("the plain form failed once and not again")
    expected = found["plain"][0]
    differences = {form: None if one is None else _gap(one[0], expected) for form, one in found.items()}
    seconds = {form: None if one is None else one[1] for form, one in found.items()}
    threshold = THRESHOLDS.get(policy.core.dtype, 1e-3)
    exact = next(form for form in FORMS if _within(differences[form], threshold))
    path: Path = exact if wanted == "auto" else wanted  # type: ignore[assignment]
    return Parity(differences["shared"], threshold, path, differences, seconds)


def _measured(
    policy: Policy, scorer: AnswerScorer, form: Path, group: tuple[list[Prompt], list[tuple[int, ...]], int]
) -> tuple[torch.Tensor, float] | None:
    """Log-probabilities and seconds of the second of two passes; None where the form cannot run."""
    try:
        for _ in range(2):
            began = time.perf_counter()
            logprobs, mask = scorer(*group, 1.0, form)
            logprobs[mask].sum().backward()
            kept = logprobs.detach()
            seconds = time.perf_counter() - began if not kept.is_cuda else _cuda_seconds(began)
    except (KeyError, ValueError, RuntimeError):
        return None
    finally:
        policy.model.zero_grad(set_to_none=True)
    return kept, seconds


def _cuda_seconds(began: float) -> float:
    torch.cuda.synchronize()
    return time.perf_counter() - began


def _gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max())


def _within(difference: float | None, threshold: float) -> bool:
    """NaN compares false: a form that gives NaN is never taken."""
    return difference is not None and difference <= threshold
