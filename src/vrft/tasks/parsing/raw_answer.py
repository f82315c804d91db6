"""What an answer says, as it is written: numbers, their order, confidences and names, without any image.

A notation may fix a convention of its own, and then the convention is written here next to the numbers:

=====================================  =====================  ================================
notation                               order                  numbers of the far border
=====================================  =====================  ================================
``box_2d`` (Gemini)                    y1, x1, y2, x2         the ``CoordinateFrame`` knows
an order that the answer states        that one (``orders``)  the ``CoordinateFrame`` knows
``<loc0123>`` (PaliGemma)              y1, x1, y2, x2         1024
``<loc_123>`` (Florence-2)             x1, y1, x2, y2         1000
``<point x= y=>`` (Molmo)              x, y                   100 (percent)
objects with ``width`` and ``height``  x1, y1, width, height  the ``CoordinateFrame`` knows
all others                             x1, y1, x2, y2         the ``CoordinateFrame`` knows
=====================================  =====================  ================================
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from typing import NamedTuple

from vrft.types import NOWHERE, Fault, Span

Numbers = tuple[float, float, float, float]


class Order(StrEnum):
    """What the four numbers of a box are."""

    XYXY = "xyxy"
    YXYX = "yxyx"
    XXYY = "xxyy"
    YYXX = "yyxx"
    XYWH = "xywh"
    CXCYWH = "cxcywh"
    OTHER = "other"
    """A stated one that is none of these; no box is made of it, nor of sides."""


class Notation(Enum):
    """How a box or a point is written."""

    OBJECT = "object"
    """An object with a list of four numbers under ``Position``, ``bbox_2d`` or a like key."""
    LIST = "list"
    """Four numbers in brackets."""
    CORNERS = "corners"
    """``(x1,y1),(x2,y2)``."""
    OTHER = "other"


class Rating(Enum):
    """Whether a box has a confidence."""

    GIVEN = "given"
    LOOSE = "loose"
    """Given as a number in quotes."""
    NONE = "none"
    MISSING = "missing"
    """The notation demands one (the paper's does) and there is none."""
    UNREADABLE = "unreadable"
    """Something is there that is not a number."""


class RawBox(NamedTuple):
    """One box as a model wrote it: four finite numbers, in range or not, inverted or not."""

    numbers: Numbers
    order: Order = Order.XYXY
    confidence: float | None = None
    """As written, so that 100 and -5 are possible, and infinity where that is written."""
    label: str | None = None
    extent: float | None = None
    """The number of the image's far border, where the notation fixes it."""
    rating: Rating = Rating.NONE


class RawPoint(NamedTuple):
    """One point as a model wrote it: x, then y."""

    numbers: tuple[float, float]
    label: str | None = None
    extent: float | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """All that an answer's content says."""

    boxes: tuple[RawBox, ...] = ()
    """In written order, repetitions included."""
    points: tuple[RawPoint, ...] = ()
    abstained: bool = False
    """It says that there is nothing."""
    faults: tuple[Fault, ...] = ()
    notations: frozenset[Notation] = frozenset()
    """Those that were met; ``OTHER`` also for an abstention in other words than the demanded ones."""
    spans: tuple[Span, ...] = field(default=(), compare=False)
    """Where each box is written, as in ``Answer.spans``."""

    def moved(self, by: int | None) -> RawAnswer:
        """The same in a longer text: ``by`` characters further on, or in a place that is not known."""
        if not by:
            return self if by == 0 else replace(self, spans=())
        moved = [span if span == NOWHERE else (span[0] + by, span[1] + by) for span in self.spans]
        return replace(self, spans=tuple(moved))
