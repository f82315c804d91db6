"""Which examples a step takes: every example once before any comes again, decided by seed and step alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from vrft.data.augment import AugmentOptions, augmented
from vrft.types import Clock, Example


def examples_of_step(examples: Sequence[Example], now: Clock, count: int) -> list[Example]:
    """``count`` examples; epochs are shuffled anew and run into each other, so that none is left behind."""
    chosen = []
    for index in range(now.step * count, (now.step + 1) * count):
        epoch, place = divmod(index, len(examples))
        order = np.random.default_rng([now.seed, epoch]).permutation(len(examples))
        chosen.append(examples[order[place]])
    return chosen


def further_examples(
    examples: Sequence[Example], now: Clock, draw: int, count: int, asked: Collection[str]
) -> list[Example]:
    """Other examples for a step whose rewards do not differ; those in ``asked`` come last."""
    order = np.random.default_rng([now.seed, now.step, draw]).permutation(len(examples))
    mixed = [examples[place] for place in order]
    return sorted(mixed, key=lambda example: example.id in asked)[:count]


def shown_anew(
    chosen: Sequence[Example], options: AugmentOptions, now: Clock, draw: int = 0
) -> list[Example]:
    """The examples of one draw with their images shown in other ways at random, as the options allow."""
    return [
        augmented(example, options, now.seed, now.step, draw, place) for place, example in enumerate(chosen)
    ]
