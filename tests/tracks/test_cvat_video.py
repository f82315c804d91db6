"""CVAT for video: key frames, interpolation, frames that are outside, and what is wrong in them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as PILImage

from vrft.data.dataset import labels_for, load_dataset
from vrft.errors import LabelError
from vrft.tasks.tracking import TASK
from vrft.types import Tracks

META = "<meta><task><name>walk</name><start_frame>{}</start_frame><stop_frame>{}</stop_frame>{}</task></meta>"


def box(frame, x, y=5.0, outside=0, more=""):
    place = f'xtl="{x}" ytl="{y}" xbr="{x + 10}" ybr="{y + 8}"'
    return f'<box frame="{frame}" keyframe="1" outside="{outside}" occluded="1" {place} {more}/>'


def track(id, label, *boxes):
    return f'<track id="{id}" label="{label}">\n' + "\n".join(boxes) + "\n</track>"


def video(folder, *tracks, frames=range(12), meta="", inside="images"):
    (folder / inside).mkdir(parents=True)
    for n in frames:
        seen = PILImage.effect_noise((64, 48), 20 + 9 * n).convert("RGB")
        seen.save(folder / inside / f"frame_{n:06}.png")
    lines = ['<?xml version="1.0"?>', "<annotations>", *filter(None, [meta]), *tracks, "</annotations>"]
    (folder / "annotations.xml").write_text("\n".join(lines), "utf-8")
    return folder


def read(folder):
    dataset = labels_for(TASK, folder)
    return dataset, {one.name: v.by_image for r in dataset.records for one, v in r.about("category", Tracks)}


def test_boxes_between_key_frames_are_those_of_a_straight_line(tmp_path):
    walk = track(0, "cat", box(1, 2.0), box(4, 17.0, 8.0), box(6, 30.0, outside=1), box(9, 40.0))
    dataset, found = read(video(tmp_path, walk, track(7, "dog", box(0, 50.0), box(2, 70.0, outside=1))))
    assert dataset.format == "cvat_video" and not (dataset.left_out or dataset.fixed)
    (record,) = dataset.records
    assert [medium.path.name for medium in record.media][11] == "frame_000011.png"
    cat = {n: own["0"] for n, own in found["cat"].items()}
    # Towards the frame in which it is gone it moves too; after its last box it stays.
    assert sorted(cat) == [1, 2, 3, 4, 5, 9, 10, 11]
    for n, seen in cat.items():
        x, y = np.interp(n, [1, 4, 6, 9], [2, 17, 30, 40]), np.interp(n, [1, 4, 6, 9], [5, 8, 5, 5])
        assert seen == pytest.approx((x, y, x + 10, y + 8))
    assert found["dog"] == {0: {"7": (50.0, 5.0, 60.0, 13.0)}, 1: {"7": (60.0, 5.0, 64.0, 13.0)}}
    assert {e.question for e in TASK.examples(dataset.records)} >= {"cat", "dog"}


def test_only_frames_that_were_labelled_are_shown(tmp_path):
    folder = video(
        tmp_path,
        track(0, "cat", box(2, 2.0), box(8, 8.0)),
        meta=META.format(2, 8, "<frame_filter>step=3</frame_filter><source>clips/walk.mp4</source>"),
        inside="walk",
    )
    dataset, found = read(folder)
    (record,) = dataset.records
    assert [medium.path.stem[-2:] for medium in record.media] == ["02", "05", "08"]
    assert {n: own["0"][0] for n, own in found["cat"].items()} == {2: 2.0, 5: 5.0, 8: 8.0}


@pytest.mark.parametrize(
    ("bad", "said", "line"),
    [
        (track(1, "", box(0, 1.0)), "has no label", 3),
        (track(1, "dog", '<polygon frame="0" outside="0" points="1,1;5,5;5,1"/>'), "kind 'polygon'", 3),
        (track(1, "dog", box(0, 1.0), box(0, 2.0)), "two boxes in one frame", 3),
        (track(1, "dog", box("x", 1.0)), "no number of its frame", 4),
        (track(1, "dog", '<box frame="0" outside="0"/>'), "no place", 4),
        (track(1, "dog", box(0, 90.0)), "no box inside of an image", 3),
    ],
)  # fmt: skip
def test_a_bad_track_costs_itself_and_says_its_line(tmp_path, bad, said, line):
    sound = [track(n, "cat", box(0, 3.0 * n)) for n in range(2, 8)]
    dataset, found = read(video(tmp_path, bad, *sound))
    (mistake,) = dataset.left_out
    assert said in mistake.problem and mistake.where.endswith(f"annotations.xml, line {line}") and mistake.fix
    assert set(found) == {"cat"}


def test_frames_without_images_are_named(tmp_path):
    dataset, found = read(video(tmp_path, track(0, "cat", box(0, 0.0), box(6, 6.0)), frames=[0, 1, 2, 4]))
    assert {n: own["0"][0] for n, own in found["cat"].items()} == {0: 0.0, 1: 1.0, 2: 2.0, 4: 4.0}
    assert ["frames that have no image: 6" in one.problem for one in dataset.fixed] == [True]
    with pytest.raises(LabelError, match="no labels for boxes of categories; it reads as cvat_video"):
        load_dataset(tmp_path, {("category", "boxes")})
