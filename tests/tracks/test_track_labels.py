"""Labels of sequences: rows of several images, MOTChallenge's folders, and what is wrong in them."""

from __future__ import annotations

import json

import pytest
from PIL import Image as PILImage

from vrft.config.questions import compute_fingerprints
from vrft.data.augment import AugmentOptions, augmented
from vrft.data.dataset import load_dataset
from vrft.data.splits.few_shot import few_shot_split
from vrft.data.splits.manifest import manifest, split_from_manifest
from vrft.errors import LabelError
from vrft.inference.drawn_images import draw
from vrft.inference.image_questions import images_at, questions_about
from vrft.tasks.tracking import TASK
from vrft.tasks.tracking.tracking import Tracking
from vrft.types import Tracks

NEEDS, GIVEN = TASK.needs, TASK.or_needs[0]
BOX = [4, 4, 24, 24]


def image(path, seed, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.effect_noise(size, 40 + 9 * seed).convert("RGB").save(path)


def rows(folder, *entries):
    for number in range(8):
        image(folder / f"{number}.png", number)
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    (folder / "rows.jsonl").write_text(text, "utf-8")
    return folder


def row(names, boxes, **more):
    return {"images": names, "question": "the cup", "target": {"boxes": boxes}, **more}


NAMES = ["0.png", "1.png", "2.png"]


def test_a_row_of_several_images_is_one_record(tmp_path):
    numbered = {"kind": "tracks", "boxes": {"10": BOX}, "numbers": [10, 20]}
    folder = rows(
        tmp_path,
        row(NAMES, {"1": BOX, "3": BOX}),
        {"images": ["3.png", "4.png"], "question": "the cup", "target": numbered},
        row(["5.png"], {"1": {"a": BOX, "b": [30, 4, 50, 24]}}),
    )
    dataset = load_dataset(folder, NEEDS)
    assert [len(record.media) for record in dataset.records] == [3, 2, 1] and not dataset.left_out
    first, second, third = TASK.examples(dataset.records)
    assert first.target == Tracks(((1, "", *BOX), (3, "", *BOX))) and not first.fields
    assert second.target.by_image.keys() == {10} and second.fields == {"numbers": [10, 20]}
    assert third.fields == {"several": True} and third.target.names == ("a", "b")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (row(NAMES, {"4": BOX}), "names image 4, and the images are numbered 1 to 3"),
        (row(NAMES, {"0": BOX}), "names image 0"),
        (row(NAMES, {"1": [4, 4, 240, 24]}), "box in image 1 is no box inside the 64x48 pixels"),
        (row(NAMES, {"1": [24, 4, 4, 24]}), "box in image 1"),
        (row(NAMES, {"1": [1, 2, 3]}), "not a value"),
        (
            {**row(NAMES, {}), "target": {"kind": "tracks", "boxes": [[1, "a", *BOX], [1, "a", *BOX]]}},
            "Image 1 has 2 boxes of 'a'",
        ),
        (
            {**row(NAMES, {}), "target": {"kind": "tracks", "boxes": [], "numbers": [1, 2]}},
            "numbers 2 images, and 3 are shown",
        ),
        (row(["0.png", "lost.png"], {"1": BOX}), "'lost.png' is missing"),
        (
            {**row(NAMES, {}), "target": {"kind": "points", "xy_px": [[4, 4]]}},
            "of kind 'points', where 'tracks' is expected",
        ),
    ],
)
def test_a_bad_row_is_one_sentence_with_its_line_and_the_others_stay(tmp_path, entry, said):
    sound = [row([f"{k}.png", f"{k + 1}.png"], {"1": BOX}) for k in (0, 2, 4, 5, 6)]
    dataset = load_dataset(rows(tmp_path, *sound, entry), NEEDS)
    (mistake,) = dataset.left_out
    assert said in str(mistake) and mistake.where.endswith("line 6")
    assert len(list(TASK.examples(dataset.records))) == 5


def mot(folder, lines, images=6, first=1):
    for number in range(first, first + images):
        image(folder / "img1" / f"{number:06}.jpg", number)
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text("\n".join(lines), "utf-8")
    return folder


LINES = [f"{n},5,{1 + 2 * n},3,20,30,1,1,0.9" for n in range(1, 7)] + [
    "2,9,1,1,900,30,1,3,1",
    "3,7,1,1,5,5,0,8,1",
]


