"""Predictions made by hand."""

from __future__ import annotations

from pathlib import Path

from vrft.evaluation.judged import Judged
from vrft.inference.answer_shares import spent_on
from vrft.inference.formats.prediction_format import Prediction
from vrft.types import Answer, Example, Fault, Unlabelled


def predicted(picture, wh, question, answer, task="detection", options=(), root=Path("photos")):
    """The plain answer to one question, as ``vrft predict`` has it."""
    name = f"{picture}#{question}"
    example = Example(name, picture, root / picture, wh, task, question, Unlabelled(), options)
    judged = Judged(example, "", answer, 7, prompt_tokens={"plain": 40})
    return Prediction(judged, answer, spent=spent_on(judged))


def found(*scored):
    """An answer with boxes, each given as (box, confidence)."""
    return Answer(True, True, tuple(box for box, _ in scored), tuple(score for _, score in scored))


NOTHING = Answer(True, True)
UNREADABLE = Answer(False, False, faults=(Fault.NO_ANSWER_TAG,))
POINTED = Answer(True, True, points_xy_px=((5.0, 6.0),))


def boxed_predictions(root=Path("photos")):
    """Two categories in three pictures: two boxes, one box and nothing, what cannot be read and a point."""
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
    told = [
        ("a.png", Answer(True, True, label="Garden_Phlox.", confidences=(0.75,))),
        ("b.png", Answer(True, True, label="tulip", confidences=(0.5,))),
        ("c.png", UNREADABLE),
    ]
    return [
        predicted(picture, (40, 30), "plant", answer, "classification", names, root)
        for picture, answer in told
    ]
