"""Images of a sequence by their numbers, and boxes between the key frames that tools export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vrft.data.images import images_below
from vrft.errors import LabelError
from vrft.types import BoxXYXY

_LAST_NUMBER = re.compile(r"([0-9]+)\D*$")


class KeyFrame(NamedTuple):
    """Where a thing is in one image, and whether it is seen in those that follow."""

    number: int
    box: BoxXYXY
    goes_on: bool = True
    is_seen: bool = True
    """In this image itself; otherwise the box is only where it comes from or goes to."""


def numbered_images(folder: Path) -> dict[int, Path]:
    """The images of a folder by the last number of their names; LabelError where these are not their own."""
    files = {file: _LAST_NUMBER.search(file.stem) for file in images_below(folder)}
    found = {int(match[1]): file for file, match in files.items() if match is not None}
    if not found or len(found) < len(files):
        problem = "It holds no images that are numbered, or two of one number."
        raise LabelError(problem, str(folder), "Put the images there, as 000001.jpg and so on.")
    return dict(sorted(found.items()))


def between_keys(keys: Sequence[KeyFrame], last: int) -> dict[int, BoxXYXY]:
    """The boxes of all images from the first key frame to the last image.

    Between two key frames a box moves in a straight line; after one that does not go on, and from one that is
    not seen, there is none until the next.

    Example:
        >>> keys = [KeyFrame(1, (0.0, 0.0, 10.0, 10.0)), KeyFrame(3, (8.0, 0.0, 18.0, 10.0), goes_on=False)]
        >>> between_keys(keys, 5)
        {1: (0.0, 0.0, 10.0, 10.0), 2: (4.0, 0.0, 14.0, 10.0), 3: (8.0, 0.0, 18.0, 10.0)}
    """
    ordered, found = sorted(keys), dict[int, BoxXYXY]()
    for key, after in zip(ordered, [*ordered[1:], None], strict=True):
        end = last + 1 if after is None else after.number
        end = end if key.goes_on else key.number + 1
        for number in range(key.number, end if key.is_seen else key.number):
            share = 0.0 if after is None else (number - key.number) / (after.number - key.number)
            goal = key.box if after is None else after.box
            x1, y1, x2, y2 = (a + share * (b - a) for a, b in zip(key.box, goal, strict=True))
            found[number] = (x1, y1, x2, y2)
    return found
