"""The questions of an audit: pictures that need not exist, with targets that could."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from pycocotools import mask as mask_tools

from vrft.diagnostics.audit.jitter import APART, LEAST_SIDE, SIDE
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.types import BoxesTarget, BoxXYXY, ClassTarget, Example, Mask, Target

NEGATIVES = 0.15
"""Share of detection targets with nothing to be found."""
MOST_BOXES = 6
LARGEST_SIDE = 600.0

NAMES: Mapping[str, tuple[str, ...]] = {
    "plant": (
        "rose", "pink primrose", "lenten rose", "desert-rose", "petunia", "mexican petunia", "marigold",
        "english marigold", "mallow", "tree mallow", "garden phlox", "sweet pea", "sweet william",
        "globe thistle",
    ),
    "aircraft": (
        "737-200", "737-300", "737-400", "737-800", "A320", "A321", "A330-200", "A330-300", "A340-300",
        "DC-9-30", "DC-10", "MD-11",
    ),
    "car": (
        "Audi S4 Sedan 2007", "Audi S4 Sedan 2012", "Audi S5 Coupe 2012", "BMW M3 Coupe 2012",
        "BMW 1 Series Coupe 2012", "BMW 1 Series Convertible 2012", "Ford F-150 Regular Cab 2007",
        "Ford F-150 Regular Cab 2012", "Dodge Caliber Wagon 2007", "Dodge Caliber Wagon 2012",
        "Honda Accord Coupe 2012", "Honda Accord Sedan 2012", "Volvo C30 Hatchback 2012",
        "Volvo XC90 SUV 2007",
    ),
}  # fmt: skip
"""Forty class names by kind of thing; as in fine-grained sets, many look alike and some contain others."""
ALL_NAMES = tuple(name for names in NAMES.values() for name in names)
_KINDS = {name: kind for kind, names in NAMES.items() for name in names}


def make_examples(task: str, count: int, rng: np.random.Generator) -> list[Example]:
    """Questions of a task with random targets on pictures of 1000 by 1000 pixels.

    Detection: one to six boxes with sides of 100 to 600 pixels (log-uniform) and little overlap; 15 per cent
    of the targets have none. Grounding: one such box, with a mask that fills it. Classification: the forty
    names in turn.

    Args:
        task: ``detection``, ``grounding`` or ``classification``.
        count: how many.
        rng: the source of every choice.

    Example:
        >>> found = make_examples("detection", 20, np.random.default_rng(0))
        >>> sum(not example.target.boxes_xyxy_px for example in found)
        3
    """
    question, targets = _MAKERS[task](count, rng)
    return [
        Example(
            id=f"audit-{index}",
            record_id=f"audit-{index}",
            image=Path(f"audit-{index}.png"),
            image_wh=(SIDE, SIDE),
            task=task,
            question=_KINDS[target.name] if isinstance(target, ClassTarget) else question,
            target=target,
        )
        for index, target in enumerate(targets)
    ]


def draw_boxes(count: int, rng: np.random.Generator) -> tuple[BoxXYXY, ...]:
    """Boxes in whole pixels whose IoU with each other is at most 0.05.

    Args:
        count: how many.
        rng: draws places and sides; sides become smaller where there is no room.

    Example:
        >>> boxes = as_array(draw_boxes(6, np.random.default_rng(0)))
        >>> bool((iou_matrix(boxes, boxes) - np.eye(6)).max() <= 0.05)
        True
    """
    boxes: list[BoxXYXY] = []
    largest = LARGEST_SIDE
    while len(boxes) < count:
        size = np.rint(np.exp(rng.uniform(np.log(LEAST_SIDE), np.log(largest), 2)))
        low = rng.integers(0, SIDE - size, endpoint=True).astype(np.float64)
        x1, y1, x2, y2 = np.concatenate([low, low + size]).tolist()
        box = (x1, y1, x2, y2)
        if iou_matrix(as_array([box]), as_array(boxes)).max(initial=0.0) <= APART:
            boxes.append(box)
        else:
            largest = max(LEAST_SIDE, 0.99 * largest)
    return tuple(boxes)


def _detection(count: int, rng: np.random.Generator) -> tuple[str, list[Target]]:
    sizes = 1 + np.arange(count) % MOST_BOXES
    sizes[rng.permutation(count)[: round(NEGATIVES * count)]] = 0
    return "cat", [BoxesTarget(draw_boxes(int(size), rng)) for size in rng.permutation(sizes)]


def _grounding(count: int, rng: np.random.Generator) -> tuple[str, list[Target]]:
    drawn = [draw_boxes(1, rng) for _ in range(count)]
    return "the cat that sleeps", [BoxesTarget(boxes, _filled(boxes[0])) for boxes in drawn]


def _filled(box_xyxy_px: BoxXYXY) -> Mask:
    """The whole box as a region."""
    x1, y1, x2, y2 = box_xyxy_px
    (region,) = mask_tools.frPyObjects(np.array([[x1, y1, x2 - x1, y2 - y1]]), SIDE, SIDE)
    return Mask((SIDE, SIDE), region["counts"].decode("ascii"))


def _classification(count: int, rng: np.random.Generator) -> tuple[str, list[Target]]:
    names = [ALL_NAMES[i % len(ALL_NAMES)] for i in range(count)]
    return "", [ClassTarget(names[i], ALL_NAMES) for i in rng.permutation(count)]


_MAKERS: Mapping[str, Callable[[int, np.random.Generator], tuple[str, list[Target]]]] = {
    "detection": _detection,
    "grounding": _grounding,
    "classification": _classification,
}
