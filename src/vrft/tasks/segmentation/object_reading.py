"""An answer's objects: its boxes as every task reads them, each with the points in the same braces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.tasks.parsing.brackets import Group, pairs_of, point_of, with_usual_digits
from vrft.tasks.parsing.scanner import scan
from vrft.tasks.parsing.tags import split_tags
from vrft.types import (
    Answer,
    Boxes,
    CoordinateFrame,
    Fault,
    Form,
    ObjectRegion,
    Points,
    PointXY,
    Regions,
    Span,
)
from vrft.types.answers import FAULTS_OF_CONTENT


def parse_objects_answer(text: str, frame: CoordinateFrame | None, form: Form) -> Answer:
    """Read objects with a box and points each, or an abstention.

    The notations are VisionReasoner's list of ``{"bbox_2d": [...], "point_2d": [...]}`` and Seg-Zero's one
    object with ``points_1`` and ``points_2``; every key with 'point' in it is read, but for negative points.
    An object without a point is kept and costs the form, and so does a point outside of what is shown, which
    is dropped. Points without a box are ``other``, and no value.

    Args:
        text: what the model wrote.
        frame: how the image's coordinates are written; None where that is not known.
        form: the tags that were demanded.

    Example:
        >>> frame = CoordinateFrame.whole("norm1000", (640, 480))
        >>> said = '<answer>[{"bbox_2d": [100, 100, 500, 500], "point_2d": [250, 250]}]</answer>'
        >>> answer = parse_objects_answer(said, frame, Form.DIRECT)
        >>> answer.value.objects[0].points_xy_px, answer.formatted
        (((160.0, 120.0),), True)
    """
    answer = parse_boxes_answer(text, frame, form)
    if isinstance(answer.value, Points):
        return _with(replace(answer, value=None, other=answer.value), [Fault.BAD_BOX])
    boxes = answer.as_(Boxes)
    if boxes is None or frame is None:
        return answer
    faults: list[Fault] = []
    objects: list[ObjectRegion] = []
    # Boxes that are put together of several parts of a text have no place, and so no points.
    written = points_beside(text, answer.spans, form) if answer.spans else [[] for _ in boxes.xyxy_px]
    for box, points in zip(boxes.xyxy_px, written, strict=True):
        placed = [frame.to_px(*point) for point in points]
        usable = tuple(point for point in placed if point is not None)
        faults += [Fault.BAD_POINT] if len(usable) < max(len(placed), 1) else []
        objects.append(ObjectRegion(box, usable))
    return _with(replace(answer, value=Regions(tuple(objects))), faults)


def points_beside(text: str, spans: Sequence[Span], form: Form) -> list[list[PointXY]]:
    """The points that are written in the braces of each box, by where the boxes stand in a text.

    Braces with several boxes give their points to none. A point that cannot be read is NaN.
    """
    sections = split_tags(text, form)
    found: list[list[PointXY]] = [[] for _ in spans]
    if sections.start is None or "point" not in text.lower():
        return found
    braces = list(_braces(scan(with_usual_digits(sections.content)).root))
    owners = [_innermost(braces, span, sections.start) for span in spans]
    for place, owner in enumerate(owners):
        if owner is not None and sum(other is owner for other in owners) == 1:
            found[place] = list(_points(owner))
    return found


def _braces(group: Group) -> Iterator[Group]:
    """All objects of a scan, from outside to inside."""
    if group.opener == "{":
        yield group
    for _, value in group.entries:
        if isinstance(value, Group):
            yield from _braces(value)


def _innermost(braces: Sequence[Group], span: Span, start: int) -> Group | None:
    around = [one for one in braces if one.start <= span[0] - start and span[1] - start <= one.end]
    return around[-1] if around else None


def _points(braces: Group) -> Iterator[PointXY]:
    for key, value in braces.entries:
        if key is None or "point" not in key or "neg" in key:
            continue
        numbers = point_of(value) if isinstance(value, Group) else ()
        if len(numbers) == 2:
            yield numbers[0], numbers[1]
        else:
            yield from (pairs_of(value) if isinstance(value, Group) else []) or [(float("nan"),) * 2]


def _with(answer: Answer, faults: Sequence[Fault]) -> Answer:
    every = tuple(dict.fromkeys((*answer.faults, *faults)))
    return replace(answer, faults=every, formatted=answer.formatted and FAULTS_OF_CONTENT.issuperset(every))
