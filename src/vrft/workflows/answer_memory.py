"""How much memory answers take: a request that cannot fit is refused before anything is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vrft.errors import InputError
from vrft.inference.ask_options import AskOptions
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.layer_sizes import Sizes, sizes_of
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for
from vrft.training.memory import GIB, Load, device_memory_gib
from vrft.types import Example

PIXEL_BYTES = 20
"""Of an image that is made larger: twice as Pillow keeps it (4 bytes), and three numbers of 4 bytes."""
TILES = 16
"""Tiles that a model of fixed tiles sees of an image at most."""
_WIDE = 4
_LOGITS = 4
"""Copies of a row of logits while tokens are drawn."""


def refuse_too_large(predictor: PolicyPredictor, examples: Sequence[Example]) -> None:
    """See that several answers, or enlarged images, fit into the memory of the device.

    Args:
        predictor: that will answer; where no policy of ours writes its prompts, nothing is known.
        examples: the questions.

    Raises:
        InputError: they do not; names the largest number that does.
    """
    policy, options = predictor.renderer, predictor.options
    if not isinstance(policy, Policy) or not examples or (options.samples == 1 and not options.scales):
        return
    there = device_memory_gib(policy.device)
    if there is None:
        return
    largest = max(examples, key=_area)
    load, sizes = Load.of(policy, prompts_for(policy, [largest])), sizes_of(policy)
    together, room = min(options.batch, len(examples)), _room(policy, largest)

    def needed(samples: int, scale: float) -> float:
        asked = replace(options, samples=samples)
        enlarged = _area(largest) * scale**2 if scale > 1 else 0.0
        return answer_gib(sizes, load, asked, together, min(scale**2, room), enlarged)

    scale = max((1.0, *options.scales))
    if needed(1, scale) > there:
        most = largest_that_fits(lambda n: needed(1, 1 + n / 10) <= there, round(10 * scale))
        raise InputError(
            f"--scales {scale:g}: asking would hold about {needed(1, scale):.0f} GiB, and this device has "
            f"{there:.1f}. Images of this size fit up to a factor of {1 + most / 10:g}."
        )
    if needed(options.samples, scale) > there:
        most = largest_that_fits(lambda n: needed(n, scale) <= there, options.samples)
        raise InputError(
            f"--samples {options.samples}: asking would hold about {needed(options.samples, scale):.0f} GiB, "
            f"and this device has {there:.1f}. At most --samples {most} fit."
        )


def answer_gib(
    sizes: Sizes, load: Load, options: AskOptions, together: int, growth: float, enlarged_px: float
) -> float:
    """GiB that are held at once.

    Args:
        sizes: of the policy.
        load: of the largest prompt, with its image as it is.
        options: how it is asked.
        together: questions that are encoded together.
        growth: how many times more patches the tower sees of the image than of it as it is.
        enlarged_px: pixels of the enlarged image before the model's own resize; 0 where none is enlarged.
    """
    number, text = sizes.number_bytes, sizes.text
    key_values = text.layers * sizes.key_value * number
    prompt = load.prompt_tokens + load.image_tokens * (growth - 1)
    most = max(0, options.samples - 1)
    rows = max(1, min(together, max(1, options.rows // max(1, most))) * most)
    held = (
        sizes.weights_bytes
        + enlarged_px * PIXEL_BYTES
        + load.patches * growth * (sizes.vision.passing + sizes.vision.kept) * number
        + together * prompt * key_values
        + rows * options.params.max_new_tokens * key_values
        + rows * sizes.vocabulary * _LOGITS * _WIDE
    )
    return held / GIB


def _room(policy: Policy, example: Example) -> float:
    """How many times more pixels of an example's images the tower could see than it does."""
    most = policy.family.most_pixels(policy.image_processor)
    if most is None:
        return TILES
    seen = [policy.frame(medium).input_wh for medium in example.media]
    return max((most / (width * height) for width, height in seen), default=1.0)


def largest_that_fits(fits: Callable[[int], bool], too_many: int) -> int:
    """The largest whole number below ``too_many`` that fits, where all smaller ones do too; at least 1.

    Example:
        >>> largest_that_fits(lambda n: n * n <= 50, 100)
        7
    """
    low, high = 1, max(2, too_many)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _area(example: Example) -> int:
    shown = (getattr(medium, "shown_wh", (0, 0)) for medium in example.media)
    return max((width * height for width, height in shown), default=0)
