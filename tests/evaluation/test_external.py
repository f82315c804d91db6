"""Stored answers of other tools: what is scored, what is refused, and that nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from external_rows import closed, iou, predictions_of_every_task, read, row
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vrft.errors import InputError
from vrft.evaluation.external import ExternalRow, Refusal, read_external, score_external
from vrft.evaluation.predictor import write_predictions
from vrft.evaluation.scorecard import scorecard
from vrft.types import Answer, Boxes, CoordinateFrame, Fault, GateAnswer, Prediction
from vrft.types.rows import prediction_to_row

ONE_BOX = [[64, 48, 320, 240]]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"frame": None}, Refusal.FRAME),
        ({"frame": "0-1000"}, Refusal.FRAME),
        ({"frame": "norm1000 "}, Refusal.FRAME),
        ({"frame": "pixels"}, Refusal.FRAME),
        ({"frame": None, "target": None}, Refusal.FRAME),
        ({"image_wh": None}, Refusal.SIZE),
        ({"image_wh": None, "frame": "file_pixels"}, Refusal.SIZE),
        ({"target": None}, Refusal.LABEL),
        ({"target": {"name": "cat"}}, Refusal.LABEL),
        ({"target": {"kind": "label", "name": "cat"}}, Refusal.LABEL),
        ({"target": {"kind": "boxes", "xyxy_px": ONE_BOX}}, None),
        ({"target": {"boxes": [[1, 1, 2, 2]], "frame": "unknown"}}, Refusal.LABEL_FRAME),
        ({"target": {"boxes": [[1, 1, 2, 2]], "frame": "0-999"}}, Refusal.LABEL_FRAME),
        ({"target": {"boxes": [[1, 1, 2, 2]], "frame": "resized_pixels"}}, Refusal.LABEL_FRAME),
        ({"frame": "resized_pixels"}, Refusal.INPUT_SIZE),
        ({"target": {"boxes": [[0, 0, 700, 10]]}}, Refusal.BAD_LABEL),
        ({"target": {"boxes": [[9, 9, 9, 10]]}}, Refusal.BAD_LABEL),
        ({"target": {"boxes": []}}, Refusal.UNSUITED),
        ({"target": {"boxes": [[0, 0, 1, 1], [2, 2, 3, 3]]}}, Refusal.UNSUITED),
        ({"target": {"boxes": []}, "task": "detection"}, None),
        ({"target": {"name": "cat"}, "task": "classification", "frame": None, "image_wh": None}, None),
        ({"target": {"kind": "label", "name": "cat"}, "task": "classification", "frame": None}, None),
        ({"task": "classification"}, Refusal.LABEL),
    ],
)
def test_an_answer_is_scored_where_all_that_it_needs_is_stated(
    tmp_path: Path, changes: dict[str, Any], refusal: Refusal | None
) -> None:
    (answer,) = read(tmp_path, row(**changes)).answers
    assert answer.refusal == refusal
    assert (answer.prediction is None) == (refusal is not None)
    assert answer.reads


@pytest.mark.parametrize(
    ("frame", "numbers", "more"),
    [
        ("norm1000", (100, 100, 500, 500), {}),
        ("norm1", (0.1, 0.1, 0.5, 0.5), {}),
        ("file_pixels", (64, 48, 320, 240), {}),
        ("file_pixels", (64, 48, 320, 240), {"input_wh": [1280, 960]}),
        ("resized_pixels", (128, 96, 640, 480), {"input_wh": [1280, 960]}),
    ],
)
def test_every_frame_comes_back_to_the_same_pixels(
    tmp_path: Path, frame: str, numbers: tuple[float, ...], more: dict[str, Any]
) -> None:
    x1, y1, x2, y2 = numbers
    external = read(tmp_path, row(frame=frame, text=f"<answer>({x1},{y1}),({x2},{y2})</answer>", **more))
    (prediction,) = external.predictions["grounding"]
    value = prediction.answer.as_(Boxes)
    assert value is not None and value.xyxy_px[0] == pytest.approx((64, 48, 320, 240))
    assert iou(external) == pytest.approx(1)


corners = st.tuples(st.integers(0, 490), st.integers(0, 490), st.integers(500, 1000), st.integers(500, 1000))


@given(corners, corners, st.integers(10, 4000), st.integers(10, 4000))
def test_iou_of_shares_is_that_of_any_image(
    tmp_path_factory: pytest.TempPathFactory,
    said: tuple[int, ...],
    label: tuple[int, ...],
    width: int,
    height: int,
) -> None:
    x1, y1, x2, y2 = said
    one = row(text=f"({x1},{y1}),({x2},{y2})", image_wh=None, target={"boxes": [label], "frame": "norm1000"})
    folder = tmp_path_factory.mktemp("shares")
    unsized, sized = read(folder, one), read(folder, one | {"image_wh": [width, height]})
    assert [s.answers[0].sized for s in (unsized, sized)] == [False, True]
    assert [s.sized("grounding") for s in (unsized, sized)] == [False, True]
    assert iou(unsized) == pytest.approx(iou(sized))
    pixels = [n * side / 1000 for n, side in zip(label, (width, height) * 2, strict=True)]
    in_pixels = read(folder, row(**one | {"image_wh": [width, height], "target": {"boxes": [pixels]}}))
    assert iou(in_pixels) == pytest.approx(iou(sized))


def test_a_label_in_pixels_needs_the_size_and_is_not_taken_for_thousandths(tmp_path: Path) -> None:
    box = [[100, 100, 500, 500]]
    frames = ("file_pixels", "norm1000", "?")
    rows = [row(target={"boxes": box, "frame": frame}, image_wh=None) for frame in frames]
    external = read(tmp_path, *rows)
    assert [a.refusal for a in external.answers] == [Refusal.SIZE, None, Refusal.LABEL_FRAME]
    assert score_external(external)["unknown_frames"] == {"?": 1}


def test_words_for_frames_that_are_not_known_are_counted(tmp_path: Path) -> None:
    rows = [row(frame=word) for word in ("0-1000", "pixels", "norm1000", 1000, None)]
    external = read(tmp_path, *rows)
    assert [a.prediction is not None for a in external.answers] == [False, False, True, False, False]
    assert score_external(external)["unknown_frames"] == {"0-1000": 1, "1000": 1, "pixels": 1}


def test_the_whole_row_becomes_a_prediction(tmp_path: Path) -> None:
    whole = row(
        id="q", record_id="r", image="1.png", question="cup", options=["a"], form="think", group="g",
        finished=False, samples=["<think>well</think><answer>(0,0),(500,500)</answer>"],
    )  # fmt: skip
    (one,) = read(tmp_path, whole).predictions["grounding"]
    example = one.example
    assert (example.id, example.record_id, example.question, example.options) == ("q", "r", "cup", ("a",))
    assert (example.image.path, example.image.size_wh, example.group) == (Path("1.png"), (640, 480), "g")
    assert (example.form, len(one.rollouts), one.rollouts[0].finished) == ("think", 2, False)
    frame = CoordinateFrame.whole("norm1000", (640, 480))
    assert {rollout.turns[0].prompt.frames for rollout in one.rollouts} == {(frame,)}
    assert one.answer.faults and not one.answer.formatted and one.rollouts[1].answer.formatted


def test_classes_of_tables_are_names_and_categories(tmp_path: Path) -> None:
    rows = [
        row(question="the cup"),
        row(question="cup", task="detection"),
        row(task="classification", target={"name": "cat", "vocabulary": ["cat", "dog"]}),
    ]
    groups = {t: p[0].example.group for t, p in read(tmp_path, *rows).predictions.items()}
    assert groups == {"grounding": "", "detection": "cup", "classification": "cat"}


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
        assert read_external(tmp_path / name).predictions == lines.predictions


READER = """
def rows(path):
    for number, line in enumerate(path.read_text().splitlines()):
        yield {"text": line, "task": "classification", "target": {"name": "cat"}, "parity": number % 2}