def test_motchallenge_counts_corners_from_one_and_keeps_numbers(tmp_path):
    mot(tmp_path / "train" / "A-01", LINES)
    mot(tmp_path / "train" / "A-02", ["11,x,5,5,10,10", "13,x,7,5,10,10"], first=11)
    dataset = load_dataset(tmp_path, GIVEN)
    assert dataset.format == "mot_challenge" and [len(r.media) for r in dataset.records] == [6, 6]
    assert dataset.parts == {"train/A-01": "train", "train/A-02": "train"}
    things = {one.name: tracks for r in dataset.records for one, tracks in r.about("category", Tracks)}
    assert set(things) == {"pedestrian", "car", "object"}, "a flag of 0 does not count"
    assert things["pedestrian"].by_image[1]["5"] == (2.0, 2.0, 22.0, 32.0)
    assert things["car"].by_image[2]["9"] == (0.0, 0.0, 64.0, 30.0), "cut at the border"
    assert things["object"].numbers == (11, 12, 13, 14, 15, 16)
    examples = list(Tracking(clip=4).examples(dataset.records))
    assert len({e.id for e in examples}) == len(examples)
    asked = [(e.question, [m.path.stem[-2:] for m in e.media], sorted(e.target.by_image)) for e in examples]
    assert asked == [
        ("pedestrian", ["01", "02", "03", "04"], [2, 3, 4]),
        ("pedestrian", ["05", "06"], [6]),
        ("object", ["11", "12", "13", "14"], [13]),
    ]
    assert examples[1].fields == {"numbers": [5, 6], "begin": [10.0, 2.0, 30.0, 32.0]}
    (sparse,) = [e for e in Tracking(every=3).examples(dataset.records) if e.question == "pedestrian"]
    assert [m.path.stem[-2:] for m in sparse.media] == ["01", "04"] and sparse.target.by_image.keys() == {4}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,5,10,10,20,20", r"Image 1 has a second box of the id 5; the first is in .*gt.txt:1"),
        ("1,8,one,1,9,9", "not all its numbers"),
        ("1,8,1", "not all its numbers"),
        ("1", "no id"),
    ],
)
def test_a_thing_with_a_bad_line_is_left_out_with_the_line_and_the_others_are_read(tmp_path, line, said):
    others = [f"1,{name},5,5,10,10" for name in range(20, 27)]
    dataset = load_dataset(mot(tmp_path / "a", [*LINES[:6], *others, line]), GIVEN)
    (mistake,) = dataset.left_out
    assert mistake.where.endswith("gt.txt:14")
    with pytest.raises(LabelError, match=said):
        raise mistake
    assert len(dataset.records[0].annotations) == (7 if "second box" in said else 8)


@pytest.mark.parametrize(
    ("line", "said"),
    [("9,5,10,10,20,20", "no image 9, only 1 to 6"), ("6,8,90,10,20,20", "no area inside its image")],
)
def test_a_box_that_cannot_be_seen_is_said_and_costs_itself(tmp_path, line, said):
    dataset = load_dataset(mot(tmp_path / "a", [*LINES[:5], "5,8,9,9,9,9", line]), GIVEN)
    assert not dataset.left_out and said in str(dataset.fixed[0]) and len(dataset.records[0].annotations) == 2


def test_boxes_of_several_images_have_to_say_in_which_they_are(tmp_path):
    entries = [{"images": NAMES, "question": "the cup", "box": BOX}]
    with pytest.raises(LabelError, match=r"shows 3 images, and its boxes do not say.*\"1\": \[x1"):
        load_dataset(rows(tmp_path, *entries), frozenset({("phrase", "boxes")}))


def video(folder, sequence, count=6, **more):
    for number in range(1, 7):
        image(folder / "clip" / f"{number:04}.png", number, (200, 100))
    value = {"framesCount": count, "sequence": sequence, "labels": ["car"], **more}
    result = {"id": "r1", "type": "videorectangle", "value": value}
    task = {
        "id": 4,
        "data": {"video": "/data/local-files/?d=x/clip.mp4"},
        "annotations": [{"result": [result]}],
    }
    (folder / "export.json").write_text(json.dumps([task]), "utf-8")
    return folder


def key(frame, x, enabled=True):
    return {"frame": frame, "x": x, "y": 10, "width": 25, "height": 50, "enabled": enabled}


