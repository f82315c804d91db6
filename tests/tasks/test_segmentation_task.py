"""Segmentation: labels with masks as targets, answers as they are read, masks at inference, exports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage
from PIL import ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from vrft.config.questions import ask_about, load_examples
from vrft.data.dataset import labels_for, load_dataset
from vrft.errors import InputError
from vrft.evaluation.segmented import overlaps
from vrft.geometry.masks import mask_area, mask_of_boxes, region_of_mask
from vrft.geometry.points import in_mask
from vrft.inference.formats.prediction_format import Setting, open_format
from vrft.inference.segment_answers import segment_answers, segmentation_card, segmented_predictions
from vrft.inference.segmented_reward import mask_iou
from vrft.progress import NullReporter
from vrft.tasks.registry import default_task, load_task
from vrft.types import (
    Answer,
    CoordinateFrame,
    Example,
    Fault,
    Form,
    Image,
    ObjectRegion,
    Points,
    Prediction,
    Regions,
)

TASK = load_task("segmentation")
SIDE = 80
HOLED = [[2, 2, 12, 2, 12, 12, 2, 12], [5, 5, 9, 5, 9, 9, 5, 9]]
BRIDGED = [[2, 2, 12, 2, 12, 12, 2, 12, 2, 2, 5, 5, 5, 9, 9, 9, 9, 5, 5, 5, 2, 2]]


def scene(path: Path) -> Path:
    """Two red discs and a blue one on white."""
    image = PILImage.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((5, 5, 35, 35), fill="red")
    draw.ellipse((45, 5, 75, 35), fill="red")
    draw.ellipse((20, 45, 55, 75), fill="blue")
    image.save(path)
    return path


def coco(folder: Path, annotations: list[dict], images: int = 1) -> Path:
    """A COCO folder of that scene; each annotation is (image, category, segmentation, more)."""
    for number in range(images):
        scene(folder / f"{number}.png")
    names = sorted({one["category"] for one in annotations})
    entries = []
    for number, one in enumerate(annotations, 1):
        fields = {key: value for key, value in one.items() if key not in ("image", "category")}
        entries.append(
            {
                "id": number,
                "image_id": one.get("image", 0),
                "category_id": names.index(one["category"]),
                **fields,
            }
        )
    sheet = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": SIDE, "height": SIDE} for n in range(images)],
        "annotations": entries,
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
    }
    (folder / "labels.json").write_text(json.dumps(sheet))
    return folder


def disc(x1, y1, x2, y2) -> list[list[float]]:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    xs, ys = (x1 + x2) / 2 + (x2 - x1) / 2 * np.cos(turn), (y1 + y2) / 2 + (y2 - y1) / 2 * np.sin(turn)
    return [np.stack([xs, ys], 1).round(2).ravel().tolist()]


BOX = {"bbox": [2, 2, 10, 10], "area": 100}


def test_instances_of_a_category_become_objects_with_box_mask_and_point(tmp_path):
    labels = [
        {"category": "red", "segmentation": disc(5, 5, 35, 35), **BOX},
        {"category": "red", "segmentation": disc(45, 5, 75, 35), **BOX},
        {"category": "blue", "segmentation": disc(20, 45, 55, 75), **BOX},
    ]
    asked = {one.question: one for one in load_examples(coco(tmp_path, labels, images=2), "segmentation")}
    examples = load_examples(tmp_path, "segmentation")
    assert sorted((e.record_id, e.question, e.target.size) for e in examples) == [
        ("0.png", "blue", 1),
        ("0.png", "red", 2),
        ("1.png", "blue", 0),
        ("1.png", "red", 0),
    ]
    assert asked.keys() == {"red", "blue"}
    red = next(e for e in examples if e.target.size == 2)
    frame = CoordinateFrame.whole("resized_pixels", (SIDE, SIDE))
    for one in red.target.objects:
        assert one.xyxy_px == one.mask.box_xyxy_px  # from one source, and not the written bbox
    answer = TASK.parse(TASK.gold(red, [frame]), red, [frame])
    assert all(
        in_mask(found.points_xy_px[0], label.mask)
        for found, label in zip(answer.value.objects, red.target.objects, strict=True)
    )


@pytest.mark.parametrize(("polygons", "area", "hole"), [(HOLED, 100, 1), (BRIDGED, 84, 0)])
def test_polygons_are_united_and_a_bridge_keeps_the_hole(polygons, area, hole, tmp_path):
    coco(tmp_path, [{"category": "ring", "segmentation": polygons, **BOX}])
    (example,) = load_examples(tmp_path, "segmentation")
    (one,) = example.target.objects
    assert mask_area(one.mask) == area and region_of_mask(one.mask)[7, 7] == hole


def test_a_box_without_a_mask_is_no_target_and_is_counted(tmp_path):
    labels = [
        {"category": "red", "segmentation": disc(5, 5, 35, 35), **BOX},
        {"category": "red", **BOX},
        {"category": "blue", "segmentation": disc(20, 45, 55, 75), **BOX},
        {"image": 1, "category": "red", "segmentation": disc(5, 5, 35, 35), **BOX},
        {"category": "green", **BOX},
    ]
    dataset = load_dataset(coco(tmp_path, labels, images=2), TASK.needs)
    asked = {(e.record_id, e.question) for e in TASK.examples(dataset.records)}
    # Of 'red' not all objects are known on the first image; of 'green' none anywhere.
    assert asked == {("0.png", "blue"), ("1.png", "blue"), ("1.png", "red")}
    (says,) = TASK.unused_label_notes(dataset.records)
    assert says.startswith("2 boxes have no mask")


def test_labels_without_any_mask_are_refused_in_a_sentence(tmp_path):
    dataset = load_dataset(coco(tmp_path, [{"category": "red", **BOX}]), TASK.needs)
    with pytest.raises(InputError, match=r"nothing to ask about\. 1 boxes have no mask"):
        ask_about(TASK, dataset)
    assert default_task(dataset.provides).name == "detection"


@pytest.mark.parametrize(
    "broken",
    [
        [[5, 5, 9, 9]],
        {"size": [SIDE, SIDE], "counts": [40, 2]},
        {"size": [SIDE, SIDE], "counts": [SIDE * SIDE + 1]},
        {"size": [SIDE, SIDE + 1], "counts": [SIDE * (SIDE + 1)]},
        [[5, 5, 900, 5, 900, 900]],
    ],
)
def test_a_broken_mask_costs_that_label_alone(broken, tmp_path):
    labels = [
        {"category": "red", "segmentation": broken, **BOX},
        {"category": "blue", "segmentation": disc(20, 45, 55, 75), **BOX},
    ]
    dataset = load_dataset(coco(tmp_path, labels), TASK.needs)
    assert [e.question for e in TASK.examples(dataset.records)] == ["blue"]
    assert any("1" in says for says in (*dataset.warnings, *TASK.unused_label_notes(dataset.records)))


def test_a_phrase_means_its_region_and_what_is_ignored_does_not_count(tmp_path):
    scene(tmp_path / "a.jpg")
    shapes = [
        {"label": "target", "points": [[10, 10], [29, 10], [29, 29], [10, 29]]},
        {"label": "ignore", "points": [[40, 40], [49, 40], [49, 49], [40, 49]]},
    ]
    sheet = {"text": ["the red thing", "what stops a car"], "is_sentence": True, "shapes": shapes}
    (tmp_path / "a.json").write_text(json.dumps(sheet))
    first, second = load_examples(tmp_path, "segmentation")
    assert [first.question, second.question] == sheet["text"] and first.target == second.target
    assert first.target.objects[0].xyxy_px == (10.0, 10.0, 30.0, 30.0)
    both = Regions((ObjectRegion((10.0, 10.0, 30.0, 30.0)), ObjectRegion((40.0, 40.0, 50.0, 50.0))))
    found = [Prediction(first, Answer(both, True)), Prediction(second, Answer(Regions(), True))]
    by_name = {metric.name: metric.value(found) for metric in TASK.metrics}
    assert (by_name["giou_of_boxes"], by_name["ciou_of_boxes"]) == (0.5, 0.5)


def test_rows_may_hold_objects_as_they_are(tmp_path):
    scene(tmp_path / "a.png")
    target = {"kind": "regions", "objects": [{"xyxy_px": [5, 5, 36, 36], "points_xy_px": [[20, 20]]}]}
    rows = [
        {"image": "a.png", "question": "the left disc", "target": target},
        {"image": "a.png", "question": "a square", "target": {"kind": "regions"}},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    disc_, square = load_examples(tmp_path, "segmentation")
    assert disc_.task == "segmentation" and disc_.target.objects[0].points_xy_px == ((20.0, 20.0),)
    assert square.target.is_empty
    outside = {"kind": "regions", "objects": [{"xyxy_px": [5, 5, 99, 36]}]}
    rows.append({"image": "a.png", "question": "too far", "target": outside})
    flat = {"kind": "regions", "objects": [{"xyxy_px": [5, 5, 5, 36]}]}
    rows.append({"image": "a.png", "question": "flat", "target": flat})
    rows += [rows[1] | {"question": f"square {n}"} for n in range(8)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = labels_for(TASK, tmp_path)
    assert any("outside its image" in one.problem for one in dataset.left_out)
    assert {"too far", "flat"}.isdisjoint(e.question for e in TASK.examples(dataset.records))
    assert any("no area" in one.problem for one in dataset.left_out)


FRAME = CoordinateFrame.whole("resized_pixels", (100, 100))
ASKED = Example("a", "a", "segmentation", (Image(Path("a.png"), (100, 100)),), "cup", form=Form.DIRECT)


def read(content: str, frame=FRAME) -> Answer:
    return TASK.parse(f"<answer>{content}</answer>", ASKED, [frame])


ONE = ((10.0, 10.0, 60.0, 60.0), ((35.0, 35.0),))
JSON = '{"bbox_2d": [10,10,60,60], "point_2d": [35,35]}'
UNREAD, BOTH = (Fault.NOT_READABLE,), (Fault.BAD_BOX, Fault.BAD_POINT)
TWO = (ONE[0], ((35.0, 35.0), (20.0, 20.0)))


@pytest.mark.parametrize(
    ("content", "objects", "faults"),
    [
        ('[{"bbox_2d": [10,10,60,60], "point_2d": [35,35]}]', [ONE], ()),
        ("[{'bbox_2d': [10,10,60,60], 'point_2d': [35,35], 'label': 'cup'}]", [ONE], ()),
        ('{"bbox": [10,10,60,60], "points_1": [35,35], "points_2": [20,20]}', [TWO], ()),
        ('```json\n[{"point_2d": [35,35], "bbox_2d": [10,10,60,60]}]\n```', [ONE], ()),
        ('[{"bbox_2d": [10,10,60,60], "point_2d": [[35,35],[20,20]]}]', [TWO], ()),
        ('[{"bbox_2d": [10,10,60,60], "negative_points": [[1,1]], "point_2d": [35,35]}]', [ONE], UNREAD),
        ("No Objects", [], ()),
        ("[]", [], ()),
        ('[{"bbox_2d": [10,10,60,60]}]', [(ONE[0], ())], (Fault.BAD_POINT,)),
        ('[{"bbox_2d": [10,10,60,60], "point_2d": [NaN,35]}]', [(ONE[0], ())], BOTH),
        ('[{"bbox_2d": [10,10,60,60], "point_2d": [350,35]}]', [(ONE[0], ())], (Fault.BAD_POINT,)),
        ('[{"bbox_2d": [10,10,60,60], "point_2d": "here"}]', [(ONE[0], ())], (Fault.BAD_POINT,)),
        (f"[{{'bbox_2d': [60,60,10,10], 'point_2d': [1,1]}}, {JSON}]", [ONE], (Fault.BAD_BOX,)),
        ("[[10,10,60,60]]", [(ONE[0], ())], (Fault.BAD_POINT,)),
    ],
)  # fmt: skip
def test_answers_are_read_in_the_notations_of_both_projects(content, objects, faults):
    answer = read(content)
    assert [(one.xyxy_px, one.points_xy_px) for one in answer.value.objects] == objects
    assert answer.faults == faults and answer.formatted == (not faults)


@pytest.mark.parametrize("content", ['[{"point_2d": [35,35]}]', "(35, 35)", "a cup", "[x1, y1]", ""])
def test_what_has_no_box_is_no_answer(content):
    answer = read(content)
    assert answer.value is None and answer.faults and not answer.formatted
    assert answer.other is None or isinstance(answer.other, Points)


def test_points_belong_to_the_box_in_whose_braces_they_are():
    answer = read(
        '[{"bbox_2d": [0,0,9,9]}, {"bbox_2d": [10,10,60,60], "point_2d": [35,35]}, {"bbox_2d": [70,0,80,9]}]'
    )
    assert [one.points_xy_px for one in answer.value.objects] == [(), ((35.0, 35.0),), ()]


whole = st.integers(0, 99)


@settings(max_examples=60, deadline=None)
@given(
    objects=st.lists(
        st.tuples(whole, whole, st.integers(1, 40), st.integers(1, 40), whole, whole), max_size=5
    ),
    mirrored=st.booleans(),
)
def test_what_is_written_is_read_back(objects, mirrored):
    shown = replace(ASKED.image, mirrored=mirrored)
    found = tuple(
        ObjectRegion(
            (float(x), float(y), float(min(x + w, 100)), float(min(y + h, 100))), ((float(a), float(b)),)
        )
        for x, y, w, h, a, b in objects
    )
    example = replace(ASKED, media=(shown,), target=Regions(found))
    frame = shown.frame("resized_pixels", (100, 100))
    answer = TASK.parse(TASK.gold(example, [frame]), example, [frame])
    assert answer.value == Regions(found)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="[]{}\"',:0159. bpoint_2dx-NaN", max_size=80))
def test_no_text_raises_or_gives_an_object_outside_of_the_image(text):
    answer = read(text)
    if answer.value is not None:
        for one in answer.value.objects:
            assert all(0 <= number <= 100 for number in one.prompt)
        assert Regions.decode(answer.value.encode()) == answer.value


def made(tmp_path) -> list[Prediction]:
    """Right boxes with points on the discs, one point beside its disc, and a right abstention."""
    path = scene(tmp_path / "0.png")
    discs = mask_of_disc(20, 20), mask_of_disc(60, 20)
    target = Regions(tuple(ObjectRegion(mask.box_xyxy_px, mask=mask) for mask in discs))
    asked = Example(
        "0#red", "0.png", "segmentation", (Image(path, (SIDE, SIDE)),), "red", target, group="red"
    )
    right = Regions(
        (
            ObjectRegion((4.0, 4.0, 37.0, 37.0), ((20.0, 20.0),)),
            ObjectRegion((44.0, 4.0, 77.0, 37.0), ((60.0, 20.0),)),
        )
    )
    beside = replace(
        right, objects=(right.objects[0], replace(right.objects[1], points_xy_px=((45.0, 5.0),)))
    )
    nothing = replace(asked, id="0#green", question="green", target=Regions(), group="green")
    return [
        Prediction(asked, Answer(right, True)),
        Prediction(replace(asked, id="1#red"), Answer(beside, True)),
        Prediction(nothing, Answer(Regions(), True)),
    ]


def mask_of_disc(x: float, y: float):
    from vrft.geometry.masks import mask_of_region

    rows, columns = np.indices((SIDE, SIDE))
    return mask_of_region(np.hypot(rows - y, columns - x) <= 15.5)


def test_masks_are_made_at_inference_and_measured_by_giou_and_ciou(tmp_path):
    predictions = made(tmp_path)
    segmented = segment_answers(predictions, "flood_fill", tmp_path / "out", NullReporter())
    card = segmentation_card(predictions, segmented, 50)
    kept = segment_answers(predictions, "flood_fill", tmp_path / "out", NullReporter())
    assert kept == segmented and card["sam"] == "flood_fill"
    # Right: both discs. Beside: one disc and the white around the other. Nothing: 1.
    first, second = (
        mask_iou([one.answer], [one.example.target], [one.example.image.path], "flood_fill")[0]
        for one in predictions[:2]
    )
    assert first > 0.97 and 0.3 < second < 0.6
    assert card["giou"]["value"] == pytest.approx((first + second + 1) / 3)


def test_the_reward_with_a_segmenter_needs_its_name_and_a_mask(tmp_path):
    (one, _, nothing) = made(tmp_path)
    path, target = one.example.image.path, one.example.target
    assert mask_iou([Answer(None), nothing.answer], [target, Regions()], [path, path], "flood_fill") == [
        0.0,
        1.0,
    ]
    assert mask_iou([one.answer], [None], [path], "flood_fill") == [None]
    with pytest.raises(InputError, match="no segmenter is named"):
        mask_iou([one.answer], [target], [path])
    bare = Regions((ObjectRegion((0.0, 0.0, 9.0, 9.0)),))
    with pytest.raises(InputError, match="this label has no mask"):
        mask_iou([one.answer], [bare], [path], "flood_fill")


def test_coco_results_hold_masks_that_pycocotools_reads(tmp_path):
    predictions = segmented_predictions(made(tmp_path), "flood_fill", NullReporter())
    document = open_format("coco", [one.example for one in predictions], Setting("me"))(predictions)
    (tmp_path / "whole.json").write_text(json.dumps(document))
    held = COCO(str(tmp_path / "whole.json"))
    masks = [held.annToMask(one) for one in held.loadAnns(held.getAnnIds(imgIds=[1]))]
    expected = [one.mask for each in predictions for one in each.answer.value.objects]
    assert [mask.sum() for mask in masks] == [mask_area(mask) for mask in expected]
    assert document["annotations"][0]["area"] == mask_area(expected[0])
    results = [
        {k: one[k] for k in ("image_id", "category_id", "segmentation", "score")}
        for one in document["annotations"]
    ]
    assert len(held.loadRes(results).anns) == 4
    assert coco_mask.area(results[0]["segmentation"]) == mask_area(expected[0])


@pytest.mark.parametrize("name", ["supervision", "labelstudio"])
def test_formats_that_cannot_hold_objects_name_those_that_can(name, tmp_path):
    examples = [one.example for one in made(tmp_path)]
    with pytest.raises(
        InputError, match=f"{name} cannot hold answers of the kind regions. Choose one of: coco, json"
    ):
        open_format(name, examples, Setting("me"))


def test_nothing_right_counts_questions_with_nothing_to_find_alone(tmp_path):
    predictions = made(tmp_path)
    metric = next(one for one in TASK.metrics if one.name == "nothing_right")
    assert metric.value(predictions) == 1.0 and np.isnan(metric.value(predictions[:2]))
    wrong = replace(predictions[2], answer=Answer(None))
    assert metric.value([*predictions, wrong]) == 0.5
    # What cannot be read does not say that nothing is there, for IoU neither.
    giou = next(one for one in TASK.metrics if one.name == "giou_of_boxes")
    assert [giou.value([one]) for one in (predictions[2], wrong)] == [1.0, 0.0]
    assert [one.iou for one in overlaps([predictions[2], wrong], {})] == [1.0, 0.0]


def test_a_mask_of_another_size_than_its_image_is_not_asked_about(tmp_path):
    scene(tmp_path / "a.png")
    mask = mask_of_boxes([(5.0, 5.0, 20.0, 20.0)], (SIDE, SIDE // 2)).encode()
    target = {"kind": "regions", "objects": [{"xyxy_px": [5, 5, 20, 20], "mask": mask}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps({"image": "a.png", "question": "it", "target": target}))
    with pytest.raises(InputError, match=r"line 1: A mask is of 40x80 pixels, and its image has 80x80\."):
        labels_for(TASK, tmp_path)
