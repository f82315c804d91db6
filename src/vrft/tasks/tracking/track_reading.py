"""What an answer says of things in several images: boxes by the numbers of the images."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.brackets import Group, Item, box_of
from vrft.tasks.parsing.scanner import MAX_CHARS, scan
from vrft.types import BoxXYXY, CoordinateFrame, Fault, Tracks

Entries = list[tuple[str, Any]]
"""An object with all its keys, repeated ones too; lists are lists of numbers."""
_Row = tuple[int, str, float, float, float, float]
_NUMBER = re.compile(r"[0-9]{1,9}")


class _Object(list[Any]):
    """A JSON object as entries."""


def read_tracks(
    content: str, frames: Mapping[int, CoordinateFrame], several: bool
) -> tuple[Tracks | None, tuple[Fault, ...]]:
    """Boxes by image, as ``{"boxes": {"1": [x1, y1, x2, y2]}}``; of several things by name in each image.

    A box that cannot be used costs itself alone. Two objects with boxes, and two things where one was asked
    for, are no answer.

    Args:
        content: the text within the answer's tags.
        frames: how places are written in each image, by its number.
        several: more than one thing is asked for.

    Returns:
        The tracks, None where nothing could be read; and what is wrong with the text.
    """
    found, demanded = _holders(content)
    if len(found) != 1:
        if is_abstention(content):
            return Tracks(), (Fault.OTHER_NOTATION,)
        return None, (Fault.NOT_READABLE,)
    if not frames and found[0]:
        return None, (Fault.UNKNOWN_FRAME,)
    faults = [] if demanded else [Fault.OTHER_NOTATION]
    rows = _rows(found[0], frames, several, faults)
    tracks = Tracks(tuple(rows), tuple(frames) if frames else ())
    if found[0] and not rows and {*faults} - {Fault.OTHER_NOTATION}:
        return None, tuple(dict.fromkeys(faults))
    if not several and len(tracks.names) > 1:
        return None, (Fault.SEVERAL_BOXES,)
    return tracks, tuple(dict.fromkeys(faults))


def _rows(
    entries: Entries, frames: Mapping[int, CoordinateFrame], several: bool, faults: list[Fault]
) -> list[_Row]:
    """The boxes that can be used, each with its image and name; what is wrong is added to the faults."""
    rows: list[_Row] = []
    images = Counter(_number(key) for key, _ in entries)
    for key, value in entries:
        number = _number(key)
        if number is None or number not in frames:
            faults.append(Fault.UNKNOWN_IMAGE)
            continue
        things: Entries = list(value) if isinstance(value, _Object) else [("", value)]
        names = Counter(name for name, _ in things)
        if isinstance(value, _Object) != several:
            faults.append(Fault.OTHER_NOTATION)
        for name, box in things:
            if box is None or box == [] or (isinstance(box, str) and is_abstention(box)):
                faults.append(Fault.OTHER_NOTATION)  # not to be seen there, which is said by leaving it out
                continue
            if images[number] > 1 or names[name] > 1:
                faults.append(Fault.REPEATED_NAME)
            elif (in_px := _box(box, frames[number])) is None:
                faults.append(Fault.BAD_BOX)
            else:
                rows.append((number, name, *in_px))
    return rows


def _holders(content: str) -> tuple[list[Entries], bool]:
    """The objects of boxes by image, of which there should be one; and whether it is written as demanded."""
    try:
        read = json.loads(content[:MAX_CHARS], object_pairs_hook=_Object, parse_int=float)
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, _Object) and [key for key, _ in read] == ["boxes"]:
        boxes = read[0][1]
        return ([boxes], True) if isinstance(boxes, _Object) else ([], False)
    found: list[Entries] = []
    waiting: list[Item] = [scan(content).root]
    while waiting:
        group = waiting.pop()
        if not isinstance(group, Group):
            continue
        entries = [(key, value) for key, value in group.entries if key is not None]
        if group.opener == "{" and entries and all(_number(key) is not None for key, _ in entries):
            found.append([(key, _plain(value)) for key, value in entries])
        elif group.opener == "{" and any(key == "boxes" and _is_empty(value) for key, value in entries):
            found.append([])
        else:
            waiting += [value for _, value in group.entries]
    return found, False


def _is_empty(value: Item) -> bool:
    return isinstance(value, Group) and value.opener == "{" and not value.entries and not value.cut


def _plain(value: Item) -> Any:
    """A group as JSON has it: an object of boxes by name, or the numbers of a box."""
    if not isinstance(value, Group):
        return value if isinstance(value, str) else False
    if value.opener == "{":
        return _Object((key or "", _plain(inner)) for key, inner in value.entries)
    return list(box_of(value)) or (False if value.entries else [])


def _number(key: str) -> int | None:
    return int(key) if key.isascii() and _NUMBER.fullmatch(key) else None


def _box(written: Any, frame: CoordinateFrame) -> BoxXYXY | None:
    numbers: Sequence[Any] = written if isinstance(written, list) else ()
    if len(numbers) != 4 or not all(isinstance(n, float) for n in numbers):
        return None
    return frame.box_to_px((numbers[0], numbers[1], numbers[2], numbers[3]))
