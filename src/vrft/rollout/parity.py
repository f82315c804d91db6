"""The comparison every run makes before its first step: which methods are exact?

transformers raises nothing when sharing is wrong, so only a comparison on real answers can show it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vrft.errors import RunError
from vrft.models.model_source import first_line
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import HIDDEN, LogprobMethod
from vrft.rollout.logprobs import AnswerScorer
from vrft.types import Prompt

THRESHOLDS = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.1}
"""Largest difference of a log-probability that rounding explains, by precision of the weights."""


@dataclass(frozen=True)
class Parity:
    """What the comparison found, and the method that follows from it."""

    logprob_max_abs_diff: float | None
    """Of the shared method against the plain one; None where it could not run."""
    threshold: float
    method: LogprobMethod
    differences: dict[LogprobMethod, float | None]
    """Of every method against the plain one; None where it could not run."""


def compare_methods(
    policy: Policy,
    prompts: list[Prompt],
    answers: list[tuple[int, ...]],
    group_size: int,
    wanted: str = "auto",
    scorer: AnswerScorer | None = None,
) -> Parity:
    """Compare the methods' log-probabilities on real groups; the gradients of the policy are dropped.

    ``wanted`` is a method's name, which is obeyed, or 'auto': the first method within the threshold.
    ``scorer`` is the policy's, where something wraps it.

    Raises:
        RunError: processes share the weights, and a method does not run: what the layers then hold is not
            known.
    """
    scorer = scorer or AnswerScorer(policy)
    group = (prompts, answers, group_size)
    found: dict[LogprobMethod, torch.Tensor | None] = dict.fromkeys(HIDDEN)
    for method in HIDDEN:
        if not scorer.is_divided or wanted == "auto" or method in (wanted, "plain"):
            found[method] = _measured(policy, scorer, method, group)
    if found["plain"] is None:
        scorer(*group, 1.0, "plain")  # raises what is wrong
        raise AssertionError("the plain method failed once and not again")
    expected = found["plain"]
    differences = {
        method: None if one is None else float((one - expected).abs().max()) for method, one in found.items()
    }
    threshold = THRESHOLDS.get(policy.core.dtype, 1e-3)
    # NaN compares false: a method that gives NaN is never taken.
    exact = next(method for method, gap in differences.items() if gap is not None and gap <= threshold)
    chosen: LogprobMethod = exact if wanted == "auto" else wanted  # type: ignore[assignment]
    return Parity(differences["shared"], threshold, chosen, differences)


def _measured(
    policy: Policy,
    scorer: AnswerScorer,
    method: LogprobMethod,
    group: tuple[list[Prompt], list[tuple[int, ...]], int],
) -> torch.Tensor | None:
    """Log-probabilities; None where the method cannot run, forwards or backwards."""
    if method == "shared" and not policy.shares_prompt:
        return None
    try:
        with torch.set_grad_enabled(method != "plain"):
            logprobs, mask = scorer(*group, 1.0, method)
        if logprobs.requires_grad:
            logprobs[mask].sum().backward()
    except (KeyError, ValueError, RuntimeError) as error:
        if scorer.is_divided:
            raise RunError(
                f"The method '{method}' of log-probabilities does not run on divided weights "
                f"({type(error).__name__}: {first_line(error)}). Set grpo.logprob_method: plain, or "
                "optim.shard: false."
            ) from error
        return None
    finally:
        policy.model.zero_grad(set_to_none=True)
    return logprobs.detach()  # type: ignore[no-any-return]
