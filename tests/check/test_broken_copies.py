"""Ten ways in which labelled folders are broken; each is found, with its file and its cause."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from sets import WH, as_xywh, box_xyxy, coco, jsonl, save, sound_coco, textured

from vrft.config.run_config import make_config
from vrft.data.data_options import ReadOptions
from vrft.diagnostics.check.run_check import check
from vrft.tasks.registry import load_task


def examined(path, task=None, **data):
    def config_of(task):
        return make_config({"task": task.name, "data": {"path": str(path), "shots": 2, **data}})

    return check(path, None if task is None else load_task(task), config_of, None)


def the(report, code):
    """The only finding of a kind."""
    (found,) = [finding for finding in report.findings if finding.code == code]
    return found


def test_a_sound_set_has_nothing_to_fix(tmp_path):
    sound_coco(tmp_path)
    report = examined(tmp_path)
    assert [f for f in report.findings if f.severity != "note"] == []
    assert report.passed and report.task == "detection" and report.images == 16
    assert {name: (c.images, c.boxes) for name, c in report.classes.items()} == {
        "cat": (8, 8),
        "dog": (8, 8),
    }


# -- 1: boxes in xywh read as xyxy, and the reverse ------------------------------------------------


def test_xywh_read_as_xyxy(tmp_path):
    rows = []
    for i in range(12):
        save(tmp_path / f"{i}.png", i)
        rows.append({"image": f"{i}.png", "question": f"patch {i}", "box": as_xywh(box_xyxy(i))})
    file = jsonl(tmp_path / "labels.jsonl", rows)
    report = examined(tmp_path)
    found = the(report, "sizes-as-corners")
    assert found.where == str(file) and found.severity == "error" and "x + width" in found.fix
    # Every mistake is also there by itself, with its line.
    wrong = [i for i, r in enumerate(rows, 1) if r["box"][2] <= r["box"][0] or r["box"][3] <= r["box"][1]]
    assert [f.where for f in report.findings if f.code == "label"] == [f"{file}, line {i}" for i in wrong]


def test_xyxy_read_as_xywh(tmp_path):
    file = sound_coco(tmp_path, write=list)
    found = the(examined(tmp_path), "corners-as-sizes")
    assert found.where == str(file) and "[x1, y1, x2 - x1, y2 - y1]" in found.fix


def test_xyxy_read_as_xywh_where_every_box_still_fits(tmp_path):
    def near_the_corner(i):
        x1, y1 = 3 * i, 2 * i
        return x1, y1, x1 + 25, y1 + 20

    sound_coco(tmp_path, box=near_the_corner, write=list)
    found = the(examined(tmp_path), "corners-as-sizes")
    assert found.severity == "warning" and found.where == str(tmp_path)


def test_large_things_in_the_middle_are_no_such_case(tmp_path):
    def centered(i):
        return 2 * i, i, WH[0] - 2 * i, WH[1] - i

    sound_coco(tmp_path, box=centered)
    assert [f for f in examined(tmp_path).findings if f.severity != "note"] == []


def test_a_single_box_outside_has_no_common_cause(tmp_path):
    save(tmp_path / "a.png", 0)
    coco(tmp_path / "a.json", [("a.png", *WH, [("cat", [10, 10, 155, 20])])])
    report = examined(tmp_path)
    assert "corners-as-sizes" not in {f.code for f in report.findings}
    assert the(report, "fixed").where.endswith("a.json, annotation 1 (image a.png)")


# -- 2: one-based Pascal VOC -----------------------------------------------------------------------


def one_based(i):
    """Boxes at all borders, as VOC's own files have them: the first pixel is 1, the last is the width."""
    x1, y1, x2, y2 = box_xyxy(i)
    return [(1, y1 + 1, x2, y2), (x1 + 1, 1, x2, y2), (x1 + 1, y1 + 1, WH[0], WH[1])][i % 3]


def test_one_based_boxes(tmp_path):
    sound_coco(tmp_path, box=one_based)
    found = the(examined(tmp_path), "one-based")
    assert found.where == str(tmp_path) and "counted from 1" in found.message


def test_one_based_voc(tmp_path):
    for i in range(12):
        save(tmp_path / f"JPEGImages/{i}.jpg", i)
        x1, y1, x2, y2 = one_based(i)
        (tmp_path / "Annotations").mkdir(exist_ok=True)
        (tmp_path / f"Annotations/{i}.xml").write_text(
            f"<annotation><folder>photos</folder><filename>{i}.jpg</filename>"
            f"<size><width>{WH[0]}</width><height>{WH[1]}</height><depth>3</depth></size>"
            f"<object><name>{['cat', 'dog'][i % 2]}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
            f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>"
        )
    assert the(examined(tmp_path), "one-based").where == str(tmp_path)


# -- 3: normalized YOLO with a wrong size ----------------------------------------------------------


