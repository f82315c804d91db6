"""Attacks with boxes: too many, too few, too large, upside down."""

from __future__ import annotations

from itertools import product

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Role, attack
from vrft.diagnostics.audit.audit_case import Case, GuessedBox, Notation
from vrft.diagnostics.audit.jitter import SIDE, box_apart, box_at_iou
from vrft.types import BoxXYXY

LIST, CORNERS = Notation.LIST, Notation.CORNERS
WHOLE: BoxXYXY = (0.0, 0.0, float(SIDE), float(SIDE))


@attack(LIST, CORNERS)
def whole_picture(case: Case, rng: np.random.Generator) -> str:
    """One box around the whole picture, surely."""
    return case.boxes([GuessedBox(WHOLE, 1.0)])


@attack(LIST, CORNERS)
def grid_100(case: Case, rng: np.random.Generator) -> str:
    """A hundred boxes in ten rows of ten, confidence 0."""
    step = SIDE / 10
    cells = [(x * step, y * step, (x + 1) * step, (y + 1) * step) for y, x in product(range(10), repeat=2)]
    return case.boxes([GuessedBox(cell, 0.0) for cell in cells])


@attack(LIST, CORNERS)
def random_boxes(case: Case, rng: np.random.Generator) -> str:
    """One to six boxes anywhere, of any confidence; one in grounding."""
    count = int(rng.integers(1, 7)) if case.notation is LIST else 1
    return case.boxes([GuessedBox(box_apart((), rng), float(rng.uniform())) for _ in range(count)])


