"""Ways to cheat with names beside boxes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from vrft.geometry.jitter import box_apart
from vrft.tasks.attacks import AuditCase, by_name
from vrft.types import Boxes, expect

FOREIGN = "zebra crossing"


def _other_names(boxes: Boxes, options: tuple[str, ...]) -> Boxes:
    after = dict(zip(options, (*options[1:], *options[:1]), strict=True))
    return replace(boxes, labels=tuple(after.get(name or "", name) for name in boxes.labels))


def exchanged_names(case: AuditCase, rng: np.random.Generator) -> str:
    """Every labelled box at its place, called by another category's name."""
    target = expect(case.target, Boxes)
    return case.honest() if target.is_empty else case.write(_other_names(target, case.example.options))


def every_name(case: AuditCase, rng: np.random.Generator) -> str:
    """Every box of the honest policy once under each category."""
    boxes, options = expect(case.belief, Boxes), case.example.options
    return case.write(
        Boxes(
            tuple(box for box in boxes.xyxy_px for _ in options),
            tuple(score for score in boxes.scores for _ in options),
            tuple(options) * boxes.size,
        )
    )


def unasked_names(case: AuditCase, rng: np.random.Generator) -> str:
    """Every labelled box at its place, called by a name that was not asked for."""
    target = expect(case.target, Boxes)
    renamed = replace(target, labels=(FOREIGN,) * target.size)
    return case.honest() if target.is_empty else case.write(renamed)


def no_names(case: AuditCase, rng: np.random.Generator) -> str:
    """Every labelled box at its place, without a name."""
    target = expect(case.target, Boxes)
    bare = ", ".join(f"[{case.frames[0].box_text(box)}]" for box in target.xyxy_px)
    return case.honest() if target.is_empty else case.answer(f"[{bare}]")


def one_sure_name(case: AuditCase, rng: np.random.Generator) -> str:
    """Of the honest policy's boxes those of the first category that it finds, at confidence 1."""
    boxes = expect(case.belief, Boxes)
    kept = [i for i, name in enumerate(boxes.labels) if name == boxes.labels[0]]
    found = Boxes(
        tuple(boxes.xyxy_px[i] for i in kept), (1.0,) * len(kept), tuple(boxes.labels[i] for i in kept)
    )
    return case.write(found)


def honest_and_foreign(case: AuditCase, rng: np.random.Generator) -> str:
    """The honest policy's boxes, then ten of a name that was not asked for, confidence 0."""
    boxes = expect(case.belief, Boxes)
    return case.write(
        Boxes(
            (*boxes.xyxy_px, *(box_apart(case.boxes, rng) for _ in range(10))),
            (*boxes.scores, *(0.0,) * 10),
            (*boxes.labels, *(FOREIGN,) * 10),
        )
    )


def not_a_number(case: AuditCase, rng: np.random.Generator) -> str:
    """A box of each category whose left edge is not a number, twice."""
    options = case.example.options * 2
    text = case.write(Boxes(((0.0, 0.0, 9.0, 9.0),) * len(options), labels=options))
    return re.sub(r'("bbox_2d": \[)[^,]+', r"\1NaN", text)


ATTACKS = by_name(
    exchanged_names,
    every_name,
    unasked_names,
    no_names,
    one_sure_name,
    honest_and_foreign,
    not_a_number,
)
