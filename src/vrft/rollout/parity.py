"""The comparison every run makes before its first step: which forms are exact?

transformers raises nothing when sharing is wrong, so nothing but a comparison on real answers can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch

from vrft.models.policy import Policy, Prompt
from vrft.rollout.hidden_states import Path
from vrft.rollout.logprobs import AnswerScorer

THRESHOLDS = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.1}
"""Largest difference of a log-probability that rounding explains, by precision of the weights."""
FORMS: tuple[Path, ...] = get_args(Path)
"""From the fastest to the slowest, as ``benchmarks/forms.py`` measures them. The clock of a single run
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


def compare_paths(
    policy: Policy,
    prompts: list[Prompt],
    answers: list[tuple[int, ...]],
    group_size: int,
    wanted: str = "auto",
) -> Parity:
    """Compare the forms' log-probabilities on real groups.

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
    expected = found["plain"]
    differences = {form: None if one is None else _gap(one, expected) for form, one in found.items()}
    threshold = THRESHOLDS.get(policy.core.dtype, 1e-3)
    exact = next(form for form in FORMS if _within(differences[form], threshold))
    path: Path = exact if wanted == "auto" else wanted  # type: ignore[assignment]
    return Parity(differences["shared"], threshold, path, differences)


def _measured(
    policy: Policy, scorer: AnswerScorer, form: Path, group: tuple[list[Prompt], list[tuple[int, ...]], int]
) -> torch.Tensor | None:
    """Log-probabilities; None where the form cannot run, forwards or backwards.

    The plain form is what the others are held to, and needs several times their memory: it runs without
    gradient.
    """
    try:
        with torch.set_grad_enabled(form != "plain"):
            logprobs, mask = scorer(*group, 1.0, form)
        if logprobs.requires_grad:
            logprobs[mask].sum().backward()
    except (KeyError, ValueError, RuntimeError):
        return None
    finally:
        policy.model.zero_grad(set_to_none=True)
    return logprobs.detach()


def _gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max())


def _within(difference: float | None, threshold: float) -> bool:
    """NaN compares false: a form that gives NaN is never taken."""
    return difference is not None and difference <= threshold
