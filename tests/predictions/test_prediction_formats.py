"""Predictions in the formats of other tools, against those tools and against values worked out by hand."""

from __future__ import annotations

import dataclasses
import json
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making_predictions import boxed_predictions, class_predictions, found, predicted
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vrft.data.dataset import load_dataset
from vrft.errors import InputError, LabelError
from vrft.evaluation.ensemble import answer_cost
from vrft.inference.formats import prediction_format
from vrft.inference.formats.json_rows import EXTRAS
from vrft.inference.formats.prediction_format import Setting, formats, left_out, open_format
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Label, Number, Text, Value
from vrft.types.rows import prediction_from_row

SETTING = Setting("runs/dogs")


def written(format, predictions, setting=SETTING):
    """As it is read by another program: through text."""
    write = open_format(format, [p.example for p in predictions], setting)
    return json.loads(json.dumps(write(predictions), allow_nan=False))


def coco_file(path, images, categories):
    path.write_text(json.dumps({"images": images, "categories": categories, "annotations": []}))
    return path


def test_coco_is_a_sheet_that_pycocotools_loads(tmp_path, capsys):
    sheet = written("coco", boxed_predictions())
    assert sheet["images"] == [
        {"id": 1, "file_name": "a.png", "width": 200, "height": 100},
        {"id": 2, "file_name": "cats/b.png", "width": 40, "height": 30},
        {"id": 3, "file_name": "c.png", "width": 64, "height": 48},
    ]
    assert sheet["categories"] == [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    printed = [(a["image_id"], a["category_id"], a["bbox"], a["score"]) for a in sheet["annotations"]]
    assert printed == [
        (1, 1, [10, 20, 50, 60], 0.75),
        (1, 1, [0, 0, 200, 100], 0.25),
        (1, 2, [20, 20, 10, 20], 1.0),
    ]
    file = tmp_path / "sheet.json"
    file.write_text(json.dumps(sheet))
    truth = COCO(str(file))
    # The sheet's own boxes as results and as truth: pycocotools finds every one of them.
    judge = COCOeval(truth, truth.loadRes(deepcopy(sheet["annotations"])), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    capsys.readouterr()
    assert judge.stats[1] == 1.0


def test_coco_against_a_json_is_a_list_of_results_with_its_ids(tmp_path, capsys):
    file = coco_file(
        tmp_path / "instances.json",
        [
            {"id": 901, "file_name": "c.png", "width": 64, "height": 48},
            {"id": 77, "file_name": "a.png", "width": 200, "height": 100},
            # By its last parts.
            {"id": 5, "file_name": "val/cats/b.png", "width": 40, "height": 30},
        ],
        [{"id": 18, "name": "dog"}, {"id": 3, "name": "zebra"}, {"id": 17, "name": "cat"}],
    )
    results = written("coco", boxed_predictions(), Setting("m", file))
    assert results == [
        {"image_id": 77, "category_id": 18, "bbox": [10, 20, 50, 60], "score": 0.75},
        {"image_id": 77, "category_id": 18, "bbox": [0, 0, 200, 100], "score": 0.25},
        {"image_id": 77, "category_id": 17, "bbox": [20, 20, 10, 20], "score": 1.0},
    ]
    loaded = COCO(str(file)).loadRes(results)
    capsys.readouterr()
    assert [loaded.anns[i]["area"] for i in (1, 2, 3)] == [3000, 20000, 200]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i, c: i.pop(0), "lacks the images a.png"),
        (lambda i, c: c.pop(1), "lacks the categories cat"),
        (lambda i, c: i[0].update(width=100, height=200), "another size for a.png"),
        (lambda i, c: i[1].update(file_name="x/b.png"), "lacks the images cats/b.png"),
        (lambda i, c: i.append({"id": 4, "file_name": "test/cats/b.png"}), "which is which of cats/b.png"),
        (lambda i, c: i[0].pop("id"), "not a COCO file"),
        (lambda i, c: c[0].update(name=None), "not a COCO file"),
    ],
)
def test_coco_ids_that_do_not_fit_are_refused_before_anything_is_asked(tmp_path, change, said):
    sizes = (("a.png", 200, 100), ("val/cats/b.png", 40, 30), ("c.png", 64, 48))
    images = [
        {"id": n, "file_name": name, "width": w, "height": h} for n, (name, w, h) in enumerate(sizes, 1)
    ]
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    examples = [p.example for p in boxed_predictions()]
    whole = coco_file(tmp_path / "whole.json", images, categories)
    open_format("coco", examples, Setting("m", whole))
    change(images, categories)
    broken = coco_file(tmp_path / "broken.json", images, categories)
    with pytest.raises(LabelError, match=rf"broken\.json: .*{said}"):
        open_format("coco", examples, Setting("m", broken))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["0.png"], "which is which of a/0.png, b/0.png"),
        (["a/0.png"], "lacks the images b/0.png"),
        (["x/a/0.png", "y/a/0.png", "b/0.png"], "which is which of a/0.png"),
        (["x/a/0.png", "a/0.png", "b/0.png"], None),
        (["val/b/0.png", "val/a/0.png"], None),
        (["0.png", "a/0.png", "b/0.png"], None),
    ],
)
def test_images_of_one_file_name_get_ids_by_their_folders(tmp_path, names, said):
    box = found(((1.0, 2.0, 3.0, 4.0), 0.5))
    predictions = [predicted(f"{folder}/0.png", (64, 48), "cat", box) for folder in "ab"]
    images = [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(names)]
    file = coco_file(tmp_path / "x.json", images, [{"id": 1, "name": "cat"}])
    if said is not None:
        with pytest.raises(LabelError, match=said):
            written("coco", predictions, Setting("m", file))
        return
    rows = written("coco", predictions, Setting("m", file))
    assert [names[row["image_id"]].split("/")[-2] for row in rows] == ["a", "b"]


