"""What the laws of every task are tried on: records, frames, and the settings that training takes.

Tried are all tasks that are known and two of ``examples``, one in Python and one in YAML; or those that the
environment variable ``VRFT_TASKS`` names, with blanks between them: names, files or folders.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from custom_task import CUSTOM_SPEC, DEFINED_SPEC
from vrft.diagnostics.task_laws import training_scorers
from vrft.geometry.masks import mask_of_boxes
from vrft.tasks.registry import load_task, task_names
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task
from vrft.types import Annotation, Boxes, Example, Form, Image, Label, Number, Record, Rollout, Text

TASKS = [
    load_task(spec)
    for spec in os.environ.get("VRFT_TASKS", "").split() or [*task_names(), CUSTOM_SPEC, DEFINED_SPEC]
]
TASKS = list({task.name: task for task in TASKS}.values())
SIDE = 2000
WINDOW = (500, 0, 1500, 1000)
# Multiples of four pixels, corners and centers, are whole numbers in every frame: the gold answer is exact.
A, B, C = (600.0, 200.0, 800.0, 440.0), (500.0, 0.0, 1500.0, 1000.0), (1488.0, 8.0, 1496.0, 16.0)
SHOWN = [
    ("whole", {}),
    ("cropped", {"window_px": WINDOW}),
    ("mirrored", {"mirrored": True}),
    ("cropped and mirrored", {"window_px": WINDOW, "mirrored": True}),
]
FRAMES = list(itertools.product(("norm1000", "norm1", "resized_pixels"), SHOWN))


def image(name: str, side: int = SIDE) -> Image:
    return Image(Path(f"{name}.png"), (side, side))


def category(name: str, *boxes, counts: bool = True) -> tuple[Annotation, ...]:
    masks = [mask_of_boxes([box], (SIDE, SIDE)) for box in boxes]
    return tuple(
        Annotation("category", name, Boxes((box,), mask=mask), counts)
        for box, mask in zip(boxes, masks, strict=True)
    )


RECORDS = [
    Record(
        "one",
        (image("one"),),
        (
            *category("cat", A, B),
            *category("dog", C),
            Annotation("image", "", Label("garden phlox")),
            Annotation("phrase", "the small one", Boxes((A,))),
            Annotation("phrase", "both", Boxes((A, B))),
            Annotation("phrase", "none", Boxes()),
            Annotation("question", "How many cats?", Label("2")),
            Annotation("question", "What is it called?", Label("Tom")),
            Annotation("question", "Whose cat is it?", Text("Mary Whitfield", ("Mary Whitfield", "Mary W."))),
            Annotation(
                "question", "What is it on?", Text("C", choices=(("B", "a mat"), ("C", "a red chair")))
            ),
            Annotation("image", "", Text("OPEN 24 HOURS")),
            Annotation("question", "How long is the cat?", Number(0.46, "m")),
            Annotation("question", "How warm is it?", Number(-3.5, "°C")),
        ),
    ),
    Record(
        "two",
        (image("two"),),
        (
            *category("dog", B),
            *category("cat", A, counts=False),
            Annotation("image", "", Label("737-200")),
            Annotation("phrase", "it's 'that' (one)", Boxes((C,))),
            Annotation("image", "", Text("No dogs\nallowed")),
        ),
    ),
    Record("three", (image("three"),)),
]


def examples_of(task: Task, form: Form = Form.THINK) -> list[Example]:
    """Questions about the records, or of the audit where these have nothing for the task."""
    found = list(task.examples(RECORDS)) or task.audit_examples(12, np.random.default_rng(0))
    assert found and all(example.task == task.name for example in found)
    return [replace(example, form=form) for example in found]


def shown_as(example: Example, shown: dict) -> Example:
    """The same question about a part of its images, or mirrored ones."""
    media = tuple(replace(one, **shown) if isinstance(one, Image) else one for one in example.media)
    return replace(example, media=media)


def frames_of(example: Example, name: str) -> list:
    """How a model family with this convention writes places; it sees every image at 500 by 500."""
    return [medium.frame(name, (500, 500)) for medium in example.media]


def safe_scorers(task: Task) -> list[Scorer]:
    """One for each setting that training takes."""
    return training_scorers(task)


def scored(scorer: Scorer, text: str, example: Example, frames) -> Rollout:
    """A text with its rewards; it must not fail."""
    rollout = scorer.score_text(text, example, frames)
    assert not rollout.failures and not rollout.clipped, (text, rollout.failures, rollout.clipped)
    return rollout


def within(record: Record, window) -> Record:
    """What the labels of a part of an image say: nothing of what is cut off."""
    kept = []
    for one in record.annotations:
        boxes = one.value.evidence_boxes
        if boxes is not None and one.value.survives_view(window, False):
            kept.append(one)
    return replace(record, annotations=tuple(kept))
