"""Attacks with boxes: too many, too few, too large, upside down; and with confidences that are none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from vrft.diagnostics.audit.attack import BOXES, CONFIDENCES, MANY, SINGLE, Case, Role, attack
from vrft.geometry.boxes import iou
from vrft.geometry.jitter import SIDE, box_apart, box_at_iou, jittered
from vrft.types import Boxes, BoxXYXY

WHOLE: BoxXYXY = (0.0, 0.0, float(SIDE), float(SIDE))
Sure = tuple[BoxXYXY, float | str]
"""A box with its confidence: a number, or a word in its place."""
_STAND_IN = 7.77
"""Written as a confidence where a word follows in its place; it is nowhere else in an answer."""


@attack(BOXES, role=Role.REFERENCE)
def gold_with_jitter(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box at the honest policy's precision, confidence 0.95, and none false."""
    return _written(case, _at(0.95, [jittered(box, rng) for box in case.boxes]))


@attack(BOXES)
def whole_image(case: Case, rng: np.random.Generator) -> str:
    """One box around the whole image, surely."""
    return _written(case, [(WHOLE, 1.0)])


@attack(BOXES)
def grid_100(case: Case, rng: np.random.Generator) -> str:
    """A hundred boxes in ten rows of ten, confidence 0."""
    step = SIDE / 10
    cells = [(x * step, y * step, (x + 1) * step, (y + 1) * step) for y, x in product(range(10), repeat=2)]
    return _written(case, _at(0.0, cells))


@attack(BOXES)
def random_boxes(case: Case, rng: np.random.Generator) -> str:
    """One to six boxes anywhere, of any confidence; one where one is asked for."""
    count = int(rng.integers(1, 7)) if case.task.many_parts else 1
    return _written(case, [(box_apart((), rng), float(rng.uniform())) for _ in range(count)])


