"""Who draws completions, and who writes prompts: the two protocols behind training, probe, evaluation,
prediction.

Nobody but a sampler knows how tokens are drawn, and nobody but a renderer knows a model family's template.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from vrft.errors import ConfigError
from vrft.types import Completion, CoordinateFrame, Medium, Message, Prompt, SampleSeed, SamplingParams, Turn
from vrft.types.options import did_you_mean
from vrft.types.plugins import load_object

if TYPE_CHECKING:
    from vrft.models.policy import Policy
    from vrft.rollout.logprobs import AnswerScorer


class Renderer(Protocol):
    """A model family's prompt builder."""

    def frame(self, medium: Medium) -> CoordinateFrame:
        """How places in a medium are written."""
        ...

    def first(self, messages: Sequence[Message]) -> Prompt:
        """The prompt of a conversation that asks for an answer."""
        ...

    def following(self, prompt: Prompt, said: Completion, messages: Sequence[Message]) -> Prompt:
        """The prompt of the next turn: it begins with ``prompt`` and ``said`` as they were.

        Args:
            prompt: of the turn before.
            said: what the model answered to it.
            messages: what is shown next; empty lets the same answer go on, and a message of the assistant
                puts words into its mouth that are shown and not trained on.
        """
        ...

    def said(self, text: str) -> Completion:
        """A given text (gold, logged) as an answer: its token ids, end token included."""
        ...


class Sampler(Protocol):
    """Shared-prompt, plain transformers, scripted, or a server."""

    def encode(self, prompts: Sequence[Prompt]) -> object | None:
        """The prompts encoded with gradient, for drawing and one backward pass; None where that cannot be."""
        ...

    def generate(
        self,
        prompts: Sequence[Prompt],
        n: int,
        params: SamplingParams,
        draw: SampleSeed,
        encoded: object | None = None,
    ) -> list[list[Completion]]:
        """Draw ``n`` completions to each prompt.

        Args:
            prompts: P prompts.
            n: completions to each.
            params: explicit settings; nothing is inherited from a checkpoint's generation config.
            draw: where chance comes from.
            encoded: of ``encode``, under the same weights.

        Returns:
            P lists of ``n``.

        Raises:
            InputError: a prompt does not fit into the model.
        """
        ...

    def sync(self, policy: object, version: int) -> None:
        """Take over a policy's weights, which have had so many optimizer steps."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class OwnWeights:
    """What samplers share that draw from the policy itself."""

    version = 0

    def sync(self, policy: object, version: int) -> None:
        """The weights are the policy's own: only their version changes."""
        self.version = version

    def close(self) -> None:
        """Nothing is held."""


class TokenScorer(Protocol):
    """Log-probability of each said token under some policy: this one, the reference, a teacher, a server."""

    def logprobs(self, turns: Sequence[Turn]) -> list[tuple[float, ...]]:
        """One tuple for each turn, as long as its completion's tokens."""
        ...


SAMPLERS = {
    "shared_prompt": "vrft.rollout.shared_prompt.sampler:SharedPromptSampler",
    "plain": "vrft.rollout.plain:PlainSampler",
}


def check_sampler(name: str) -> None:
    """Refuse a name that is no sampler; a class of the user's own is not loaded.

    Raises:
        ConfigError: there is no such sampler, with the nearest name.
    """
    if name not in SAMPLERS and ":" not in name:
        raise ConfigError(
            f"rollout.sampler: there is no '{name}'.{did_you_mean(name, SAMPLERS)} Choose one of: "
            f"{', '.join(SAMPLERS)}; or name a class of your own as package.module:Class."
        )


def load_sampler(
    name: str, policy: Policy, share_images: bool = True, scorer: AnswerScorer | None = None
) -> Sampler:
    """The sampler of a name: one of ``SAMPLERS``, or a class as ``package.module:Class`` or
    ``file.py:Class``, which is given the policy. The other arguments are ``SharedPromptSampler``'s.

    Raises:
        ConfigError: there is no such sampler.
    """
    check_sampler(name)
    try:
        kind = load_object(SAMPLERS.get(name, name))
    except ValueError as error:
        raise ConfigError(f"rollout.sampler: {error}. Name it as package.module:Class.") from error
    options = {"share_images": share_images, "scorer": scorer} if name == "shared_prompt" else {}
    sampler: Sampler = kind(policy, **options)
    return sampler
