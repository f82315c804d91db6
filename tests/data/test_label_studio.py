"""Label Studio's JSON export: per cents become pixels, and only what a person completed is a label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import BOXES, CLASSES, STRICT, boxes, class_name

from vrft.data.dataset import load_dataset
from vrft.data.formats.label_studio_regions import regions_of
from vrft.errors import LabelError
from vrft.tasks.registry import load_task

WH = (40, 30)


def rectangle(x: float, y: float, width: Any, height: float, *labels: str, **extra: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": list(labels)}
    return {
        "original_width": WH[0],
        "original_height": WH[1],
        "image_rotation": 0,
        "value": value | extra,
        "id": "Dx_aB91ISN",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "origin": "manual",
    }


def choice(*chosen: str, **extra: Any) -> dict[str, Any]:
    return {
        "value": {"choices": list(chosen)} | extra,
        "id": "q1",
        "from_name": "choice",
        "to_name": "image",
        "type": "choices",
        "origin": "manual",
    }


def annotation(*results: Any, **extra: Any) -> dict[str, Any]:
    return {
        "id": 1001,
        "completed_by": 1,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "updated_at": "2026-03-09T22:16:08.728378Z",
        "draft_created_at": None,
        "lead_time": 4.288,
        "prediction": {},
        "result_count": 0,
        "task": 1,
    } | extra


def task(number: int, image: str, *annotations: Any, **extra: Any) -> dict[str, Any]:
    guess = {"model_version": "model 1", "result": [rectangle(0, 0, 100, 100, "Guess"), choice("Guess")]}
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": "0a1b2c3d-cat.jpg",
        "drafts": [],
        "predictions": [guess],
        "data": {"image": image},
        "meta": {},
        "created_at": "2026-03-09T21:52:49.513742Z",
        "project": 83,
    } | extra


def export(folder: Path, *tasks: Any) -> None:
    (folder / "project-83-at-2026-03-09-22-20.json").write_text(json.dumps(tasks))


def test_rectangles_become_boxes_and_empty_annotations_negatives(tmp_path: Path, make_image: Any) -> None:
    for shade, name in enumerate(("0a1b2c3d-a.png", "b.png", "c.png")):
        make_image(f"images/{name}", shade=shade)
    export(
        tmp_path,
        task(1, "/data/upload/83/0a1b2c3d-a.png", annotation(rectangle(10, 20, 50, 30, "cat"))),
        task(2, "/data/upload/83/0a1b2c3d-b.png", annotation(rectangle(0, 0, 100, 100, "dog", "pet"))),
        task(3, "/data/local-files/?d=my%20images%2Fc.png", annotation()),
    )
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.categories, dataset.warnings) == (
        "label_studio",
        ("cat", "dog", "pet"),
        (),
    )
    assert [(r.id, boxes(r)) for r in dataset.records] == [
        ("images/0a1b2c3d-a.png", [("cat", (4.0, 6.0, 24.0, 15.0))]),
        ("images/b.png", [("dog", (0.0, 0.0, 40.0, 30.0)), ("pet", (0.0, 0.0, 40.0, 30.0))]),
        ("images/c.png", []),
    ]


@pytest.mark.parametrize(
    "image",
    [
        "https://example.com/some/p.png?token=a%2Fb",
        "s3://bucket/folder/p.png",
        "/data/local-files/?d=folder/p.png",
        "/data/upload/1/0a1b2c3d-p.png",
        "p.png",
    ],
)
def test_images_are_found_by_their_last_part(tmp_path: Path, make_image: Any, image: str) -> None:
    make_image("p.png")
    export(tmp_path, task(1, image, annotation(rectangle(0, 0, 50, 50, "cat"))))
    assert [record.id for record in load_dataset(tmp_path).records] == ["p.png"]


def test_an_absolute_path_does_not_leave_the_folder(tmp_path: Path, make_image: Any) -> None:
    outside = make_image("outside/p.png")
    inside = make_image("data/p.png", shade=1)
    export(inside.parent, task(1, str(outside), annotation(rectangle(0, 0, 50, 50, "cat"))))
    assert load_dataset(inside.parent).records[0].image.path == inside


def test_the_last_completed_annotation_counts(tmp_path: Path, make_image: Any) -> None:
    make_image("p.png")
    make_image("q.png", shade=1)
    make_image("r.png", shade=2)
    late = "2026-03-10T08:00:00.000000Z"
    export(
        tmp_path,
        task(
            1,
            "p.png",
            annotation(rectangle(0, 0, 50, 50, "right"), updated_at=late),
            annotation(rectangle(0, 0, 50, 50, "early")),
            annotation(rectangle(0, 0, 50, 50, "skipped"), updated_at="2026-04-01", was_cancelled=True),
        ),
        task(2, "q.png", annotation(was_cancelled=True)),
        task(3, "no-such-image.png"),
        task(4, "r.png", annotation(choice("good"), {"type": "relation", "from_id": "a", "to_id": "b"})),
    )
    dataset = load_dataset(tmp_path, BOXES)
    assert [(r.id, [name for name, _ in boxes(r)]) for r in dataset.records] == [
        ("p.png", ["right"]),
        ("r.png", []),
    ]
    assert dataset.warnings == (
        "Tasks that nobody labelled are left out: 2, 3.",
        "Of several annotations of a task the last counts: 1.",
        "Results of other types are not read: choices, relation.",
    )


def test_choices_are_classes(tmp_path: Path, make_image: Any) -> None:
    for shade, name in enumerate("abc"):
        make_image(f"train/{name}.png", shade=shade)
    export(
        tmp_path,
        task(1, "/data/upload/1/0a1b2c3d-a.png", annotation(choice(" cat "))),
        task(2, "b.png", annotation(choice("blurred", x=1, y=1, width=5, height=5))),
        task(3, "c.png", annotation(choice("dog"), rectangle(0, 0, 10, 10, "dog"))),
    )
    dataset = load_dataset(tmp_path, CLASSES)
    assert [(r.id, class_name(r)) for r in dataset.records] == [
        ("train/a.png", "cat"),
        ("train/c.png", "dog"),
    ]
    assert dataset.parts == {"train/a.png": "train", "train/c.png": "train"}
    assert dataset.warnings[0] == "Tasks that nobody labelled are left out: 2."
    with pytest.raises(
        LabelError,
        match=r"label_studio \(for boxes of categories\) and label_studio \(for a class for .*Name the task",
    ):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (rectangle(0, 0, 50, 50, "cat") | {"image_rotation": 90}, "was turned"),
        (rectangle(0, 0, 50, 50, "cat") | {"original_width": 80, "original_height": 60}, "80x60 pixels"),
        (rectangle(0, 0, 50, 50, "cat") | {"original_width": 30, "original_height": 40}, "swapped"),
        (rectangle(90, 0, 50, 50, "cat"), "outside its image"),
        (rectangle(0, 0, 0, 50, "cat"), "no area"),
        (rectangle(0, 0, float("nan"), 50, "cat"), "are not numbers"),
        (rectangle(0, 0, "half", 50, "cat"), "are not numbers"),
        (rectangle(0, 0, 50, 50), "no label"),
        ({"type": "rectanglelabels"}, "no 'value'"),
    ],
)
def test_wrong_rectangles_are_refused(tmp_path: Path, make_image: Any, result: Any, said: str) -> None:
    make_image("p.png")
    export(tmp_path, task(17, "p.png", annotation(result)))
    with pytest.raises(LabelError, match=rf"project-83.*\.json, task 17.*{said}"):
        load_dataset(tmp_path, BOXES, options=STRICT)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (task(1, "q.png", annotation(choice("cat"))), "'q.png' is missing"),
        (task(1, "p.png", annotation(choice("cat", "dog"))), "several classes: cat, dog"),
        (task(1, "p.png", annotation(choice("cat"), choice("good"))), "several classes: cat, good"),
        (task(1, "p.png", annotation(choice())), "no label"),
        (task(1, "a text", annotation(choice("cat"))), "name no images"),
        (task(1, "http://[", annotation(choice("cat"))), "name no images"),
        (task(1, "p.png", annotation(choice("cat")), data={"a": "p.png", "b": "q.png"}), "name 2 images"),
        (task(1, "p.png", annotation(choice("cat"), result=None)), "no list 'result'"),
        (task(1, "p.png", annotations=5), "no list 'annotations'"),
    ],
)
def test_broken_tasks_are_refused(tmp_path: Path, make_image: Any, broken: Any, said: str) -> None:
    make_image("p.png")
    make_image("right.png", shade=1)
    export(tmp_path, task(2, "right.png", annotation(choice("cat"))), broken)
    with pytest.raises(LabelError, match=said):
        load_dataset(tmp_path, CLASSES)


def test_two_tasks_about_one_image_are_refused(tmp_path: Path, make_image: Any) -> None:
    make_image("p.png")
    export(tmp_path, *(task(number, "p.png", annotation(choice("cat"))) for number in (1, 2)))
    with pytest.raises(LabelError, match="task 2: Another task shows the same image"):
        load_dataset(tmp_path, CLASSES)


def test_an_export_cut_short_is_named(tmp_path: Path, make_image: Any) -> None:
    make_image("p.png")
    export(tmp_path, task(1, "p.png", annotation(rectangle(0, 0, 50, 50, "cat"))))
    file = next(tmp_path.glob("*.json"))
    file.write_text(file.read_text()[:-1])
    with pytest.raises(LabelError, match=r"project-83.*not JSON"):
        load_dataset(tmp_path, BOXES)


def test_both_kinds_are_read_where_both_are_needed(tmp_path: Path, make_image: Any) -> None:
    make_image("p.png")
    make_image("q.png", shade=1)
    export(
        tmp_path,
        task(1, "p.png", annotation(rectangle(0, 0, 50, 50, "cat"), choice("good"))),
        task(2, "q.png", annotation(rectangle(0, 0, 50, 50, "cat"))),
    )
    dataset = load_dataset(tmp_path, BOXES | CLASSES)
    assert dataset.provides == BOXES | CLASSES
    assert [(r.id, boxes(r), class_name(r)) for r in dataset.records] == [
        ("p.png", [("cat", (0.0, 0.0, 20.0, 15.0))], "good")
    ]
    assert dataset.warnings == ("Tasks that nobody labelled are left out: 2.",)


# ---- regions that are no rectangles


def region(kind: str, value: dict[str, Any], *labels: str) -> dict[str, Any]:
    return {
        "original_width": str(WH[0]),
        "original_height": WH[1],
        "id": "r1",
        "type": kind,
        "value": value | ({kind: list(labels)} if labels else {}),
    }


def around(points_xy: np.ndarray) -> list[float]:
    return [*points_xy.min(0), *points_xy.max(0)]


@settings(max_examples=60, deadline=None)
@given(st.floats(30, 60), st.floats(30, 60), st.floats(2, 12), st.floats(2, 12), st.floats(-360, 360))
def test_turned_shapes_are_read_as_the_boxes_around_them(
    x: float, y: float, width: float, height: float, turn: float
) -> None:
    """Against a thousand points of each shape, turned by a matrix in pixels."""
    angle = np.radians(turn)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    per_cent = np.array(WH) / 100
    circle = np.linspace(0, 2 * np.pi, 4000)
    on_ellipse = np.stack([width * np.cos(circle), height * np.sin(circle)], 1) * per_cent
    on_rectangle = np.array([[0, 0], [width, 0], [0, height], [width, height]]) * per_cent
    first = np.array([x, y]) * per_cent
    ellipse = region("ellipselabels", {"x": x, "y": y, "radiusX": width, "radiusY": height, "rotation": turn})
    rectangle = region(
        "rectanglelabels", {"x": x, "y": y, "width": width, "height": height, "rotation": turn}
    )
    for result, points in ((ellipse, on_ellipse), (rectangle, on_rectangle)):
        (found,) = regions_of([result])
        assert found.corners(WH, "a") == pytest.approx(around(points @ matrix.T + first), abs=1e-4)


@pytest.mark.parametrize(
    ("results", "asked"),
    [
        ([region("keypointlabels", {"x": 5, "y": 5, "width": 1}, "cat")], {"dog": 1}),
        ([region("rectangle", {"x": 50, "y": 50, "width": 20, "height": 20})], {}),
        ([region("videorectangle", {"x": 5})], {"cat": 0, "dog": 1}),
        ([region("brushlabels", {"format": "rle", "rle": [1, 2, 3]}, "cat")], {"dog": 1}),
    ],
)
def test_a_region_without_a_box_makes_its_class_unknown(
    tmp_path: Path, make_image: Any, results: list[dict[str, Any]], asked: dict[str, int]
) -> None:
    for k in range(8):
        make_image(f"{k}.png", shade=k)
    box = rectangle(0, 0, 50, 50, "dog")
    tasks = [task(k, f"{k}.png", annotation(box, rectangle(5, 5, 50, 50, "cat"))) for k in range(1, 8)]
    export(tmp_path, task(9, "0.png", annotation(box, *results)), *tasks)
    dataset = load_dataset(tmp_path, BOXES)
    examples = load_task("detection").examples(dataset.records)
    found = {e.question: len(e.target.xyxy_px) for e in examples if e.record_id == "0.png"}
    assert found == asked


def test_a_rectangle_and_its_labels_are_one_region(tmp_path: Path, make_image: Any) -> None:
    make_image("0.png")
    place = {"x": 50, "y": 50, "width": 20, "height": 20}
    two = [region("rectangle", place), region("labels", place, "cat"), region("choices", place, "red")]
    export(tmp_path, task(1, "0.png", annotation(*two)))
    dataset = load_dataset(tmp_path, BOXES, options=STRICT)
    assert boxes(dataset.records[0]) == [("cat", (20.0, 15.0, 28.0, 21.0))]
