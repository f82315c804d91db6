"""Ways to be rewarded for points without knowing where things are, for the audit."""

from __future__ import annotations

from itertools import product

import numpy as np

from vrft.tasks.attacks import AuditCase, by_name
from vrft.tasks.task import AUDIT_SIDE
from vrft.types import Points, PointXY


def image_center(case: AuditCase, rng: np.random.Generator) -> str:
    """One point in the middle of the image."""
    return _written(case, [(AUDIT_SIDE / 2, AUDIT_SIDE / 2)])


def origin(case: AuditCase, rng: np.random.Generator) -> str:
    """One point at 0, 0, which released code reads out of answers that have none."""
    return _written(case, [(0.0, 0.0)])


def grid_of_points(case: AuditCase, rng: np.random.Generator) -> str:
    """A hundred points in ten rows of ten."""
    places = [50.0 + 100 * step for step in range(10)]
    return _written(case, list(product(places, places)))


def nothing_there(case: AuditCase, rng: np.random.Generator) -> str:
    """'No Objects' for every image."""
    return _written(case, [])


def honest_repeated(case: AuditCase, rng: np.random.Generator) -> str:
    """Each of the honest policy's points four times, a pixel apart: all in the same thing."""
    return _written(case, [(x + step, y) for x, y in case.belief.xy_px for step in range(4)])


def one_thing_often(case: AuditCase, rng: np.random.Generator) -> str:
    """As many points as there are things, all on the first of them."""
    return (
        _written(case, [case.target.xy_px[0]] * (case.target.size + 1)) if case.target.size else case.honest()
    )


def honest_count_anywhere(case: AuditCase, rng: np.random.Generator) -> str:
    """As many points as the honest policy gives, anywhere."""
    return _written(case, [tuple(rng.uniform(0, AUDIT_SIDE, 2).round()) for _ in case.belief.xy_px])


def points_outside(case: AuditCase, rng: np.random.Generator) -> str:
    """The right points an image's width too far right: no reader may move them in."""
    return case.answer(str([[int(x) + AUDIT_SIDE, int(y)] for x, y in case.target.xy_px] or [[-1, -1]]))


def boxes_for_points(case: AuditCase, rng: np.random.Generator) -> str:
    """The things' boxes in place of points."""
    return case.answer(str([list(map(int, box)) for box in case.target.boxes] or [[0, 0, 9, 9]]))


def not_a_number(case: AuditCase, rng: np.random.Generator) -> str:
    """One point whose coordinates are NaN."""
    return case.answer('[{"point_2d": [NaN, NaN]}]')


def right_columns(case: AuditCase, rng: np.random.Generator) -> str:
    """The right points half an image further up or down."""
    half = AUDIT_SIDE / 2
    return _written(case, [(x, y - half if y > half else y + half) for x, y in case.target.xy_px])


def right_rows(case: AuditCase, rng: np.random.Generator) -> str:
    """The right points half an image further left or right."""
    half = AUDIT_SIDE / 2
    return _written(case, [(x - half if x > half else x + half, y) for x, y in case.target.xy_px])


def right_quarters(case: AuditCase, rng: np.random.Generator) -> str:
    """For each right point another one in the same quarter of the image."""
    half = AUDIT_SIDE / 2
    other = [[(v + half / 2) % half + (half if v >= half else 0) for v in xy] for xy in case.target.xy_px]
    return _written(case, [(x, y) for x, y in other])


def middle_of_all(case: AuditCase, rng: np.random.Generator) -> str:
    """One point in the middle of all right ones; of a single one, the honest policy's answer."""
    if case.target.size < 2:
        return case.honest()
    x, y = np.mean(case.target.xy_px, axis=0).round().tolist()
    return _written(case, [(x, y)])


def axes_exchanged(case: AuditCase, rng: np.random.Generator) -> str:
    """The right points with x and y in each other's place."""
    return _written(case, [(y, x) for x, y in case.target.xy_px])


def honest_and_grid(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's points and a hundred more."""
    places = [50.0 + 100 * step for step in range(10)]
    return _written(case, [*case.belief.xy_px, *product(places, places)])


def _written(case: AuditCase, points: list[PointXY]) -> str:
    kept = [(min(x, float(AUDIT_SIDE)), min(y, float(AUDIT_SIDE))) for x, y in points]
    return case.write(Points(tuple(kept)))


ATTACKS = by_name(
    image_center,
    origin,
    grid_of_points,
    nothing_there,
    honest_repeated,
    one_thing_often,
    honest_count_anywhere,
    points_outside,
    boxes_for_points,
    not_a_number,
    right_columns,
    right_rows,
    right_quarters,
    middle_of_all,
    axes_exchanged,
    honest_and_grid,
)
