"""The same question about the picture mirrored or scaled, and the way of an answer back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vrft.data.augment.change import Change, applied
from vrft.data.augment.flip import Flip
from vrft.data.augment.scale import LEAST_PICTURE_SIDE_PX, Scale
from vrft.data.augment.side_words import speaks_of_sides
from vrft.errors import InputError
from vrft.types import Answer, Example


@dataclass(frozen=True)
class Look:
    """One way of showing an example's picture to the model."""

    name: str
    """``plain``, ``flip``, or ``scale`` with its factor."""
    example: Example
    """What to ask: answers to it have boxes in pixels of the picture as it is shown."""
    undo: Change | None = None
    """Takes boxes of the shown picture to the original one; None where both are the same."""
    mirrored: bool = False

    def back(self, answer: Answer) -> Answer:
        """An answer about the shown picture as an answer about the original one.

        Args:
            answer: boxes and points in pixels of the shown picture, as ``example`` is answered.

        Returns:
            The same with boxes and points in original pixels. A class name that speaks of sides is not true
            of the unmirrored picture: such an answer comes back as one that could not be read.
        """
        if self.undo is None:
            return answer
        if self.mirrored and answer.label is not None and speaks_of_sides(answer.label):
            return replace(answer, parsed=False)
        points = [self.undo.box((x, y, x, y)) for x, y in answer.points_xy_px]
        return replace(
            answer,
            boxes_xyxy_px=tuple(self.undo.box(box) for box in answer.boxes_xyxy_px),
            points_xy_px=tuple((x, y) for x, y, _, _ in points),
        )


def may_be_mirrored(example: Example) -> bool:
    """Whether neither a question nor a class to choose from speaks of sides.

    The right answer is not looked at, since nobody knows it when the question is asked.
    """
    return not any(speaks_of_sides(text) for text in (example.question, *example.options))


def flipped(example: Example) -> Look | None:
    """The mirrored picture; None where the question may not be mirrored.

    Args:
        example: the question about the picture as it is.
    """
    if not may_be_mirrored(example):
        return None
    flip = Flip(example.image_wh)
    return Look("flip", applied(example, flip), flip, mirrored=True)


def scaled(example: Example, factor: float) -> Look | None:
    """The picture in fewer or more pixels; None where its size would stay, or a side become too short.

    Args:
        example: the question about the picture as it is.
        factor: of both sides, above 0; sides are rounded to whole pixels.

    Raises:
        InputError: the factor is not above 0, or not finite.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import BoxesTarget
        >>> example = Example("a", "a", Path("a.png"), (200, 100), "grounding", "a cup", BoxesTarget(()))
        >>> look = scaled(example, 1.5)
        >>> answer = Answer(True, True, ((30.0, 30.0, 60.0, 90.0),), (1.0,))
        >>> look.example.image_wh, look.back(answer).boxes_xyxy_px
        ((300, 150), ((20.0, 20.0, 40.0, 60.0),))
    """
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"views: a picture cannot be scaled by {factor}. Give a number above 0.")
    own = example.image_wh
    size = (round(own[0] * factor), round(own[1] * factor))
    if size == own or (factor < 1 and min(size) < LEAST_PICTURE_SIDE_PX):
        return None
    return Look(f"scale {factor:g}", applied(example, Scale(own, size)), Scale(size, own))


def looks(example: Example, flip: bool = True, factors: Sequence[float] = ()) -> list[Look]:
    """The picture as it is, then every other look that the question allows.

    Args:
        example: the question about the picture as it is.
        flip: show it mirrored as well.
        factors: show it scaled by each of these as well.

    Returns:
        At least the plain look, which is first.

    Raises:
        InputError: a factor is not above 0, or not finite.
    """
    others = ([flipped(example)] if flip else []) + [scaled(example, factor) for factor in factors]
    return [Look("plain", example), *(look for look in others if look is not None)]
