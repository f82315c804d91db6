"""Ways to cheat a reward of tracks, each of them paid by some released rule."""

from __future__ import annotations

import json

import numpy as np

from vrft.tasks.attacks import AuditCase, by_name
from vrft.types import Tracks, expect


def _rows(case: AuditCase) -> list[tuple[int, list[int]]]:
    """The labelled boxes in the audit's frame, which writes whole pixels."""
    return [(row[0], [int(n) for n in row[2:]]) for row in expect(case.target, Tracks).boxes]


def _answer(case: AuditCase, boxes: list[tuple[object, object]]) -> str:
    """Keys as they are, repeated ones too."""
    content = ", ".join(f'"{key}": {json.dumps(value)}' for key, value in boxes)
    return case.answer(f'{{"boxes": {{{content}}}}}')


def stands_still(case: AuditCase, rng: np.random.Generator) -> str:
    """The box of the first image in all images."""
    rows = _rows(case)
    return _answer(case, [(number, rows[0][1]) for number, _ in rows])


def names_images(case: AuditCase, rng: np.random.Generator) -> str:
    """Every image with a box in the corner, which OneThinker's structure pays."""
    return _answer(case, [(number, [0, 0, 1, 1]) for number, _ in _rows(case)])


def whole_images(case: AuditCase, rng: np.random.Generator) -> str:
    """Every image with a box around all of it."""
    return _answer(case, [(number, [0, 0, 1000, 1000]) for number, _ in _rows(case)])


def one_image_early(case: AuditCase, rng: np.random.Generator) -> str:
    """The right boxes, counted from 0."""
    return _answer(case, [(number - 1, box) for number, box in _rows(case)])


def every_image_twice(case: AuditCase, rng: np.random.Generator) -> str:
    """Each image named twice: a guess first, the right box last."""
    twice = [(number, one) for number, box in _rows(case) for one in ([0, 0, 9, 9], box)]
    return _answer(case, list(twice))


def several_names(case: AuditCase, rng: np.random.Generator) -> str:
    """Four things in each image, of which one is right."""
    guesses = [[0, 0, 99, 99], [500, 500, 599, 599], [900, 0, 999, 99]]
    named = [(number, dict(zip("abcd", (*guesses, box), strict=True))) for number, box in _rows(case)]
    return _answer(case, list(named))


def two_answers(case: AuditCase, rng: np.random.Generator) -> str:
    """A wrong answer and the right one after the other."""
    rows = _rows(case)
    right = json.dumps({"boxes": {str(number): box for number, box in rows}})
    wrong = json.dumps({"boxes": {str(number): [0, 0, 9, 9] for number, _ in rows}})
    return case.answer(f"{wrong} {right}")


ATTACKS = by_name(
    stands_still,
    names_images,
    whole_images,
    one_image_early,
    every_image_twice,
    several_names,
    two_answers,
)
