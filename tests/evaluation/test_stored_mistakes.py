"""Rows and options that cannot be used are named, with file and line; no row does anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import reduce
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from stored_rows import BOX_TEXT, answers_of_every_task, read, row, write

from vrft.commands.stored import Reading, print_predictions, score_predictions
from vrft.errors import InputError
from vrft.evaluation.answers_file import to_row
from vrft.evaluation.external.read_predictions import read_predictions
from vrft.evaluation.external.score_predictions import score_stored


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "'text': it is missing"),
        ('{"text": "a"}', "'task': it is missing"),
        ('{"text": null, "task": "grounding"}', "'text'"),
        ('{"text": "a", "task": "guessing"}', "no task 'guessing'"),
        ('{"text": ["a"], "task": "grounding"}', "'text': it should be text"),
        ('{"text": "a", "task": "grounding", "image_wh": [640]}', "'image_wh"),
        ('{"text": "a", "task": "grounding", "image_wh": [640, "x"]}', "'image_wh.1'"),
        ('{"text": "a", "task": "grounding", "image_wh": [0, 480]}', "'image_wh.0'"),
        ('{"text": "a", "task": "grounding", "form": "loud"}', "'form'"),
        ('{"text": "a", "task": "grounding", "target": {"boxes": []}}', "'target.boxes': there is no"),
        ('{"text": "a", "task": "grounding", "target": {"boxes_xyxy_px": [1, 2, 3, 4]}}', "'target.boxes"),
        ('{"text": "a", "task": "grounding", "target": {"boxes_xyxy_px": [[1, 2, 3, NaN]]}}', "finite"),
        ('{"text": "a", "task": "grounding", "target": {"boxes_xyxy_px": [], "boxes_xyxy": []}}', "only one"),
        ('{"text": "a", "task": "grounding", "id": "first"}', "the id 'first' was taken at"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, bad: str, said: str) -> None:
    path = write(tmp_path, row(id="first"))
    path.write_text(path.read_text() + bad + "\n")
    with pytest.raises(InputError, match=re.escape(f"{path}, line 2: ")) as error:
        read_predictions(path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fields": {"txt": "output"}}, "no field 'txt'"),
        ({"fields": {"target.box": "output"}}, "'target' has no 'box'"),
        ({"fields": {"target": "a", "target.name": "b"}}, "given whole"),
        ({"defaults": {"frame": "thousands"}}, "'frame' cannot be 'thousands'"),
        ({"defaults": {"target.frame": "input_pixels"}}, "'target.frame' cannot be"),
        ({"defaults": {"task": "guess"}}, "no task 'guess'"),
        ({"values": {"task": {"rec": "guess"}}}, "no task 'guess'"),
        ({"values": {"task": {"rec": "grounding"}}}, "line 1: what 'grounding' stands for in 'task'"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        read(tmp_path, row(), **options)


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", "{}"), ("a.jsonl", ""), ("a.json", "{}"), ("b.json", "[")]
)
def test_a_file_that_holds_no_rows_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=re.escape(name)):
        read_predictions(tmp_path / name)
    with pytest.raises(InputError, match=r"nothing\.jsonl"):
        read_predictions(tmp_path / "nothing.jsonl")


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
    ["grounding", "detection", "classification", "thousand", "pixels", "think", BOX_TEXT, 10**400]
)
boxes = st.lists(st.lists(st.integers(-5, 700) | st.floats(), min_size=4, max_size=4), max_size=3)
options = st.fixed_dictionaries(
    {},
    optional={
        "fields": st.just(
            {"target.name": "question", "image_wh.0": "tokens", "image_wh.1": "others.0.tokens"}
        ),
        "defaults": st.just({"target.frame": "unit", "tokens": "3"}),
        "values": st.just({"frame": {"pixels": "pixels"}}),
    },
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a row."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from places(part, (*path, key))


@st.composite
def wild_rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row of an answers file in which one or two things are replaced by anything."""
    one = draw(st.sampled_from([to_row(judged) for judged in answers_of_every_task()]))
    if draw(st.booleans()):
        one |= {"gate": {"text": "no", "present": False, "tokens": 1}, "text": ""}
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from(list(places(one))))
        reduce(lambda part, key: part[key], path, one)[last] = deepcopy(draw(anything | near | boxes))
    return json.loads(json.dumps(one))


@given(st.lists(wild_rows(), min_size=1, max_size=2), options)
def test_no_row_ends_in_anything_but_an_answer_or_a_named_line(
    tmp_path_factory: pytest.TempPathFactory, wild: list[dict[str, Any]], given_options: dict[str, Any]
) -> None:
    path = write(tmp_path_factory.mktemp("wild"), *wild)
    error, found = None, None
    try:
        found = score_stored(read_predictions(path, **given_options), by="text")
    except InputError as mistake:
        error = str(mistake)
    if found is None:
        assert error is not None
        assert f"{path}, line " in error or "no row has the field 'text'" in error
        error.encode("utf-8")
    else:
        json.dumps(found, allow_nan=False)
        print_predictions({"files": {"a": found}}, Console(file=StringIO()))


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
        read_predictions(path)


@pytest.mark.parametrize(
    "options",
    [
        {"fields": ["text"]},
        {"fields": ["=a"]},
        {"fields": ["text=a", "text=b"]},
        {"defaults": ["task"]},
        {"values": ["frame=thousand"]},
        {"values": ["frame:a"]},
    ],
)
def test_an_option_that_is_no_pair_is_refused(tmp_path: Path, options: dict[str, list[str]]) -> None:
    with pytest.raises(InputError, match="--"):
        score_predictions([write(tmp_path, row())], reading=Reading(**options))
