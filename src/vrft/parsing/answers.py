"""A model's text to an ``Answer``, once and for all: training, evaluation and demo judge by these functions.

None of them raises, evaluates anything, or lets a number through that is not finite; the time is linear in
the text's length.
"""

from __future__ import annotations

from vrft.geometry.frames import View
from vrft.parsing.boxes import BoxReading, read_boxes, read_corners
from vrft.parsing.labels import read_label
from vrft.parsing.tags import Sections, split_tags
from vrft.types import Answer, Fault, Form


def parse_boxes_answer(text: str, view: View, form: Form) -> Answer:
    """Read boxes with confidences, or an abstention.

    The notation is the paper's (Visual-RFT, Table 1: ``'Position'`` and ``'Confidence'``); objects with
    ``bbox_2d``, ``bbox``, ``box`` or ``bounding_box`` and bare lists of four numbers are read as well.

    Args:
        text: what the model wrote.
        view: how the picture's coordinates are written.
        form: the tags that were demanded.

    Returns:
        The answer; ``parsed`` where a usable box or 'No Objects' could be read.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> answer = parse_boxes_answer("<answer>[[100, 100, 500, 500]]</answer>", view, Form.DIRECT)
        >>> answer.boxes_xyxy_px, answer.confidences, answer.formatted
        (((64.0, 48.0, 320.0, 240.0),), (1.0,), True)
    """
    sections = split_tags(text, form)
    return _boxes_answer(text, sections, read_boxes(sections.content, view))


def parse_corners_answer(text: str, view: View, form: Form) -> Answer:
    """Read the one box of a grounding answer, ``(x1,y1),(x2,y2)``.

    Args:
        text: what the model wrote.
        view: how the picture's coordinates are written.
        form: the tags that were demanded.

    Returns:
        The answer; of several boxes the first usable one, which costs the format.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> parse_corners_answer("<answer>(100,100),(500,500)</answer>", view, Form.DIRECT).boxes_xyxy_px
        ((64.0, 48.0, 320.0, 240.0),)
    """
    sections = split_tags(text, form)
    return _boxes_answer(text, sections, read_corners(sections.content, view))


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


def _boxes_answer(text: str, sections: Sections, reading: BoxReading) -> Answer:
    faults = _merged(sections.faults, reading.faults)
    return Answer(
        parsed=bool(reading.boxes_xyxy_px) or reading.abstained,
        formatted=not faults,
        boxes_xyxy_px=reading.boxes_xyxy_px,
        confidences=reading.confidences,
        thinking=sections.thinking,
        text=text,
        faults=faults,
    )


def _merged(first: tuple[Fault, ...], second: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(first + second))
