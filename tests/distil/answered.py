"""Answers to unlabelled images, made by hand, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vrft.types import (
    Answer,
    Boxes,
    Completion,
    Example,
    Label,
    Prediction,
    Prompt,
    Rollout,
    Turn,
)
from vrft.types import (
    Image as ImageFile,
)

SIDE = 48
UNREADABLE = Answer(text="?")
NOTHING = Answer(Boxes(()), True, text="No Objects")
BOX = (4.0, 4.0, 24.0, 24.0)


def boxes(*found, confidence=1.0):
    return Answer(Boxes(tuple(found), (confidence,) * len(found)), True, text="boxes")


def name(label):
    return Answer(Label(label), True, text=label)


def question(image, task="detection", asked="seven", record=None, target=None, options=()):
    record = record or Path(image).stem
    identity = record if task == "classification" else f"{record}#{asked}"
    media = (ImageFile(Path(image), (SIDE, SIDE)),)
    group = target.name if isinstance(target, Label) else asked
    return Example(identity, record, task, media, asked, target, options, group)


def predicted(example, *answers):
    """The question with its answers, the first being the plain one."""
    said = [
        Rollout(example, (Turn(Prompt(), Completion(answer.text, (1, 2, 3, 4, 5))),), answer)
        for answer in answers
    ]
    return Prediction(example, said[0].answer, tuple(said))


def paint(path, seed):
    """An image of soft colors, unlike that of any other seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
    return path


def label(task, options=()):
    return Label("cat", options) if task == "classification" else Boxes((BOX,))
