"""What the miniature is asked and taught: its weights were made from these very lines."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from miniature_training.corpus import LINES
from vrft.miniature.scenes import draw_scene

RECORDED = {
    "naming": (54, "a425b6232d046876"),
    "locate_one": (94, "f1d4c4feaaa32f47"),
    "locate_all": (120, "0b99e93754f44e4f"),
    "locate_everything": (74, "acbee77805d70138"),
    "follow": (61, "3d6471ba0f0399d8"),
    "detection": (120, "3578cd1e5c8c7cec"),
    "classification": (54, "c27fc7cc2e885831"),
    "grounding": (61, "8bc5e0eea1625ca9"),
}
"""Of 120 scenes by kind of line: how many have such a line, and the digest of questions and answers. Other
digests would make the card of the shipped weights untrue."""


def test_every_kind_of_line_is_recorded():
    assert RECORDED.keys() == LINES.keys()


@pytest.mark.parametrize("kind", RECORDED)
def test_questions_and_answers_are_those_of_the_shipped_weights(kind):
    digest, count = hashlib.sha256(), 0
    for number in range(120):
        rng = np.random.default_rng([5, number])
        scene = draw_scene(rng, "pretrain", count=(1, 1) if number % 3 == 0 else (1, 4))
        line = LINES[kind](rng, scene.objects, 0.3)
        if line is not None:
            count += 1
            digest.update(f"{line.question}\0{line.answer}\0".encode())
    assert (count, digest.hexdigest()[:16]) == RECORDED[kind]