def test_boxes_between_key_frames_of_a_video_move_in_a_straight_line(tmp_path):
    keys = [key(1, 0), key(3, 30, enabled=False), key(5, 10)]
    dataset = load_dataset(video(tmp_path, keys), GIVEN)
    (record,) = dataset.records
    ((one, tracks),) = record.about("category", Tracks)
    assert one.name == "car" and dataset.format == "label_studio_video"
    assert {n: own["r1"] for n, own in tracks.by_image.items()} == {
        1: (0.0, 10.0, 50.0, 60.0),
        2: (30.0, 10.0, 80.0, 60.0),
        3: (60.0, 10.0, 110.0, 60.0),
        5: (20.0, 10.0, 70.0, 60.0),
        6: (20.0, 10.0, 70.0, 60.0),
    }, "hidden after the third, and there to the end after the fifth"


@pytest.mark.parametrize(
    ("keys", "count", "said"),
    [
        ([key(1, 0)], 12, "counts 12 frames, and there are 6 images"),
        ([key(9, 0)], 6, "number 9, which no image has"),
        ([key(1, 0), key(1, 5)], 6, "one number"),
        ([key(1, 120)], 6, "no area"),
        ([], 6, "no key frames"),
    ],
)
def test_a_bad_track_of_a_video_is_named(tmp_path, keys, count, said):
    with pytest.raises(LabelError, match=said):
        load_dataset(video(tmp_path, keys, count), GIVEN)


def test_parts_of_a_sequence_are_split_together_and_the_split_is_found_again(tmp_path):
    for name in "abcd":
        mot(tmp_path / name, [f"{n},1,{n},{5 + ord(name) % 7},20,20" for n in range(1, 7)])
        for number in range(1, 7):
            image(tmp_path / name / "img1" / f"{number:06}.jpg", number, (64 + 16 * (ord(name) - 97), 48))
    dataset = load_dataset(tmp_path, GIVEN)
    task = Tracking(clip=3)
    examples = list(task.examples(dataset.records))
    prints = compute_fingerprints(dataset)
    split = few_shot_split(examples, shots=1, seed=0, prints=prints, near_duplicates=False)
    parts = [{e.record_id for e in part} for part in (split.train, split.val, split.heldout)]
    assert len(parts[0]) == 1 and not parts[0] & (parts[1] | parts[2])
    saved = manifest(split, prints)
    assert split_from_manifest(examples, saved).train == split.train
    image(split.train[0].media[1].path, 99)
    with pytest.raises(LabelError, match="changed since the split"):
        split_from_manifest(examples, saved)


def test_images_of_a_sequence_are_changed_alike_or_not_at_all(tmp_path):
    folder = rows(tmp_path, row(NAMES, {"1": BOX, "2": [30, 10, 60, 40]}))
    (example,) = TASK.examples(load_dataset(folder, NEEDS).records)
    every = AugmentOptions(flip=0.5, crop=0.7, scale=0.5, color=0.5)
    changed = [augmented(example, every, seed) for seed in range(20)]
    assert any(one.media[0].window_px for one in changed) and any(one.media[0].mirrored for one in changed)
    for one in changed:
        views = {(m.window_px, m.mirrored, m.resized_wh, m.edits) for m in one.media}
        assert len(views) == 1 and one.target.survives_view(one.media[0].window_px, one.media[0].mirrored)
    image(folder / "2.png", 2, (32, 48))
    (uneven,) = TASK.examples(load_dataset(folder, NEEDS).records)
    assert all(augmented(uneven, every, seed) == uneven for seed in range(20))


def test_a_sequence_is_drawn_side_by_side_and_has_no_place_in_formats_of_images(tmp_path):
    folder = rows(tmp_path / "data", row(NAMES, {"1": BOX, "2": [30, 10, 60, 40]}))
    dataset = load_dataset(folder, NEEDS)
    (example,) = TASK.examples(dataset.records)
    drawn = draw(example)
    blue = (31, 111, 235)
    assert drawn.size == (3 * 64, 48) and drawn.getpixel((4, 14)) == drawn.getpixel((64 + 30, 25)) == blue
    assert drawn.getpixel((64 + 4, 14)) != blue and drawn.getpixel((128 + 30, 25)) != blue


def test_a_folder_without_labels_is_one_sequence(tmp_path):
    for number in (2, 10, 1):
        image(tmp_path / "clip" / f"{number:03}.png", number)
    examples, broken = questions_about(images_at(tmp_path / "clip"), TASK, ["the cup"])
    (example,) = examples
    assert [m.path.name for m in example.media] == ["001.png", "002.png", "010.png"] and not broken
    assert example.record_id == "clip"
