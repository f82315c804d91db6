"""Expressions that refer to exactly one object of a scene and need a thought: size, place, colour, value."""

from __future__ import annotations

from collections.abc import Iterator

from vrft.miniature.scenes import DIGITS, SceneObject


def plural(category: str) -> str:
    """The plural of a category's name.

    Example:
        >>> plural("six"), plural("seven")
        ('sixes', 'sevens')
    """
    return category + ("es" if category[-1] in "xs" else "s")


def expressions(objects: tuple[SceneObject, ...]) -> list[tuple[str, SceneObject]]:
    """Every expression that holds of exactly one object.

    Args:
        objects: what is in the scene.

    Returns:
        Pairs of text and the object meant, in a stable order.

    Example:
        >>> a = SceneObject("seven", "red", (0, 0, 20, 30))
        >>> b = SceneObject("seven", "blue", (50, 0, 90, 40))
        >>> [text for text, _ in expressions((a, b))][:2]
        ['the larger of the two sevens', 'the smaller of the two sevens']
    """
    return [*_by_size(objects), *_by_place(objects), *_by_colour(objects), *_by_value(objects)]


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


def _by_colour(objects: tuple[SceneObject, ...]) -> Iterator[tuple[str, SceneObject]]:
    for o in objects:
        twins = _same(objects, o.category)
        if len(twins) > 1 and sum(t.colour == o.colour for t in twins) == 1:
            yield f"the {o.colour} {o.category}", o


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