"""


def test_a_reader_of_a_few_lines_reads_any_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(READER)
    file = tmp_path / "said.weird"
    file.write_text("cat\ndog\ncat")
    spec = f"{tmp_path / 'mine.py'}:rows"
    found = score_external(read_external(file, spec), by="parity")
    assert found["tasks"]["classification"]["value"] == pytest.approx(2 / 3)
    assert {name: group["accuracy"] for name, group in found["groups"].items()} == {"0": 1.0, "1": 0.0}

    def typed(path: Path) -> Iterator[ExternalRow | Prediction]:
        yield ExternalRow(text="cat", task="classification", target={"name": "cat"})  # type: ignore[arg-type]
        yield predictions_of_every_task()[0]

    both = read_external(file, typed)
    assert set(both.predictions) == {"classification", "detection"}
    for broken, words in (
        (f"{tmp_path / 'mine.py'}:lines", "lines"),
        ("no.such.module:rows", "no.such.module:rows"),
        ("vrft.types.rows:VERSION", "not a function"),
    ):
        with pytest.raises(InputError, match=words):
            read_external(file, broken)
    with pytest.raises(InputError, match="row 1: it is of type str"):
        read_external(file, lambda path: ["cat"])  # type: ignore[arg-type, return-value]


# ---- predictions that vrft wrote


def test_a_predictions_file_comes_back_whole(tmp_path: Path) -> None:
    predictions = predictions_of_every_task()
    write_predictions(tmp_path / "predictions.jsonl", predictions)
    found = read_external(tmp_path / "predictions.jsonl").predictions
    assert found == {one.example.task: [one] for one in sorted(predictions, key=lambda one: one.example.task)}


def test_stored_answers_are_parsed_anew_but_for_other_views_and_closed_gates(tmp_path: Path) -> None:
    one = predictions_of_every_task()[0]
    plain, resampled, flipped = one.rollouts
    wrong = Answer(text=plain.completion.text, faults=(Fault.NOT_READABLE,))
    stale = replace(one, answer=wrong, rollouts=(replace(plain, answer=wrong), resampled, flipped))
    (found,) = read(tmp_path, prediction_to_row(stale)).predictions["detection"]
    assert found == one

    shut = closed(one)
    (denied,) = read(tmp_path, prediction_to_row(shut)).predictions["detection"]
    assert denied == shut and denied.answer.abstained
    unclear = replace(one, gate=GateAnswer(one.rollouts[0].completion, None))
    (opened,) = read(tmp_path, prediction_to_row(unclear)).predictions["detection"]
    assert opened == unclear


def test_a_fused_answer_is_kept(tmp_path: Path) -> None:
    fused = replace(predictions_of_every_task()[0], answer=Answer(Boxes(), True), rule="wbf")
    assert read(tmp_path, prediction_to_row(fused)).predictions["detection"] == [fused]


def test_predictions_without_label_or_frame_are_refused(tmp_path: Path) -> None:
    one = predictions_of_every_task()[0]
    bare = replace(one, example=replace(one.example, target=None))
    (answer,) = read(tmp_path, prediction_to_row(bare)).answers
    assert answer.refusal is Refusal.LABEL and answer.prediction is None
    turn = one.rollouts[0].turns[0]
    frameless = replace(one.rollouts[0], turns=(replace(turn, prompt=replace(turn.prompt, frames=())),))
    (answer,) = read(tmp_path, prediction_to_row(replace(one, rollouts=(frameless,)))).answers
    assert answer.refusal is Refusal.FRAME and answer.reads


def test_rows_of_vrft_0_1_are_named_as_such(tmp_path: Path) -> None:
    old = row(parsed=True, faults=[], formatted=True, target={"boxes_xyxy_px": ONE_BOX, "mask": None})
    with pytest.raises(InputError, match=r"line 1: .*vrft 0\.1"):
        read(tmp_path, old)


# ---- COCO results


def coco_files(folder: Path, rng: np.random.Generator, crowds: bool = False) -> tuple[Path, Path]:
    """Annotations of images that need not exist, and the results of a detector that is seldom right."""

    def boxes(most: int) -> list[list[float]]:
        sides = [(rng.integers(0, 60, 2), rng.integers(10, 40, 2)) for _ in range(most)]
        return [[*map(float, place), *map(float, size)] for place, size in sides]

    def found(image: object, category: object, box: object) -> dict[str, object]:
        return {"image_id": image, "category_id": category, "bbox": box, "score": float(rng.random())}

    images = [{"id": i, "width": 100, "height": 100, "file_name": f"{i}.jpg"} for i in range(7, 19)]
    categories = [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}]
    pairs = [(image["id"], category["id"]) for image in images for category in categories]
    labels = [(*pair, box) for pair in pairs for box in boxes(int(rng.integers(0, 3)))]
    annotations = [
        {"id": n, "image_id": i, "category_id": c, "bbox": b, "area": b[2] * b[3], "iscrowd": int(crowds)}
        for n, (i, c, b) in enumerate(labels, start=1)
    ]
    results = [found(*label) for label in labels if rng.random() < 0.7]
    results += [found(*pair, box) for pair in pairs for box in boxes(int(rng.integers(0, 2)))]
    truth = {"images": images, "categories": categories, "annotations": annotations, "info": {}}
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "results.json").write_text(json.dumps(results))
    return folder / "results.json", folder / "truth.json"


@pytest.mark.parametrize("seed", range(3))
def test_coco_results_have_the_ap_of_pycocotools(tmp_path: Path, seed: int) -> None:
    results, labels = coco_files(tmp_path, np.random.default_rng(seed))
    external = read_external(results, labels=labels)
    with redirect_stdout(StringIO()):
        coco = COCO(str(labels))
        evaluation = COCOeval(coco, coco.loadRes(str(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    card = scorecard(external.predictions["detection"])
    names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
    ours = [card["metrics"][name]["value"] for name in names]
    theirs = [None if value == -1 else pytest.approx(value, abs=1e-12) for value in evaluation.stats[:6]]
    assert ours == theirs and 0.1 < card["value"] < 0.9
    assert (card["n"], card["images"], set(card["classes"])) == (24, 12, {"cat", "dog"})
    assert score_external(external)["tasks"]["detection"]["value"] == card["value"]


def test_coco_results_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    results, labels = coco_files(tmp_path, np.random.default_rng(0))
    with pytest.raises(InputError, match="annotation file with --labels"):
        read_external(results)
    good = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "score": 0.5}
    for change, words in (
        ({"image_id": 99}, "row 2: .* has no image 99"),
        ({"category_id": 4}, "no category 4"),
        ({"score": 1.5}, "row 2: .*'score'"),
        ({"bbox": [1, 2, 3]}, "row 2: .*'bbox"),
    ):
        results.write_text(json.dumps([good, good | change]))
        with pytest.raises(InputError, match=words):
            read_external(results, labels=labels)
    for content in ("{}", "[]", "{"):
        labels.write_text(content)
        with pytest.raises(InputError, match=r"truth\.json"):
            read_external(results, labels=labels)


def test_an_image_with_a_crowd_is_not_asked_about_it(tmp_path: Path) -> None:
    results, labels = coco_files(tmp_path, np.random.default_rng(0), crowds=True)
    whole = json.loads(labels.read_text())
    crowded = {(a["image_id"], a["category_id"]) for a in whole["annotations"]}
    assert len(read_external(results, labels=labels).answers) == 24 - len(crowded) < 24


def test_ids_and_flags_of_coco_results_may_be_text(tmp_path: Path) -> None:
    results, labels = coco_files(tmp_path, np.random.default_rng(1))
    before = read_external(results, labels=labels).answers
    for file, keys in ((results, ("image_id",)), (labels, ("category_id", "iscrowd"))):
        content = json.loads(file.read_text())
        for entry in content if isinstance(content, list) else content["annotations"]:
            entry |= {key: str(entry[key]) for key in keys if key in entry}
        file.write_text(json.dumps(content))
    assert read_external(results, labels=labels).answers == before
    content = json.loads(labels.read_text())
    moved = content["annotations"][0]
    moved["category_id"] = 999
    labels.write_text(json.dumps(content))
    # A label of no category may be of any: nothing is asked about its image.
    moved_read = read_external(results, labels=labels).predictions["detection"]
    asked = {prediction.example.record_id for prediction in moved_read}
    names = {image["id"]: image["file_name"] for image in content["images"]}
    assert asked == {names[key] for key in names if key != moved["image_id"]}
