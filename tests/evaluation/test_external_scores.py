"""What stored texts are worth, which rows cannot be used, and the page that describes them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from external_rows import BOX_TEXT, closed, predictions_of_every_task, read, row, write
from hypothesis import example, given
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.evaluation.external import ExternalRow, read_external, score_external
from vrft.evaluation.external.read_external import value_at
from vrft.evaluation.external.row_schema import ShortTarget
from vrft.types.rows import prediction_to_row


def test_tasks_and_groups_add_up_to_the_file(tmp_path: Path) -> None:
    rows = [
        row(who="a", image="1"),
        row(who="a", image="2", text="(100,100),(500,300)"),
        row(who="b", frame=None),
        row(who="b", frame=None, text="well"),
        row(who="b", target={"name": "cat"}, task="classification", text="<answer>Cat</answer>"),
        row(target=None),
    ]
    found = score_external(read(tmp_path, *rows), by="who")
    assert (found["n"], found["scored"], found["parse_rate"]) == (6, 3, pytest.approx(5 / 6))
    assert found["refused"] == {
        "frame unknown": {"n": 2, "ids": ["line 3", "line 4"]},
        "no label": {"n": 1, "ids": ["line 6"]},
    }
    for parts in (found["tasks"], found["groups"]):
        assert sum(part["n"] for part in parts.values()) == 6
        assert sum(part["scored"] for part in parts.values()) == 3
        assert all(p["n"] == p["scored"] + sum(p["refused"].values()) for p in parts.values())
    assert found["groups"]["a"]["mean_iou"] == pytest.approx(0.75)
    assert (found["groups"]["b"]["accuracy"], found["groups"]["b"]["parse_rate"]) == (
        1.0,
        pytest.approx(2 / 3),
    )
    assert found["groups"].keys() == {"a", "b", "(none)"}
    grounding = found["tasks"]["grounding"]
    assert (grounding["value"], grounding["low"], grounding["high"]) == pytest.approx((0.75, 0.5, 1.0))
    assert found["unsized"] == 0
    json.dumps(found, allow_nan=False)
    with pytest.raises(InputError, match="no row has the field 'whom'"):
        score_external(read(tmp_path, *rows), by="whom")


def test_the_first_ids_of_many_are_named(tmp_path: Path) -> None:
    found = score_external(read(tmp_path, *(row(id=number, frame=None) for number in range(7))))
    assert found["refused"] == {"frame unknown": {"n": 7, "ids": ["0", "1", "2", "3", "4"]}}


def test_the_parse_rate_of_the_file_needs_no_frame_and_that_of_the_answers_does(tmp_path: Path) -> None:
    outside = row(text="<answer>(100,100),(500,1200)</answer>")
    found = score_external(read(tmp_path, outside))
    assert found["parse_rate"] == 1.0
    assert found["tasks"]["grounding"]["answers"]["parse_rate"] == 0.0


def test_the_format_rate_is_of_those_whose_form_is_known(tmp_path: Path) -> None:
    think = row(form="think", text=f"<think>well</think>{BOX_TEXT}")
    for rows, rate in (([row(), row()], None), ([row(), think], 1.0), ([row(form="think"), think], 0.5)):
        found = score_external(read(tmp_path, *rows))
        assert found["tasks"]["grounding"]["answers"]["format_rate"] == rate


# ---- rows that cannot be used


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "'text': it is missing"),
        ('{"text": "a"}', "'task': it is missing"),
        ('{"text": null, "task": "grounding"}', "'text'"),
        ('{"text": "a", "task": "guessing"}', "no task 'guessing'"),
        ('{"text": ["a"], "task": "grounding"}', "'text': it must be text"),
        ('{"text": "a", "task": "grounding", "image_wh": [640]}', "'image_wh"),
        ('{"text": "a", "task": "grounding", "image_wh": [640, "x"]}', "'image_wh.1'"),
        ('{"text": "a", "task": "grounding", "image_wh": [0, 480]}', "'image_wh.0'"),
        ('{"text": "a", "task": "grounding", "form": "loud"}', "'form'"),
        ('{"text": "a", "task": "grounding", "target": {"box": []}}', "'target.box': there is no"),
        ('{"text": "a", "task": "grounding", "target": {"boxes": [1, 2, 3, 4]}}', "'target.boxes"),
        ('{"text": "a", "task": "grounding", "target": {"boxes": [[1, 2, 3, NaN]]}}', "finite"),
        ('{"text": "a", "task": "grounding", "target": {"kind": "box"}}', "no kind 'box'"),
        ('{"text": "a", "task": "grounding", "target": {"kind": "boxes", "xyxy": []}}', "'target.xyxy'"),
        ('{"version": 2, "id": "a"}', "line 2"),
        ('{"text": "a", "task": "grounding", "id": "first"}', "the id 'first' occurs already at"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, bad: str, said: str) -> None:
    path = write(tmp_path, row(id="first"))
    path.write_text(path.read_text() + bad + "\n")
    with pytest.raises(InputError, match=re.escape(f"{path}, line 2: ")) as error:
        read_external(path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", "{}"), ("a.jsonl", ""), ("a.json", "{}"), ("b.json", "[")]
)
def test_a_file_that_holds_no_rows_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=re.escape(name)):
        read_external(tmp_path / name)
    with pytest.raises(InputError, match=r"nothing\.jsonl"):
        read_external(tmp_path / "nothing.jsonl")


words = st.text(st.characters(), max_size=8)
anything = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), words),
        st.sampled_from(["[1, 2]", "{}", "-1", "9" * 400]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
near = st.sampled_from(
    ["grounding", "detection", "classification", "norm1000", "file_pixels", "think", BOX_TEXT, 10**400]
)
boxes = st.lists(st.lists(st.integers(-5, 700) | st.floats(), min_size=4, max_size=4), max_size=3)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a row."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from places(part, (*path, key))


WHOLE = {
    "question": "q",
    "form": "think",
    "input_wh": [9, 9],
    "options": ["a"],
    "samples": ["b"],
    "image": "i",
}
OWN = [prediction_to_row(one) for one in predictions_of_every_task()]
ROWS = [
    *OWN,
    prediction_to_row(closed(predictions_of_every_task()[0])),
    row(**WHOLE),
    row(**WHOLE, task="classification", target={"name": "cat", "vocabulary": ["cat"]}),
    row(target={"kind": "boxes", "xyxy_px": [[1.0, 2.0, 3.0, 4.0]]}),
]


@st.composite
def wild_rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row in which one or two things are replaced by anything."""
    one = deepcopy(draw(st.sampled_from(ROWS)))
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from(list(places(one))))
        reduce(lambda part, key: part[key], path, one)[last] = deepcopy(draw(anything | near | boxes))
    found: dict[str, Any] = json.loads(json.dumps(one))
    return found