def halved(i):
    """A box as it comes out where labels were divided by twice the image's size."""
    return tuple(n // 2 for n in ((0, 0, 40, 30) if i == 0 else box_xyxy(i)))


def test_boxes_of_a_wrong_size(tmp_path):
    sound_coco(tmp_path, box=halved)
    found = the(examined(tmp_path), "boxes-in-a-corner")
    assert found.where == str(tmp_path) and "another image size" in found.message


def test_yolo_of_a_wrong_size(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images\nnames: [cat, dog]\n")
    for i in range(12):
        save(tmp_path / f"images/{i}.png", i)
        x1, y1, x2, y2 = halved(i)
        numbers = ((x1 + x2) / 2 / WH[0], (y1 + y2) / 2 / WH[1], (x2 - x1) / WH[0], (y2 - y1) / WH[1])
        line = " ".join(f"{n:.6f}" for n in numbers)
        (tmp_path / f"labels/{i}.txt").write_text(f"{i % 2} {line}\n")
    assert the(examined(tmp_path, "detection"), "boxes-in-a-corner").where == str(tmp_path)


# -- 4: swapped category ids -----------------------------------------------------------------------


def test_two_files_that_number_their_categories_differently(tmp_path):
    for part, numbers in (("train", {"cat": 1, "dog": 2}), ("valid", {"cat": 2, "dog": 1})):
        rows = []
        for i in range(6):
            number = i + 6 * (part == "valid")
            save(tmp_path / part / f"{number}.png", number)
            rows.append((f"{number}.png", *WH, [("cat", as_xywh(box_xyxy(number)))]))
        coco(tmp_path / part / "_annotations.coco.json", rows, numbers=numbers)
    found = the(examined(tmp_path), "swapped-categories")
    assert found.where == f"{tmp_path / 'valid/_annotations.coco.json'}, categories"
    other = tmp_path / "train/_annotations.coco.json"
    assert f"2 is 'cat' here and 'dog' in {other}" in found.message


def test_annotations_that_count_categories_from_0(tmp_path):
    rows = []
    for i in range(6):
        save(tmp_path / f"images/{i}.png", i)
        rows.append((f"{i}.png", *WH, [(i % 2, as_xywh(box_xyxy(i)))]))
    file = coco(tmp_path / "instances.json", rows)
    found = the(examined(tmp_path), "shifted-categories")
    assert found.where == f"{file}, annotations" and "from 0" in found.message


# -- 5 to 7: image files -------------------------------------------------------------------------


def test_missing_images_are_named_one_by_one(tmp_path):
    file = sound_coco(tmp_path)
    for gone in (3, 5):
        (tmp_path / f"images/{gone}.png").unlink()
    report = examined(tmp_path)
    found = {f.where: f.message for f in report.findings if f.code == "left-out"}
    assert found == {
        f"{file}, image 4": "The image '3.png' is missing. It was left out.",
        f"{file}, image 6": "The image '5.png' is missing. It was left out.",
    }
    assert report.passed and report.images == 14
    reading = ReadOptions(strict=True)
    strict = check(tmp_path, None, lambda task: make_config({"task": task.name}), None, reading=reading)
    assert {f.where for f in strict.findings if f.code == "label"} == set(found)
    assert not strict.passed


def test_a_truncated_jpeg(tmp_path):
    for name in ("cat", "dog"):
        for i in range(4):
            save(tmp_path / name / f"{i}.jpg", i + 10 * (name == "dog"))
    broken = tmp_path / "dog/2.jpg"
    broken.write_bytes(broken.read_bytes()[:-200])
    found = the(examined(tmp_path), "left-out")
    assert found.where == str(broken) and found.severity == "warning" and "truncated" in found.message


def turned(path, number):
    """An image that is stored lying and seen standing: 160 x 120 in the file, 120 x 160 as seen."""
    exif = Image.Exif()
    exif[0x0112] = 6
    save(path, number, exif=exif)


def test_boxes_of_images_lying_on_their_side(tmp_path):
    rows = []
    for i in range(8):
        turned(tmp_path / f"{i}.jpg", i)
        rows.append({"image": f"{i}.jpg", "question": f"patch {i}", "box": [100, 10 + i, 150, 60 + i]})
    file = jsonl(tmp_path / "labels.jsonl", rows)
    found = the(examined(tmp_path), "turned")
    assert found.where == str(file) and "EXIF" in found.message


def test_turned_images_whose_boxes_would_fit_either_way(tmp_path):
    rows = []
    for i in range(8):
        turned(tmp_path / f"{i}.jpg", i)
        rows.append({"image": f"{i}.jpg", "question": f"patch {i}", "box": [20 + i, 10, 80 + i, 90]})
    jsonl(tmp_path / "labels.jsonl", rows)
    found = the(examined(tmp_path), "exif-rotation")
    assert str(tmp_path / "0.jpg") in found.where and found.severity == "warning"


def test_a_stated_size_that_is_turned(tmp_path):
    turned(tmp_path / "a.jpg", 0)
    file = coco(tmp_path / "a.json", [("a.jpg", *WH, [("cat", [10, 10, 20, 20])])])
    found = the(examined(tmp_path), "label")
    assert found.where.startswith(f"{file}, image 1") and "EXIF" in found.message


# -- 8: duplicates across splits -------------------------------------------------------------------


def class_folders(root):
    for part, first in (("train", 0), ("test", 20)):
        for name in ("cat", "dog"):
            for i in range(3):
                save(root / part / name / f"{i}.png", first + i + 10 * (name == "dog"))


def test_a_copy_across_parts(tmp_path):
    class_folders(tmp_path)
    copied, original = tmp_path / "train/cat/copy.png", tmp_path / "test/cat/1.png"
    copied.write_bytes(original.read_bytes())
    found = the(examined(tmp_path), "leak")
    assert found.where == f"{original}, {copied}" and "test and train" in found.message


def test_an_image_saved_again_across_parts(tmp_path):
    class_folders(tmp_path)
    assert [f for f in examined(tmp_path).findings if f.code.startswith("look-alike")] == []
    repeated = tmp_path / "test/dog/again.jpg"
    textured(10).resize((120, 90)).save(repeated, quality=70)
    found = the(examined(tmp_path), "look-alike-leak")
    assert found.where == f"{repeated} and {tmp_path / 'train/dog/0.png'}"


def test_copies_with_different_labels(tmp_path):
    class_folders(tmp_path)
    (tmp_path / "train/dog/x.png").write_bytes((tmp_path / "train/cat/0.png").read_bytes())
    found = the(examined(tmp_path), "contradiction")
    assert found.severity == "error"
    assert found.where == f"{tmp_path / 'train/cat/0.png'}, {tmp_path / 'train/dog/x.png'}"


# -- 9: empty label files --------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_label_file(tmp_path, content):
    save(tmp_path / "images/0.png", 0)
    empty = tmp_path / "instances.json"
    empty.write_text(content)
    report = examined(tmp_path)
    found = the(report, "empty-label-file")
    assert found.where == str(empty) and found.severity == "error"


def test_an_empty_file_beside_a_good_one(tmp_path):
    sound_coco(tmp_path)
    empty = tmp_path / "more.json"
    empty.touch()
    report = examined(tmp_path)
    assert the(report, "empty-label-file").where == str(empty) and report.images == 16


def test_an_empty_yolo_file(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text("path: .\ntrain: images\nnames: [cat]\n")
    for i in range(4):
        save(tmp_path / f"images/{i}.png", i)
        (tmp_path / f"labels/{i}.txt").write_text("0 0.5 0.5 0.2 0.2\n" if i else "")
    found = the(examined(tmp_path, "detection"), "empty-label-file")
    assert found.where == str(tmp_path / "labels/0.txt") and found.severity == "warning"


# -- 10: a class name inside another ---------------------------------------------------------------


def test_a_class_name_inside_another(tmp_path):
    for number, name in enumerate(("rose", "pink primrose", "Tulip")):
        for i in range(4):
            save(tmp_path / name / f"{i}.png", i + 10 * number)
    found = the(examined(tmp_path), "name-inside-another")
    assert "'rose' is inside another, 'pink primrose'" in found.message and found.where == str(tmp_path)


def test_names_that_count_as_the_same(tmp_path):
    for number, name in enumerate(("garden phlox", "Garden_Phlox")):
        for i in range(4):
            save(tmp_path / name / f"{i}.png", i + 10 * number)
    assert the(examined(tmp_path), "same-name").severity == "error"


# -- and what else is found -------------------------------------------------------------------------


def test_a_class_with_too_few_images(tmp_path):
    for number, (name, count) in enumerate({"cat": 4, "dog": 4, "emu": 2}.items()):
        for i in range(count):
            save(tmp_path / name / f"{i}.png", i + 10 * number)
    assert "'emu'" in the(examined(tmp_path), "too-few-images").message
    assert the(examined(tmp_path, shots=9), "no-split").severity == "error"


def test_doubtful_boxes(tmp_path):
    file = sound_coco(tmp_path)
    sheet = json.loads(file.read_text())
    first = sheet["annotations"][0]
    sheet["annotations"] += [
        {**first, "id": 101},
        {**first, "id": 102, "category_id": 2},
        {**first, "id": 103, "bbox": [5, 5, 1, 40]},
    ]
    file.write_text(json.dumps(sheet))
    report = examined(tmp_path)
    for code in ("repeated-box", "box-of-two-classes", "thin-box"):
        assert the(report, code).where == str(tmp_path / "images/0.png")