@attack(BOXES, from_label=True)
def near_miss(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box at an IoU between 0.45 and 0.50, surely."""
    return _written(case, _at(1.0, _near_misses(case, rng)))


@attack(BOXES, MANY, CONFIDENCES, from_label=True)
def near_miss_unsure(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box at an IoU between 0.45 and 0.50, confidence 0."""
    return _written(case, _at(0.0, _near_misses(case, rng)))


@attack(BOXES, MANY)
def no_objects(case: Case, rng: np.random.Generator) -> str:
    """'No Objects' for every image."""
    return _written(case, [])


@attack(BOXES, MANY, from_label=True)
def one_safe_box(case: Case, rng: np.random.Generator) -> str:
    """Of the honest policy's boxes only the first that is at a labelled one, surely."""
    safe = _safe(case)
    return _written(case, _at(1.0, safe)) if safe else case.honest()


@attack(BOXES, MANY, from_label=True)
def one_box_then_junk(case: Case, rng: np.random.Generator) -> str:
    """The same box, then ten wrong ones of confidence 0."""
    return _written(case, [*_at(1.0, _safe(case)), *_at(0.0, _apart(case, rng, 10))])


@attack(BOXES, MANY, from_label=True)
def honest_repeated_shifted(case: Case, rng: np.random.Generator) -> str:
    """Every box of the honest policy four times, each time a pixel further right."""
    return _written(case, [(_moved(box, step), sure) for box, sure in _believed(case) for step in range(4)])


@attack(BOXES, SINGLE, from_label=True)
def two_boxes_hedged(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's box and a wrong one in one answer, in random order."""
    boxes = [*_believed(case), (box_apart(case.boxes, rng), 0.5)]
    return _written(case, [boxes[i] for i in rng.permutation(len(boxes))])


@attack(BOXES, role=Role.RESTATED, from_label=True)
def honest_inverted(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes with their corners exchanged."""
    return _written(case, [(_inverted(box), sure) for box, sure in _believed(case)])


@attack(BOXES)
def whole_image_inverted(case: Case, rng: np.random.Generator) -> str:
    """One box around the whole image, lower right corner first."""
    return _written(case, [(_inverted(WHOLE), 1.0)])


@attack(BOXES, role=Role.RESTATED, from_label=True)
def half_inverted(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes with left and right exchanged, and not above and below."""
    return _written(case, [((x2, y1, x1, y2), sure) for (x1, y1, x2, y2), sure in _believed(case)])


@attack(BOXES)
def far_outside(case: Case, rng: np.random.Generator) -> str:
    """One box from the upper left corner to ten times the image's width and height."""
    return _written(case, [((0.0, 0.0, 10.0 * SIDE, 10.0 * SIDE), 1.0)])


@attack(BOXES)
def far_outside_inverted(case: Case, rng: np.random.Generator) -> str:
    """The same, lower right corner first."""
    return _written(case, [((10.0 * SIDE, 10.0 * SIDE, 0.0, 0.0), 1.0)])


@attack(BOXES, from_label=True)
def honest_outside(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes, an image's width too far right."""
    return _written(case, [(_moved(box, SIDE), sure) for box, sure in _believed(case)])


@attack(BOXES, from_label=True)
def point_inside(case: Case, rng: np.random.Generator) -> str:
    """For each labelled box its center, as a box without width and height."""
    return _written(case, [(_about_center(box, 0), 1.0) for box in case.boxes])


@attack(BOXES, from_label=True)
def speck_inside(case: Case, rng: np.random.Generator) -> str:
    """For each labelled box a box of two by two pixels at its center."""
    return _written(case, [(_about_center(box, 1), 1.0) for box in case.boxes])


@attack(BOXES, from_label=True)
def right_columns(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box with its left and right edge, at the other end of the image's height."""
    opposite = [(box, _opposite(box)) for box in case.boxes]
    return _written(case, _at(1.0, [(x1, y1, x2, y2) for (x1, _, x2, _), (_, y1, _, y2) in opposite]))


@attack(BOXES, from_label=True)
def right_rows(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box with its upper and lower edge, at the other end of the image's width."""
    opposite = [(box, _opposite(box)) for box in case.boxes]
    return _written(case, _at(1.0, [(x1, y1, x2, y2) for (_, y1, _, y2), (x1, _, x2, _) in opposite]))


@attack(BOXES, from_label=True)
def right_sizes(case: Case, rng: np.random.Generator) -> str:
    """Boxes as large as the labelled ones, each in the opposite corner."""
    return _written(case, _at(1.0, [_opposite(box) for box in case.boxes]))


@attack(BOXES, from_label=True)
def axes_exchanged(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box with x and y in each other's place."""
    return _written(case, _at(1.0, [(y1, x1, y2, x2) for x1, y1, x2, y2 in case.boxes]))


@attack(BOXES, MANY, from_label=True)
def one_box_around_all(case: Case, rng: np.random.Generator) -> str:
    """One box around all labelled ones; of a single one, the honest policy's answer."""
    if len(case.boxes) < 2:
        return case.honest()
    x1, y1, x2, y2 = zip(*case.boxes, strict=True)
    return _written(case, [((min(x1), min(y1), max(x2), max(y2)), 1.0)])


@attack(BOXES, role=Role.NEAR, from_label=True)
def one_edge_off(case: Case, rng: np.random.Generator) -> str:
    """The labelled boxes, an edge of one of them further in by a third of its size."""
    return _written(case, _at(1.0, _edge_moved(case, 1 / 3, rng)))


@attack(BOXES, role=Role.NEAR, from_label=True)
def one_edge_a_little_off(case: Case, rng: np.random.Generator) -> str:
    """The labelled boxes, an edge of one of them further in by a sixth of its size."""
    return _written(case, _at(1.0, _edge_moved(case, 1 / 6, rng)))


@attack(BOXES, from_label=True)
def first_y1(case: Case, rng: np.random.Generator) -> str:
    """One wrong box whose upper edge is the first labelled box's, confidence 0."""
    return _written(case, [(box_apart(case.boxes, rng, y1=case.boxes[0][1]), 0.0)])


@attack(BOXES, MANY, from_label=True)
def first_y1_sentence(case: Case, rng: np.random.Generator) -> str:
    """No box; a sentence that ends in the first labelled box's upper edge."""
    y1 = case.frames[0].box_text(case.boxes[0]).split(", ")[1]
    return case.answer(f"The final answer is {y1}.")


@attack(BOXES, MANY, role=Role.VARIANT)
def gold_repeated(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box four times, digit for digit."""
    return _written(case, [(box, 1.0) for box in case.boxes for _ in range(4)])


@attack(BOXES, MANY, role=Role.VARIANT)
def gold_repeated_shifted(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box four times, each time a pixel further right, those of confidence 0."""
    return _written(case, [(_moved(box, step), float(not step)) for box in case.boxes for step in range(4)])


@attack(BOXES, MANY, role=Role.VARIANT)
def gold_and_junk(case: Case, rng: np.random.Generator) -> str:
    """The labelled boxes, then three wrong ones of confidence 0."""
    return _written(case, [*_at(1.0, case.boxes), *_at(0.0, _apart(case, rng, 3))])


@attack(BOXES, role=Role.VARIANT)
def gold_inverted(case: Case, rng: np.random.Generator) -> str:
    """The labelled boxes with their corners exchanged."""
    return _written(case, [(_inverted(box), 1.0) for box in case.boxes])


def _enter_junk(name: str, sure: float | str) -> None:
    def junk(case: Case, rng: np.random.Generator) -> str:
        return _written(case, _at(sure, _apart(case, rng, 1)))

    said = sure if isinstance(sure, str) else f"{sure:g}"
    junk.__name__, junk.__doc__ = f"junk_at_{name}", f"One wrong box, confidence {said}."
    attack(BOXES, CONFIDENCES)(junk)


_enter_junk("0", 0.0)
_enter_junk("1", 1.0)
_enter_junk("100", "100")
_enter_junk("minus_5", "-5")
_enter_junk("nan", "NaN")
_enter_junk("infinity", "Infinity")
_enter_junk("minus_infinity", "-Infinity")


@attack(BOXES, CONFIDENCES, role=Role.RESTATED, from_label=True)
def honest_at_100(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes, confidence 100 each."""
    return _written(case, [(box, "100") for box, _ in _believed(case)])


@attack(BOXES, MANY, CONFIDENCES, from_label=True)
def one_at_100_then_junk(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's first right box at confidence 100, then five wrong ones at 0.50."""
    return _written(case, [*_at("100", _safe(case)), *_at(0.5, _apart(case, rng, 5))])


def _written(case: Case, boxes: Sequence[Sure]) -> str:
    """Boxes as an answer; a confidence in words is written as it is, where the task writes confidences."""
    words = next((sure for _, sure in boxes if isinstance(sure, str)), "")
    scores = tuple(_STAND_IN if isinstance(sure, str) else sure for _, sure in boxes)
    return case.write(Boxes(tuple(box for box, _ in boxes), scores=scores)).replace(str(_STAND_IN), words)


def _at(sure: float | str, boxes: Sequence[BoxXYXY]) -> list[Sure]:
    return [(box, sure) for box in boxes]


def _apart(case: Case, rng: np.random.Generator, count: int) -> list[BoxXYXY]:
    return [box_apart(case.boxes, rng) for _ in range(count)]


def _believed(case: Case) -> list[Sure]:
    boxes: tuple[BoxXYXY, ...] = getattr(case.belief, "xyxy_px", ())
    scores: tuple[float, ...] = getattr(case.belief, "scores", ()) or (1.0,) * len(boxes)
    return list(zip(boxes, scores, strict=True))


def _safe(case: Case) -> list[BoxXYXY]:
    """The first of the honest policy's boxes that is made from a labelled one, if there is one."""
    # Those have an IoU of 0.4 and more with their label, the others hardly any.
    near = [
        box for box, _ in _believed(case) if max((iou(box, gold) for gold in case.boxes), default=0.0) > 0.2
    ]
    return near[:1]


def _near_misses(case: Case, rng: np.random.Generator) -> list[BoxXYXY]:
    # Rounding to whole pixels moves the IoU by 0.012 at most.
    return [box_at_iou(box, float(rng.uniform(0.462, 0.485)), rng) for box in case.boxes]


def _edge_moved(case: Case, share: float, rng: np.random.Generator) -> list[BoxXYXY]:
    boxes, place, edge = [*case.boxes], int(rng.integers(len(case.boxes))), int(rng.integers(4))
    box = [*boxes[place]]
    box[edge] = round(box[edge] + share * (box[(edge + 2) % 4] - box[edge]))
    boxes[place] = (box[0], box[1], box[2], box[3])
    return boxes


def _moved(box_xyxy_px: BoxXYXY, step: int) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    return (x1 + step, y1, x2 + step, y2)


def _inverted(box_xyxy_px: BoxXYXY) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    return (x2, y2, x1, y1)


def _other_end(low: float, high: float) -> tuple[float, float]:
    """An interval as long, at the end of the image that is further away."""
    length = high - low
    return (0.0, length) if low > SIDE - high else (SIDE - length, float(SIDE))


def _opposite(box_xyxy_px: BoxXYXY) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    (left, right), (top, bottom) = _other_end(x1, x2), _other_end(y1, y2)
    return (left, top, right, bottom)


def _about_center(box_xyxy_px: BoxXYXY, reach: int) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    x, y = round((x1 + x2) / 2), round((y1 + y2) / 2)
    return (x - reach, y - reach, x + reach, y + reach)