def test_supervision_is_what_detections_take():
    # Loaded with supervision 0.31.2 as the module's first lines show: sv.Detections of 3, 0 and 0 boxes.
    assert written("supervision", boxed_predictions()) == {
        "classes": ["dog", "cat"],
        "images": {
            "a.png": {
                "xyxy": [[10, 20, 60, 80], [0, 0, 200, 100], [20, 20, 30, 40]],
                "confidence": [0.75, 0.25, 1.0],
                "class_id": [0, 0, 1],
                "data": {"class_name": ["dog", "dog", "cat"]},
            },
            "cats/b.png": {"xyxy": [], "confidence": [], "class_id": [], "data": {"class_name": []}},
            "c.png": {"xyxy": [], "confidence": [], "class_id": [], "data": {"class_name": []}},
        },
    }


def test_supervision_classes_are_numbered_by_the_list_they_were_chosen_from():
    printed = written("supervision", class_predictions())
    assert printed["classes"] == ["garden phlox", "rose", "tulip"]
    assert printed["images"]["a.png"] == {
        "class_id": [0],
        "confidence": [0.75],
        "data": {"class_name": ["garden phlox"]},
    }
    assert printed["images"]["b.png"]["class_id"] == [2]
    assert printed["images"]["c.png"]["class_id"] == []


def make_photos(root, sizes):
    rng = np.random.default_rng(0)
    for name, (width, height) in sizes.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(root / name)


def boxes_of(record):
    return [(one.name, value.xyxy_px[0]) for one, value in record.about("category", Boxes)]


def accepted(tasks):
    """What Label Studio exports after a person has accepted every prediction as it is."""
    return [
        {"id": number, "data": task["data"], "annotations": [{"result": printed["result"]}]}
        for number, task in enumerate(tasks, 1)
        for printed in task["predictions"]
    ]


def test_label_studio_predictions_once_accepted_are_read_back_as_labels(tmp_path):
    root = tmp_path / "photos"
    sizes = {"a.png": (200, 100), "cats/b.png": (40, 30), "c.png": (64, 48)}
    make_photos(root, sizes)
    tasks = written("labelstudio", boxed_predictions(root))
    assert [task["data"]["image"] for task in tasks] == [
        "/data/local-files/?d=photos/a.png",
        "/data/local-files/?d=photos/cats/b.png",
        "/data/local-files/?d=photos/c.png",
    ]
    (first,) = tasks[0]["predictions"]
    assert (first["model_version"], first["score"]) == ("runs/dogs", pytest.approx(2 / 3))
    assert first["result"][0]["value"] == {
        "x": 5, "y": 20, "width": 25, "height": 60, "rotation": 0, "rectanglelabels": ["dog"]
    }  # fmt: skip
    assert len({result["id"] for result in first["result"]}) == 3
    assert tasks[1]["predictions"] == [{"model_version": "runs/dogs", "result": []}]
    # A point is no rectangle, and the image's other answer could not be read: nothing is claimed of it.
    assert tasks[2]["predictions"] == []
    (tmp_path / "export.json").write_text(json.dumps(accepted(tasks)))
    dataset = load_dataset(tmp_path, load_task("detection").needs)
    assert [(r.id, boxes_of(r)) for r in dataset.records] == [
        ("photos/a.png", [
            ("dog", (10.0, 20.0, 60.0, 80.0)),
            ("dog", (0.0, 0.0, 200.0, 100.0)),
            ("cat", (20.0, 20.0, 30.0, 40.0)),
        ]),
        ("photos/cats/b.png", []),
    ]  # fmt: skip


