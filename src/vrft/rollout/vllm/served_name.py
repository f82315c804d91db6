"""By which name a server's model says which weights it was started with, and the check of it."""

from __future__ import annotations

from pathlib import Path

from vrft.errors import RunError
from vrft.models.model_source import weights_of
from vrft.models.policy import Policy
from vrft.rollout.vllm.server import ServedModel, VllmServer

_DIGITS = 12
_MARK = "vrft-"


def served_name(model: str) -> str:
    """The name under which ``vrft serve`` has a model served: the last part of its own, and a digest of its
    weights."""
    return f"{Path(model).name}@{(weights_of(model) or 'unknown')[:_DIGITS]}"


def label_prefix(tag: str) -> str:
    """How labels of weights begin that one run gives."""
    return f"{_MARK}{tag}-"


def check_model(server: VllmServer, policy: Policy, adapted: bool) -> ServedModel:
    """What a server serves; where it gets an adapter alone, see that its own weights are the adapter's base.

    Raises:
        ServerGone: nothing answers at the address.
        RunError: it serves another model, or the weights of another run.
    """
    served = server.served()
    if not adapted:
        return served
    remedy = f"Start it anew with 'vrft serve {policy.base}'."
    _, mark, digest = served.name.rpartition("@")
    expected = served_name(policy.base)
    if mark and digest != expected.rpartition("@")[2]:
        raise RunError(
            f"{server.url}: the server serves other weights ('{served.name}') than the base of this adapter "
            f"('{expected}'). {remedy}"
        )
    label = str((server.get("weight_info") or {}).get("weight_version"))
    if label.startswith(_MARK):
        raise RunError(
            f"{server.url}: the server has the weights of another run ('{label}'), and this run gives it an "
            f"adapter for the base. {remedy}"
        )
    return served
