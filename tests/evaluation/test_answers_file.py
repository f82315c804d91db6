"""Evaluation files give back what was written, and say where they are broken."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_answers import detection, naming, namings

from vrft.errors import RunError
from vrft.evaluation.answers_file import from_row, read_judged, to_row, write_judged
from vrft.evaluation.judged import Gate, Judged, Said
from vrft.geometry.frames import View
from vrft.types import Answer, BoxesTarget, ClassTarget, Example, Fault, Form, Mask, Unlabelled

texts = st.text(st.characters(), max_size=20)
"""Any code point, lone surrogates and line separators too: a model's text may hold them."""
corners = st.floats(0, 1e4, allow_nan=False)
boxes = st.lists(st.tuples(corners, corners, corners, corners), max_size=3).map(tuple)
masks = st.none() | st.builds(Mask, size_hw=st.tuples(st.integers(1, 99), st.integers(1, 99)), counts=texts)
targets = st.one_of(
    st.builds(BoxesTarget, boxes_xyxy_px=boxes, mask=masks, ignore=masks),
    st.builds(ClassTarget, name=texts, names=st.lists(texts, max_size=2).map(tuple)),
    st.builds(Unlabelled),
)
examples = st.builds(
    Example,
    id=texts,
    record_id=texts,
    image=st.sampled_from([Path("a.png"), Path("deep/er/\u00e4.jpg"), Path("/data/b.png")]),
    image_wh=st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    task=st.sampled_from(["detection", "classification", "grounding"]),
    question=texts,
    target=targets,
    options=st.lists(texts, max_size=2).map(tuple),
)
answers = st.builds(
    Answer,
    parsed=st.booleans(),
    formatted=st.booleans(),
    boxes_xyxy_px=boxes,
    confidences=st.lists(st.floats(0, 1), max_size=3).map(tuple),
    labels=st.lists(st.none() | texts, max_size=3).map(tuple),
    points_xy_px=st.lists(st.tuples(corners, corners), max_size=3).map(tuple),
    label=st.none() | texts,
    thinking=texts,
    faults=st.lists(st.sampled_from(Fault), max_size=3).map(tuple),
)
logprobs = st.none() | st.floats(-99, 0)
box_logprobs = st.lists(logprobs, max_size=3).map(tuple)
sides = st.tuples(st.integers(1, 9999), st.integers(1, 9999))
saids = st.builds(
    lambda text, answer, **rest: Said(text, replace(answer, text=text), **rest),
    text=texts,
    answer=answers,
    tokens=st.integers(0, 9999),
    logprob=logprobs,
    box_logprobs=box_logprobs,
    finished=st.booleans(),
    look=texts,
)
judgeds = st.builds(
    lambda example, said, frame, **rest: Judged(
        example,
        said.text,
        said.answer,
        said.tokens,
        said.logprob,
        said.box_logprobs,
        said.finished,
        View(frame[0], example.image_wh, frame[1]) if frame else None,
        **rest,
    ),
    examples,
    saids,
    st.none() | st.tuples(st.sampled_from(["thousand", "input_pixels", "unit"]), sides),
    form=st.none() | st.sampled_from(Form),
    others=st.lists(saids, max_size=2).map(tuple),
    prompt_tokens=st.dictionaries(texts, st.integers(0, 9999), max_size=2),
    gate=st.none()
    | st.builds(Gate, texts, st.none() | st.booleans(), st.integers(0, 99), st.integers(0, 99)),
)


@given(judgeds)
def test_a_row_is_json_and_gives_the_same_answer_back(judged: Judged) -> None:
    assert from_row(json.loads(json.dumps(to_row(judged)))) == judged


@given(st.lists(judgeds, max_size=4))
def test_a_file_gives_the_same_answers_back(
    tmp_path_factory: pytest.TempPathFactory, judged: list[Judged]
) -> None:
    path = tmp_path_factory.mktemp("eval") / "new" / "heldout.jsonl"
    write_judged(path, judged)
    assert read_judged(path) == judged
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_group_is_in_the_file_for_its_readers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_judged(path, [detection("p", "cat", [], [])], lambda example: example.question)
    assert json.loads(path.read_text())["group"] == "cat"


def test_every_promised_key_is_in_a_row() -> None:
    assert set(to_row(naming("p", "cat", "cat"))) == {
        *("id", "record_id", "group", "image", "image_wh", "task", "question", "options", "target", "text"),
        *("parsed", "formatted", "faults", "boxes_xyxy_px", "confidences", "label", "thinking", "tokens"),
        *("labels", "points_xy_px", "form", "frame", "input_wh", "prompt_tokens", "logprob", "box_logprobs"),
        *("finished", "gate", "others"),
    }


def test_a_row_of_an_earlier_version_is_read() -> None:
    row = to_row(naming("p", "cat", "cat"))
    later = ("form", "frame", "input_wh", "prompt_tokens", "logprob", "box_logprobs")
    for key in (*later, "finished", "gate", "others"):
        del row[key]
    assert from_row(row) == naming("p", "cat", "cat")


def test_the_first_of_all_that_was_said_is_the_plain_answer() -> None:
    other = Said("dog", Answer(True, True, label="dog"), 3, -0.5)
    judged = replace(naming("p", "cat", "cat"), logprob=-0.25, others=(other,))
    plain = Said(judged.text, judged.answer, judged.tokens, -0.25)
    assert judged.said == (plain, other)
    assert [said.candidate.mean_logprob for said in judged.said] == [-0.25, -0.5]


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_torn_last_line_is_dropped(tmp_path: Path, kept: int) -> None:
    path, judged = tmp_path / "a.jsonl", namings([True, False, True])
    write_judged(path, judged)
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:kept])
    assert read_judged(path) == judged[:2]


@pytest.mark.parametrize(
    "bad", [b"", b"{", b"3", b"null", b"[]", b"{}", b"\xff", b'{"id": "a"}', b'{"image_wh": [1, 2, 3]}']
)
def test_any_other_bad_line_is_an_error_with_its_number(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "a.jsonl"
    write_judged(path, namings([True, False, True]))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], bad, lines[2], b""]))
    with pytest.raises(RunError, match=r"a\.jsonl, line 2:"):
        read_judged(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nothing\.jsonl"):
        read_judged(tmp_path / "nothing.jsonl")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path, judged = tmp_path / "a.jsonl", namings([True])
    write_judged(path, judged)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_judged(path, [replace(judged[0], answer=Answer(True, True, confidences=(float("nan"),)))])
    assert read_judged(path) == judged


def test_a_folder_that_cannot_hold_the_file_is_a_run_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_judged(tmp_path / "file" / "a.jsonl", [])
