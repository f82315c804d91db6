"""Samplers by name. Nothing here imports torch until one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vrft.errors import ConfigError
from vrft.rollout.sampler import Sampler
from vrft.types.choice import load_object

if TYPE_CHECKING:
    from vrft.models.policy import Policy
    from vrft.rollout.logprobs import AnswerScorer

SAMPLERS = {
    "shared_prompt": "vrft.rollout.shared_prompt.sampler:SharedPromptSampler",
    "plain": "vrft.rollout.plain:PlainSampler",
}


def load_sampler(
    name: str, policy: Policy, share_images: bool = True, scorer: AnswerScorer | None = None
) -> Sampler:
    """The sampler of a name: one of ``SAMPLERS``, or a class as ``package.module:Class`` or
    ``file.py:Class``, which is given the policy. The other arguments are ``SharedPromptSampler``'s.

    Raises:
        ConfigError: there is no such sampler.
    """
    if name not in SAMPLERS and ":" not in name:
        raise ConfigError(
            f"rollout.sampler: there is no '{name}'. Choose one of: {', '.join(SAMPLERS)}; or name a "
            "class of your own as package.module:Class."
        )
    try:
        kind = load_object(SAMPLERS.get(name, name))
    except ValueError as error:
        raise ConfigError(f"rollout.sampler: {error}") from error
    options = {"share_images": share_images, "scorer": scorer} if name == "shared_prompt" else {}
    sampler: Sampler = kind(policy, **options)
    return sampler
