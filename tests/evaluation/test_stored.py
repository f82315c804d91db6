"""Stored texts: what is scored, what is refused, and that nothing is guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_rows import read, row

from vrft.evaluation.external.judge_row import Refusal
from vrft.evaluation.external.read_predictions import Stored, read_predictions
from vrft.evaluation.external.score_predictions import score_stored
from vrft.geometry.frames import View
from vrft.tasks.metrics.metric import METRICS


def iou(stored: Stored) -> float:
    return METRICS["mean_iou"].value(stored.judged["grounding"])


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"frame": None}, Refusal.FRAME),
        ({"frame": "0-1000"}, Refusal.FRAME),
        ({"frame": "thousand "}, Refusal.FRAME),
        ({"frame": None, "target": None}, Refusal.FRAME),
        ({"image_wh": None}, Refusal.SIZE),
        ({"image_wh": None, "frame": "pixels"}, Refusal.SIZE),
        ({"target": None}, Refusal.LABEL),
        ({"target": {"name": "cat"}}, Refusal.LABEL),
        ({"target": {"boxes_xyxy": [[1, 1, 2, 2]]}}, Refusal.LABEL_FRAME),
        ({"target": {"boxes_xyxy": [[1, 1, 2, 2]], "frame": "0-999"}}, Refusal.LABEL_FRAME),
        ({"frame": "input_pixels"}, Refusal.INPUT_SIZE),
        ({"target": {"boxes_xyxy_px": [[0, 0, 700, 10]]}}, Refusal.BAD_LABEL),
        ({"target": {"boxes_xyxy_px": [[9, 9, 9, 10]]}}, Refusal.BAD_LABEL),
        ({"target": {"boxes_xyxy_px": []}}, Refusal.SEVERAL),
        ({"target": {"boxes_xyxy_px": [[0, 0, 1, 1], [2, 2, 3, 3]]}}, Refusal.SEVERAL),
        ({"target": {"boxes_xyxy_px": []}, "task": "detection"}, None),
        ({"target": {"name": "cat"}, "task": "classification", "frame": None, "image_wh": None}, None),
        ({"task": "classification"}, Refusal.LABEL),
    ],
)
def test_an_answer_is_scored_where_all_that_it_needs_is_stated(
    tmp_path: Path, changes: dict[str, Any], refusal: Refusal | None
) -> None:
    (answer,) = read(tmp_path, row(**changes)).answers
    assert answer.refusal == refusal
    assert (answer.judged is None) == (refusal is not None)
    assert answer.reads


@pytest.mark.parametrize(
    ("frame", "numbers", "more"),
    [
        ("thousand", (100, 100, 500, 500), {}),
        ("unit", (0.1, 0.1, 0.5, 0.5), {}),
        ("pixels", (64, 48, 320, 240), {}),
        ("pixels", (64, 48, 320, 240), {"input_wh": [1280, 960]}),
        ("input_pixels", (128, 96, 640, 480), {"input_wh": [1280, 960]}),
    ],
)
def test_every_frame_comes_back_to_the_same_pixels(
    tmp_path: Path, frame: str, numbers: tuple[float, ...], more: dict[str, Any]
) -> None:
    x1, y1, x2, y2 = numbers
    stored = read(tmp_path, row(frame=frame, text=f"<answer>({x1},{y1}),({x2},{y2})</answer>", **more))
    (judged,) = stored.judged["grounding"]
    assert judged.answer.boxes_xyxy_px[0] == pytest.approx((64, 48, 320, 240))
    assert iou(stored) == pytest.approx(1)


corners = st.tuples(st.integers(0, 490), st.integers(0, 490), st.integers(500, 1000), st.integers(500, 1000))


@given(corners, corners, st.integers(10, 4000), st.integers(10, 4000))
def test_iou_of_shares_is_that_of_any_picture(
    tmp_path_factory: pytest.TempPathFactory,
    said: tuple[int, ...],
    label: tuple[int, ...],
    width: int,
    height: int,
) -> None:
    x1, y1, x2, y2 = said
    one = row(
        text=f"({x1},{y1}),({x2},{y2})", image_wh=None, target={"boxes_xyxy": [label], "frame": "thousand"}
    )
    folder = tmp_path_factory.mktemp("shares")
    unsized, sized = read(folder, one), read(folder, one | {"image_wh": [width, height]})
    assert [s.answers[0].sized for s in (unsized, sized)] == [False, True]
    assert iou(unsized) == pytest.approx(iou(sized))
    pixels = [n * side / 1000 for n, side in zip(label, (width, height) * 2, strict=True)]
    in_pixels = read(
        folder, row(**one | {"image_wh": [width, height], "target": {"boxes_xyxy_px": [pixels]}})
    )
    assert iou(in_pixels) == pytest.approx(iou(sized))


def test_a_label_in_pixels_needs_the_size_and_is_not_taken_for_thousandths(tmp_path: Path) -> None:
    mapped = {"target.boxes_xyxy": "truth", "target.frame": "kind"}
    known = {"target.frame": {"px": "pixels", "0-1000": "thousand"}}
    rows = [
        row(target=None, truth=[[100, 100, 500, 500]], kind=kind, image_wh=None)
        for kind in ("px", "0-1000", "?")
    ]
    stored = read(tmp_path, *rows, fields=mapped, values=known)
    assert [a.refusal for a in stored.answers] == [Refusal.SIZE, None, Refusal.LABEL_FRAME]
    assert score_stored(stored)["unknown_frames"] == {"?": 1}


def test_only_words_that_were_explained_count_even_where_others_are_ours(tmp_path: Path) -> None:
    rows = [row(frame=None, coords=word) for word in ("0-1000", "pixels", "thousand", 1000, None)]
    stored = read(
        tmp_path,
        *rows,
        fields={"frame": "coords"},
        values={"frame": {"0-1000": "thousand", "1000": "thousand"}},
        defaults={"frame": "thousand"},
    )
    assert [a.judged is not None for a in stored.answers] == [True, False, False, True, True]
    assert score_stored(stored)["unknown_frames"] == {"pixels": 1, "thousand": 1}


def test_constants_stand_only_where_a_row_has_nothing(tmp_path: Path) -> None:
    stored = read(
        tmp_path,
        row(frame=None, image_wh=None),
        row(image_wh=[64, 48], frame="unit"),
        defaults={"frame": "thousand", "image_wh": "[640, 480]"},
    )
    first, second = stored.answers
    assert first.judged is not None and first.judged.view == View("thousand", (640, 480), (640, 480))
    assert second.refusal is Refusal.BAD_LABEL


def test_a_constant_below_a_target_keeps_the_rest_of_it(tmp_path: Path) -> None:
    label = {"boxes_xyxy": [[100, 100, 500, 500]]}
    for target in (label, json.dumps(label)):
        stored = read(tmp_path, row(target=target), defaults={"target.frame": "thousand"})
        assert iou(stored) == pytest.approx(1)


def test_csv_and_json_give_what_json_lines_give(tmp_path: Path) -> None:
    rows = [row(id="a", image="1.png"), row(id="b", image="2.png", text="no, sorry")]
    lines = read(tmp_path, *rows)
    (tmp_path / "a.json").write_text(json.dumps(rows))
    heading = "id,image,text,task,frame,image_wh,target"
    cells = [
        [json.dumps(v) if isinstance(v, list | dict) else v for v in map(r.get, heading.split(","))]
        for r in rows
    ]
    quoted = [",".join('"' + str(cell).replace('"', '""') + '"' for cell in line) for line in cells]
    (tmp_path / "a.csv").write_text("\n".join([heading, *quoted]))
    for name in ("a.json", "a.csv"):
        assert read_predictions(tmp_path / name).judged == lines.judged
