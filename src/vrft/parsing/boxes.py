"""Boxes in an answer's content: which notation, which numbers, which are usable."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vrft.geometry.frames import View
from vrft.parsing.literals import Group, Scan, Value, scan
from vrft.types import BoxXYXY, Fault

BOX_KEYS = frozenset({"position", "bbox_2d", "bbox", "box", "bounding_box", "bounding_box_2d"})
"""``box_2d`` is missing on purpose: the models that write it put y before x."""
CONFIDENCE_KEYS = frozenset({"confidence", "score"})
_NO_OBJECTS = re.compile(r"""[\s"'`\[]{0,8}no[\s_-]{0,4}objects?[\s"'`\].]{0,8}""", re.IGNORECASE)


@dataclass(frozen=True)
class BoxReading:
    """What the content of an answer says about boxes."""

    boxes_xyxy_px: tuple[BoxXYXY, ...] = ()
    confidences: tuple[float, ...] = ()
    abstained: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class _Entry:
    """One attempt at a box, or at one of its two corners."""

    numbers: tuple[float, ...] = ()
    confidence: Value | None = None
    rated: bool = False
    """The notation demands a confidence."""


def read_boxes(content: str, view: View) -> BoxReading:
    """Read a list of boxes, or an abstention.

    Args:
        content: the answer without its tags.
        view: how the picture's coordinates are written.

    Returns:
        Usable boxes in original pixels, exact duplicates merged under their highest confidence. An unusable
        box costs that box only.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> read_boxes("[{'Position': [100, 100, 500, 500], 'Confidence': 0.90}]", view).boxes_xyxy_px
        ((64.0, 48.0, 320.0, 240.0),)
        >>> read_boxes("No Objects.", view).abstained
        True
    """
    if len(content) < 40 and _NO_OBJECTS.fullmatch(content):
        return BoxReading(abstained=True)
    found = scan(content)
    if _is_empty_list(found):
        return BoxReading(abstained=True)
    boxes, confidences, faults = _usable(list(_entries(found)), view)
    best: dict[BoxXYXY, float] = {}
    for box, confidence in zip(boxes, confidences, strict=True):
        best[box] = max(confidence, best.get(box, 0.0))
    return BoxReading(tuple(best), tuple(best.values()), False, _all_faults(content, found, boxes, faults))


def read_corners(content: str, view: View) -> BoxReading:
    """Read one box, written as two corners in brackets or in any notation that ``read_boxes`` reads.

    Args:
        content: the answer without its tags.
        view: how the picture's coordinates are written.

    Returns:
        The first usable box; ``Fault.SEVERAL_BOXES`` where more were written.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> read_corners("(100,100),(500,500)", view).boxes_xyxy_px
        ((64.0, 48.0, 320.0, 240.0),)
    """
    found = scan(content)
    entries = list(_paired(list(_entries(found))))
    boxes, confidences, faults = _usable(entries, view)
    if len(boxes) > 1:
        faults.append(Fault.SEVERAL_BOXES)
    return BoxReading(
        tuple(boxes[:1]), tuple(confidences[:1]), False, _all_faults(content, found, boxes, faults)
    )


def _is_empty_list(found: Scan) -> bool:
    sound = found.clean and not found.truncated and len(found.groups) == 1
    return sound and found.groups[0].opener == "[" and not found.groups[0].items


def _all_faults(content: str, found: Scan, boxes: list[BoxXYXY], faults: list[Fault]) -> tuple[Fault, ...]:
    if not content:
        return (Fault.EMPTY,)
    if not found.clean or not (boxes or faults or found.truncated):
        faults.append(Fault.NOT_READABLE)
    if found.truncated:
        faults.append(Fault.TRUNCATED)
    return tuple(dict.fromkeys(faults))


def _entries(found: Scan) -> Iterator[_Entry]:
    for group in found.groups:
        # "(left)" is prose; "(12, left)" is a bad attempt at numbers.
        if group.opener != "(" or any(not isinstance(item, str) for item in group.items):
            yield from _group_entries(group)


def _group_entries(group: Group) -> Iterator[_Entry]:
    """Every attempt at a box in a group, in order; the reader bounds the depth."""
    if group.opener == "{":
        yield from _object_entry(group)
    elif any(isinstance(item, Group) for item in group.items):
        for item in group.items:
            if isinstance(item, Group):
                yield from _group_entries(item)
            else:
                yield _Entry()
    else:
        yield _Entry(_numbers(group))


def _object_entry(group: Group) -> Iterator[_Entry]:
    places = [(key, value) for key, value in group.pairs if key in BOX_KEYS]
    if len(places) == 1:
        key, place = places[0]
        rating = [value for name, value in group.pairs if name in CONFIDENCE_KEYS]
        yield _Entry(_numbers(place), rating[0] if rating else None, rated=key == "position")
    elif places or not group.cut:
        yield _Entry()


def _numbers(value: Value) -> tuple[float, ...]:
    """The numbers of a list that holds nothing else; none otherwise."""
    if not isinstance(value, Group) or value.opener == "{":
        return ()
    numbers = tuple(item for item in value.items if isinstance(item, float))
    return numbers if len(numbers) == len(value.items) else ()


def _paired(entries: list[_Entry]) -> Iterator[_Entry]:
    """Every two successive points as one box."""
    corner: _Entry | None = None
    for entry in entries:
        if len(entry.numbers) != 2:
            if corner is not None:
                yield corner
            corner = None
            yield entry
        elif corner is None:
            corner = entry
        else:
            yield _Entry(corner.numbers + entry.numbers)
            corner = None
    if corner is not None:
        yield corner


def _usable(entries: list[_Entry], view: View) -> tuple[list[BoxXYXY], list[float], list[Fault]]:
    boxes: list[BoxXYXY] = []
    confidences: list[float] = []
    faults: list[Fault] = []
    for entry in entries:
        box = _box(entry.numbers, view)
        if box is None:
            faults.append(Fault.BAD_BOX)
            continue
        confidence, sound = _confidence(entry)
        if not sound:
            faults.append(Fault.BAD_CONFIDENCE)
        boxes.append(box)
        confidences.append(confidence)
    return boxes, confidences, faults


def _box(numbers: tuple[float, ...], view: View) -> BoxXYXY | None:
    if len(numbers) != 4:
        return None
    x1, y1, x2, y2 = numbers
    return view.read((x1, y1, x2, y2))


def _confidence(entry: _Entry) -> tuple[float, bool]:
    """A confidence in [0, 1], and whether it was written so."""
    if entry.confidence is None:
        return 1.0, not entry.rated
    if not isinstance(entry.confidence, float) or math.isnan(entry.confidence):
        return 0.0, False
    clamped = min(max(entry.confidence, 0.0), 1.0)
    return clamped, clamped == entry.confidence