def test_label_studio_choices_are_read_back_as_classes(tmp_path):
    root = tmp_path / "my photos"
    make_photos(root, {"a.png": (40, 30), "b.png": (40, 30), "c.png": (40, 30)})
    tasks = written("labelstudio", class_predictions(root))
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=my%20photos/a.png"
    assert [p["score"] for p in tasks[0]["predictions"]] == [0.75]
    assert tasks[2]["predictions"] == []
    (tmp_path / "export.json").write_text(json.dumps(accepted(tasks)))
    records = load_dataset(tmp_path, load_task("classification").needs).records
    assert {r.id: value.name for r in records for _, value in r.about("image", Label)} == {
        "my photos/a.png": "garden phlox",
        "my photos/b.png": "tulip",
    }


@pytest.fixture(scope="module")
def one_photo(tmp_path_factory):
    root = tmp_path_factory.mktemp("one") / "photos"
    make_photos(root, {"a.png": (641, 479)})
    return root


SIDES = st.tuples(st.floats(0, 600), st.floats(0, 400), st.floats(0.5, 41), st.floats(0.5, 79))


@settings(max_examples=30)
@given(sides=SIDES)
def test_label_studio_boxes_survive_the_way_through_per_cents(one_photo, sides):
    x, y, width, height = sides
    box = (x, y, x + width, y + height)
    printed = written(
        "labelstudio", [predicted("a.png", (641, 479), "dog", found((box, 0.5)), root=one_photo)]
    )
    (one_photo.parent / "export.json").write_text(json.dumps(accepted(printed)))
    (record,) = load_dataset(one_photo.parent, load_task("detection").needs).records
    assert boxes_of(record)[0][1] == pytest.approx(box, abs=1e-5)


def written_value(value):
    return json.loads(json.dumps(value.encode()))


@pytest.mark.parametrize("make", [boxed_predictions, class_predictions])
def test_json_rows_hold_all_that_was_said_and_the_result(make):
    predictions = make()
    rows = written("json", predictions)
    for row, one in zip(rows, predictions, strict=True):
        assert prediction_from_row({k: v for k, v in row.items() if k not in EXTRAS}) == one
        assert (row["image"], row["question"]) == (one.example.record_id, one.example.question)
        assert "target" not in row["examples"][0] and row["drawn"] is None
        value = one.answer.value
        assert row["answer"].get("value") == (None if value is None else written_value(value))
        assert row["spent"] == dataclasses.asdict(answer_cost(one)) and row["spent"]["tokens"] == 47


def test_what_a_format_cannot_hold_is_said():
    assert left_out("coco", boxed_predictions()) == (
        "Answers that could not be read have no place in coco and were left out: c.png#dog.",
        "Answers of the kind 'points' have no place in coco and were left out: c.png#cat.",
    )
    assert left_out("json", boxed_predictions()) == ()
    assert left_out("labelstudio", boxed_predictions()[:4]) == ()


def test_unfit_formats_are_refused(tmp_path):
    boxes, classes = ([p.example for p in make()] for make in (boxed_predictions, class_predictions))
    with pytest.raises(InputError, match=r"no format 'yolo'. Choose one of: coco, json, labelstudio"):
        open_format("yolo", boxes, SETTING)
    with pytest.raises(InputError, match=r"coco cannot hold answers of the kind label.*labelstudio"):
        open_format("coco", classes, SETTING)
    with pytest.raises(InputError, match=r"supervision takes no ids.*coco"):
        open_format("supervision", boxes, Setting("m", tmp_path / "instances.json"))
    assert set(formats()) == {"coco", "json", "labelstudio", "supervision"}


@pytest.mark.parametrize("kind", Value.kinds())
@pytest.mark.parametrize("name", sorted(formats()))
def test_a_format_holds_a_kind_or_names_those_that_do(monkeypatch, name, kind):
    asks = SimpleNamespace(answer=Value.of_kind(kind), split_by_category=lambda prediction: (prediction,))
    monkeypatch.setattr(prediction_format, "task_of", lambda example: asks)
    examples = [boxed_predictions()[0].example]
    able = [one.name for one in formats().values() if one.kinds is None or kind in one.kinds]
    if name in able:
        assert callable(open_format(name, examples, SETTING))
        return
    with pytest.raises(InputError) as refused:
        open_format(name, examples, SETTING)
    listed = ", ".join(sorted(able))
    assert str(refused.value) == f"{name} cannot hold answers of the kind {kind}. Choose one of: {listed}."
    assert "json" in able


def test_what_a_format_cannot_hold_of_an_answer_is_said():
    answers = [Answer(Text("exit"), True), Answer(Number(3.0), True), Answer()]
    predictions = [dataclasses.replace(boxed_predictions()[0], answer=answer) for answer in answers]
    for name in ("coco", "labelstudio", "supervision"):
        said = left_out(name, predictions)
        assert len(said) == 3 and all(f"have no place in {name}" in sentence for sentence in said)
        assert [kind in " ".join(said) for kind in ("'text'", "'number'", "could not be read")] == [True] * 3
    assert left_out("json", predictions) == ()
