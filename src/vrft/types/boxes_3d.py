"""Upright boxes in space: centre, size and yaw, whatever the order in which a file or a model writes them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from vrft.errors import InputError
from vrft.types.values import Finite, Shape, Value

Box3D = tuple[float, float, float, float, float, float, float]
"""Centre x, y, z; size along x, y, z; yaw in radians about the vertical axis."""
Up = Literal["y", "z"]
Angle = Literal["rad", "deg"]
LAYOUT = "x y z dx dy dz yaw"
_ANGLES = ("yaw", "pitch", "roll")
_TURN = 1e-4
"""Yaws that differ by less are the same."""


@dataclass(frozen=True, slots=True)
class Boxes3D(Value):
    """Any number of upright boxes in space; none where the right answer is 'No Objects'.

    Numbers come in the layout that is named, and are held in ``LAYOUT`` and radians: whatever stands here
    afterwards has these. A box is the same after half a turn. Roll and pitch are not held: boxes stand
    upright.
    """

    kind: ClassVar[str] = "boxes3d"
    moves_with_image: ClassVar[bool] = True
    boxes: tuple[tuple[Finite, ...], ...] = ()
    layout: str = LAYOUT
    """What the numbers are, with blanks between: x y z (centre), bottom for the lower face instead of the
    vertical one; dx dy dz, or l w h; yaw, and with it roll and pitch."""
    angle: Angle = "rad"
    up: Up = "z"
    """The vertical axis: z points up, or y points down, as in cameras."""
    unit: str = "m"
    intrinsics: tuple[Finite, Finite, Finite, Finite] | None = None
    """fx, fy, cx, cy of the camera in pixels of the file, where it is at the origin and looks along z."""

    def __post_init__(self) -> None:
        if self.boxes or self.layout != LAYOUT:
            boxes = tuple(from_layout(box, self.layout, self.angle, self.up) for box in self.boxes)
            object.__setattr__(self, "boxes", boxes)
            object.__setattr__(self, "layout", LAYOUT)
            object.__setattr__(self, "angle", "rad")

    @property
    def each(self) -> tuple[Box3D, ...]:
        """The boxes."""
        return tuple((b[0], b[1], b[2], b[3], b[4], b[5], b[6]) for b in self.boxes)

    @property
    def is_empty(self) -> bool:
        return not self.boxes

    @property
    def _compared(self) -> Hashable:
        return frozenset(
            (*box[:6], round(box[6] % math.pi / _TURN) % round(math.pi / _TURN)) for box in self.boxes
        )

    @property
    def size(self) -> int:
        return len(self.boxes)

    def shapes(self) -> Sequence[Shape]:
        """Edges in the image where the camera is known, words elsewhere."""
        edges = [_outline(box, self.intrinsics) if self.up == "y" else None for box in self.each]
        return [
            own or Shape("caption", text=self._in_words(box))
            for box, own in zip(self.each, edges, strict=True)
        ]

    def describe(self) -> str:
        return "\n".join(map(self._in_words, self.each)) or "No objects."

    def _in_words(self, box: Box3D) -> str:
        centre, size = (", ".join(f"{n:.2f}" for n in part) for part in (box[:3], box[3:6]))
        return f"3-D box at ({centre}), size ({size}) {self.unit}, yaw {math.degrees(box[6]):.0f} degrees"


def tokens_of(layout: str, up: Up) -> list[str]:
    """What the numbers of a layout are, in the words of ``LAYOUT``.

    Raises:
        InputError: a word is not known, or one that is needed is missing.
    """
    sides = {"l": "dx", "w": "dy", "h": "dz"} if up == "z" else {"l": "dx", "w": "dz", "h": "dy"}
    tokens = [sides.get(word, word) for word in layout.split()]
    needed = {*LAYOUT.split()} - ({up} if "bottom" in tokens else set())
    known = needed | {"bottom", *_ANGLES}
    if set(tokens) > known or not needed <= set(tokens) <= known or len(set(tokens)) < len(tokens):
        raise InputError(
            f"The layout '{layout}' does not say each number of a 3-D box once. Write, for example, "
            f"'{LAYOUT}' or 'x y z dx dy dz roll pitch yaw'."
        )
    return tokens


def from_layout(numbers: Sequence[float], layout: str, angle: Angle, up: Up) -> Box3D:
    """Numbers of a layout as a box.

    Raises:
        InputError: there are more or fewer numbers than the layout has, or a size is not above 0.

    Example:
        >>> from_layout((1, 2, 3, 4, 5, 6, 0, 0, 90), "x y z dx dy dz pitch roll yaw", "deg", "z")[6]
        1.5707963267948966
    """
    tokens = tokens_of(layout, up)
    if len(numbers) != len(tokens):
        raise InputError(
            f"A 3-D box has {len(numbers)} numbers, and the layout '{layout}' has {len(tokens)}. Name the "
            'layout of the numbers, for example "layout": "x y z dx dy dz roll pitch yaw".'
        )
    said: Mapping[str, float] = dict(zip(tokens, map(float, numbers), strict=True))
    if min(said["dx"], said["dy"], said["dz"]) <= 0:
        raise InputError("A 3-D box has a size that is not above 0. Fix or remove it.")
    centre = {axis: said.get(axis, 0.0) for axis in "xyz"}
    if "bottom" in said:
        # Where y points down, the lower face has the greater y.
        half = said[f"d{up}"] / 2
        centre[up] = said["bottom"] + (half if up == "z" else -half)
    yaw = math.radians(said["yaw"]) if angle == "deg" else said["yaw"]
    yaw = yaw if -math.pi < yaw <= math.pi else math.remainder(yaw, 2 * math.pi)
    return (centre["x"], centre["y"], centre["z"], said["dx"], said["dy"], said["dz"], yaw)


def to_layout(box: Box3D, layout: str, angle: Angle, up: Up) -> list[float]:
    """A box as the numbers of a layout; roll and pitch are 0."""
    said: dict[str, float] = dict(zip(LAYOUT.split(), box, strict=True))
    half = said[f"d{up}"] / 2
    said["bottom"] = said[up] - half if up == "z" else said[up] + half
    said["yaw"] = math.degrees(said["yaw"]) if angle == "deg" else said["yaw"]
    return [said.get(token, 0.0) for token in tokens_of(layout, up)]


def corners_of(box: Box3D, up: Up) -> list[tuple[float, float, float]]:
    """The eight corners; the yaw turns from x to y where z is up, and from z to x where y is down."""
    x, y, z, *size, yaw = box
    first, second = ((0, 1), (2, 0))[up == "y"]
    found = []
    for a, b, c in [(a, b, c) for c in (-0.5, 0.5) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]:
        place = [x, y, z]
        u, v = a * size[first] / 2, b * size[second] / 2
        place[first] += u * math.cos(yaw) - v * math.sin(yaw)
        place[second] += u * math.sin(yaw) + v * math.cos(yaw)
        place["xyz".index(up)] += c * size["xyz".index(up)]
        found.append((place[0], place[1], place[2]))
    return found


_EDGES = (0, 1, 2, 3, 0, 4, 5, 1, 5, 6, 2, 6, 7, 3, 7, 4)
"""One way over all edges and back."""


def _outline(box: Box3D, intrinsics: Any) -> Shape | None:
    """The twelve edges as one polygon of the image; None where a corner is not in front of the camera."""
    corners = corners_of(box, "y")
    if intrinsics is None or min(z for *_, z in corners) <= 0:
        return None
    fx, fy, cx, cy = intrinsics
    seen = [(fx * x / z + cx, fy * y / z + cy) for x, y, z in corners]
    return Shape("polygon", tuple(n for corner in _EDGES for n in seen[corner]))
