"""One odd label or image costs itself alone: it is listed and counted, and refused among many or if asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import BOXES, CLASSES, STRICT, boxes
from PIL import Image

from launch import vrft
from vrft.config.questions import questions_of, usable
from vrft.config.run_config import make_config
from vrft.data.dataset import MOST_LEFT_OUT, Dataset, load_dataset
from vrft.data.label_checks import Mistakes, instance_of
from vrft.diagnostics.check.run_check import check
from vrft.errors import FlatBox, ImageError, LabelError, OutsideBox, UpturnedBox
from vrft.geometry.boxes import checked_box, fitted_box
from vrft.tasks.registry import load_task
from vrft.types import Image as ImageFile
from vrft.types import Record

WH = (40, 30)
side = st.integers(-30, 70) | st.floats(-30, 70)


# ---- boxes


@given(st.tuples(side, side, side, side))
def test_a_box_is_the_part_of_it_that_is_inside(corners: tuple[float, float, float, float]) -> None:
    x1, y1, x2, y2 = corners
    inside = (
        max(min(x1, x2), 0.0),
        max(min(y1, y2), 0.0),
        min(max(x1, x2), float(WH[0])),
        min(max(y1, y2), float(WH[1])),
    )
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        with pytest.raises((FlatBox, OutsideBox)):
            fitted_box(corners, WH, "a")
        return
    box, odd = fitted_box(corners, WH, "a")
    assert box == inside
    ordered = x1 < x2 and y1 < y2
    edges = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    far = any(abs(edge - own) > 1 for edge, own in zip(edges, inside, strict=True))
    assert (odd is None) == (ordered and not far)
    if odd is None:
        assert checked_box(corners, WH, "a") == box
    else:
        assert type(odd) is (OutsideBox if far else UpturnedBox)
        with pytest.raises(type(odd)):
            checked_box(corners, WH, "a")


# ---- how many may be left out


def dataset_of(n: int, lost_labels: int, lost_images: int) -> Dataset:
    box = instance_of("cat", (0.0, 0.0, 9.0, 9.0))
    records = [Record(str(k), (ImageFile(Path(f"{k}.png"), WH),), (box,)) for k in range(n)]
    labels = [LabelError("It is wrong.", f"a.json, annotation {k}") for k in range(lost_labels)]
    images = [ImageError("It is missing.", f"a.json, image {k}") for k in range(lost_images)]
    return Dataset(Path("a"), "coco", tuple(records), left_out=(*labels, *images))


@given(st.integers(0, 30), st.integers(0, 10), st.integers(0, 10))
def test_above_a_fifth_it_is_refused(n: int, lost_labels: int, lost_images: int) -> None:
    read = dataset_of(n, lost_labels, lost_images)
    lost = lost_labels + lost_images
    most = max(lost_labels / max(n + lost_labels, 1), lost_images / max(n + lost_images, 1))
    if most > MOST_LEFT_OUT:
        with pytest.raises(LabelError, match="would be left out, more than 20%") as caught:
            read.settled()
        assert len(caught.value.mistakes) == lost
        return
    settled = read.settled()
    assert (settled.warnings == ()) == (lost == 0)
    assert settled.records == read.records
    if lost_labels:
        assert f"Left out {lost_images} of {n + lost_images} images and" in settled.summary or not lost_images
        assert f"{lost_labels} of {n + lost_labels} labels" in settled.summary
    if lost:
        with pytest.raises(LabelError) as caught:
            read.settled(strict=True)
        assert len(caught.value.mistakes) == lost


def test_images_found_later_count_with_the_others() -> None:
    read = dataset_of(10, 0, 1).settled()
    broken = {"3": ImageError("It cannot be read.", "3.png")}
    later = read.without(broken)
    assert [record.id for record in later.records] == list("012456789")
    assert "1 of 11 images" in read.warnings[0] and "2 of 11 images" in later.warnings[0]
    assert len(later.warnings) == 1
    with pytest.raises(LabelError, match=r"3 of 11 images would be left out"):
        later.without({"4": ImageError("It cannot be read.", "4.png")})
    with pytest.raises(LabelError, match=r"3\.png: It cannot be read|a\.json, image 0"):
        read.without(broken, strict=True)


def test_clipped_boxes_are_not_left_out() -> None:
    mistakes = Mistakes()
    found = [mistakes.box((30, 20, 50, 25), WH, f"line {k}") for k in range(10)]
    assert found == [(30.0, 20.0, 40.0, 25.0)] * 10
    records = replace(dataset_of(10, 0, 0), fixed=tuple(mistakes.fixed)).settled()
    assert records.warnings[0].startswith(
        "Fixed: boxes over the border of their images (10); the first is line 0"
    )


def test_what_was_fixed_goes_on_in_the_sentence_of_what_was_left_out() -> None:
    mistakes = Mistakes()
    mistakes.box((30, 20, 50, 25), WH, "line 1")
    read = replace(dataset_of(10, 1, 0), fixed=tuple(mistakes.fixed))
    assert "; fixed: boxes over the border of their images (1); the first is" in read.summary


# ---- what readers do with it


MakeCoco = Callable[..., Path]


def test_the_training_file_of_coco_is_read(tmp_path: Path, make_image: Any, make_coco: MakeCoco) -> None:
    """It has two boxes without area."""
    for k in range(6):
        make_image(f"{k}.png", shade=k)
    flat = [(1, 1, [9.98, 8.5, 3.2, 0.0]), (2, 2, [0, 0, 0, 0])]
    sound = [(k + 1, 1 + k % 2, [1, 2, 9, 9]) for k in range(6)] * 2
    make_coco("a.json", [(f"{k}.png", *WH) for k in range(6)], [*sound, *flat])
    dataset = load_dataset(tmp_path)
    assert [one.where for one in dataset.left_out] == [
        f"{tmp_path / 'a.json'}, annotation 13 (image 0.png)",
        f"{tmp_path / 'a.json'}, annotation 14 (image 1.png)",
    ]
    asked = {e.id: len(e.target.xyxy_px) for e in load_task("detection").examples(dataset.records)}
    # Of a class with a box that was left out nothing is known there.
    assert "0.png#cat" not in asked and "1.png#dog" not in asked
    assert asked["0.png#dog"] == 0 and asked["2.png#cat"] == 2
    with pytest.raises(LabelError, match=r"annotation 13 .*no area"):
        load_dataset(tmp_path, options=STRICT)


def test_masks_that_are_all_crowds_are_objects(tmp_path: Path, make_image: Any, make_coco: MakeCoco) -> None:
    """So CVAT writes brush masks; among polygons they are crowds."""
    make_image("a.png")
    runs = {"size": [30, 40], "counts": [0, 300, 900]}
    place = [("a.png", *WH)], [(1, 1, [0, 0, 10, 30]), (1, 2, [0, 0, 10, 30])]
    file = make_coco("a.json", *place, segmentation=runs, iscrowd=1)
    dataset = load_dataset(tmp_path)
    assert all(one.counts for one in dataset.records[0].annotations)
    assert "a.json: all masks are crowds, as CVAT writes" in dataset.warnings[0]
    sheet = json.loads(file.read_text())
    sheet["annotations"][0] |= {"segmentation": [[0, 0, 10, 0, 10, 30]], "iscrowd": 0}
    file.write_text(json.dumps(sheet))
    dataset = load_dataset(tmp_path)
    assert [one.counts for one in dataset.records[0].annotations] == [True, False]
    assert dataset.warnings == ()
    assert [e.question for e in load_task("detection").examples(dataset.records)] == ["cat"]


def test_ids_of_both_kinds_meet_or_are_named(tmp_path: Path, make_image: Any, make_coco: MakeCoco) -> None:
    for k in range(2):
        make_image(f"{k}.png", shade=k)
    file = make_coco("a.json", [("0.png", *WH), ("1.png", *WH)], [(1, 1, [0, 0, 5, 5]), (2, 1, [1, 1, 5, 5])])
    sheet = json.loads(file.read_text())
    for entry in sheet["annotations"]:
        entry["image_id"] = str(entry["image_id"])
    file.write_text(json.dumps(sheet))
    assert [len(record.annotations) for record in load_dataset(tmp_path, options=STRICT).records] == [1, 1]
    sheet["images"][1]["id"] = "1"
    sheet["annotations"][1]["image_id"] = 1
    file.write_text(json.dumps(sheet))
    dataset = load_dataset(tmp_path)
    assert [boxes(record) for record in dataset.records] == [
        [("cat", (1.0, 1.0, 6.0, 6.0))],
        [("cat", (0.0, 0.0, 5.0, 5.0))],
    ]
    assert '1 and "1"' in dataset.warnings[0]


def test_what_belongs_to_no_image_is_absent_from_none(
    tmp_path: Path, make_image: Any, make_coco: MakeCoco
) -> None:
    for k in range(6):
        make_image(f"{k}.png", shade=k)
    labels = [(k + 1, 1 + k % 2, [1, 2, 9, 9]) for k in range(6)]
    make_coco("a.json", [(f"{k}.png", *WH) for k in range(6)], [*labels, (77, 1, [1, 1, 5, 5])])
    dataset = load_dataset(tmp_path)
    asked = {e.id: len(e.target.xyxy_px) for e in load_task("detection").examples(dataset.records)}
    assert {name for name, count in asked.items() if not count} == {"0.png#dog", "2.png#dog", "4.png#dog"}
    assert any("no question about 'cat' has the answer 'No Objects'" in says for says in dataset.warnings)


@pytest.mark.parametrize("name", ["ignored regions", "DontCare", "ignore"])
def test_a_region_that_is_called_ignored_makes_all_unknown(
    tmp_path: Path, make_image: Any, make_coco: MakeCoco, name: str
) -> None:
    for k in range(2):
        make_image(f"{k}.png", shade=k)
    labels = [(1, 1, [1, 2, 9, 9]), (2, 1, [1, 2, 9, 9]), (2, 2, [20, 2, 9, 9])]
    make_coco("a.json", [("0.png", *WH), ("1.png", *WH)], labels, ("cat", name))
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("cat",)
    assert [e.id for e in load_task("detection").examples(dataset.records)] == ["0.png#cat"]
    assert f"regions called '{name}': 1.png" in dataset.warnings[-1]


def test_a_pair_of_files_that_share_an_image_loses_that_image(
    tmp_path: Path, make_image: Any, make_coco: MakeCoco
) -> None:
    for k in range(12):
        make_image(f"{k}.png", shade=k)
    for part, own in (("train", range(6)), ("val", range(5, 12))):
        images = [(f"{k}.png", *WH) for k in own]
        make_coco(f"{part}.json", images, [(k + 1, 1, [1, 2, 9, 9]) for k in range(len(images))])
    dataset = load_dataset(tmp_path)
    assert len(dataset.records) == 11 and "5.png" not in {record.id for record in dataset.records}
    assert "labelled in train.json too" in dataset.left_out[0].problem


# ---- images that are found to be broken when they are read


def class_folder(folder: Path, count: int = 10) -> Path:
    for number, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            patches = np.random.default_rng(100 * number + k).integers(0, 256, (5, 6, 3), dtype=np.uint8)
            Image.fromarray(patches).resize((80, 60)).save(folder / name / f"{k}.jpg")
    return folder


def test_a_cut_off_image_costs_itself_alone(tmp_path: Path) -> None:
    folder = class_folder(tmp_path / "set")
    cut = folder / "dog/2.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    header = load_dataset(folder, CLASSES)
    assert len(header.records) == 20
    dataset, prints = usable(header)
    assert [Path(one.where) for one in dataset.left_out] == [cut]
    assert set(prints) == {record.id for record in dataset.records} and "dog/2.jpg" not in prints
    settings: dict[str, Any] = {"task": "classification", "out": str(tmp_path / "run")}
    settings |= {"data": {"path": str(folder), "shots": 2}}
    questions = questions_of(make_config(settings))
    asked = {e.record_id for part in ("train", "val", "heldout") for e in getattr(questions.split, part)}
    assert "dog/2.jpg" not in asked and len(asked) > 10
    settings["data"]["strict"] = True
    with pytest.raises(LabelError, match=r"dog/2\.jpg"):
        questions_of(make_config(settings))


def test_links_that_lead_nowhere_are_listed(tmp_path: Path) -> None:
    folder = class_folder(tmp_path / "set")
    (folder / "dog/gone.jpg").symlink_to(tmp_path / "gone.jpg")
    (folder / "dog/loop.jpg").symlink_to(folder / "dog/loop.jpg")
    dataset = load_dataset(folder, CLASSES)
    assert [Path(one.where).name for one in dataset.left_out] == ["gone.jpg", "loop.jpg"]
    assert len(dataset.records) == 20


def test_a_broken_image_is_listed_once_by_check(tmp_path: Path) -> None:
    folder = class_folder(tmp_path / "set")
    (folder / "dog/2.jpg").write_bytes(b"no image")
    (folder / "dog/3.jpg").write_bytes((folder / "dog/3.jpg").read_bytes()[:-200])
    config = make_config({"task": "classification", "data": {"path": str(folder), "shots": 2}})
    report = check(folder, load_task("classification"), lambda task: config, None)
    wheres = [finding.where for finding in report.findings if finding.code == "left-out"]
    assert sorted(wheres) == [f"{folder}/dog/2.jpg", f"{folder}/dog/3.jpg"]
    assert report.passed and report.images == 18
    refused = vrft("check", "set", "--strict", "--json", cwd=tmp_path)
    findings = json.loads(refused.stdout)["findings"]
    assert refused.returncode == 1
    assert [finding["where"] for finding in findings] == ["set/dog/2.jpg"]


def test_a_row_that_is_no_json_takes_what_is_known_of_its_image(tmp_path: Path, make_image: Any) -> None:
    rows = []
    for k in range(6):
        make_image(f"{k}.png", shade=k)
        rows.append(json.dumps({"image": f"{k}.png", "category": "cat", "boxes": [[1, 2, 9, 9]]}))
    rows.append(rows[3][:-4])
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    dataset = load_dataset(tmp_path, BOXES)
    asked = {e.id for e in load_task("detection").examples(dataset.records)}
    assert asked == {f"{k}.png#cat" for k in range(6) if k != 3}


def test_a_quotation_mark_that_is_never_closed_does_not_hide_the_rest(
    tmp_path: Path, make_image: Any
) -> None:
    lines = ["image,class"]
    for k in range(10):
        make_image(f"{k}.png", shade=k)
        lines.append(f"{k}.png,{chr(34) if k == 2 else ''}cat{k % 2}")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(LabelError, match="8 of 10 labels would be left out"):
        load_dataset(tmp_path, CLASSES)
