"""A model's text to an ``Answer``, once and for all: training, evaluation and demo judge by these functions.

Tags are taken apart first (``tags``), then the content is read as it is written (``content_reading``), and
only then a ``CoordinateFrame`` makes pixels of it, or refuses. None of the functions raises, evaluates
anything, or lets a number through that is not finite; the time is linear in the text's length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from vrft.tasks.parsing.content_reading import read_sections
from vrft.tasks.parsing.label_reading import read_label
from vrft.tasks.parsing.numbers import NumberReading, read_number
from vrft.tasks.parsing.raw_answer import Notation, Order, Rating, RawAnswer, RawBox, RawPoint
from vrft.tasks.parsing.tags import Sections, split_tags
from vrft.types import (
    NOWHERE,
    Answer,
    Boxes,
    BoxXYXY,
    CoordinateFrame,
    Fault,
    Form,
    Label,
    Number,
    Points,
    PointXY,
    Span,
    Value,
)
from vrft.types.answers import FAULTS_OF_CONTENT

_XYXY, _PLAIN, _GIVEN = Order.XYXY, Rating.NONE, Rating.GIVEN
_LISTS = frozenset({Notation.OBJECT, Notation.LIST})
_LISTS_AND_CORNERS = _LISTS | {Notation.CORNERS}
_CORNERS = {
    Order.XYXY: (0, 1, 2, 3),
    Order.YXYX: (1, 0, 3, 2),
    Order.XXYY: (0, 2, 1, 3),
    Order.YYXX: (2, 0, 3, 1),
}
"""Where each order has x1, y1, x2, y2; the others are no corners."""


def parse_boxes_answer(text: str, frame: CoordinateFrame | None, form: Form) -> Answer:
    """Read boxes with confidences, or an abstention.

    The notation is the paper's (Visual-RFT, Table 1: ``'Position'`` and ``'Confidence'``); objects with
    ``bbox_2d``, ``bbox``, ``box`` or ``bounding_box`` and bare lists of four numbers are taken for it. All
    others that models write are read as well, with ``Fault.OTHER_NOTATION``.

    Args:
        text: what the model wrote.
        frame: how the image's coordinates are written; None where that or the image's size is unknown:
            then nothing is converted, and ``Fault.UNKNOWN_FRAME`` says so.
        form: the tags that were demanded.

    Returns:
        ``Boxes`` in pixels of the file, or ``Points`` where the text has no box; empty boxes where it says
        'No Objects' in any words; no value where none of these could be read.

    Example:
        >>> frame = CoordinateFrame.whole("norm1000", (640, 480))
        >>> answer = parse_boxes_answer("<answer>[[100, 100, 500, 500]]</answer>", frame, Form.DIRECT)
        >>> answer.value.xyxy_px, answer.value.scores, answer.formatted
        (((64.0, 48.0, 320.0, 240.0),), (1.0,), True)
    """
    sections = split_tags(text, form)
    raw = read_sections(sections)
    found = _in_pixels(raw, frame)
    faults = found.faults if raw.notations <= _LISTS else (*found.faults, Fault.OTHER_NOTATION)
    value: Value | None = Points(found.points) if found.points else None
    if found.boxes or raw.abstained:
        value = found.value()
    return answered(text, sections, faults, value, spans=found.spans)


def parse_corners_answer(text: str, frame: CoordinateFrame | None, form: Form) -> Answer:
    """Read the one box of a grounding answer, ``(x1,y1),(x2,y2)`` or in any other notation.

    Returns:
        ``Boxes`` with one box in pixels of the file: of several the first usable one, which costs the format.
        Points where a box was asked for are ``other``, and no value.

    Example:
        >>> frame = CoordinateFrame.whole("norm1000", (640, 480))
        >>> parse_corners_answer("<answer>(100,100),(500,500)</answer>", frame, Form.DIRECT).value.xyxy_px
        ((64.0, 48.0, 320.0, 240.0),)
    """
    sections = split_tags(text, form)
    raw = read_sections(sections)
    found = _in_pixels(raw, frame)
    faults = found.faults
    if not raw.notations <= _LISTS_AND_CORNERS:
        faults += (Fault.OTHER_NOTATION,)
    if len(found.boxes) > 1:
        faults = (*(fault for fault in faults if fault is not Fault.REPEATED_BOX), Fault.SEVERAL_BOXES)
    if not (found.boxes or faults):
        faults = (Fault.NOT_READABLE,)
    return answered(
        text,
        sections,
        faults,
        found.value(1) if found.boxes else None,
        Points(found.points) if found.points else None,
        found.spans[:1],
    )


def parse_label_answer(text: str, form: Form) -> Answer:
    """Read a class name as it is written; whether it is one of the known names is not judged here.

    Example:
        >>> parse_label_answer("<answer> garden phlox </answer>", Form.DIRECT).value
        Label(name='garden phlox', vocabulary=(), score=None)
    """
    sections = split_tags(text, form)
    name, faults = read_label(sections.content, tagged=Fault.NO_ANSWER_TAG not in sections.faults)
    return answered(text, sections, faults, None if name is None else Label(name))


def parse_number_answer(text: str, form: Form, unit: str | None = "", counts: bool = False) -> Answer:
    """Read the one number that an answer says, by ``vrft.tasks.parsing.numbers.read_number``.

    Args:
        text: what the model wrote.
        form: the tags that were demanded.
        unit: what was asked for; ``""`` for none, None for whichever is written.
        counts: only whole numbers from 0 are meant.

    Returns:
        ``Number`` in that unit; no value, with the reason among the faults, where there is not one number.

    Example:
        >>> parse_number_answer("<answer>180 cm</answer>", Form.DIRECT, "m").value
        Number(number=1.8, unit='m')
        >>> parse_number_answer("<answer>5, not 6</answer>", Form.DIRECT, counts=True).faults
        (<Fault.HEDGED: 'hedged'>,)
    """
    sections = split_tags(text, form)
    read = read_number(sections.content, unit, counts)
    if Fault.TRUNCATED in sections.faults:  # nobody knows the rest of a number
        read = NumberReading(faults=(Fault.NOT_READABLE,))
    value = None if read.number is None else Number(read.number, read.unit)
    return answered(text, sections, read.faults, value)


def parse_answer(text: str, form: Form, read: Callable[[str], Value | None]) -> Answer:
    """Read an answer of any kind: its tags here, its content by a function of yours.

    Args:
        text: what the model wrote.
        form: the tags that were demanded.
        read: gives the value of the text within the tags, trimmed and never empty, or None where it is not
            readable.

    Example:
        >>> from vrft.types import Number
        >>> def number(content: str) -> Number | None:
        ...     return Number(float(content)) if content.isdecimal() else None
        >>> parse_answer("<answer>3</answer>", Form.DIRECT, number).value
        Number(number=3.0, unit='')
        >>> parse_answer("<answer>three</answer>", Form.DIRECT, number).faults
        (<Fault.NOT_READABLE: 'not_readable'>,)
    """
    sections = split_tags(text, form)
    value = read(sections.content) if sections.content else None
    fault = Fault.NOT_READABLE if sections.content else Fault.EMPTY
    return answered(text, sections, () if value is not None else (fault,), value)


def answered(
    text: str,
    sections: Sections,
    faults: tuple[Fault, ...],
    value: Value | None,
    other: Value | None = None,
    spans: tuple[Span, ...] = (),
) -> Answer:
    """An answer of what was read, with the faults of its tags and of its content; each fault once."""
    faults = tuple(dict.fromkeys(sections.faults + faults))
    formatted = FAULTS_OF_CONTENT.issuperset(faults)
    return Answer(value, formatted, other, thinking=sections.thinking, text=text, faults=faults, spans=spans)


@dataclass(frozen=True, slots=True)
class _Found:
    """What an answer says about places, in pixels of the file."""

    boxes: tuple[BoxXYXY, ...] = ()
    scores: tuple[float, ...] = ()
    labels: tuple[str | None, ...] = ()
    points: tuple[PointXY, ...] = ()
    faults: tuple[Fault, ...] = ()
    spans: tuple[Span, ...] = ()

    def value(self, most: int | None = None) -> Boxes:
        return Boxes(self.boxes[:most], self.scores[:most], self.labels[:most])


def _in_pixels(raw: RawAnswer, frame: CoordinateFrame | None) -> _Found:
    """Boxes in written order, repetitions included, or points where there are no boxes.

    An unusable box (a number out of range, inverted corners, sides instead of corners, whose sum nobody
    wrote) costs that box only.
    """
    if not raw.boxes and not raw.points:
        return _Found(faults=raw.faults)
    if frame is None:
        return _Found(faults=(*raw.faults, Fault.UNKNOWN_FRAME))
    if not raw.boxes:
        return _points(raw, frame)
    boxes: list[BoxXYXY] = []
    scores: list[float] = []
    labels: list[str | None] = []
    spans: list[Span] = []
    faults: list[Fault] = []
    for one, span in zip(raw.boxes, raw.spans or (NOWHERE,) * len(raw.boxes), strict=True):
        box = _box(one, frame)
        if box is None:
            faults.append(Fault.BAD_BOX)
            continue
        score, sound = _score(one)
        if not sound:
            faults.append(Fault.BAD_CONFIDENCE)
        boxes.append(box)
        scores.append(score)
        labels.append(one.label)
        spans.append(span)
    if len(boxes) > 1 and len(set(zip(boxes, labels, strict=True))) < len(boxes):
        faults.append(Fault.REPEATED_BOX)
    return _Found(
        tuple(boxes),
        tuple(scores),
        tuple(labels) if any(labels) else (),
        faults=tuple(dict.fromkeys((*faults, *raw.faults))),
        spans=tuple(spans),
    )


def _points(raw: RawAnswer, frame: CoordinateFrame) -> _Found:
    placed = [_point(point, frame) for point in raw.points]
    points = tuple(dict.fromkeys(point for point in placed if point is not None))
    bad = (Fault.BAD_BOX,) if None in placed else ()
    return _Found(points=points, faults=tuple(dict.fromkeys((*bad, *raw.faults))))


def _box(box: RawBox, frame: CoordinateFrame) -> BoxXYXY | None:
    if box.order is _XYXY and box.extent is None:
        return frame.box_to_px(box.numbers)
    if box.order not in _CORNERS:
        return None
    x1, y1, x2, y2 = (box.numbers[index] for index in _CORNERS[box.order])
    if box.extent is None:
        return frame.box_to_px((x1, y1, x2, y2))
    own, extent = replace(frame, name="norm1"), box.extent
    return own.box_to_px((x1 / extent, y1 / extent, x2 / extent, y2 / extent))


def _point(point: RawPoint, frame: CoordinateFrame) -> PointXY | None:
    if point.extent is not None:
        frame = replace(frame, name="resized_pixels", input_wh=(int(point.extent), int(point.extent)))
    return frame.to_px(*point.numbers)


def _score(box: RawBox) -> tuple[float, bool]:
    """A confidence in [0, 1], and whether it was written so."""
    if box.confidence is None:
        return (0.0, False) if box.rating is Rating.UNREADABLE else (1.0, box.rating is _PLAIN)
    clamped = min(max(box.confidence, 0.0), 1.0)
    return clamped, clamped == box.confidence and box.rating is _GIVEN
