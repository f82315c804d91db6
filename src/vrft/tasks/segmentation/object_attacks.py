"""Ways to cheat that only answers with boxes and points have; most are holes of released rewards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

import numpy as np

from vrft.geometry.jitter import SIDE, box_apart
from vrft.geometry.points import center
from vrft.tasks.attacks import AuditCase, by_name
from vrft.types import BoxXYXY, ObjectRegion, Regions, expect

_POINT = re.compile(r', "point_2d": \[[^\]]*\]')
_BOX = re.compile(r'"bbox_2d": \[[^\]]*\](?:, )?')


def boxes_without_points(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's boxes, and no point: where both are paid apart, points die out."""
    return _POINT.sub("", _boxed(case))


def points_without_boxes(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's points, and no box."""
    return _BOX.sub("", _boxed(case))


def points_that_are_no_numbers(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's boxes, each with a point of NaN."""
    return _POINT.sub(', "point_2d": [NaN, NaN]', _boxed(case))


def points_outside(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's boxes with points in a corner of the image."""
    return case.write(Regions(tuple(ObjectRegion(one.xyxy_px, ((1.0, 1.0),)) for one in _believed(case))))


def points_everywhere(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's boxes, each with nine points from corner to corner, so that one may be right."""

    def spread(box: BoxXYXY) -> str:
        x1, y1, x2, y2 = case.frames[0].box_from_px(box)
        places = product(np.linspace(x1, x2, 3), np.linspace(y1, y2, 3))
        return f"[{', '.join(f'[{x:.0f}, {y:.0f}]' for x, y in places)}]"

    items = [
        f'{{"bbox_2d": [{case.frames[0].box_text(one.xyxy_px)}], "point_2d": {spread(one.xyxy_px)}}}'
        for one in _believed(case)
    ]
    return case.answer(f"[{', '.join(items)}]") if items else junk_object(case, rng)


def junk_object(case: AuditCase, rng: np.random.Generator) -> str:
    """One wrong box with a point in it, in perfect form."""
    return case.write(_objects([box_apart(_labelled(case), rng)]))


def as_many_junk_objects(case: AuditCase, rng: np.random.Generator) -> str:
    """As many wrong boxes as there are labelled objects, where there is one."""
    labelled = _labelled(case)
    return case.write(_objects([box_apart(labelled, rng) for _ in labelled])) if labelled else case.honest()


def whole_image_object(case: AuditCase, rng: np.random.Generator) -> str:
    """One box around the whole image, with its middle."""
    return case.write(_objects([(0.0, 0.0, float(SIDE), float(SIDE))]))


def grid_of_objects(case: AuditCase, rng: np.random.Generator) -> str:
    """Thirty-six boxes in six rows of six, each with its middle."""
    step = SIDE / 6
    cells = product(range(6), repeat=2)
    return case.write(_objects([(x * step, y * step, (x + 1) * step, (y + 1) * step) for y, x in cells]))


def objects_repeated(case: AuditCase, rng: np.random.Generator) -> str:
    """Every object of the honest policy four times, where it finds one."""
    found = _believed(case)
    return (
        case.write(Regions(tuple(one for one in found for _ in range(4))))
        if found
        else junk_object(case, rng)
    )


def no_object(case: AuditCase, rng: np.random.Generator) -> str:
    """'No Objects' for every image."""
    return case.write(Regions())


def empty_list(case: AuditCase, rng: np.random.Generator) -> str:
    """An empty list for every image."""
    return case.answer("[]")


def objects_in_the_thought(case: AuditCase, rng: np.random.Generator) -> str:
    """The labelled objects in the thought, and nothing in the answer: a reward may read the first braces."""
    content = case.content(case.target)
    return f"<think> {content} </think> <answer></answer>"


def corners_exchanged(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's boxes, lower right corner first, where it finds one."""
    flipped = [
        ObjectRegion((x2, y2, x1, y1), one.points_xy_px)
        for one in _believed(case)
        for x1, y1, x2, y2 in [one.xyxy_px]
    ]
    return case.write(Regions(tuple(flipped))) if flipped else junk_object(case, rng)


ATTACKS = by_name(
    boxes_without_points,
    points_without_boxes,
    points_that_are_no_numbers,
    points_outside,
    points_everywhere,
    junk_object,
    as_many_junk_objects,
    whole_image_object,
    grid_of_objects,
    objects_repeated,
    no_object,
    empty_list,
    objects_in_the_thought,
    corners_exchanged,
)


def _believed(case: AuditCase) -> tuple[ObjectRegion, ...]:
    return expect(case.belief, Regions).objects


def _labelled(case: AuditCase) -> tuple[BoxXYXY, ...]:
    return expect(case.target, Regions).boxes_xyxy_px


def _boxed(case: AuditCase) -> str:
    """What the honest policy writes, or a wrong object where it finds nothing."""
    return case.honest() if _believed(case) else junk_object(case, np.random.default_rng(0))


def _objects(boxes_xyxy_px: Sequence[BoxXYXY]) -> Regions:
    return Regions(tuple(ObjectRegion(box, (center(box),)) for box in boxes_xyxy_px))
