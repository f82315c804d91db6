"""Rows as other trainers and exports write them: conversations, prompts with answers, tables of corners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import BOXES, CLASSES, PHRASES, boxes, class_name, phrases

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.data.rows.box_orders import order_of
from vrft.errors import LabelError
from vrft.types import Text

ASK, FIND = "<image>Find the <ref-object> in the image.", "<ref-object><bbox>"


def write(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def swift(
    image: str, refs: list[str], bbox: list[list[float]], answer: str = "<bbox>", **more: Any
) -> dict[str, Any]:
    said = [{"role": "user", "content": ASK}, {"role": "assistant", "content": answer}]
    return {"messages": said, "images": [image], "objects": {"ref": refs, "bbox": bbox, **more}}


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ({"bbox_type": "real"}, [4, 6, 20, 27]),
        ({}, [4, 6, 20, 27]),
        ({"bbox_type": "norm1"}, [0.1, 0.2, 0.5, 0.9]),
        ({"bbox_type": "norm1000"}, [100, 200, 500, 900]),
    ],
)
def test_ms_swift_rows_are_phrases_or_categories(
    tmp_path: Path, make_image: Any, kind: dict[str, str], numbers: list[float]
) -> None:
    make_image("images/a.png")
    write(tmp_path / "train.jsonl", swift("images/a.png", ["cup"], [numbers], **kind))
    by_phrase = load_dataset(tmp_path, PHRASES)
    assert phrases(by_phrase.records[0]) == [("cup", ((4.0, 6.0, 20.0, 27.0),))]
    assert dict(by_phrase.parts) == {"images/a.png": "train"}
    by_category = load_dataset(tmp_path, BOXES).records[0]
    assert (boxes(by_category), by_category.absent) == ([("cup", (4.0, 6.0, 20.0, 27.0))], ())
    with pytest.raises(LabelError, match=r"boxes of categories.*phrases with boxes.*Name the task"):
        load_dataset(tmp_path)


def test_ms_swift_rows_with_several_things(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    row = swift(
        "a.png", ["all", "cup", "fork"], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]], FIND + "<bbox>" + FIND
    )
    write(tmp_path / "x.jsonl", row)
    (record,) = load_dataset(tmp_path, BOXES).records
    assert boxes(record) == [
        ("cup", (1.0, 2.0, 3.0, 4.0)),
        ("cup", (5.0, 6.0, 7.0, 8.0)),
        ("fork", (9.0, 10.0, 11.0, 12.0)),
    ]


def test_ms_swift_2_wrote_objects_as_text(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    objects = json.dumps([{"caption": "the cup", "bbox": [1, 2, 3, 4], "bbox_type": "real", "image": 0}])
    row = {"query": "Find <ref-object>", "response": "<bbox>", "images": ["a.png"], "objects": objects}
    write(tmp_path / "x.jsonl", row)
    assert phrases(load_dataset(tmp_path, PHRASES).records[0]) == [("the cup", ((1.0, 2.0, 3.0, 4.0),))]


@pytest.mark.parametrize(
    ("answer", "declared"),
    [
        ("<|object_ref_start|>the cup<|object_ref_end|><|box_start|>(100,200),(500,900)<|box_end|>", None),
        ('```json\n[{"bbox_2d": [4, 6, 20, 27], "label": "the cup"}]\n```', None),
        ('[{"bbox_2d": [100, 200, 500, 900], "label": "the cup"}]', "0-1000"),
        ("[0.1, 0.2, 0.5, 0.9]", "0-1"),
    ],
)
@pytest.mark.parametrize("sharegpt", [True, False])
def test_llama_factory_lists_have_boxes_in_their_answers(
    tmp_path: Path, make_image: Any, answer: str, declared: Any, sharegpt: bool
) -> None:
    make_image("data/a.png")
    asked = "<image>the cup"
    if sharegpt:
        said = {"conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]}
    else:
        said = {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}
    (tmp_path / "mllm.json").write_text(json.dumps([{**said, "images": ["data/a.png"]}]))
    (tmp_path / "dataset_info.json").write_text(json.dumps({"mllm": {"file_name": "mllm.json"}}))
    (record,) = load_dataset(tmp_path, PHRASES, ReadOptions(coordinates=declared)).records
    ((name, found),) = phrases(record)
    assert (name, found[0]) == ("the cup", pytest.approx((4.0, 6.0, 20.0, 27.0)))


def test_answers_in_words(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    question = {"type": "text", "text": "Which animal?"}
    for name, animal in (("a", "cat"), ("b", "dog")):
        content = [{"type": "image", "image": f"{name}.png"}, question]
        said = [{"role": "user", "content": content}, {"role": "assistant", "content": animal}]
        write(tmp_path / f"{name}.jsonl", {"messages": said})
    dataset = load_dataset(tmp_path)
    assert dataset.provides == CLASSES
    assert [class_name(record) for record in dataset.records] == ["cat", "dog"]
    long = "A long story. " * 9
    story = {
        "messages": [{"role": "user", "content": "<image>Tell."}, {"role": "assistant", "content": long}]
    }
    write(tmp_path / "stories/x.jsonl", {**story, "image": "../a.png"})
    (record,) = load_dataset(tmp_path / "stories/x.jsonl").records
    assert [(one.name, one.value) for one in record.annotations] == [("Tell.", Text(long.strip()))]


def test_an_answer_without_objects_says_absent(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    empty = swift("a.png", ["cup"], [], "No Objects")
    write(tmp_path / "x.jsonl", swift("a.png", ["fork"], [[1, 2, 3, 4]]), empty)
    (record,) = load_dataset(tmp_path, BOXES).records
    assert (record.absent, record.known({"cup", "fork", "dog"})) == (("cup",), {"cup", "fork"})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (swift("a.png", ["cup"], []), "more <bbox> than"),
        (swift("a.png", ["cup"], [[1, 2]]), "is a point"),
        (swift("a.png", ["cup"], [[1, 2, 3, 4]], bbox_type="norm7"), "bbox_type 'norm7'"),
        ({**swift("a.png", ["cup"], [[1, 2, 3, 4]]), "images": ["a.png", "a.png"]}, "shows 2 images"),
    ],
)
def test_wrong_conversations_are_named_by_line(tmp_path: Path, make_image: Any, row: Any, said: str) -> None:
    make_image("a.png")
    right = [swift("a.png", [f"cup {n}"], [[1, 2, 3, 4]]) for n in range(9)]
    write(tmp_path / "x.jsonl", *right, row)
    dataset = load_dataset(tmp_path, PHRASES)
    assert len(dataset.records[0].annotations) == 9
    (left,) = dataset.left_out
    assert "x.jsonl, line 10" in left.where and said in left.problem


# ---- prompts with answers, as Roboflow exports them


def test_paligemma_writes_y_first(tmp_path: Path, make_image: Any) -> None:
    make_image("dataset/a.png")
    make_image("dataset/b.png", shade=1)
    write(
        tmp_path / "dataset/_annotations.train.jsonl",
        {
            "image": "a.png",
            "prefix": "detect cat ; dog ; cup",
            "suffix": "<loc0256><loc0512><loc0512><loc0768> cat ; <loc0000><loc0000><loc1023><loc1023> dog",
        },
        {"image": "b.png", "prefix": "detect cat ; dog ; cup", "suffix": ""},
    )
    dataset = load_dataset(tmp_path / "dataset")
    first, second = dataset.records
    assert boxes(first)[0] == ("cat", (20.0, 7.5, 30.0, 15.0))
    assert boxes(first)[1][1] == pytest.approx((0, 0, 39.96, 29.97), abs=0.01)
    assert (first.absent, second.absent) == (("cup",), ("cat", "dog", "cup"))


def test_florence_and_qwen(tmp_path: Path, make_image: Any) -> None:
    make_image("train/a.png")
    make_image("valid/b.png", shade=1)
    two = "<loc_100><loc_200><loc_500><loc_900><loc_0><loc_0><loc_250><loc_500>"
    write(tmp_path / "train/annotations.jsonl", {"image": "a.png", "prefix": "<OD>", "suffix": f"cat{two}"})
    answer = json.dumps([{"bbox_2d": [4, 6, 20, 27], "label": "dog"}])
    write(tmp_path / "valid/annotations.jsonl", {"image": "b.png", "prefix": "detect dog", "suffix": answer})
    dataset = load_dataset(tmp_path)
    first, second = dataset.records
    assert boxes(first) == [("cat", (4.0, 6.0, 20.0, 27.0)), ("cat", (0.0, 0.0, 10.0, 15.0))]
    assert first.absent is None
    assert boxes(second) == [("dog", (4.0, 6.0, 20.0, 27.0))]
    assert dict(dataset.parts) == {"train/a.png": "train", "valid/b.png": "val"}


# ---- tables


def test_tensorflows_csv(tmp_path: Path, make_image: Any) -> None:
    """Roboflow's export of this name: a row for each box, in a folder for each part."""
    head = "filename,width,height,class,xmin,ymin,xmax,ymax"
    for part, shade in (("train", 0), ("test", 1)):
        make_image(f"{part}/{part}_jpg.rf.0a.jpg", shade=shade)
        rows = [f"{part}_jpg.rf.0a.jpg,40,30,cat,4,6,20,27", f"{part}_jpg.rf.0a.jpg,40,30,dog,1,1,9,9"]
        (tmp_path / part / "_annotations.csv").write_text("\n".join([head, *rows]) + "\n")
    dataset = load_dataset(tmp_path)
    assert dataset.provides == BOXES
    assert boxes(dataset.records[0]) == [("cat", (4.0, 6.0, 20.0, 27.0)), ("dog", (1.0, 1.0, 9.0, 9.0))]
    assert {dataset.parts[record.id] for record in dataset.records} == {"train", "test"}
    assert dataset.records[0].absent is None


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("image,label,x1,y1,x2,y2", "a.png,cat,4,6,20,27"),
        ("path,class,left,top,right,bottom", "a.png,cat,4,6,20,27"),
        ("file_name,category,x,y,w,h", "a.png,cat,4,6,16,21"),
        ("image,class,xmin,xmax,ymin,ymax", "a.png,cat,4,20,6,27"),
        ("filename,label,x,y,width,height", "a.png,cat,4,6,16,21"),
        ("filename,label,xmin,ymin,xmax,ymax,width,height", "a,cat,4,6,20,27,40,30"),
        ("image,category,bbox_xywh", 'a.png,cat,"[4, 6, 16, 21]"'),
        ("image,category,bbox_xyxy", 'a.png,cat,"[4, 6, 20, 27]"'),
    ],
)
def test_corners_in_columns_are_boxes_and_no_classes(
    tmp_path: Path, make_image: Any, columns: str, cells: str
) -> None:
    make_image("a.png")
    (tmp_path / "labels.csv").write_text(f"{columns}\n{cells}\n")
    dataset = load_dataset(tmp_path)
    assert dataset.provides == BOXES
    assert boxes(dataset.records[0]) == [("cat", (4.0, 6.0, 20.0, 27.0))]


