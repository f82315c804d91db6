"""Points on things by name: keypoints of COCO, points of labelme, points and skeletons of CVAT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vrft.data.dataset import labels_for, load_dataset
from vrft.errors import LabelError
from vrft.tasks.pointing.pointing import Pointing
from vrft.types import Points

TASK = Pointing(keypoints=True)
NAMES = ["nose", "left_eye", "tail"]
CVAT = '<?xml version="1.0"?>\n<annotations><version>1.1</version>\n{}\n</annotations>\n'


def coco(folder: Path, *entries: dict[str, Any], images: int = 2) -> Path:
    listed = enumerate(entries)
    sheet = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 40, "height": 30} for i in range(images)],
        "categories": [{"id": 1, "name": "dog", "keypoints": NAMES}, {"id": 2, "name": "ball"}],
        "annotations": [{"id": i, "category_id": 1, "bbox": [1, 1, 9, 9], **own} for i, own in listed],
    }
    (folder / "labels.json").write_text(json.dumps(sheet), "utf-8")
    return folder


def asked(folder: Path) -> dict[str, tuple[tuple[float, float], ...]]:
    """What is asked about, with the right points."""
    dataset = labels_for(TASK, folder)
    found = {e.id: e.target for e in TASK.examples(dataset.records)}
    return {id: target.xy_px for id, target in found.items() if isinstance(target, Points)}


def test_keypoints_of_coco_are_asked_about_by_name_and_what_is_not_labelled_is_not(tmp_path, make_image):
    for number in range(2):
        make_image(f"{number}.png", shade=number)
    coco(
        tmp_path,
        {"image_id": 0, "keypoints": [5, 6, 2, 7, 0, 1, 0, 0, 0]},
        {"image_id": 0, "keypoints": [20, 21, 2, 22, 23, 2, 24, 25, 2]},
        {"image_id": 0, "category_id": 2},
    )
    assert asked(tmp_path) == {
        "0.png#nose of dog": ((5.0, 6.0), (20.0, 21.0)),
        "0.png#left_eye of dog": ((7.0, 0.0), (22.0, 23.0)),  # a hidden one is labelled too
        "1.png#nose of dog": (),
        "1.png#left_eye of dog": (),
        "1.png#tail of dog": (),
    }
    notes = " ".join(labels_for(TASK, tmp_path).warnings)
    assert "Keypoints without a label are not asked about there: 'tail of dog' on 0.png." in notes
    boxes = load_dataset(tmp_path)
    assert boxes.provides == {("category", "boxes")} and boxes.categories == ("ball", "dog"), "as before"
    assert load_dataset(tmp_path, Pointing().needs, or_needs=Pointing().or_needs).provides == boxes.provides


@pytest.mark.parametrize(
    ("entry", "said", "unknown"),
    [
        ({"keypoints": [5, 6, 2]}, "not x, y and 0, 1 or 2 for each of the 3 names", NAMES),
        ({"keypoints": [5, 6, 3, 1, 1, 1, 1, 1, 1]}, "not x, y and 0, 1 or 2", NAMES),
        ({"keypoints": [5, 60, 2, 1, 1, 1, 1, 1, 1]}, "'nose of dog' is outside of its image", NAMES[:1]),
        ({"keypoints": [5, 6, 2, 1, 1, 1, 1, 1, 1], "iscrowd": 1}, "", NAMES),
        ({}, "", NAMES),
    ],
)  # fmt: skip
def test_a_bad_keypoint_costs_itself(tmp_path, make_image, entry, said, unknown):
    for number in range(7):
        make_image(f"{number}.png", shade=number)
    sound = [{"image_id": n, "keypoints": [1, 1, 2, 2, 2, 2, 3, 3, 2]} for n in range(6)]
    dataset = labels_for(TASK, coco(tmp_path, *sound, {"image_id": 6, **entry}, images=7))
    assert len(dataset.left_out) == bool(said)
    assert all(said in one.problem and "annotation 6" in one.where for one in dataset.left_out)
    there = {e.question for e in TASK.examples(dataset.records) if e.record_id == "6.png"}
    assert there == {f"{name} of dog" for name in NAMES if name not in unknown}


def test_a_set_without_keypoints_says_so(tmp_path, make_image):
    make_image("0.png")
    with pytest.raises(LabelError, match="It holds no keypoint"):
        labels_for(TASK, coco(tmp_path, {"image_id": 0}, images=1))


def test_points_of_labelme_are_categories_and_parts_of_the_thing_of_their_group(tmp_path, make_image):
    def shape(label, points, kind="point", group=None):
        return {"label": label, "points": points, "shape_type": kind, "group_id": group, "flags": {}}

    sheets = {
        "a": [
            shape("dog", [[1, 1], [30, 20]], "rectangle", 4),
            shape("nose", [[5, 6]], group=4),
            shape("ball", [[7, 0]]),
            shape("ball", [[9, 9]]),
        ],
        "b": [shape("ball", [[3, 3], [8, 8]], "rectangle"), shape("nose", [[5, 6]], group=1)],
    }
    for name, shapes in sheets.items():
        make_image(f"{name}.png", shade=len(name) + ord(name))
        head = {"flags": {}, "imagePath": f"{name}.png", "imageWidth": 40, "imageHeight": 30}
        (tmp_path / f"{name}.json").write_text(json.dumps({**head, "shapes": shapes}), "utf-8")
    assert asked(tmp_path) == {
        "a.png#ball": ((7.0, 0.0), (9.0, 9.0)),
        "a.png#nose of dog": ((5.0, 6.0),),
        "a.png#nose": (),
        "b.png#nose": ((5.0, 6.0),),
        "b.png#nose of dog": (),
    }, "a ball that has a box is no ball without a point"
    assert load_dataset(tmp_path).provides == {("category", "boxes")}


def test_points_and_skeletons_of_cvat(tmp_path, make_image):
    for name in ("a", "b"):
        make_image(f"{name}.png", shade=ord(name))
    (tmp_path / "annotations.xml").write_text(
        CVAT.format(
            '<image id="0" name="a.png" width="40" height="30">\n'
            '<points label="ball" occluded="0" points="3.5,4.0;8,0;9,0"></points>\n'
            '<skeleton label="dog" z_order="0">\n'
            '<points label="nose" outside="0" occluded="1" points="5,6"></points>\n'
            '<points label="tail" outside="1" occluded="0" points="5,6"></points></skeleton>\n</image>\n'
            '<image id="1" name="b.png" width="40" height="30">\n'
            '<box label="ball" xtl="1" ytl="1" xbr="5" ybr="5"></box>\n'
            '<points label="nose" points="99,6"></points></image>'
        ),
        "utf-8",
    )
    dataset = labels_for(TASK, tmp_path, None)
    (mistake,) = dataset.left_out
    assert "is outside of its image" in mistake.problem and mistake.where.endswith("line 11")
    assert asked(tmp_path) == {
        "a.png#ball": ((3.5, 4.0), (8.0, 0.0), (9.0, 0.0)),
        "a.png#nose of dog": ((5.0, 6.0),),
        "b.png#nose of dog": (),
    }
    assert any("'tail of dog' on a.png" in sentence for sentence in dataset.warnings)
