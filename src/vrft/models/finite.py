"""Numbers that are not finite: float16 that overflows, broken weights, a training that has diverged."""

from __future__ import annotations

import torch

from vrft.errors import NumbersError
from vrft.models.divided import own_part
from vrft.models.policy import Policy


def check_finite(policy: Policy, values: torch.Tensor) -> None:
    """NumbersError where a policy has computed a number that is not finite, with the setting that helps."""
    if not bool(values.isfinite().all()):
        raise not_finite(policy)


def not_finite(policy: Policy) -> NumbersError:
    """What to say of a policy whose numbers are not finite."""
    broken = [name for name, p in policy.model.named_parameters() if not bool(own_part(p).isfinite().all())]
    where = f" ({', '.join(broken[:2])}{', ...' if len(broken) > 2 else ''})" if broken else ""
    if policy.core.dtype == torch.float16:
        return NumbersError(
            f"{policy.source}: the model's numbers are not finite in float16{where}. Set model.dtype: "
            "float32 (--dtype float32), or bfloat16 on a GPU that computes in it."
        )
    if broken:
        return NumbersError(
            f"{policy.source}: the model's weights are not finite{where}. Download it again, or take a model "
            "from before its training diverged."
        )
    widest = policy.precision in ("float32", "float64")
    wider = "Download it again" if widest else "Set model.dtype: float32 (--dtype float32)"
    return NumbersError(
        f"{policy.source}: the model's numbers are not finite in {policy.precision}, though its weights are. "
        f"{wider}, or take a model from before its training diverged."
    )
