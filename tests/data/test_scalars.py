"""Numbers, flags and ids of label files mean the same whether they are text or not."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import STRICT
from PIL import Image

from vrft.data.dataset import load_dataset
from vrft.data.label_checks import check_size
from vrft.data.scalars import ById, as_id, flag, number, numbers, size, whole
from vrft.errors import ImageError, LabelError

finite = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15)


@given(finite, st.sampled_from(["{!r}", " {!r}", "{!r}\n"]))
def test_a_number_is_the_same_as_text(value: float, spelling: str) -> None:
    assert number(value) == number(spelling.format(value)) == float(value)
    assert whole(value) == whole(spelling.format(value)) == (int(value) if value == int(value) else None)


@given(st.text(max_size=8))
def test_a_text_that_json_takes_for_no_number_is_none(text: str) -> None:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if isinstance(read, int | float) and not isinstance(read, bool) and abs(read) < 1e300:
        assert number(text) == read
    found = number(text)
    assert found is None or math.isfinite(found)
    if found is not None:
        assert found == float(text)


@pytest.mark.parametrize(
    "value", [True, None, math.nan, math.inf, "nan", "inf", "1_000", "0x10", "", "1,5", [1], {}]
)
def test_what_is_no_number(value: Any) -> None:
    assert number(value) is None and whole(value) is None
    assert numbers([1, value]) is None


def test_a_number_of_hundreds_of_digits_is_none() -> None:
    assert number(10**400) is None and number("1" * 400) is None


@pytest.mark.parametrize(
    "value", [0, 0.0, False, None, "", "0", "0.0", "false", "False", " no ", "null", "none"]
)
def test_flags_that_are_not_set(value: Any) -> None:
    assert not flag(value, "iscrowd", "a.json")


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "1.0", "true", "TRUE", " yes "])
def test_flags_that_are_set(value: Any) -> None:
    assert flag(value, "iscrowd", "a.json")


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", "01a", [0], [], {}, math.nan])
def test_what_is_no_flag_is_named(value: Any) -> None:
    with pytest.raises(LabelError, match=r"a\.json, annotation 3: The value of 'iscrowd', .*neither 0 nor 1"):
        flag(value, "iscrowd", "a.json, annotation 3")


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_size_is_the_same_as_text(width: int, height: int) -> None:
    for stated in ((width, height), (str(width), f"{height}.0"), (float(width), f" {height} ")):
        assert size(*stated, "a") == (width, height)
        check_size(stated, (width, height), "a")
        with pytest.raises(ImageError, match="but the image has"):
            check_size(stated, (width + 1, height), "a")


@pytest.mark.parametrize("unknown", [0, "0", None, "", " ", -1, 0.0, "-1"])
def test_a_side_of_nothing_is_unknown(unknown: Any) -> None:
    assert size(unknown, 30, "a") == (None, 30)
    check_size((unknown, 30), (40, 30), "a")
    check_size((unknown, unknown), (40, 30), "a")
    with pytest.raises(ImageError, match=r"labels are for \?x31 pixels"):
        check_size((unknown, 31), (40, 30), "a")


ids = st.integers(-5, 5) | st.sampled_from(["a", "b", "01", "1.5"])


def spelled(own: Any) -> list[Any]:
    """Every way in which an id is written."""
    return [own, str(own), f" {own}", *([float(own)] if isinstance(own, int) else [])]


@given(st.lists(ids, unique=True), st.data())
def test_an_id_is_found_in_every_spelling(known: list[Any], data: st.DataObject) -> None:
    things = ById[str]()
    for own in known:
        assert things.add(data.draw(st.sampled_from(spelled(own))), f"thing {own}")
    assert things.clashes == [] and len(list(things.items())) == len(known)
    for own in [-6, "z", *known]:
        for written in spelled(own):
            assert things.get(written) == (f"thing {own}" if own in known else None)


def test_two_spellings_of_one_id_are_two_things_where_both_are_given() -> None:
    things = ById[str]()
    assert things.add(1, "number") and things.add("1", "text")
    assert things.get(1) == things.get(1.0) == "number" and things.get("1") == things.get(" 1 ") == "text"
    assert things.clashes == ['1 and "1"']
    assert not things.add(1, "third") and not things.add("1", "third") and not things.add(1.0, "third")


@pytest.mark.parametrize("value", [None, True, math.nan, [1], {}, "", " "])
def test_what_is_no_id(value: Any) -> None:
    things = ById[str]()
    assert as_id(value) is None
    assert not things.add(value, "thing") and things.get(value) is None and list(things.items()) == []


as_written = st.sampled_from([lambda n: n, str, float, lambda n: f"{n}.0"])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_coco_file_says_the_same_with_any_number_as_text(data: st.DataObject) -> None:
    def write(value: int) -> Any:
        return data.draw(as_written)(value)

    sheet = {
        "images": [
            {"id": write(n), "file_name": f"{n}.png", "width": write(40), "height": write(30)} for n in (1, 2)
        ],
        "annotations": [
            {
                "id": write(n),
                "image_id": write(n),
                "category_id": write(n),
                "bbox": [write(n), write(2), write(9), write(8)],
                "iscrowd": write(n - 1),
            }
            for n in (1, 2)
        ],
        "categories": [{"id": write(n), "name": name} for n, name in ((1, "cat"), (2, "dog"))],
    }
    with TemporaryDirectory() as made:
        for n in (1, 2):
            Image.new("RGB", (40, 30), (n, 0, 0)).save(Path(made) / f"{n}.png")
        (Path(made) / "a.json").write_text(json.dumps(sheet))
        dataset = load_dataset(made, options=STRICT)
    assert dataset.warnings == ()
    read = [
        (record.id, one.name, one.value.evidence_boxes, one.counts)
        for record in dataset.records
        for one in record.annotations
    ]
    assert read == [
        ("1.png", "cat", ((1.0, 2.0, 10.0, 10.0),), True),
        ("2.png", "dog", ((2.0, 2.0, 11.0, 10.0),), False),
    ]
