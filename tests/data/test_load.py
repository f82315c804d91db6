"""The reader is found by what lies in the folder; class folders and JSON lines are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import BOXES, CLASSES, PHRASES, STRICT, class_name, phrases

from vrft.data.dataset import load_dataset
from vrft.errors import InputError, LabelError


def test_class_folders(tmp_path: Path, make_image: Any) -> None:
    make_image("dog/2.JPG", (20, 10))
    make_image("cat/1.png")
    make_image("cat/more/3.png")
    make_image("cat/._1.png")
    make_image(".trash/x/4.png")
    make_image("loose.png")
    (tmp_path / "cat/notes.txt").write_text("hello")
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "cow").mkdir()
    dataset = load_dataset(tmp_path)
    assert dataset.format == "class_folders"
    assert [(r.id, class_name(r)) for r in dataset.records] == [
        ("cat/1.png", "cat"),
        ("cat/more/3.png", "cat"),
        ("dog/2.JPG", "dog"),
    ]
    assert dataset.records[2].image.size_wh == (20, 10)
    assert dataset.categories == ("cat", "dog")
    reported = " ".join(dataset.warnings)
    assert all(name in reported for name in ("cat/notes.txt", "cow", "loose.png"))
    assert "README" not in reported
    assert not dataset.parts


def test_class_folders_in_parts(tmp_path: Path, make_image: Any) -> None:
    for part in ("train", "val", "test"):
        for name in ("cat", "dog"):
            make_image(f"{part}/{name}/1.png")
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("cat", "dog")
    assert dataset.parts["val/dog/1.png"] == "val"
    assert len(dataset.parts) == 6


def test_a_class_may_be_called_train(tmp_path: Path, make_image: Any) -> None:
    make_image("train/1.png")
    make_image("bus/1.png")
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("bus", "train")
    assert not dataset.parts


def test_a_broken_image_among_classes_is_named(tmp_path: Path, make_image: Any) -> None:
    make_image("cat/1.png")
    make_image("dog/1.png").write_bytes(b"no")
    make_image("dog/2.png")
    with pytest.raises(LabelError, match=r"dog.1\.png"):
        load_dataset(tmp_path)


def write_lines(path: Path, *lines: Any) -> None:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")


def test_expressions(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("images/b.png")
    write_lines(
        tmp_path / "x.jsonl",
        {"image": "a.png", "question": " the cup ", "box": [1, 2, 3.5, 4], "width": 40, "height": 30},
        {"image": "b.png", "expression": "nothing", "boxes_xyxy": []},
        "",
        {"image": "a.png", "question": "both\u2028cups", "boxes": [[1, 2, 3, 4], [5, 6, 7, 30.5]]},
    )
    dataset = load_dataset(tmp_path)
    assert dataset.format == "rows"
    a, b = dataset.records
    assert (a.id, b.id) == ("a.png", "images/b.png")
    assert phrases(a) == [
        ("the cup", ((1.0, 2.0, 3.5, 4.0),)),
        ("both\u2028cups", ((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 30.0))),
    ]
    assert phrases(b) == [("nothing", ())]
    assert len(dataset.warnings) == 1
    assert load_dataset(tmp_path / "x.jsonl").records == dataset.records


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("3", "not a JSON object"),
        ({"image": "a.png", "box": [1, 2, 3, 4]}, "'question'"),
        ({"image": "a.png", "question": " ", "box": [1, 2, 3, 4]}, "'question'"),
        ({"question": "q", "box": [1, 2, 3, 4]}, "'image'"),
        ({"image": "a.png", "question": "q"}, "a question and no answer"),
        ({"image": "a.png", "question": "q", "box": None}, "no 'box'"),
        ({"image": "a.png", "question": "q", "box": [1, 2, 3]}, "not four numbers"),
        ({"image": "a.png", "question": "q", "box": [1, 2, True, 4]}, "not four numbers"),
        ({"image": "a.png", "question": "q", "box": [10, 10, 5, 5]}, "no area"),
        ({"image": "a.png", "question": "q", "box": [10, 10, 50, 50]}, "outside its image"),
        ({"image": "b.png", "question": "q", "box": [1, 2, 3, 4]}, "missing"),
        ({"image": "a.png", "question": "q", "box": [1, 2, 3, 4], "width": 30, "height": 40}, "swapped"),
    ],
)
def test_wrong_lines_are_refused_by_number(tmp_path: Path, make_image: Any, line: Any, said: str) -> None:
    make_image("a.png")
    write_lines(tmp_path / "x.jsonl", {"image": "a.png", "question": "p", "box": [1, 2, 3, 4]}, "", line)
    with pytest.raises(LabelError, match=rf"(?s)x\.jsonl, line 3: .*{said}"):
        load_dataset(tmp_path, options=STRICT)


def test_labels_not_in_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes('{"image": "a.png", "question": "Gerät"}'.encode("latin-1"))
    with pytest.raises(LabelError, match=r"x\.jsonl.*UTF-8"):
        load_dataset(tmp_path)


def test_a_folder_without_labels_reports_what_was_looked_for(tmp_path: Path, make_image: Any) -> None:
    make_image("images/1.png")
    (tmp_path / "other.json").write_text('{"a": 1}')
    with pytest.raises(LabelError, match="no labels that vrft can read") as error:
        load_dataset(tmp_path)
    assert all(says in str(error.value) for says in ("1 images", "folders of images", "COCO", ".jsonl"))
    with pytest.raises(LabelError, match="no such folder"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(LabelError, match="no labels that vrft can read"):
        load_dataset(tmp_path / "images/1.png")


def test_label_files_go_before_folders(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("images/p.png")
    make_image("masks/p_mask.png")
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    assert load_dataset(tmp_path).format == "coco"
    with pytest.raises(
        LabelError,
        match=r"no labels for a class for each image; it reads as coco \(for boxes of categories\)",
    ):
        load_dataset(tmp_path, CLASSES)


def test_the_task_decides_where_two_readers_fit(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("images/p.png")
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    write_lines(tmp_path / "x.jsonl", {"image": "p.png", "question": "q", "box": [1, 2, 3, 4]})
    with pytest.raises(LabelError, match=r"coco .* and rows \(for phrases with boxes\).*Name the task"):
        load_dataset(tmp_path)
    assert load_dataset(tmp_path, BOXES).format == "coco"
    assert load_dataset(tmp_path, PHRASES).format == "rows"
    known = "boxes of categories, .*a class for each image, .*phrases with boxes"
    for unknown in (("category", "smell"), ("planet", "boxes")):
        with pytest.raises(InputError, match=known):
            load_dataset(tmp_path, {unknown})


def test_where_nothing_is_needed_any_image_will_do(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("train/p.png")
    make_image("test/deep/q.jpg", (20, 10))
    make_image(".hidden/r.png")
    make_coco("a.json", [("train/p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    dataset = load_dataset(tmp_path, frozenset())
    assert (dataset.format, dataset.provides, dataset.warnings) == ("images", frozenset(), ())
    assert [(r.id, r.image.size_wh) for r in dataset.records] == [
        ("test/deep/q.jpg", (20, 10)),
        ("train/p.png", (40, 30)),
    ]
    assert dict(dataset.parts) == {"test/deep/q.jpg": "test", "train/p.png": "train"}
    assert [r.id for r in load_dataset(tmp_path / "train/p.png", frozenset()).records] == ["p.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(LabelError, match="holds no image"):
        load_dataset(tmp_path / "empty", frozenset())


def test_what_a_dataset_provides_is_what_its_labels_say(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    write_lines(
        tmp_path / "x.jsonl",
        {"image": "a.png", "category": "cup", "target": [[1, 2, 3, 4]]},
        {"image": "b.png", "category": "cup", "target": []},
    )
    dataset = load_dataset(tmp_path)
    assert dataset.provides == BOXES
    assert (dataset.categories, dataset.records[1].annotations) == (("cup",), ())


def test_the_first_labels_that_will_do_are_read(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    write_lines(tmp_path / "x.jsonl", {"image": "a.png", "category": "cup", "target": [[1, 2, 3, 4]]})
    counts = frozenset({("category", "number")})
    assert load_dataset(tmp_path, counts, or_needs=(PHRASES, BOXES)).provides == BOXES
    with pytest.raises(LabelError, match="It has no labels for counts of categories; it reads as"):
        load_dataset(tmp_path, counts, or_needs=(CLASSES,))
