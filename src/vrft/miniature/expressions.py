"""Expressions that refer to exactly one object of a scene and need a thought: size, place, color, value."""

from __future__ import annotations

from collections.abc import Iterator

from vrft.miniature.scenes import DIGITS, SceneObject


def plural(category: str) -> str:
    """The plural of a category's name."""
    return category + ("es" if category[-1] in "xs" else "s")


def expressions(objects: tuple[SceneObject, ...]) -> list[tuple[str, SceneObject]]:
    """Every expression that holds of exactly one object, with that object, in a stable order."""
    return [*_by_size(objects), *_by_place(objects), *_by_color(objects), *_by_value(objects)]


def _same(objects: tuple[SceneObject, ...], category: str) -> list[SceneObject]:
    return [o for o in objects if o.category == category]


def _by_size(objects: tuple[SceneObject, ...]) -> Iterator[tuple[str, SceneObject]]:
    for category in sorted({o.category for o in objects}):
        pair = sorted(_same(objects, category), key=lambda o: o.area_px)
        # A reader must see the difference: the larger one has at least 1.4 times the area.
        if len(pair) == 2 and pair[1].area_px >= 1.4 * pair[0].area_px:
            yield f"the larger of the two {plural(category)}", pair[1]
            yield f"the smaller of the two {plural(category)}", pair[0]


def _by_place(objects: tuple[SceneObject, ...]) -> Iterator[tuple[str, SceneObject]]:
    if len(objects) < 2:
        return
    for axis, first, last in ((0, "leftmost", "rightmost"), (1, "topmost", "bottommost")):
        centres = [(o.box_xyxy_px[axis] + o.box_xyxy_px[axis + 2]) / 2 for o in objects]
        ordered = sorted(zip(centres, range(len(objects)), strict=True))
        if ordered[1][0] - ordered[0][0] >= 10:
            yield f"the {first} object", objects[ordered[0][1]]
        if ordered[-1][0] - ordered[-2][0] >= 10:
            yield f"the {last} object", objects[ordered[-1][1]]


def _by_color(objects: tuple[SceneObject, ...]) -> Iterator[tuple[str, SceneObject]]:
    for o in objects:
        twins = _same(objects, o.category)
        if len(twins) > 1 and sum(t.color == o.color for t in twins) == 1:
            yield f"the {o.color} {o.category}", o


def _by_value(objects: tuple[SceneObject, ...]) -> Iterator[tuple[str, SceneObject]]:
    digits = [o for o in objects if o.category in DIGITS]
    values = [DIGITS.index(o.category) for o in digits]
    if len(digits) < 2:
        return
    if values.count(max(values)) == 1:
        yield "the digit with the highest value", digits[values.index(max(values))]
    for o, value in zip(digits, values, strict=True):
        if len(digits) >= 3 and values.count(value) == 1 and sum(values) == 2 * value:
            yield "the digit that is the sum of the others", o
