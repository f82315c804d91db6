"""Saving what was trained, and seeing that what was saved answers as what was validated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from vrft.errors import RunError
from vrft.models.finite import check_finite
from vrft.models.load_policy import load_policy, save_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for
from vrft.rollout.parity import THRESHOLDS
from vrft.rollout.prompt_batch import prompt_batch
from vrft.rollout.shared_prompt.decoders import RepeatedDecoder
from vrft.run_folder import replace_folder, writing
from vrft.training.memory import GIB, free_memory_gib
from vrft.types import Example

Answered = tuple[torch.Tensor, tuple[int, ...]]

ROOM = 1.5
"""Free memory, in copies of the weights, from which on a second one is loaded."""


def save_trained(policy: Policy, folder: Path, model: ModelOptions, examples: Sequence[Example]) -> None:
    """Save a policy whole or not at all, and compare what was saved with it.

    Every weight is compared; where memory has room for a second copy, so are the probabilities of the first
    token that answers an example.

    Args:
        policy: after its training.
        folder: where it goes, in the place of another.
        model: how it was loaded.
        examples: of which the first is asked.

    Raises:
        RunError: what was saved is not the policy.
        NumbersError: what the policy computes is not finite.
    """
    fresh = folder.with_name(folder.name + ".new")
    if policy.device.type == "cuda":
        torch.cuda.empty_cache()  # what the optimizer has held
    weights = sum(p.numel() * p.element_size() for p in policy.model.parameters()) / GIB
    compares = bool(examples) and (free_memory_gib(policy.device) or 0.0) > ROOM * weights
    # Before it is saved, which may merge its adapter: as it was validated.
    own = _first_probabilities(policy, examples) if compares else None
    with writing(fresh):
        save_policy(policy, fresh)
    if own is not None:
        gap = _gap(own, _first_probabilities(_loaded(policy, fresh, model), examples))
        if not gap <= THRESHOLDS.get(policy.core.dtype, 1e-3):
            raise RunError(
                f"{fresh}: what was saved answers otherwise than the policy in memory: probabilities differ "
                f"by up to {gap:.3g}. Report this with the versions in run.json; the checkpoint is kept."
            )
    with writing(fresh):
        replace_folder(fresh, folder)


def _loaded(policy: Policy, folder: Path, model: ModelOptions) -> Policy:
    """The saved policy, as it would be loaded to learn on."""
    settings = {
        "path": str(folder),
        "device": str(policy.device),
        "dtype": policy.precision,
        "lora": LoraOptions() if hasattr(policy.model, "peft_config") else None,
    }
    return load_policy(model.model_copy(update=settings))


@torch.no_grad()
def _first_probabilities(policy: Policy, examples: Sequence[Example]) -> Answered:
    """Of the first token that answers an example, and the tokens of its prompt."""
    (prompt,) = prompts_for(policy, examples[:1])
    hidden_PH = RepeatedDecoder(policy, prompt_batch(policy, [prompt]), 1, 1).first_PH
    logits = policy.core.get_output_embeddings()(hidden_PH)
    check_finite(policy, logits)
    return logits.double().softmax(-1).cpu(), prompt.token_ids


def _gap(own: Answered, saved: Answered) -> float:
    return float((own[0] - saved[0]).abs().max()) if own[1] == saved[1] else float("inf")
