"""Answers to unlabelled pictures, made by hand, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vrft.evaluation.judged import Judged, Said
from vrft.types import Answer, BoxesTarget, ClassTarget, Example, Unlabelled

SIDE = 48
UNREADABLE = Answer(False, False, text="?")
NOTHING = Answer(True, True, text="No Objects")
BOX = (4.0, 4.0, 24.0, 24.0)


def boxes(*found, confidence=1.0):
    return Answer(True, True, tuple(found), (confidence,) * len(found), text="boxes")


def name(label):
    return Answer(True, True, label=label, text=label)


def question(image, task="detection", asked="seven", record=None, target=None, options=()):
    record = record or Path(image).stem
    identity = record if task == "classification" else f"{record}#{asked}"
    goal = target if target is not None else Unlabelled()
    return Example(identity, record, Path(image), (SIDE, SIDE), task, asked, goal, options)


def judged(example, *answers):
    """The question with its answers, the first being the plain one."""
    first, *others = answers
    said = tuple(Said(answer.text, answer, 5) for answer in others)
    return Judged(example, first.text, first, 5, others=said)


def paint(path, seed):
    """A picture of soft colours, unlike that of any other seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
    return path


def label(task, options=()):
    return ClassTarget("cat", options) if task == "classification" else BoxesTarget((BOX,))
