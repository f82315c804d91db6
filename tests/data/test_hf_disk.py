"""Folders that Hugging Face datasets saved, with the columns and texts of Visual-RFT's released sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from vrft.data.dataset import load_dataset
from vrft.data.images import open_rgb
from vrft.errors import InputError, LabelError
from vrft.geometry.frames import View
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, Example, Form

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


def picture(shade: int) -> Image.Image:
    return Image.new("RGBA", (40, 30), (shade, 10, 200, 255))


def ask(shade: int, category: str, solution: str) -> tuple[Image.Image, str, str]:
    return (picture(shade), DETECT.format(category, category), f"<answer>{solution}</answer>")


def saved(rows: list[tuple[Any, str, str]]) -> Any:
    columns = dict(zip(("image", "problem", "solution"), map(list, zip(*rows, strict=True)), strict=True))
    return datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())


def save(folder: Path, **parts: list[tuple[Any, str, str]]) -> Path:
    datasets.DatasetDict({name: saved(rows) for name, rows in parts.items()}).save_to_disk(str(folder))
    return folder


CAT = "[{'Position': [100, 200, 500, 1000], 'Confidence': 1}]"
TWO = "[{'Position': [0, 0, 10, 10], 'Confidence': 1}, {'Position': [1, 364, 98, 649], 'Confidence': 1}]"


def test_rows_of_one_picture_are_joined_and_only_what_was_asked_is_known(tmp_path: Path) -> None:
    rows = [ask(1, "cat", CAT), ask(2, "cat", TWO), ask(1, "dog", "No Objects"), ask(2, "dog", CAT)]
    dataset = load_dataset(save(tmp_path / "set", train=rows))
    assert dataset.format == "hf_disk"
    first, second = dataset.records
    assert [(b.category, b.box_xyxy_px) for b in first.boxes] == [("cat", (4.0, 6.0, 20.0, 30.0))]
    assert (first.absent, second.absent) == (("dog",), ())
    assert [b.category for b in second.boxes] == ["cat", "cat", "dog"]
    assert second.boxes[1].box_xyxy_px == pytest.approx((0.04, 10.92, 3.92, 19.47))
    assert set(dataset.parts.values()) == {"train"}
    examples = load_task("detection").examples(dataset.records)
    assert len(examples) == 4
    assert load_dataset(tmp_path / "set").records == dataset.records


def test_pictures_are_written_once_as_they_were_stored(tmp_path: Path) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT), ask(1, "dog", CAT), ask(2, "cat", CAT)])
    first = load_dataset(folder).records[0]
    assert first.image_wh == (40, 30)
    assert not ImageChops.difference(open_rgb(first.image), picture(1).convert("RGB")).getbbox()
    files = {file: file.stat().st_mtime_ns for file in (folder / "pictures").iterdir()}
    assert len(files) == 2
    assert load_dataset(folder).warnings == (f"The pictures were written to {folder / 'pictures'}.",)
    assert {file: file.stat().st_mtime_ns for file in (folder / "pictures").iterdir()} == files


def test_the_answer_in_a_solution_is_our_own_gold_answer(tmp_path: Path) -> None:
    # What our task asks and answers in this frame reads back to the same boxes.
    task, view = load_task("detection"), View("thousand", (40, 30), (40, 30))
    boxes = ((4.0, 6.0, 20.0, 30.0), (0.0, 0.0, 40.0, 15.0))
    example = Example("a", "a", Path("a"), (40, 30), "detection", "it's 'that'", BoxesTarget(boxes))
    row = (picture(1), task.ask(example, view, Form.THINK), task.gold(example, view, Form.DIRECT))
    (record,) = load_dataset(save(tmp_path / "set", train=[row])).records
    assert [(b.category, b.box_xyxy_px) for b in record.boxes] == [("it's 'that'", box) for box in boxes]


def test_classes_and_parts(tmp_path: Path) -> None:
    rows = [(picture(n), CLASSIFY, f"<answer>{name}</answer>") for n, name in enumerate(("rose", "lily"))]
    folder = save(tmp_path / "set", train=[rows[0]], test=rows)
    dataset = load_dataset(folder)
    assert sorted(r.category or "" for r in dataset.records) == ["lily", "rose"]
    # The rose is in both parts: it is held out.
    assert list(dataset.parts.values()) == ["test", "test"]
    with pytest.raises(LabelError, match="no labels for detection; it reads as hf_disk"):
        load_dataset(folder, "detection")


def test_a_single_dataset_has_no_parts(tmp_path: Path) -> None:
    saved([(picture(1), CLASSIFY, "<answer>garden phlox</answer>")]).save_to_disk(str(tmp_path / "set"))
    dataset = load_dataset(tmp_path / "set")
    assert [r.category for r in dataset.records] == ["garden phlox"]
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
def test_coordinates_that_are_not_told_are_refused(tmp_path: Path, problem: str) -> None:
    folder = save(tmp_path / "set", train=[(picture(1), problem, f"<answer>{CAT}</answer>")])
    with pytest.raises(
        LabelError, match=r"train, row 0: .*how coordinates are written.*\(between 0 and 1000"
    ):
        load_dataset(folder)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ask(2, "cat", "[{'Position': [100, 200, 500, 1100], 'Confidence': 1}]"), "bad_box"),
        (ask(2, "cat", "[{'Position': [500, 200, 100, 400], 'Confidence': 1}]"), "bad_box"),
        (ask(2, "cat", "[{'position': 7}]"), "no list of boxes"),
        (ask(2, "cat", "rose"), "no list of boxes"),
        ((picture(2), DETECT.format("cat", "cat"), CAT), "no_answer_tag"),
        (ask(1, "cat", TWO), "other boxes of 'cat'"),
        (ask(1, "cat", "No Objects"), "other boxes of 'cat'"),
        ((None, DETECT.format("cat", "cat"), f"<answer>{CAT}</answer>"), "no picture"),
    ],
)
def test_wrong_rows_are_refused_by_number(tmp_path: Path, row: Any, said: str) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT), row])
    with pytest.raises(LabelError, match=rf"train, row 1: .*{said}.*Drop it.*n != 1"):
        load_dataset(folder)


def test_a_picture_of_two_classes_is_refused(tmp_path: Path) -> None:
    rows = [(picture(1), CLASSIFY, f"<answer>{name}</answer>") for name in ("rose", "lily")]
    with pytest.raises(LabelError, match=r"row 1: It is 'lily', but another row .* 'rose'"):
        load_dataset(save(tmp_path / "set", train=rows))


def test_other_columns_are_not_ours(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"image": ["a"], "problems": ["b"]}).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(LabelError, match="without labels"):
        load_dataset(tmp_path / "set")


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT)])
    file = next(folder.rglob("*.arrow"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(LabelError, match=r"set.train: The saved data set cannot be opened"):
        load_dataset(folder)


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tmp_path / "set", train=[ask(1, "cat", CAT)])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'vrft\[datasets\]'"):
        load_dataset(folder)
