"""CoOp's split files: read where the images lie, written back the same, refused with the entry's place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import class_name

from vrft.data.dataset import load_dataset
from vrft.data.formats.coop_split import SplitEntry, read_entries, write_entries
from vrft.errors import LabelError

SPLIT = {
    "train": [["a.jpg", 0, "F/A-18"], ["b.jpg", 1, "cat"]],
    "val": [["c.jpg", 0, "F/A-18"]],
    "test": [["d.jpg", 1, "cat"]],
}


def write(folder: Path, sheet: Any, name: str = "split_zhou_Things.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(sheet))
    return file


@pytest.mark.parametrize("folder", ["", "jpg/", "images/"])
@pytest.mark.parametrize("by_file", [False, True])
def test_classes_parts_and_names_with_a_slash(tmp_path, make_image, folder, by_file):
    for shade, name in enumerate("abcd"):
        make_image(f"{folder}{name}.jpg", shade=shade)
    file = write(tmp_path, SPLIT)
    dataset = load_dataset(file if by_file else tmp_path)
    assert dataset.format == "coop_split"
    assert {r.id: class_name(r) for r in dataset.records} == {
        f"{folder}{name}.jpg": kind
        for name, kind in {"a": "F/A-18", "b": "cat", "c": "F/A-18", "d": "cat"}.items()
    }
    parts = {Path(name).stem: part for name, part in dataset.parts.items()}
    assert parts == {"a": "train", "b": "train", "c": "val", "d": "test"}


def test_beside_folders_of_images_the_split_tells_the_classes(tmp_path, make_image):
    for shade, name in enumerate(("images/a.jpg", "images/b.jpg", "images/c.jpg", "images/d.jpg")):
        make_image(name, shade=shade)
    make_image("annotations/trimap.png", shade=9)
    write(tmp_path, SPLIT)
    assert load_dataset(tmp_path).categories == ("F/A-18", "cat")


def test_folders_with_a_split_each_are_merged(tmp_path, make_image):
    for part in ("train", "test"):
        make_image(f"{part}/1.jpg", shade=len(part))
        write(tmp_path / part, {part: [["1.jpg", 0, "cat"]]})
    dataset = load_dataset(tmp_path)
    assert dict(dataset.parts) == {"train/1.jpg": "train", "test/1.jpg": "test"}


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ({"train": [["a.jpg", 0]]}, "train, entry 0: The entry ['a.jpg', 0] is not an image"),
        ({"train": [["a.jpg", "one", "cat"]]}, "train, entry 0: The entry"),
        ({"train": [["a.jpg", True, "cat"]]}, "has no class number"),
        ({"train": [["a.jpg", 0, "cat"]], "test": [["b.jpg", 0, "dog"]]}, "Class 0 is 'dog' here and 'cat'"),
        ({"train": [["a.jpg", 0, "cat"]], "test": [["a.jpg", 0, "cat"]]}, "is listed in train already"),
        ({"train": [["a.jpg", 0, "cat"], ["gone.jpg", 0, "cat"]]}, "train, entry 1: The image 'gone.jpg'"),
        ({"train": [["a.jpg", 0, "cat"]], "test": {}}, "no lists"),
    ],
)
def test_wrong_entries_are_named(tmp_path, make_image, sheet, words):
    make_image("a.jpg")
    make_image("b.jpg", shade=1)
    write(tmp_path, sheet)
    with pytest.raises(LabelError) as refused:
        load_dataset(tmp_path)
    assert words in str(refused.value)


def test_all_mistakes_are_reported_at_once(tmp_path):
    file = write(tmp_path, {"train": [["", 0, "cat"], ["a.jpg", None, "cat"]]})
    with pytest.raises(LabelError) as refused:
        read_entries(file)
    assert "entry 0" in str(refused.value) and "entry 1" in str(refused.value)


def test_a_torn_file_is_reported(tmp_path):
    (tmp_path / "split_zhou_Things.json").write_text(json.dumps(SPLIT)[:40])
    with pytest.raises(LabelError, match="not JSON"):
        load_dataset(tmp_path)


ENTRIES = st.lists(st.builds(SplitEntry, st.text(min_size=1), st.just(3), st.just("Ünï / code")), max_size=5)


@given(train=ENTRIES, test=ENTRIES)
def test_what_is_written_is_read(tmp_path_factory, train, test):
    file = tmp_path_factory.mktemp("split") / "split.json"
    write_entries(file, {"train": train, "test": test})
    assert read_entries(file) == {"train": train, "val": [], "test": test}
