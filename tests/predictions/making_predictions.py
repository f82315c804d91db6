"""Predictions made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vrft.types import (
    Answer,
    Boxes,
    Completion,
    Example,
    Fault,
    Image,
    Label,
    Points,
    Prediction,
    Prompt,
    Rollout,
    Turn,
)


def predicted(image, wh, question, answer, task="detection", options=(), root=Path("photos")):
    """The plain answer to one question, as ``vrft predict`` has it."""
    example = Example(
        f"{image}#{question}", image, task, (Image(root / image, wh),), question, options=options
    )
    turn = Turn(Prompt(n_tokens=40), Completion("", tuple(range(7))))
    rollout = Rollout(example, (turn,), replace(answer, n_tokens=7))
    return Prediction(example, rollout.answer, (rollout,))


def found(*scored):
    """An answer with boxes, each given as (box, score)."""
    return Answer(Boxes(tuple(box for box, _ in scored), tuple(score for _, score in scored)), True)


NOTHING = Answer(Boxes(), True)
UNREADABLE = Answer(faults=(Fault.NO_ANSWER_TAG,))
POINTED = Answer(Points(((5.0, 6.0),)), True)


def boxed_predictions(root=Path("photos")):
    """Two categories in three images: two boxes, one box and nothing, what cannot be read and a point."""
    a, b, c = "a.png", "cats/b.png", "c.png"
    two = found(((10.0, 20.0, 60.0, 80.0), 0.75), ((0.0, 0.0, 200.0, 100.0), 0.25))
    return [
        predicted(a, (200, 100), "dog", two, root=root),
        predicted(a, (200, 100), "cat", found(((20.0, 20.0, 30.0, 40.0), 1.0)), root=root),
        predicted(b, (40, 30), "dog", NOTHING, root=root),
        predicted(b, (40, 30), "cat", NOTHING, root=root),
        predicted(c, (64, 48), "dog", UNREADABLE, root=root),
        predicted(c, (64, 48), "cat", POINTED, root=root),
    ]


def class_predictions(root=Path("photos")):
    """A class that was voted for, one outside of the list, and an answer that cannot be read."""
    names = ("garden phlox", "rose")
    said = [
        ("a.png", Answer(Label("Garden_Phlox.", score=0.75), True)),
        ("b.png", Answer(Label("tulip", score=0.5), True)),
        ("c.png", UNREADABLE),
    ]
    return [
        predicted(image, (40, 30), "plant", answer, "classification", names, root) for image, answer in said
    ]
