"""Points in a model's text, in any notation: lists of pairs, ``point_2d`` objects, tags.

Numbers are in the frame of the model's family, whatever their size: 50 is no percentage because it is below
100. Pairs of numbers are points here, never the corners of a box; four numbers are a box, and no point.
"""

from __future__ import annotations

import re
from dataclasses import replace

from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.content_reading import read_sections
from vrft.tasks.parsing.raw_answer import Notation, RawAnswer, RawBox, RawPoint
from vrft.tasks.parsing.scanner import MAX_CHARS
from vrft.tasks.parsing.tags import split_tags
from vrft.types import Answer, Boxes, CoordinateFrame, Fault, Form, Points, PointXY, Value

_NUMBER = r"[-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
_TWO = re.compile(
    rf"\W{{0,4}}(?:x\s{{0,4}}[=:])?\s{{0,4}}(?<![.\d])({_NUMBER})\s{{0,4}}[,;\s]\s{{0,4}}"
    rf"(?:y\s{{0,4}}[=:])?\s{{0,4}}({_NUMBER})\W{{0,4}}",
    re.IGNORECASE,
)


def parse_points_answer(text: str, frame: CoordinateFrame | None, form: Form) -> Answer:
    """Read points, or an abstention.

    Demanded is ``[{"point_2d": [x, y]}, ...]``; a list of pairs and a single pair are taken for it. All
    others that models write are read as well, with ``Fault.OTHER_NOTATION``.

    Args:
        text: what the model wrote.
        frame: how the image's coordinates are written; None where that or the image's size is unknown:
            then nothing is converted, and ``Fault.UNKNOWN_FRAME`` says so.
        form: the tags that were demanded.

    Returns:
        ``Points`` in pixels of the file, repeated ones too; none where the text says 'No Objects' in any
        words; no value where none of these could be read. Boxes where points were asked for are ``other``.

    Example:
        >>> frame = CoordinateFrame.whole("norm1000", (640, 480))
        >>> answer = parse_points_answer('<answer>[{"point_2d": [500, 250]}]</answer>', frame, Form.DIRECT)
        >>> answer.value.xy_px, answer.formatted
        (((320.0, 120.0),), True)
    """
    sections = split_tags(text, form)
    raw = read_sections(sections, points=True)
    faults = tuple(Fault.BAD_POINT if fault is Fault.BAD_BOX else fault for fault in raw.faults)
    if not (raw.points or raw.abstained or Fault.TRUNCATED in sections.faults) and (
        pairs := _pairs(sections.content)
    ):
        raw, faults = replace(raw, points=pairs, boxes=()), (Fault.OTHER_NOTATION,)
    points, bad = points_in_pixels(raw.points, frame)
    if bad:
        faults = (*faults, Fault.UNKNOWN_FRAME if frame is None else Fault.BAD_POINT)
    if Notation.OTHER in raw.notations:
        faults = (*faults, Fault.OTHER_NOTATION)
    value = Points(points, _labels(raw, frame)) if points or (raw.abstained and not raw.boxes) else None
    if value is None and not faults:
        faults = (Fault.NOT_READABLE,)
    if raw.boxes:
        # A box beside points, or in their place, is no answer to a question for points.
        faults, value = (*faults, Fault.NOT_READABLE), value if points else None
    return answered(text, sections, faults, value, _boxes(raw.boxes, frame))


def _pairs(content: str) -> tuple[RawPoint, ...]:
    """A pair of numbers without brackets, or one on each line, or behind each semicolon."""
    if len(content) > MAX_CHARS:
        return ()
    by_line = [part.strip() for part in re.split("[;\n]", content)]
    for parts in ([content], [part for part in by_line if part]):
        found = [_TWO.fullmatch(part) if len(part) < 80 else None for part in parts]
        if None not in found:
            return tuple(RawPoint((float(two[1]), float(two[2]))) for two in found if two is not None)
    return ()


def points_in_pixels(
    points: tuple[RawPoint, ...], frame: CoordinateFrame | None
) -> tuple[tuple[PointXY, ...], int]:
    """Points in pixels of the file, in written order, repeated ones too; and how many could not be placed.

    One that is outside of what is shown, or not finite, is left out and never moved in.

    Example:
        >>> frame = CoordinateFrame.whole("norm1000", (640, 480))
        >>> points_in_pixels((RawPoint((0.0, 1000.0)), RawPoint((1001.0, 5.0))), frame)
        (((0.0, 480.0),), 1)
    """
    placed = [frame.to_px(*point.numbers) if frame is not None else None for point in points]
    found = tuple(point for point in placed if point is not None)
    return found, len(placed) - len(found)


def _labels(raw: RawAnswer, frame: CoordinateFrame | None) -> tuple[str | None, ...]:
    named = [p.label for p in raw.points if frame is not None and frame.to_px(*p.numbers) is not None]
    return tuple(named) if any(named) else ()


def _boxes(boxes: tuple[RawBox, ...], frame: CoordinateFrame | None) -> Value | None:
    placed = [frame.box_to_px(box.numbers) for box in boxes] if frame is not None else []
    return Boxes(tuple(box for box in placed if box is not None)) if any(placed) else None