def answer_or_named_line(path: Path) -> None:
    error, found = None, None
    try:
        found = score_external(read_external(path), by="text")
    except InputError as mistake:
        error = str(mistake)
    if found is None:
        assert error is not None
        assert f"{path}, line " in error or "no row has the field 'text'" in error
        error.encode("utf-8")
    else:
        json.dumps(found, allow_nan=False)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("huge", [10**400, 1e308])
def test_a_huge_number_anywhere_ends_in_an_answer_or_a_named_line(tmp_path: Path, huge: float) -> None:
    for whole in ROWS:
        for *path, last in places(whole):
            one = deepcopy(whole)
            reduce(lambda part, key: part[key], path, one)[last] = huge
            answer_or_named_line(write(tmp_path, one))


@given(st.lists(wild_rows(), min_size=1, max_size=2))
def test_no_row_ends_in_anything_but_an_answer_or_a_named_line(
    tmp_path_factory: pytest.TempPathFactory, wild: list[dict[str, Any]]
) -> None:
    answer_or_named_line(write(tmp_path_factory.mktemp("wild"), *wild))


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), min_size=1, max_size=3))
@example([b"\xff"])
@example([b"[" * 100_000])
@example([b"9" * 5_000])
@example([b'{"text": "a", "task": "grounding", "image_wh": [1e999, -0]}'])
def test_no_bytes_end_in_anything_but_a_named_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a.jsonl"
    path.write_bytes(b"\n".join([b"", *lines, b"", b"{"]))
    with pytest.raises(InputError, match=re.escape(f"{path}, line ") + r"[2-6]:"):
        read_external(path)


# ---- the page

PAGE = (Path(__file__).parents[2] / "docs" / "predictions.md").read_text("utf-8")


def options_of(block: str) -> dict[str, str]:
    """The file and the options of one `vrft score` of the page."""
    command, verb, file, *rest = shlex.split(block.replace("\\\n", " "))
    assert (command, verb) == ("vrft", "score")
    return {"FILE": file, **dict(zip(rest[::2], rest[1::2], strict=True))}


def test_the_pages_examples_give_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```json\n(.*?)```(.*?)```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    results = []
    for rows, between, command in blocks:
        options = options_of(command)
        assert set(options) <= {"FILE", "--reader", "--by", "--labels"}
        Path(options["FILE"]).write_text(rows)
        for code in re.findall(r"```python\n(.*?)```", between, flags=re.DOTALL):
            Path(options["--reader"].partition(":")[0]).write_text(code)
        external = read_external(Path(options["FILE"]), options.get("--reader"))
        results.append(score_external(external, options.get("--by")))
    own, theirs = results
    assert (own["scored"], own["refused"]) == (3, {"frame unknown": {"n": 1, "ids": ["line 4"]}})
    assert own["tasks"]["detection"]["value"] == pytest.approx(1)
    assert own["tasks"]["classification"]["value"] == 0
    assert theirs["groups"]["a"]["mean_iou"] == pytest.approx(0.375)
    assert theirs["groups"]["b"]["mean_iou"] == pytest.approx(1)
    assert (theirs["groups"]["b"]["n"], theirs["groups"]["b"]["scored"]) == (2, 1)
    assert theirs["unknown_frames"] == {"relative": 1}


def test_the_page_has_every_field() -> None:
    described = set()
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            described |= set(re.findall(r"`([a-z_]+)`", line.split("|")[1]))
    assert described == set(ExternalRow.model_fields) | set(ShortTarget.model_fields)


def test_a_path_names_what_is_inside_a_row():
    row = {"answers": [{"text": "a cat"}], "a.b": 7}
    found = [value_at(row, path) for path in ("answers.0.text", "a.b", "answers.1.text")]
    assert found == ["a cat", 7, None]
