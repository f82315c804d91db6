"""A box that an answer calls by another class's name is counted, and left out where that is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from launch import vrft
from vrft.tasks.detection.detection import Detection
from vrft.tasks.registry import load_task, task_of
from vrft.tasks.scorer import score
from vrft.types import Annotation, Boxes, CoordinateFrame, Example, Fault, Form, Image, Record
from vrft.types.names import is_called

CUP, SPOON = (64.0, 48.0, 320.0, 240.0), (384.0, 288.0, 576.0, 432.0)
WRITTEN = {CUP: [100, 100, 500, 500], SPOON: [600, 600, 900, 900]}
FRAME = CoordinateFrame.whole("norm1000", (640, 480))


def example(task: Detection, question: str = "cup") -> Example:
    shown = (Image(Path("1.png"), (640, 480)),)
    return replace(task.ask("1", shown, question, form=Form.DIRECT), target=Boxes((CUP,)), group=question)


def text(*named: tuple[tuple[float, ...], str | None]) -> str:
    listed = [{"bbox_2d": WRITTEN[box], **({"label": name} if name else {})} for box, name in named]
    return f"<answer>{json.dumps(listed)}</answer>"


def read(task: Detection, *named: tuple[tuple[float, ...], str | None]):
    return task.parse(text(*named), example(task), (FRAME,))


@pytest.mark.parametrize("name", ["cup", "Cup", "the cups", "cup 2", "object", None])
def test_a_box_of_the_class_or_without_a_name_is_of_the_class(name: str | None) -> None:
    answer = read(Detection(ignore_other_classes=True), (CUP, name), (SPOON, name))
    assert answer.formatted and answer.faults == () and answer.value.xyxy_px == (CUP, SPOON)


def test_another_class_is_counted_and_stays_unless_it_is_to_be_ignored() -> None:
    both = (CUP, "cup"), (SPOON, "spoon")
    stays, ignored = read(Detection(), *both), read(Detection(ignore_other_classes=True), *both)
    assert stays.faults == ignored.faults == (Fault.OTHER_CLASS,)
    assert stays.value.xyxy_px == (CUP, SPOON) and ignored.value.xyxy_px == (CUP,)
    assert ignored.value.labels == ("cup",) and len(ignored.spans) == len(ignored.value.scores) == 1
    assert stays.formatted and ignored.formatted, "what is said is wrong, not how it is written"
    alone = read(Detection(ignore_other_classes=True), (SPOON, "spoon"))
    assert alone.parsed and alone.abstained, "only other things are there"


def test_the_option_reaches_training_through_the_examples() -> None:
    task = load_task("detection", {"ignore_other_classes": "true"})
    record = Record("1", example(task).media, (Annotation("category", "cup", Boxes((CUP,))),))
    for one in (*task.examples([record]), example(task)):
        assert task_of(one).parse(text((CUP, "cup"), (SPOON, "spoon")), one, (FRAME,)).value.size == 1
    (plain,) = load_task("detection").examples([record])
    assert plain.fields == {}
    said = text((CUP, None), (SPOON, "spoon")).replace("<answer>", "<think>So.</think><answer>")
    in_pixels = said.replace("[100, 100, 500, 500]", "[64, 48, 320, 240]").replace(
        "[600, 600, 900, 900]", "[384, 288, 576, 432]"
    )
    rewards = [score(in_pixels, replace(one, form=Form.THINK)).terms["iou"] for one in (plain, example(task))]
    assert rewards == [0.5, 1.0]


def test_stored_answers_are_counted_and_may_be_scored_without_them(tmp_path: Path) -> None:
    rows = [
        {
            "task": "detection",
            "question": "cup",
            "image": f"{number}.png",
            "image_wh": [640, 480],
            "frame": "norm1000",
            "target": {"boxes": [CUP]},
            "text": text((CUP, "cup"), (SPOON, "spoon")),
        }
        for number in range(4)
    ]
    (tmp_path / "said.jsonl").write_text("\n".join(json.dumps(row) for row in rows))

    def scored(*options: str):
        ended = vrft("score", "said.jsonl", "--json", *options, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)["files"]["said.jsonl"]["cards"]["detection"]

    kept, left = scored(), scored("--task-option", "ignore_other_classes=true")
    assert kept["faults"] == left["faults"] == {"other_class": 4}
    assert 0.5 < kept["value"] < 0.8 and left["value"] == pytest.approx(1)
    ended = vrft("score", "said.jsonl", "--task-option", "ignore=true", cwd=tmp_path)
    assert ended.returncode == 2 and "ignore_other_classes" in ended.stderr


def test_names_beside_boxes() -> None:
    assert all(
        is_called(label, "traffic light")
        for label in ("Traffic_Light", "traffic lights", "a traffic-light", "")
    )
    assert not any(is_called(label, "dog") for label in ("hot dog", "cat", "dog house", "dogma"))
    assert is_called("Boeing 737", "Boeing 737") and not is_called("Boeing 747", "Boeing 737")
    assert is_called("cafe\u0301", "café") and is_called("ＣＡＴ", "cat")
