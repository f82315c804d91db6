"""Folders that Hugging Face datasets saved, with the columns and texts of Visual-RFT's released sets."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from labelled import BOXES, boxes, class_name
from PIL import Image, ImageChops

from vrft import types
from vrft.data.dataset import load_dataset
from vrft.data.images import open_rgb
from vrft.errors import InputError, LabelError
from vrft.tasks.registry import load_task
from vrft.types import Boxes, CoordinateFrame, Example, Form

datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()

TAGS = (
    "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags."
    "The output answer format should be as follows:\n"
)
DETECT = (
    "Detect all objects belonging to the category '{}' in the image, and provide the bounding boxes "
    "(between 0 and 1000, integer) and confidence (between 0 and 1, with two decimal places).\n"
    "If no object belonging to the category '{}' in the image, return 'No Objects'.\n"
    + TAGS
    + "<think> ... </think> <answer>[{{'Position': [x1, y1, x2, y2], 'Confidence': number}}, ...]</answer>\n"
    "Please strictly follow the format."
)
CLASSIFY = (
    "This is an image containing a plant. Please identify the species of the plant based on the image.\n"
    + TAGS
    + "<think> ... </think> <answer>species name</answer>\nPlease strictly follow the format."
)


def make_image(shade: int) -> Image.Image:
    return Image.new("RGBA", (40, 30), (shade, 10, 200, 255))


def ask(shade: int, category: str, solution: str) -> tuple[Image.Image, str, str]:
    return (make_image(shade), DETECT.format(category, category), f"<answer>{solution}</answer>")


def saved(rows: list[tuple[Any, str, str]]) -> Any:
    columns = dict(zip(("image", "problem", "solution"), map(list, zip(*rows, strict=True)), strict=True))
    return datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())


def save(folder: Path, **parts: list[tuple[Any, str, str]]) -> Path:
    datasets.DatasetDict({name: saved(rows) for name, rows in parts.items()}).save_to_disk(str(folder))
    return folder


CAT = "[{'Position': [100, 200, 500, 1000], 'Confidence': 1}]"
TWO = "[{'Position': [0, 0, 10, 10], 'Confidence': 1}, {'Position': [1, 364, 98, 649], 'Confidence': 1}]"


def test_rows_of_one_image_are_joined_and_only_what_was_asked_is_known(tmp_path: Path) -> None:
    rows = [ask(1, "cat", CAT), ask(2, "cat", TWO), ask(1, "dog", "No Objects"), ask(2, "dog", CAT)]
    dataset = load_dataset(save(tmp_path / "set", train=rows))
    assert dataset.format == "hf_disk"
    first, second = dataset.records
    assert boxes(first) == [("cat", (4.0, 6.0, 20.0, 30.0))]
    assert (first.absent, second.absent) == (("dog",), ())
    assert [name for name, _ in boxes(second)] == ["cat", "cat", "dog"]
    assert boxes(second)[1][1] == pytest.approx((0.04, 10.92, 3.92, 19.47))
    assert set(dataset.parts.values()) == {"train"}
    examples = load_task("detection").examples(dataset.records)
    assert len(examples) == 4
    assert load_dataset(tmp_path / "set").records == dataset.records


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_images_are_written_once_as_they_were_stored(tmp_path: Path, own_cache: Path) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT), ask(1, "dog", CAT), ask(2, "cat", CAT)])
    first = load_dataset(folder).records[0]
    assert first.image.size_wh == (40, 30)
    assert not ImageChops.difference(open_rgb(first.image.path), make_image(1).convert("RGB")).getbbox()
    files = {file: file.stat().st_mtime_ns for file in own_cache.rglob("*.png")}
    assert len(files) == 2
    assert load_dataset(folder).warnings == (
        f"The images of 3 rows are in {own_cache / '.cache/vrft/images'}.",
    )
    assert {file: file.stat().st_mtime_ns for file in own_cache.rglob("*.png")} == files
    assert not (folder / "images").exists()


def test_the_answer_in_a_solution_is_our_own_gold_answer(tmp_path: Path) -> None:
    # What our task asks and answers in this frame reads back to the same boxes.
    task, frame = load_task("detection"), CoordinateFrame.whole("norm1000", (40, 30))
    both = ((4.0, 6.0, 20.0, 30.0), (0.0, 0.0, 40.0, 15.0))
    example = Example("a", "a", "detection", (types.Image(Path("a"), (40, 30)),), "it's 'that'", Boxes(both))
    gold = task.gold(replace(example, form=Form.DIRECT), [frame])
    row = (make_image(1), task.question(example, [frame]), gold)
    (record,) = load_dataset(save(tmp_path / "set", train=[row])).records
    assert boxes(record) == [("it's 'that'", box) for box in both]


def test_classes_and_parts(tmp_path: Path) -> None:
    rows = [(make_image(n), CLASSIFY, f"<answer>{name}</answer>") for n, name in enumerate(("rose", "lily"))]
    folder = save(tmp_path / "set", train=[rows[0]], test=rows)
    dataset = load_dataset(folder)
    assert sorted(class_name(r) or "" for r in dataset.records) == ["lily", "rose"]
    # The rose is in both parts: it is held out.
    assert list(dataset.parts.values()) == ["test", "test"]
    with pytest.raises(LabelError, match="no labels for boxes of categories; it reads as hf_disk"):
        load_dataset(folder, BOXES)


def test_a_single_dataset_has_no_parts(tmp_path: Path) -> None:
    saved([(make_image(1), CLASSIFY, "<answer>garden phlox</answer>")]).save_to_disk(str(tmp_path / "set"))
    dataset = load_dataset(tmp_path / "set")
    assert [class_name(r) for r in dataset.records] == ["garden phlox"]
    assert dataset.parts == {}


@pytest.mark.parametrize(
    "problem",
    [
        DETECT.format("cat", "cat").replace("between 0 and 1000, integer", "in pixels, integer"),
        DETECT.format("cat", "cat").replace(" (between 0 and 1000, integer)", ""),
        "Where is the cat? (between 0 and 1000, integer)",
        "",
    ],
)
def test_coordinates_that_are_not_described_are_refused(tmp_path: Path, problem: str) -> None:
    folder = save(tmp_path / "set", train=[(make_image(1), problem, f"<answer>{CAT}</answer>")])
    with pytest.raises(
        LabelError, match=r"train, row 0: .*how coordinates are written.*\(between 0 and 1000"
    ):
        load_dataset(folder)


@pytest.mark.parametrize("other", [TWO, "No Objects"])
def test_of_rows_that_contradict_each_other_neither_is_used(tmp_path: Path, other: str) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT), ask(1, "cat", other)])
    with pytest.raises(LabelError, match=r"train, row 1: .*other boxes of 'cat' .* neither is used\."):
        load_dataset(folder)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ask(2, "cat", "[{'Position': [100, 200, 500, 1100], 'Confidence': 1}]"), "bad box"),
        (ask(2, "cat", "[{'Position': [500, 200, 100, 400], 'Confidence': 1}]"), "bad box"),
        (ask(2, "cat", "[{'position': 7}]"), "not a list of boxes"),
        (ask(2, "cat", "rose"), "not a list of boxes"),
        ((make_image(2), DETECT.format("cat", "cat"), CAT), "no answer tag"),
        ((None, DETECT.format("cat", "cat"), f"<answer>{CAT}</answer>"), "no image"),
    ],
)
def test_wrong_rows_are_refused_by_number(tmp_path: Path, row: Any, said: str) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT), row])
    with pytest.raises(LabelError, match=rf"train, row 1: .*{said}.*Leave the row out.*n != 1"):
        load_dataset(folder)


def test_a_image_of_two_classes_is_refused(tmp_path: Path) -> None:
    rows = [(make_image(1), CLASSIFY, f"<answer>{name}</answer>") for name in ("rose", "lily")]
    with pytest.raises(LabelError, match=r"row 1: Another row .*: Class: rose there, Class: lily here"):
        load_dataset(save(tmp_path / "set", train=rows))


def test_other_columns_are_not_ours(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"image": ["a"], "problems": ["b"]}).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(LabelError, match="no labels that vrft can read"):
        load_dataset(tmp_path / "set")


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT)])
    file = next(folder.rglob("*.arrow"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(LabelError, match=r"set.train: The saved dataset cannot be opened"):
        load_dataset(folder)


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT)])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'vrft\[datasets\]'"):
        load_dataset(folder)


def test_a_row_that_cannot_be_read_costs_its_own_category(tmp_path: Path) -> None:
    rows = [ask(k, "cat", "[{'Position': [0, 0, 500, 500], 'Confidence': 1}]") for k in range(8)]
    rows += [ask(2, "dog", "two of them"), ask(3, "cat", "none"), ask(4, "dog", "No Objects")]
    dataset = load_dataset(save(tmp_path / "set", train=rows), BOXES)
    assert [one.where.rpartition(" ")[2] for one in dataset.left_out] == ["8", "9"]
    asked = sorted(
        (e.question, len(e.target.xyxy_px)) for e in load_task("detection").examples(dataset.records)
    )
    assert asked == [("cat", 1)] * 7 + ([("dog", 0)] if "dog" in dataset.categories else [])