@attack(LIST, CORNERS, from_label=True)
def near_miss(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box at an IoU between 0.45 and 0.50, surely."""
    return case.boxes(_near_misses(case, rng, 1.0))


@attack(LIST, from_label=True)
def near_miss_unsure(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box at an IoU between 0.45 and 0.50, confidence 0."""
    return case.boxes(_near_misses(case, rng, 0.0))


@attack(LIST)
def no_objects(case: Case, rng: np.random.Generator) -> str:
    """'No Objects' for every picture."""
    return case.boxes(())


@attack(LIST, from_label=True)
def one_safe_box(case: Case, rng: np.random.Generator) -> str:
    """Of the honest policy's boxes only the first that stands at a labelled one, surely."""
    safe = [GuessedBox(box.box_xyxy_px, 1.0) for box in case.honest.boxes if box.real]
    return case.boxes(safe[:1] or case.honest.boxes)


@attack(LIST, from_label=True)
def one_box_then_junk(case: Case, rng: np.random.Generator) -> str:
    """The same box, then ten wrong ones of confidence 0."""
    safe = [GuessedBox(box.box_xyxy_px, 1.0) for box in case.honest.boxes if box.real]
    junk = [GuessedBox(box_apart(case.gold_boxes, rng), 0.0) for _ in range(10)]
    return case.boxes([*safe[:1], *junk])


@attack(LIST, from_label=True)
def honest_repeated_shifted(case: Case, rng: np.random.Generator) -> str:
    """Every box of the honest policy four times, each time a pixel further right."""
    repeated = [
        GuessedBox(_moved(box.box_xyxy_px, step), box.confidence)
        for box in case.honest.boxes
        for step in range(4)
    ]
    return case.boxes(repeated)


@attack(CORNERS, from_label=True)
def two_boxes_hedged(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's box and a wrong one in one answer, in random order."""
    boxes = [*case.honest.boxes, GuessedBox(box_apart(case.gold_boxes, rng), 0.5)]
    return case.boxes([boxes[i] for i in rng.permutation(len(boxes))])


@attack(LIST, CORNERS, role=Role.RESTATED, from_label=True)
def honest_inverted(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes with their corners exchanged."""
    return case.boxes([GuessedBox(_inverted(b.box_xyxy_px), b.confidence) for b in case.honest.boxes])


@attack(LIST, CORNERS)
def whole_picture_inverted(case: Case, rng: np.random.Generator) -> str:
    """One box around the whole picture, lower right corner first."""
    return case.boxes([GuessedBox(_inverted(WHOLE), 1.0)])


@attack(LIST, CORNERS, role=Role.RESTATED, from_label=True)
def half_inverted(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes with left and right exchanged, and not above and below."""
    corners = [(box.box_xyxy_px, box.confidence) for box in case.honest.boxes]
    return case.boxes([GuessedBox((x2, y1, x1, y2), sure) for (x1, y1, x2, y2), sure in corners])


@attack(LIST, CORNERS)
def far_outside(case: Case, rng: np.random.Generator) -> str:
    """One box from the upper left corner to ten times the picture's width and height."""
    return case.boxes([GuessedBox((0.0, 0.0, 10.0 * SIDE, 10.0 * SIDE), 1.0)])


@attack(LIST, CORNERS)
def far_outside_inverted(case: Case, rng: np.random.Generator) -> str:
    """The same, lower right corner first."""
    return case.boxes([GuessedBox((10.0 * SIDE, 10.0 * SIDE, 0.0, 0.0), 1.0)])


@attack(LIST, CORNERS, from_label=True)
def honest_outside(case: Case, rng: np.random.Generator) -> str:
    """The honest policy's boxes, a picture's width too far right."""
    return case.boxes([GuessedBox(_moved(b.box_xyxy_px, SIDE), b.confidence) for b in case.honest.boxes])


@attack(LIST, CORNERS, from_label=True)
def point_inside(case: Case, rng: np.random.Generator) -> str:
    """For each labelled box its centre, as a box without width and height."""
    return case.boxes([GuessedBox(_about_centre(box, 0), 1.0) for box in case.gold_boxes])


@attack(LIST, CORNERS, from_label=True)
def speck_inside(case: Case, rng: np.random.Generator) -> str:
    """For each labelled box a box of two by two pixels at its centre."""
    return case.boxes([GuessedBox(_about_centre(box, 1), 1.0) for box in case.gold_boxes])


@attack(LIST, CORNERS, from_label=True)
def first_y1(case: Case, rng: np.random.Generator) -> str:
    """One wrong box whose upper edge is the first labelled box's, confidence 0."""
    box = box_apart(case.gold_boxes, rng, y1=case.gold_boxes[0][1])
    return case.boxes([GuessedBox(box, 0.0)])


@attack(LIST, from_label=True)
def first_y1_sentence(case: Case, rng: np.random.Generator) -> str:
    """No box; a sentence that ends in the first labelled box's upper edge."""
    y1 = case.view.figures(case.gold_boxes[0]).split(", ")[1]
    return case.answer(f"The final answer is {y1}.")


@attack(LIST, role=Role.VARIANT)
def gold_repeated(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box four times, digit for digit."""
    return case.boxes([GuessedBox(box, 1.0) for box in case.gold_boxes for _ in range(4)])


@attack(LIST, role=Role.VARIANT)
def gold_repeated_shifted(case: Case, rng: np.random.Generator) -> str:
    """Every labelled box four times, each time a pixel further right, those of confidence 0."""
    boxes = [GuessedBox(_moved(b, step), float(not step)) for b in case.gold_boxes for step in range(4)]
    return case.boxes(boxes)


@attack(LIST, role=Role.VARIANT)
def gold_and_junk(case: Case, rng: np.random.Generator) -> str:
    """The labelled boxes, then three wrong ones of confidence 0."""
    junk = [GuessedBox(box_apart(case.gold_boxes, rng), 0.0) for _ in range(3)]
    return case.boxes([*(GuessedBox(box, 1.0) for box in case.gold_boxes), *junk])


@attack(LIST, CORNERS, role=Role.VARIANT)
def gold_inverted(case: Case, rng: np.random.Generator) -> str:
    """The labelled boxes with their corners exchanged."""
    return case.boxes([GuessedBox(_inverted(box), 1.0) for box in case.gold_boxes])


def _near_misses(case: Case, rng: np.random.Generator, confidence: float) -> list[GuessedBox]:
    # Rounding to whole pixels moves the IoU by 0.012 at most.
    return [
        GuessedBox(box_at_iou(box, float(rng.uniform(0.462, 0.485)), rng), confidence)
        for box in case.gold_boxes
    ]


def _moved(box_xyxy_px: BoxXYXY, step: int) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    return (x1 + step, y1, x2 + step, y2)


def _inverted(box_xyxy_px: BoxXYXY) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    return (x2, y2, x1, y1)


def _about_centre(box_xyxy_px: BoxXYXY, reach: int) -> BoxXYXY:
    x1, y1, x2, y2 = box_xyxy_px
    x, y = round((x1 + x2) / 2), round((y1 + y2) / 2)
    return (x - reach, y - reach, x + reach, y + reach)
