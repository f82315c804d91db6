"""Rows of stored texts, for the tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vrft.evaluation.external import External, read_external
from vrft.tasks.metrics import MEAN_IOU
from vrft.tasks.registry import load_task
from vrft.types import (
    Answer,
    Boxes,
    Completion,
    CoordinateFrame,
    Example,
    Form,
    GateAnswer,
    Image,
    Label,
    Prediction,
    Prompt,
    Rollout,
    Turn,
)

BOX_TEXT = "<answer>(100,100),(500,500)</answer>"


def row(**changes: Any) -> dict[str, Any]:
    """A grounding row with an IoU of 1; None leaves a field out."""
    whole = {
        "text": BOX_TEXT,
        "task": "grounding",
        "frame": "norm1000",
        "image_wh": [640, 480],
        "target": {"boxes": [[64, 48, 320, 240]]},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def write(folder: Path, *rows: Any, name: str = "said.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def read(folder: Path, *rows: Any, **options: Any) -> External:
    return read_external(write(folder, *rows), **options)


def iou(external: External) -> float:
    return MEAN_IOU.value(external.predictions["grounding"])


def predictions_of_every_task() -> list[Prediction]:
    """What an evaluation keeps, with a further sample and another view."""
    shown = Image(Path("1.png"), (640, 480))
    frame = CoordinateFrame.whole("resized_pixels", (640, 480), (1280, 960))
    texts = {
        "detection": "<answer>[{'Position': [128, 96, 640, 480], 'Confidence': 0.5}]</answer>",
        "grounding": "<answer>(128,96),(640,480)</answer>",
        "classification": "<answer>cat</answer>",
    }
    targets = {
        "detection": Boxes(((64.0, 48.0, 320.0, 240.0), (1.25, 2.0, 3.0, 4.0))),
        "grounding": Boxes(((64.0, 48.0, 320.0, 240.0),)),
        "classification": Label("cat", ("cat", "dog")),
    }
    predictions = []
    for name, text in texts.items():
        example = Example("1#q", "1", name, (shown,), "q", targets[name], form=Form.DIRECT)
        turn = Turn(Prompt(frames=(frame,), n_tokens=9), Completion(text, (1, 2, 3), (-0.25,) * 3))
        plain = Rollout(example, (turn,), load_task(name).parse_turns(example, (turn,)))
        seen = Turn(Prompt(frames=(frame,)), Completion("<answer>hm</answer>", (1,)))
        flipped = Rollout(
            example, (seen,), Answer(Boxes(((1.0, 2.0, 3.0, 4.0),)), text="<answer>hm</answer>"), "flip"
        )
        predictions.append(Prediction(example, plain.answer, (plain, plain, flipped)))
    return predictions


def closed(one: Prediction) -> Prediction:
    """The same question, closed by a gate."""
    gate = GateAnswer(Completion("no", (1,)), False)
    return Prediction(one.example, Answer(Boxes(), True), gate=gate)
