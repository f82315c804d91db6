"""Who draws completions, and who writes prompts: the two protocols behind training, probe, evaluation,
prediction.

Nobody but a sampler knows how tokens are drawn, and nobody but a renderer knows a model family's template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from vrft.errors import ConfigError
from vrft.rollout.rollout_options import RolloutOptions
from vrft.types import Completion, CoordinateFrame, Medium, Message, Prompt, SampleSeed, SamplingParams, Turn
from vrft.types.options import did_you_mean
from vrft.types.plugins import load_object

if TYPE_CHECKING:
    from vrft.distributed import DistributedContext
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


@runtime_checkable
class ServedSampler(Sampler, Protocol):
    """One whose answers come from elsewhere, and need not be the policy's."""

    def explain(self, turn: Turn, scorer: AnswerScorer, limit: float, temperature: float) -> str:
        """Why its log-probabilities are not the policy's, in sentences that end with what to do; every
        process calls it alike.

        Args:
            turn: one that shows it.
            scorer: the policy's own log-probabilities.
            limit: what rounding explains.
            temperature: of the sampling.
        """
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


SERVED = "vllm"
"""The sampler whose answers come from servers."""
SAMPLERS = {
    "shared_prompt": "vrft.rollout.shared_prompt.sampler:SharedPromptSampler",
    "plain": "vrft.rollout.plain:PlainSampler",
    SERVED: "vrft.rollout.vllm.vllm_sampler:VllmSampler",
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


def check_served(rollout: RolloutOptions) -> None:
    """Refuse options that leave open, or forbid, that servers answer.

    Raises:
        ConfigError: with what to set.
    """
    if bool(rollout.url) != (rollout.sampler == SERVED):
        raise ConfigError(
            f"rollout.url, rollout.sampler: servers answer where both are set. Start one with 'vrft serve "
            f"MODEL', and set rollout.sampler: {SERVED} and rollout.url: http://127.0.0.1:8000, say; or "
            "leave both out."
        )
    if rollout.overlap and not rollout.url:
        raise ConfigError(
            f"rollout.overlap, rollout.sampler: '{rollout.sampler}' draws in this process, and cannot draw "
            f"while it trains. Set rollout.sampler: {SERVED} and rollout.url, or rollout.overlap: false."
        )
    if rollout.overlap and rollout.resample:
        raise ConfigError(
            "rollout.overlap, rollout.resample: which questions give way is known when a step begins, and "
            "then servers draw for the next one. Set rollout.resample: 0, or rollout.overlap: false."
        )
    for url in rollout.url:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"rollout.url: '{url}' is no address. Write it as http://host:port.")
    if rollout.url and rollout.temperature != 1 and (rollout.top_p < 1 or rollout.top_k):
        raise ConfigError(
            "rollout.temperature: of answers from a server, log-probabilities at a temperature other than 1 "
            "are known of the whole vocabulary alone. Set it to 1, or leave rollout.top_p and rollout.top_k "
            "out."
        )


def load_sampler(
    name: str,
    policy: Policy,
    share_images: bool = True,
    scorer: AnswerScorer | None = None,
    *,
    urls: Sequence[str] = (),
    folder: Path | None = None,
    context: DistributedContext | None = None,
) -> Sampler:
    """The sampler of a name: one of ``SAMPLERS``, or a class as ``package.module:Class`` or
    ``file.py:Class``, which is given the policy.

    Args:
        name: as ``rollout.sampler``.
        policy: that answers.
        share_images: as ``SharedPromptSampler`` takes it, like ``scorer``.
        scorer: through which gradient passes go, where something wraps it.
        urls: of servers, like the rest as ``VllmSampler`` takes it.
        folder: where adapters are written for servers.
        context: which process this is; None is the only one.

    Raises:
        ConfigError: there is no such sampler.
    """
    check_sampler(name)
    try:
        kind = load_object(SAMPLERS.get(name, name))
    except ValueError as error:
        raise ConfigError(f"rollout.sampler: {error}. Name it as package.module:Class.") from error
    options: Mapping[str, Mapping[str, Any]] = {
        "shared_prompt": {"share_images": share_images, "scorer": scorer},
        SERVED: {"urls": urls, "folder": folder} | ({"context": context} if context is not None else {}),
    }
    sampler: Sampler = kind(policy, **options.get(name, {}))
    return sampler
