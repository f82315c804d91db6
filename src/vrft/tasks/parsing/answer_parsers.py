"""A model's text to an ``Answer``, once and for all: training, evaluation and demo judge by these functions.

Tags are taken apart first (``vrft.tasks.parsing.tags``), then the content is read as it is written
(``content_reading``), and only then the picture's ``View`` makes pixels of it (``box_reading``).
None of the functions raises, evaluates anything, or lets a number through that is not finite; the time is
linear in the text's length.
"""

from __future__ import annotations

from vrft.geometry.frames import View
from vrft.tasks.parsing.box_reading import BoxReading, first_of, in_pixels
from vrft.tasks.parsing.content_reading import read_sections
from vrft.tasks.parsing.label_reading import read_label
from vrft.tasks.parsing.raw_answer import Notation
from vrft.tasks.parsing.tags import Sections, split_tags
from vrft.types import Answer, Fault, Form

_LISTS = frozenset({Notation.OBJECT, Notation.LIST})
_LISTS_AND_CORNERS = _LISTS | {Notation.CORNERS}


def parse_boxes_answer(text: str, view: View | None, form: Form) -> Answer:
    """Read boxes with confidences, or an abstention.

    The notation is the paper's (Visual-RFT, Table 1: ``'Position'`` and ``'Confidence'``); objects with
    ``bbox_2d``, ``bbox``, ``box`` or ``bounding_box`` and bare lists of four numbers are taken for it. All
    others that models write are read as well, with ``Fault.OTHER_NOTATION``.

    Args:
        text: what the model wrote.
        view: how the picture's coordinates are written; None where that or the picture's size is unknown:
            then no box is converted, and ``Fault.UNKNOWN_FRAME`` says so.
        form: the tags that were demanded.

    Returns:
        The answer; ``parsed`` where a usable box or point, or 'No Objects' in any words, could be read.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> answer = parse_boxes_answer("<answer>[[100, 100, 500, 500]]</answer>", view, Form.DIRECT)
        >>> answer.boxes_xyxy_px, answer.confidences, answer.formatted
        (((64.0, 48.0, 320.0, 240.0),), (1.0,), True)
    """
    sections = split_tags(text, form)
    written = read_sections(sections)
    reading = in_pixels(written, view)
    other = () if written.notations <= _LISTS else (Fault.OTHER_NOTATION,)
    found = reading.boxes_xyxy_px or reading.points_xy_px
    return _answer(text, sections, reading, bool(found) or written.abstained, reading.faults + other)


def parse_corners_answer(text: str, view: View | None, form: Form) -> Answer:
    """Read the one box of a grounding answer, ``(x1,y1),(x2,y2)`` or in any other notation.

    Args:
        text: what the model wrote.
        view: how the picture's coordinates are written, or None as in ``parse_boxes_answer``.
        form: the tags that were demanded.

    Returns:
        The answer; of several boxes the first usable one, which costs the format. Points are kept, but only
        a box is a parsed answer.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> parse_corners_answer("<answer>(100,100),(500,500)</answer>", view, Form.DIRECT).boxes_xyxy_px
        ((64.0, 48.0, 320.0, 240.0),)
    """
    sections = split_tags(text, form)
    written = read_sections(sections)
    reading = in_pixels(written, view)
    faults = reading.faults
    if not written.notations <= _LISTS_AND_CORNERS:
        faults += (Fault.OTHER_NOTATION,)
    if reading.n_usable > 1:
        faults += (Fault.SEVERAL_BOXES,)
        reading = first_of(reading)
    if not (reading.boxes_xyxy_px or faults):
        faults = (Fault.NOT_READABLE,)
    return _answer(text, sections, reading, bool(reading.boxes_xyxy_px), faults)


def parse_label_answer(text: str, form: Form) -> Answer:
    """Read a class name.

    Args:
        text: what the model wrote.
        form: the tags that were demanded.

    Returns:
        The answer, its label as written; whether it is one of the known names is not judged here.

    Example:
        >>> parse_label_answer("<answer> garden phlox </answer>", Form.DIRECT).label
        'garden phlox'
    """
    sections = split_tags(text, form)
    label, faults = read_label(sections.content, tagged=Fault.NO_ANSWER_TAG not in sections.faults)
    faults = _merged(sections.faults, faults)
    return Answer(
        parsed=label is not None,
        formatted=not faults,
        label=label,
        thinking=sections.thinking,
        text=text,
        faults=faults,
    )


def _answer(
    text: str, sections: Sections, reading: BoxReading, parsed: bool, faults: tuple[Fault, ...]
) -> Answer:
    faults = _merged(sections.faults, faults)
    return Answer(
        parsed=parsed,
        formatted=not faults,
        boxes_xyxy_px=reading.boxes_xyxy_px,
        confidences=reading.confidences,
        labels=reading.labels,
        points_xy_px=reading.points_xy_px,
        thinking=sections.thinking,
        text=text,
        faults=faults,
        box_spans=reading.spans,
    )


def _merged(first: tuple[Fault, ...], second: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(first + second))
