"""How much pictures are shrunk for the model, and what is left of their smallest objects."""

from __future__ import annotations

from statistics import median

from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.on_model.model_case import Asked, ModelCase
from vrft.types import BoxesTarget

LEAST_PX = 8.0
"""An object with a shorter side, after the resize, fills no patch of 14 to 16 pixels by half."""

FEW = 0.02
"""Share of the questions up to which tiny objects are worth a note only."""


def examine_pixels(case: ModelCase) -> list[Finding]:
    """Objects that all but vanish, with a warning where they are not few, and the factor of the resize."""
    asked = case.asked
    if not asked:
        return []
    factors = [_factor(one) for one in asked]
    told = f"The model sees pictures at {median(factors):.0%} of their width and height"
    told += f" ({min(factors):.0%} to {max(factors):.0%})."
    found = [Finding(Severity.NOTE, "resize", told, case.data.root)]
    sides = {one.example.id: (_seen_side_px(one), one) for one in asked}
    tiny = {name: pair for name, pair in sides.items() if pair[0] < LEAST_PX}
    if tiny:
        side, worst = min(tiny.values(), key=lambda pair: pair[0])
        wanted = worst.view.input_wh[0] * worst.view.input_wh[1] * (LEAST_PX / side) ** 2
        original = worst.view.original_wh[0] * worst.view.original_wh[1]
        told = (
            f"{len(tiny)} of {len(asked)} questions are about objects less than {LEAST_PX:g} pixels wide or "
        )
        told += f"high after the resize; the smallest is {side:.1f} pixels."
        mend = (
            f"Set model.max_pixels: {round(wanted)} or more, or cut the pictures into parts."
            if wanted <= original
            else "Even at full size they are that small: cut the pictures into parts and enlarge these."
        )
        severity = Severity.WARNING if len(tiny) > FEW * len(asked) else Severity.NOTE
        found.append(Finding(severity, "tiny-objects", told, str(worst.example.image), mend))
    return found


def _factor(one: Asked) -> float:
    """Of lengths: the root of the factor of areas."""
    (w, h), (seen_w, seen_h) = one.view.original_wh, one.view.input_wh
    return float((seen_w * seen_h / (w * h)) ** 0.5)


def _seen_side_px(one: Asked) -> float:
    (w, h), (seen_w, seen_h) = one.view.original_wh, one.view.input_wh
    target = one.example.target
    boxes = target.boxes_xyxy_px if isinstance(target, BoxesTarget) else ()
    return min(
        (min((x2 - x1) * seen_w / w, (y2 - y1) * seen_h / h) for x1, y1, x2, y2 in boxes),
        default=float("inf"),
    )


EXAMINE = examine_pixels
