"""Files of predictions give back what was written, and say where they are broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted import detection, naming, namings, with_logprobs, with_others

from vrft.errors import InputError, RunError
from vrft.evaluation.compare import compare
from vrft.evaluation.ensemble import fused
from vrft.evaluation.predictor import FilePredictor, Predictor, read_predictions, write_predictions
from vrft.evaluation.scorecard import scorecard, scorecards
from vrft.geometry.masks import mask_of_region
from vrft.types import (
    Answer,
    Boxes,
    Completion,
    CoordinateFrame,
    Example,
    Fault,
    Form,
    GateAnswer,
    Image,
    Label,
    Message,
    Points,
    Prediction,
    Prompt,
    Rollout,
    Turn,
)

texts = st.text(st.characters(), max_size=20)
"""Any code point, lone surrogates and line separators too: a model's text may hold them."""
corners = st.floats(0, 1e4, allow_nan=False)
quads = st.lists(st.tuples(corners, corners, corners, corners), max_size=3).map(tuple)
sides = st.tuples(st.integers(1, 9999), st.integers(1, 9999))
masks = st.none() | st.builds(
    lambda size_hw, seed: mask_of_region(np.random.default_rng(seed).random(size_hw) < 0.5),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(0, 99),
)
scores = st.lists(st.floats(0, 1), max_size=3).map(tuple)
targets = st.one_of(
    st.builds(Boxes, xyxy_px=quads, mask=masks, ignore=masks),
    st.builds(Label, name=texts, vocabulary=st.lists(texts, max_size=2).map(tuple)),
    st.none(),
)
values = st.one_of(
    targets,
    st.builds(Boxes, quads, scores, st.lists(st.none() | texts, max_size=3).map(tuple)),
    st.builds(Points, st.lists(st.tuples(corners, corners), max_size=3).map(tuple)),
)
images = st.builds(
    Image,
    st.sampled_from([Path("a.png"), Path("deep/er/\u00e4.jpg"), Path("/data/b.png")]),
    sides,
    mirrored=st.booleans(),
)
examples = st.builds(
    Example,
    id=texts,
    record_id=texts,
    task=st.sampled_from(["detection", "classification", "grounding"]),
    media=st.tuples(images),
    question=texts,
    target=targets,
    options=st.lists(texts, max_size=2).map(tuple),
    group=texts,
    form=st.sampled_from(Form),
)
answers = st.builds(
    Answer,
    value=values,
    formatted=st.booleans(),
    other=values,
    thinking=texts,
    faults=st.lists(st.sampled_from(Fault), max_size=3).map(tuple),
)
completions = st.builds(
    Completion,
    text=texts,
    token_ids=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    logprobs=st.lists(st.floats(-99, 0), max_size=3).map(tuple),
    finish_reason=st.sampled_from(["stop", "length"]),
)
prompts = st.builds(
    lambda image, text, kind, n: Prompt(
        (Message("user", (image, text)),), (), (CoordinateFrame.whole(kind, image.size_wh),), n
    ),
    images,
    texts,
    st.sampled_from(["norm1000", "resized_pixels", "norm1"]),
    st.none() | st.integers(0, 999),
)
rollouts = st.builds(
    lambda example, prompt, said, answer, view: Rollout(
        example, (Turn(prompt, said),), replace(answer, text=said.text), view
    ),
    examples,
    prompts,
    completions,
    answers,
    texts,
)
gates = st.none() | st.builds(GateAnswer, completions, st.none() | st.booleans(), st.integers(0, 99))
predictions = st.builds(
    Prediction,
    examples,
    answers,
    st.lists(rollouts, max_size=2).map(tuple),
    rule=st.none() | texts,
    gate=gates,
)


@given(st.lists(predictions, max_size=4))
def test_a_file_gives_the_same_predictions_back(
    tmp_path_factory: pytest.TempPathFactory, given_: list[Prediction]
) -> None:
    path = tmp_path_factory.mktemp("eval") / "new" / "heldout.jsonl"
    write_predictions(path, given_)
    assert read_predictions(path) == given_
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_spans_of_boxes_are_kept(tmp_path: Path) -> None:
    box = (0.0, 0.0, 9.0, 9.0)
    one = with_logprobs(detection("p", "cat", [box], [(box, 0.5)]), (-0.5,), -1.0)
    write_predictions(tmp_path / "a.jsonl", [one])
    (kept,) = read_predictions(tmp_path / "a.jsonl")
    assert kept == one and kept.rollouts[0].answer.spans == one.answer.spans == ((0, 1),)
    assert scorecard([kept])["rankings"] == scorecard([one])["rankings"]


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_torn_last_line_is_dropped(tmp_path: Path, kept: int) -> None:
    path, given_ = tmp_path / "a.jsonl", namings([True, False, True])
    write_predictions(path, given_)
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:kept])
    assert read_predictions(path) == given_[:2]


