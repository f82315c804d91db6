"""Ways of drawing the same scenes so differently that the miniature has never seen the like.

A domain changes how a scene looks and never what is in it or where: boxes are taken from the ink as it is
drawn. Pretraining knows the plain one alone.

How strong the changes are was set by the untrained miniature alone, on validation glyphs, before anything was
trained in another domain: it should do clearly worse there and still see something, because its tower, which
few-shot training leaves frozen, cannot learn to. Bare outlines were too much for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from vrft.errors import InputError

_FINER = 4
"""Outlines are cut at so many times the resolution."""
_LINE_PX = 2.6
_WOBBLE_PX = 0.7
"""How far a hand strays from the edge that it follows, one standard deviation."""
_WASH = 0.4
_STRAY_PX = 6 * _FINER
"""Size of a stray along the edge, at the finer resolution."""
_ROOM_PX = 4
"""Added around an object, so that no stray is cut off."""
_STRENGTH = 1.4
"""Contrast of the other textures, against 0.5 to 0.6 of the plain ones."""

Ink = np.ndarray
"""Opacity of one object, float (height, width) in [0, 1]."""


@dataclass(frozen=True)
class Domain:
    """One way of drawing."""

    name: str
    described: str
    """What is different, as a noun phrase."""
    field: Callable[[np.random.Generator, int], np.ndarray] | None = None
    """The background's texture, about -1 to 1 and (side, side), from a generator and a side in pixels; None
    leaves the plain ones."""
    ink: Callable[[np.random.Generator, Ink], Ink] = lambda rng, ink: ink
    pixels: Callable[[np.ndarray], np.ndarray] = lambda pixels: pixels


def inverted(pixels: np.ndarray) -> np.ndarray:
    """The photographic negative of uint8 (height, width, 3)."""
    return (255 - pixels).astype(np.uint8)


def outline(rng: np.random.Generator, ink: Ink) -> Ink:
    """The edge of an object as an unsteady hand would draw it, around a pale wash; has room on every side."""
    room = np.pad(ink, _ROOM_PX).astype(np.float32)
    height, width = (side * _FINER for side in room.shape)
    fine = np.asarray(Image.fromarray(room).resize((width, height), Image.Resampling.BICUBIC))
    moved = [
        place + _WOBBLE_PX * _FINER * _stray(rng, (height, width))
        for place in np.mgrid[0:height, 0:width].astype(np.float32)
    ]
    solid = ndimage.map_coordinates(fine, moved, order=1) > 0.5
    core = ndimage.distance_transform_edt(solid) > _LINE_PX * _FINER
    line = Image.fromarray((solid & ~core).astype(np.float32))
    edge = np.asarray(line.resize(room.shape[::-1], Image.Resampling.BOX))
    drawn: np.ndarray = np.maximum(edge, _WASH * room)
    return drawn


def _stray(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A smooth random field of standard deviation one."""
    coarse = rng.normal(0, 1, tuple(side // _STRAY_PX + 2 for side in shape)).astype(np.float32)
    smooth = np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))
    field: np.ndarray = smooth / smooth.std()
    return field


def other_texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """Squares, dots or bricks, in strong contrast, (side, side)."""
    y, x = np.mgrid[0:side, 0:side] + rng.integers(0, side, (2, 1, 1))
    period = int(rng.integers(8, 16))
    squares = ((x // period + y // period) % 2) * 2.0 - 1
    dots = np.where((x % period - period / 2) ** 2 + (y % period - period / 2) ** 2 < period, 1.0, -0.4)
    shifted = x + (y // period % 2) * period
    bricks = np.where((y % period < 2) | (shifted % (2 * period) < 2), 1.0, -0.4)
    field: np.ndarray = _STRENGTH * (squares, dots, bricks)[int(rng.integers(3))]
    return field


PLAIN = Domain("plain", "as in pretraining")
DOMAINS: Mapping[str, Domain] = {
    domain.name: domain
    for domain in (
        PLAIN,
        Domain("inverted", "the palette inverted", pixels=inverted),
        Domain("outline", "hand-drawn outlines with a pale wash", ink=outline),
        Domain("texture", "backgrounds of squares, dots and bricks", field=other_texture),
    )
}


def domain_of(name: str) -> Domain:
    """A domain by its name."""
    if name not in DOMAINS:
        raise InputError(f"There is no domain '{name}'. Choose one of: {', '.join(DOMAINS)}.")
    return DOMAINS[name]
