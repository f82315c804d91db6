"""Special tokens: coordinates that a tokenizer holds as tokens of their own, and Molmo's point tags."""

from __future__ import annotations

import re

from vrft.tasks.parsing.bracket_groups import Group
from vrft.tasks.parsing.numbers import numbers_of
from vrft.tasks.parsing.raw_answer import Order, WrittenBox, WrittenPoint

PER_CENT = 100.0
PALIGEMMA_BINS = 1024.0
"""``<loc0000>`` to ``<loc1023>``."""
FLORENCE_BINS = 1000.0
"""``<loc_0>`` to ``<loc_999>``."""

_ATTRIBUTE = re.compile(r"""\b([xy])([0-9]{0,3})\s{0,4}=\s{0,4}["']?\s{0,4}([0-9]{1,6}(?:\.[0-9]{1,20})?)""")
_ALT = re.compile(r"""\balt\s{0,4}=\s{0,4}(?:"([^"]{1,300})"|'([^']{1,300})')""")
_AFTER = re.compile(r"[ \t]*([^;<\n]{1,100})")


def read_run(group: Group, text: str) -> WrittenBox | WrittenPoint | None:
    """Read one run of coordinate tokens.

    Args:
        group: four tokens are a box, two a point.
        text: where they stand; PaliGemma names a box after it, up to a semicolon.

    Returns:
        The box or point; None for any other number of tokens.
    """
    numbers = numbers_of(group)
    if len(numbers) == 2:
        return WrittenPoint((numbers[0], numbers[1]))
    if len(numbers) != 4:
        return None
    x1, y1, x2, y2 = numbers
    if group.token.startswith("<loc_"):
        return WrittenBox((x1, y1, x2, y2), extent=FLORENCE_BINS)
    if not group.token.startswith("<loc"):
        return WrittenBox((x1, y1, x2, y2))
    named = _AFTER.match(text, group.end)
    label = named[1].strip() or None if named else None
    return WrittenBox((x1, y1, x2, y2), Order.YXYX, label=label, extent=PALIGEMMA_BINS)


def read_point_tag(tag: str) -> list[WrittenPoint]:
    """Read a ``<point>`` or ``<points>`` tag: x and y in per cent, numbered where there are several.

    Args:
        tag: the tag as written.

    Returns:
        Its points; none where a coordinate lacks its fellow.

    Example:
        >>> read_point_tag('<point x="61.5" y="40" alt="nose">')
        [WrittenPoint(numbers=(61.5, 40.0), label='nose', extent=100.0)]
    """
    found: dict[str, dict[str, float]] = {}
    for axis, number, value in _ATTRIBUTE.findall(tag):
        found.setdefault(number, {})[axis] = float(value)
    alt = _ALT.search(tag)
    label = (alt[1] or alt[2]).strip() or None if alt else None
    if any(len(point) != 2 for point in found.values()):
        return []
    return [WrittenPoint((point["x"], point["y"]), label, PER_CENT) for point in found.values()]