OF_0_1 = b'{"id": "a", "image": "a.png", "image_wh": [8, 8], "target": {"name": "cat"}, "text": "cat"}'


@pytest.mark.parametrize(
    "bad", [b"", b"{", b"3", b"null", b"[]", b"{}", b"\xff", b'{"id": "a"}', b'{"version": 3}', OF_0_1]
)
def test_any_other_bad_line_is_an_error_with_its_number(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "a.jsonl"
    write_predictions(path, namings([True, False, True]))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], bad, lines[2], b""]))
    with pytest.raises(RunError, match=r"a\.jsonl, line 2:") as refused:
        read_predictions(path)
    assert ("vrft 0.1" in str(refused.value)) == (bad is OF_0_1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nothing\.jsonl"):
        read_predictions(tmp_path / "nothing.jsonl")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path, given_ = tmp_path / "a.jsonl", namings([True])
    write_predictions(path, given_)
    broken = replace(given_[0], rollouts=(replace(given_[0].rollouts[0], reward=float("nan")),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_predictions(path, [broken])
    assert read_predictions(path) == given_


def test_a_folder_that_cannot_hold_the_file_is_a_run_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="the folder cannot be made"):
        write_predictions(tmp_path / "file" / "a.jsonl", [])


def test_a_file_answers_questions_as_any_predictor(tmp_path: Path) -> None:
    path, given_ = tmp_path / "said.jsonl", namings([True, False, True])
    write_predictions(path, given_[::-1])
    predictor = FilePredictor(path)
    assert isinstance(predictor, Predictor) and predictor.name == "said"
    assert list(predictor.predict([one.example for one in given_])) == given_
    with pytest.raises(InputError, match="no answer to question '9'"):
        list(predictor.predict([naming("9", "cat", "cat").example]))


class Detector:
    """Finds every box of the label a little to the left, without saying a word."""

    name = "detector"

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def predict(self, examples, batch=0):
        for example in examples:
            moved = tuple(
                (x1 - self.shift, y1, x2 - self.shift, y2) for x1, y1, x2, y2 in example.target.xyxy_px
            )
            yield Prediction(example, Answer(Boxes(moved, (0.9,) * len(moved)), True))


def test_a_detector_is_scored_compared_and_stored_as_a_policy_is(tmp_path: Path) -> None:
    box = (20.0, 20.0, 40.0, 40.0)
    questions = [detection(f"{i}", "cat", [box] if i % 4 else [], []).example for i in range(20)]
    good, poor = (list(Detector(shift).predict(questions)) for shift in (2.0, 12.0))
    assert isinstance(Detector(1.0), Predictor)
    card = scorecard(good)
    # Shifted by a tenth: IoU 18 / 22 = .82, right at seven thresholds of ten.
    assert card["value"] == pytest.approx(0.7) and card["metrics"]["ap50"]["value"] == pytest.approx(1.0)
    assert card["tokens"] == {"answer": None, "prompt": None}
    assert (card["parse_rate"], card["finished_rate"], card["presence"]["rejection"]) == (1.0, 1.0, 1.0)
    assert set(card["rankings"]) == {"confidence"} and "compute" not in card
    seen = compare({"base": poor, "rft": good})
    assert (seen["verdict"], seen["rft_minus_base"]["value"]) == ("better", pytest.approx(0.7))
    path = tmp_path / "found.jsonl"
    write_predictions(path, good)
    assert scorecard(list(FilePredictor(path).predict(questions))) == card
    assert json.loads(path.read_text().splitlines()[0])["task"] == "detection"


def test_predictions_of_several_tasks_have_a_card_each() -> None:
    box = (0.0, 0.0, 9.0, 9.0)
    names, boxes = namings([True, False]), [detection("p", "cat", [box], [(box, 0.5)])]
    cards = scorecards([names[0], *boxes, names[1]])
    assert cards == {"classification": scorecard(names), "detection": scorecard(boxes)}
    assert [cards[name]["value"] for name in cards] == [0.5, pytest.approx(1.0)]


def test_a_prediction_that_was_fused_already_is_scored_as_it_is() -> None:
    said = [with_others(one, *[Answer(Label("cat"), True, text="cat")] * 2) for one in namings([True, False])]
    card = scorecard([fused(one, "vote") for one in said])
    assert (card["value"], card["rule"], card["answers"], card["plain"]["value"]) == (1.0, "vote", 3, 0.5)
