"""What one step trains on, and where it comes from: groups of rollouts, whatever their source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from vrft.data.augment import AugmentOptions, augmented
from vrft.training.mixture import Mixture
from vrft.types import Clock, Example, RolloutGroup

Row = dict[str, Any]
"""What a step logs: names to plain numbers."""


@dataclass(frozen=True)
class Batch:
    """The groups of one step: sampled ones (RFT), gold answers in groups of one (SFT), preferences in
    groups of two.

    Args:
        groups: all of the step, of every process, in an order that does not depend on processes.
        own: places of those that this process trains, all with ``trained``.
        temperature: the log-probabilities are those of logits divided by this.
        max_tokens: longest answer that is possible.
        encoded: the prompts of ``own`` as the sampler encoded them with gradient, good for one backward pass.
        metrics: what the source measured.
        staleness: optimizer steps between the weights that drew and those that this step begins with.
        ahead: waits for the next step's answers where these weights draw them meanwhile, and gives some of
            this process; the weights must not change before. None where nothing is drawn.
    """

    groups: tuple[RolloutGroup, ...]
    own: tuple[int, ...]
    temperature: float = 1.0
    max_tokens: int = 1
    encoded: Any = None
    metrics: Row = field(default_factory=dict)
    staleness: int = 0
    ahead: Callable[[], Sequence[RolloutGroup]] | None = None

    @property
    def trained(self) -> list[RolloutGroup]:
        """The groups of the whole step that take part in the gradient."""
        return [group for group in self.groups if group.trained]


class Source(Protocol):
    """Where a step's groups come from: a function of the clock and of its own state."""

    def batch(self, now: Clock) -> Batch:
        """The groups of one step."""
        ...

    def place(self, now: Clock) -> str:
        """Where a step begins in its questions, in words for people."""
        ...


@runtime_checkable
class Stateful(Protocol):
    """An advantage, source or objective that remembers between steps: its state is in the checkpoint, and
    makes a resumed run the uninterrupted one."""

    def state(self) -> Any:
        """Plain JSON values."""
        ...

    def restore(self, state: Any) -> None:
        """Go on where ``state`` was taken."""
        ...


def examples_of_step(examples: Sequence[Example], now: Clock, count: int) -> list[Example]:
    """``count`` examples; epochs are shuffled anew and run into each other, so that none is left behind."""
    return Mixture().of_step(examples, now, count)


def further_examples(
    examples: Sequence[Example], now: Clock, draw: int, count: int, asked: Collection[str]
) -> list[Example]:
    """Other examples for a step whose rewards do not differ; those in ``asked`` come last."""
    return Mixture().further(examples, now, draw, count, asked)


def shown_anew(
    chosen: Sequence[Example], options: AugmentOptions, now: Clock, draw: int = 0
) -> list[Example]:
    """The examples of one draw with their images shown in other ways at random, as the options allow."""
    return [
        augmented(example, options, now.seed, now.step, draw, place) for place, example in enumerate(chosen)
    ]
