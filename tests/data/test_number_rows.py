"""Rows of numbers: counts, measurements with units, and two spellings of one answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vrft.config.questions import labels_at
from vrft.data.dataset import Dataset, load_dataset
from vrft.errors import LabelError
from vrft.tasks.registry import load_task
from vrft.types import Number


@pytest.fixture
def table(tmp_path: Path, make_image: Any) -> Any:
    """A table of rows; a row without an image is about one of its own."""

    def write(*rows: dict[str, Any]) -> Path:
        for i, row in enumerate(rows):
            row.setdefault("image", f"{i}.png")
        for shade, name in enumerate(sorted({str(row["image"]) for row in rows})):
            make_image(name, shade=shade)
        (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tmp_path

    return write


def numbers(folder: Path, task: str) -> tuple[list[Number], Dataset]:
    chosen, dataset = labels_at(folder, task)
    return [example.target for example in chosen.examples(dataset.records)], dataset


def test_counts_are_numbers_texts_and_words_and_a_wrong_one_costs_its_row(table: Any) -> None:
    counts = [4, "4", 4.0, "four", 2.5, -1, *range(10)]
    found, dataset = numbers(table(*({"count": count} for count in counts)), "counting")
    assert sorted(number.number for number in found) == sorted([4.0] * 4 + list(map(float, range(10))))
    assert [(one.where.rpartition(" ")[2], one.problem) for one in dataset.left_out] == [
        ("5", "There is no number under 'count' in '2.5' (not a count)."),
        ("6", "There is no number under 'count' in '-1' (not a count)."),
    ]


@pytest.mark.parametrize(
    ("row", "task"),
    [
        ({"category": "cup", "count": 3}, "counting"),
        ({"question": "How many?", "count": 3}, "measuring"),
        ({"question": "How far?", "answer": 3.2, "unit": "m"}, "measuring"),
        ({"count": 3}, "counting"),
    ],
)
def test_where_no_task_is_named_a_count_or_a_unit_suggests_one(
    table: Any, row: dict[str, Any], task: str
) -> None:
    chosen, dataset = labels_at(table(row, dict(row), dict(row)))
    assert chosen is load_task(task) and len(chosen.examples(dataset.records)) == 3


def test_a_plain_number_stays_a_short_answer_and_a_class(table: Any) -> None:
    folder = table({"question": "How many?", "answer": 3}, {"question": "How old?", "answer": "12"})
    assert labels_at(folder)[0] is load_task("reasoning")
    assert [number.number for number in numbers(folder, "counting")[0]] == [3, 12]
    assert [number.number for number in numbers(folder, "measuring")[0]] == [3, 12]


def test_a_count_beside_a_class_leaves_the_class(table: Any) -> None:
    folder = table({"class": "cup", "count": 3}, {"class": "fork", "count": 2})
    assert labels_at(folder)[0] is load_task("classification")
    assert [number.number for number in numbers(folder, "counting")[0]] == [3, 2]


def test_units_stand_in_the_answer_or_beside_it(table: Any) -> None:
    rows = [
        ("3.2", "m"),
        ("3.2 m", "m"),
        ("3.2 metres", "m"),
        ("320 cm", ""),
        (3.2, "bar"),
        ("3,200 mm", None),
    ]
    folder = table(*({"question": "How far?", "answer": a, "unit": u} for a, u in rows))
    assert numbers(folder, "measuring")[0] == [
        Number(3.2, "m"), Number(3.2, "m"), Number(3.2, "m"), Number(320.0, "cm"), Number(3.2, "bar"),
        Number(3200.0, "mm"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "unit", "problem"),
    [
        ("3 m kg", "m", "other unit"),
        ("320 cm", "m", "has the unit 'cm', and 'unit' says 'm'"),
        ("3 to 4", "m", "range"),
        ("1,5", "m", "comma decimal"),
        ("far", "m", "not readable"),
        (None, "m", "no text"),
        (True, "m", "no text"),
    ],
)
def test_what_is_no_one_number_costs_its_row(table: Any, answer: object, unit: str, problem: str) -> None:
    good = [{"question": "How far?", "answer": float(i), "unit": "m"} for i in range(6)]
    found, dataset = numbers(
        table(*good, {"question": "How far?", "answer": answer, "unit": unit}), "measuring"
    )
    assert len(found) == 6
    (mistake,) = dataset.left_out
    assert problem in mistake.problem and mistake.where.endswith("line 7") and mistake.fix


def test_rows_of_other_tools_hold_numbers_too(table: Any) -> None:
    asked = "How many things are there? <answer> number </answer>"
    folder = table(
        {"problem": asked, "solution": "<answer> 3 </answer>"},
        {"problem": asked, "solution": "<answer>seven</answer>"},
    )
    assert [number.number for number in numbers(folder, "counting")[0]] == [3, 7]


def test_chats_hold_numbers_too(table: Any) -> None:
    def chat(answer: str) -> dict[str, Any]:
        said = [("user", "<image>How many cups?"), ("assistant", answer)]
        return {"messages": [{"role": role, "content": text} for role, text in said]}

    rows = [chat("3"), chat("four"), chat("12"), chat("0"), chat("1"), chat("a few")]
    for i, row in enumerate(rows):
        row["images"] = [f"{i}.png"]
        row["image"] = f"{i}.png"
    found, dataset = numbers(table(*rows), "counting")
    assert [number.number for number in found] == [3, 4, 12, 0, 1]
    assert "hedged" in dataset.left_out[0].problem


def test_two_spellings_of_one_answer_do_not_contradict_each_other(table: Any) -> None:
    for same in (
        ("7", "7.0"),
        (7, "07"),
        ("Seven", "seven"),
        ("1,000", "1000"),
        ("a red cup", "A red  cup."),
    ):
        folder = table(*({"image": "a.png", "question": "What?", "answer": one} for one in same))
        assert len(load_dataset(folder, load_task("reasoning").needs).records[0].annotations) == 1, same
    for other in (("7", "8"), ("Seven", "eight"), ("7", "-7"), ("7", "7 m")):
        folder = table(*({"image": "a.png", "question": "What?", "answer": one} for one in other))
        with pytest.raises(LabelError, match="another answer to 'What"):
            load_dataset(folder, load_task("reasoning").needs)


def test_two_units_of_one_length_do_not_contradict_each_other(table: Any) -> None:
    rows = [{"image": "a.png", "question": "How far?", "answer": one} for one in ("1 m", "100 cm")]
    assert numbers(table(*rows), "measuring")[0] == [Number(1.0, "m")]
    rows[1]["answer"] = "101 cm"
    with pytest.raises(LabelError, match="Number: 1 m there, Number: 101 cm here"):
        numbers(table(*rows), "measuring")


def test_two_counts_of_one_category_contradict_each_other(table: Any) -> None:
    rows = [{"image": "a.png", "category": "cup", "count": n} for n in (3, "three")]
    assert numbers(table(*rows), "counting")[0] == [Number(3.0)]
    rows[1]["count"] = 4
    with pytest.raises(LabelError, match="another answer to 'cup'"):
        numbers(table(*rows), "counting")
