"""Which examples a step takes: every example once before any comes again, decided by seed and step alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from vrft.config.run_config import RunConfig
from vrft.data.augment import augmented
from vrft.types import Example


def examples_of_step(examples: Sequence[Example], step: int, count: int, seed: int) -> list[Example]:
    """The examples of one training step.

    Args:
        examples: the training part.
        step: from 0.
        count: prompts a step.
        seed: source of the order.

    Returns:
        ``count`` examples; epochs are shuffled anew and run into each other, so no example is left behind.

    Example:
        >>> len(examples_of_step([None] * 3, 0, 5, 0))
        5
    """
    chosen = []
    for index in range(step * count, (step + 1) * count):
        epoch, place = divmod(index, len(examples))
        order = np.random.default_rng([seed, epoch]).permutation(len(examples))
        chosen.append(examples[order[place]])
    return chosen


def further_examples(
    examples: Sequence[Example], step: int, again: int, count: int, seed: int, asked: Collection[str]
) -> list[Example]:
    """Other examples for a step, where those that it took taught nothing.

    Args:
        examples: the training part.
        step: from 0.
        again: the how manieth further draw of the step, from 1.
        count: how many.
        seed: source of the order.
        asked: ids that the step has asked already; they come last.

    Returns:
        ``count`` examples, fewer where there are fewer.
    """
    order = np.random.default_rng([seed, step, again]).permutation(len(examples))
    mixed = [examples[place] for place in order]
    return sorted(mixed, key=lambda example: example.id in asked)[:count]


def with_changes(chosen: Sequence[Example], config: RunConfig, step: int, again: int = 0) -> list[Example]:
    """The examples of one draw with their pictures changed at random, as the configuration allows.

    Args:
        chosen: examples of a step, or further ones.
        config: its seed, and its chances of changes; the same examples where these are 0.
        step: from 0.
        again: the how manieth further draw of the step, 0 for its first.
    """
    chances = config.augment.model_dump()
    return [
        augmented(example, chances, config.seed, step, again, place) for place, example in enumerate(chosen)
    ]