def test_columns_of_places_that_make_no_box_are_not_read_as_classes(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    (tmp_path / "labels.csv").write_text("image,class,x_center,y_center\na.png,cat,4,6\n")
    with pytest.raises(LabelError, match=r"x_center.*xmin, ymin, xmax, ymax"):
        load_dataset(tmp_path)


def test_bbox_and_answer_columns(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    write(tmp_path / "g.jsonl", {"image": "a.png", "question": "the cup", "bbox": [4, 6, 20, 27]})
    dataset = load_dataset(tmp_path)
    assert phrases(dataset.records[0]) == [("the cup", ((4.0, 6.0, 20.0, 27.0),))]
    assert any("[x1, y1, x2, y2]" in says for says in dataset.warnings)
    write(tmp_path / "c/c.jsonl", *({"image": f"../{n}.png", "answer": n} for n in "ab"))
    assert [class_name(record) for record in load_dataset(tmp_path / "c/c.jsonl").records] == ["a", "b"]


def test_the_order_of_a_bbox_is_what_all_boxes_show(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    xywh = [[30, 20, 5, 5], [1, 1, 30, 20], [20, 3, 10, 9], [33, 3, 6, 6], [25, 15, 2, 2]]
    rows = [{"image": "a.png", "category": "cup", "bbox": box} for box in xywh]
    write(tmp_path / "x.jsonl", *rows)
    (record,) = load_dataset(tmp_path).records
    assert boxes(record)[0] == ("cup", (30.0, 20.0, 35.0, 25.0))
    said = load_dataset(tmp_path, options=ReadOptions(box_order="xywh")).records[0]
    assert boxes(said) == boxes(record)


def test_imagefolder_with_metadata(tmp_path: Path, make_image: Any) -> None:
    make_image("train/0001.png")
    make_image("train/0002.png", shade=1)
    write(
        tmp_path / "train/metadata.jsonl",
        {"file_name": "0001.png", "objects": {"bbox": [[4, 6, 16, 21]], "categories": ["cat"]}},
        {"file_name": "0002.png", "objects": {"bbox": [], "categories": []}},
    )
    dataset = load_dataset(tmp_path)
    first, second = dataset.records
    assert boxes(first) == [("cat", (4.0, 6.0, 20.0, 27.0))]
    assert (second.annotations, second.absent) == ((), None)
    assert dict(dataset.parts) == {"train/0001.png": "train", "train/0002.png": "train"}


def test_imagefolder_with_a_csv_of_classes(tmp_path: Path, make_image: Any) -> None:
    make_image("0001.png")
    make_image("0002.png", shade=1)
    (tmp_path / "metadata.csv").write_text("file_name,label\n0001.png,cat\n0002.png,dog\n")
    assert [class_name(record) for record in load_dataset(tmp_path).records] == ["cat", "dog"]


def test_a_category_with_boxes_and_without_is_unknown_of_its_image_alone(
    tmp_path: Path, make_image: Any
) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    names = [f"cup {n}" for n in range(9)]
    rows = [
        {"image": i, "category": name, "boxes": [[1, 2, 3, 4]]} for name in names for i in ("a.png", "b.png")
    ]
    write(tmp_path / "x.jsonl", *rows, {"image": "a.png", "category": "cup 7", "boxes": []})
    dataset = load_dataset(tmp_path, {("category", "boxes")})
    one, other = dataset.records
    assert (one.unknown, other.unknown) == (("cup 7",), ())
    assert other.categories - one.categories == {"cup 7"} and "cup 7" not in one.known({*names})
    assert "labels that contradict each other (1)" in dataset.summary


def test_two_answers_to_one_question_are_both_left_out(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    right = [{"image": "a.png", "question": f"cup {n}", "box": [1, 2, 3, 4]} for n in range(30)]
    write(tmp_path / "x.jsonl", *right, {"image": "a.png", "question": "cup 7", "box": [5, 6, 7, 8]})
    dataset = load_dataset(tmp_path, PHRASES)
    assert {text for text, _ in phrases(dataset.records[0])} == {f"cup {n}" for n in range(30) if n != 7}
    (mistake,) = dataset.left_out
    assert mistake.where.endswith("line 31") and "another answer to 'cup 7'" in mistake.problem
    assert "line 31" in dataset.warnings[-1]
    with pytest.raises(LabelError, match=r"another answer to 'cup 7'"):
        load_dataset(tmp_path, PHRASES, ReadOptions(strict=True))
    write(tmp_path / "x.jsonl", *right, right[7])
    assert len(load_dataset(tmp_path, PHRASES).records[0].annotations) == 30


@pytest.mark.parametrize("wide", [(64, 48), (1, 1)])
def test_the_order_of_random_boxes_is_found(wide: tuple[int, int]) -> None:
    import random

    draw = random.Random(3)
    for _ in range(200):
        boxes_xyxy = []
        for _ in range(12):
            x1, x2 = sorted(draw.uniform(0, wide[0]) for _ in "ab")
            y1, y2 = sorted(draw.uniform(0, wide[1]) for _ in "ab")
            boxes_xyxy.append((x1, y1, x2, y2))
        scaled = [tuple(64 * n for n in box) for box in boxes_xyxy] if wide == (1, 1) else boxes_xyxy
        extent = (64, 64) if wide == (1, 1) else wide
        assert order_of([(box, extent) for box in scaled], "xyxy")[0] == "xyxy"
        as_xywh = [((a, b, c - a, d - b), extent) for a, b, c, d in scaled]
        assert order_of(as_xywh, "xywh")[0] == "xywh"


def test_a_solution_that_is_a_box_is_what_the_problem_describes(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    ask = "Please provide the bounding box coordinate of the region this sentence describes: the left cup."
    write(tmp_path / "x.jsonl", {"image": "a.png", "problem": ask, "solution": [4, 6, 20, 27]})
    (record,) = load_dataset(tmp_path).records
    assert phrases(record) == [("the left cup", ((4.0, 6.0, 20.0, 27.0),))]


def test_open_images_wants_to_know_what_its_numbers_are(tmp_path: Path, make_image: Any) -> None:
    for number in range(4):
        make_image(f"images/{number}a.png", shade=number)
    rows = [f"{number}a,xclick,Cup,1,0.1,0.5,0.2,0.9" for number in range(4)]
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax"
    (tmp_path / "boxes.csv").write_text("\n".join([head, *rows]) + "\n")
    with pytest.raises(LabelError, match="--coordinates 0-1 "):
        load_dataset(tmp_path)
    records = load_dataset(tmp_path, options=ReadOptions(coordinates="0-1")).records
    assert boxes(records[0]) == [("Cup", (4.0, 6.0, 20.0, 27.0))]
