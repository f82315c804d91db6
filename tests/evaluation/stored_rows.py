"""Rows of stored texts, for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from vrft.evaluation.external.read_predictions import Stored, read_predictions
from vrft.evaluation.judged import Judged, Said
from vrft.geometry.frames import View
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, ClassTarget, Example, Form

BOX_TEXT = "<answer>(100,100),(500,500)</answer>"


def row(**changes: Any) -> dict[str, Any]:
    """A grounding row with an IoU of 1; None leaves a field out."""
    whole = {
        "text": BOX_TEXT,
        "task": "grounding",
        "frame": "thousand",
        "image_wh": [640, 480],
        "target": {"boxes_xyxy_px": [[64, 48, 320, 240]]},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def write(folder: Path, *rows: Any, name: str = "said.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def read(folder: Path, *rows: Any, **options: Any) -> Stored:
    return read_predictions(write(folder, *rows), **options)


def answers_of_every_task() -> list[Judged]:
    """What an evaluation keeps, with a further sample and another look."""
    view = View("input_pixels", (640, 480), (1280, 960))
    texts = {
        "detection": "<answer>[{'Position': [128, 96, 640, 480], 'Confidence': 0.5}]</answer>",
        "grounding": "<answer>(128,96),(640,480)</answer>",
        "classification": "<answer>cat</answer>",
    }
    targets = {
        "detection": BoxesTarget(((64.0, 48.0, 320.0, 240.0), (1.25, 2.0, 3.0, 4.0))),
        "grounding": BoxesTarget(((64.0, 48.0, 320.0, 240.0),)),
        "classification": ClassTarget("cat", ("cat", "dog")),
    }
    judged = []
    for name, text in texts.items():
        example = Example("1#q", "1", Path("1.png"), (640, 480), name, "q", targets[name])
        answer = load_task(name).parse(text, view, Form.DIRECT)
        logprobs = (-0.5,) if answer.boxes_xyxy_px else ()
        plain = Said(text, answer, 7, -0.25, logprobs, False)
        other = Said("<answer>hm</answer>", replace(answer, text="<answer>hm</answer>"), 3, look="flip")
        others, prompt = (plain, other), {"plain": 9}
        whole = Judged(
            example, text, answer, 7, -0.25, logprobs, True, view, Form.DIRECT, others, prompt
        )  # fmt: skip
        judged.append(whole)
    return judged
