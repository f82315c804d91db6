"""Two questions, answers to them with their rewards by setting 'paper', worked by hand; and own functions."""

from __future__ import annotations

import math
from pathlib import Path

from vrft.integrations.packing import pack
from vrft.types import Boxes, CoordinateFrame, Example, Form, Image, Label

SIZE = (200, 100)
FRAMES = [CoordinateFrame.whole("norm1000", SIZE)]
# In thousandths (100, 100) to (600, 600).
DETECTION = Example(
    "a#cat",
    "a",
    "detection",
    (Image(Path("a.png"), SIZE),),
    "cat",
    Boxes(((20.0, 10.0, 120.0, 60.0),)),
    form=Form.DIRECT,
)
CLASSIFICATION = Example(
    "b",
    "b",
    "classification",
    (Image(Path("b.png"), SIZE),),
    "pet",
    Label("cat", ("cat", "dog")),
    form=Form.DIRECT,
)
FIND_CAT = pack(DETECTION, FRAMES)
NAME_PET = pack(CLASSIFICATION, FRAMES)

FOUND = "<answer>[{'Position': [100, 100, 600, 600], 'Confidence': 1.00}]</answer>"
SHORT = "<answer>[{'Position': [100, 100, 600, 400], 'Confidence': 0.50}]</answer>"
NOTHING = "<answer>No Objects</answer>"
CAT = "<answer>cat</answer>"
JUNK = "dog [[[ NaN"

BY_PAPER = {
    # Box, confidence and form in full.
    (FIND_CAT, FOUND): 3.0,
    # 300 of 500 thousandths of the height: IoU 0.6; confidence 0.5 of a hit.
    (FIND_CAT, SHORT): 2.1,
    # There is a cat: the form alone.
    (FIND_CAT, NOTHING): 1.0,
    (FIND_CAT, JUNK): 0.0,
    (NAME_PET, CAT): 2.0,
    (NAME_PET, NOTHING): 1.0,
    (NAME_PET, JUNK): 0.0,
}
REWARDS = list(BY_PAPER.values())


def raises(answer, target):
    raise KeyError("no such column")


def nan(answer, target):
    return math.nan


def huge(answer, target):
    return 1e308


def grows(answer, target, progress=0.0):
    return progress


def counts_tokens(answer, target):
    return float(answer.n_tokens or 0)
