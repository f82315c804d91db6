"""What is done with an interface: an action by its name, the place where, and the text that goes with it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from vrft.types.frames import BoxXYXY
from vrft.types.values import Finite, Shape, Value

AT_A_PLACE = frozenset(
    {
        *("click", "left_click", "right_click", "double_click", "middle_click", "tap", "double_tap"),
        *("long_press", "long_click", "hover", "move_to", "mouse_move"),
    }
)
"""Actions that are nothing without a place."""
NO_TEXT = "no input text"
"""How GUI-R1 writes that an action has no text."""
DONE_BEFORE = "\nDone before: "
"""Between an instruction and what was done before, where the data say it."""
LARGE = 0.5
"""Share of a screen from which the box of an action is doubtful: nearly any place is right then."""
_APART = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Action(Value):
    """One step on a screen, such as a click at a place."""

    kind: ClassVar[str] = "action"
    has_coordinates: ClassVar[bool] = True
    action: str
    """'click', 'type', 'press_back', ...: whatever the data have, in lower case, words joined by '_'."""
    xy_px: tuple[Finite, Finite] | None = None
    """Where, in pixels of the file; None where it has no place, or an answer gives none that can be used."""
    text: str = ""
    """What is typed, selected or opened, or the direction of a scroll."""
    box_px: tuple[Finite, Finite, Finite, Finite] | None = None
    """Of a target: the box in which a place is right."""
    radius_px: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Of a target without a box: how far from its place another one is still right."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", _APART.sub("_", self.action.strip().casefold()))

    @property
    def _compared(self) -> Hashable:
        return (self.action, self.xy_px, self.text)

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY] | None:
        """Its place; without one the whole screen says why this is to be done."""
        if self.box_px is not None:
            return (self.box_px,)
        return None if self.xy_px is None else ((*self.xy_px, *self.xy_px),)

    def label_error(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        if self.action in AT_A_PLACE and self.xy_px is None and self.box_px is None:
            return f"The action '{self.action}' has no place."
        return Value.label_error(self, sizes_wh)

    def label_warning(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        if self.box_px is None:
            return None
        (width, height), *_ = sizes_wh
        x1, y1, x2, y2 = self.box_px
        if self.xy_px is not None and not (x1 <= self.xy_px[0] <= x2 and y1 <= self.xy_px[1] <= y2):
            return f"The place of '{self.action}' lies beside its own box."
        share = (x2 - x1) * (y2 - y1) / (width * height)
        return f"The box of '{self.action}' is {share:.0%} of the screen." if share > LARGE else None

    @property
    def words(self) -> tuple[str, ...]:
        return (self.text,) if self.text else ()

    def shapes(self) -> Sequence[Shape]:
        said = [Shape("caption", text=" ".join(filter(None, (self.action, self.text))))]
        point = [Shape("point", self.xy_px, self.action)] if self.xy_px is not None else []
        return [*said, *point, *([Shape("rectangle", self.box_px)] if self.box_px is not None else [])]

    def describe(self) -> str:
        at = "" if self.xy_px is None else f" at {self.xy_px[0]:.0f}, {self.xy_px[1]:.0f} (pixels)"
        return f"Action: {self.action}{at}" + (f": {self.text}" if self.text else "")
