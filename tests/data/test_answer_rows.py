"""Rows with several right answers, with choices, and with what is written in an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vrft.data.dataset import Dataset, load_dataset
from vrft.data.label_checks import IMAGE_TEXT, QUESTION_LABEL, QUESTION_TEXT
from vrft.errors import LabelError
from vrft.tasks.registry import default_task
from vrft.types import Text

OFFERED = (("A", "a cat"), ("B", "a dog"))
ANSWERS = frozenset({QUESTION_TEXT})


@pytest.fixture
def images(tmp_path: Path, make_image: Any) -> Path:
    for number, name in enumerate("abc"):
        make_image(f"{name}.png", shade=number)
    return tmp_path


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def asked(image: str = "a.png", **columns: Any) -> dict[str, Any]:
    return {"image": image, "question": "What is it?", **columns}


def texts(dataset: Dataset, about: Any = "question") -> list[Text]:
    return [value for record in dataset.records for _, value in record.about(about, Text)]


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"answers": ["a cat", "cat"]}, Text("a cat", ("a cat", "cat"))),
        ({"answers": ["cat", "kitten", "kitten"]}, Text("kitten", ("cat", "kitten", "kitten"))),
        ({"answers": ["cat"]}, Text("cat")),
        ({"answers": [{"answer": "cat"}, {"answer": "cat"}]}, Text("cat", ("cat", "cat"))),
        ({"answers": '["cat", "a cat"]'}, Text("cat", ("cat", "a cat"))),
        ({"answers": [7, 7.0]}, Text("7", ("7", "7"))),
        ({"answer": ["cat", "a cat"]}, Text("cat", ("cat", "a cat"))),
        ({"answers": ["103"], "tolerance": 0.05}, Text("103", tolerance=0.05)),
        ({"choices": ["a cat", "a dog"], "answer": "B"}, Text("B", choices=OFFERED)),
        ({"options": ["a cat", "a dog"], "answer": "a dog"}, Text("B", choices=OFFERED)),
        ({"choices": ["a cat", "a dog"], "answer": 1}, Text("B", choices=OFFERED)),
        (
            {"choices": ["a cat", "a dog"], "answer": ["B", "a cat"]},
            Text("A, B", choices=OFFERED, several=True),
        ),
        ({"choices": ["a cat", "a dog"], "answer": "B and A"}, Text("A, B", choices=OFFERED, several=True)),
        (
            {"choices": ["a cat", "a dog"], "answer": "B", "several": True},
            Text("B", choices=OFFERED, several=True),
        ),
        ({"choices": ["a cat", "a dog"], "correct_choice_idx": 0}, Text("A", choices=OFFERED)),
        ({"A": "a cat", "B": "a dog", "C": None, "answer": "a"}, Text("A", choices=OFFERED)),
        ({"options": {"A": "a cat", "B": "a dog"}, "answer": "A"}, Text("A", choices=OFFERED)),
        ({"options": {"B": "A", "C": "B"}, "answer": "B"}, Text("B", choices=(("B", "A"), ("C", "B")))),
    ],
)
def test_what_is_right_and_what_is_offered(images: Path, columns: Any, target: Text) -> None:
    dataset = load_dataset(write(images, asked(**columns)))
    assert dataset.provides == ANSWERS and texts(dataset) == [target]
    task = default_task(dataset.provides)
    assert task is not None and task.fits(dataset.provides) and task.answer is Text


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"answers": []}, "no text under 'answers'"),
        ({"answers": [" ", None]}, "no text under 'answers'"),
        ({"choices": ["a cat", "a dog"], "answer": "C"}, r"'C' is not one of the choices A \(a cat\), B"),
        ({"choices": ["a cat", "a dog"], "answer": "A or B"}, "'A or B' is not one of the choices"),
        ({"choices": ["a cat", "a cat"], "answer": "a cat"}, "'a cat' is not one of the choices"),
        ({"choices": ["1", "2", "3"], "answer": 1}, "may be the choice '1' or that at place 1 from 0"),
        ({"choices": ["a cat", "a dog"], "answer": 2}, "2 is not one of the choices"),
        ({"answers": ["7"], "tolerance": 5}, "tolerance 5 is no share"),
    ],
)
def test_a_row_that_cannot_be_used_costs_itself_alone(images: Path, columns: Any, problem: str) -> None:
    rows = [{**asked(answers=["x"]), "question": f"What is {n}?"} for n in range(9)]
    dataset = load_dataset(write(images, *rows, asked("b.png", **columns)))
    assert len(texts(dataset)) == 9
    (lost,) = dataset.left_out
    assert lost.where.endswith("line 10") and lost.fix
    with pytest.raises(LabelError, match=problem):
        raise lost


def test_short_answers_are_read_as_texts_where_these_are_needed(images: Path) -> None:
    write(
        images, asked(answers=["a cat", "cat"]), asked("b.png", answer="a dog"), asked("c.png", answers=["x"])
    )
    assert [text.text for text in texts(load_dataset(images))] == ["a cat", "a dog", "x"]
    write(
        images,
        asked(answer="a cat"),
        asked("b.png", answer="a dog"),
        {**asked("b.png"), "question": "Why?", "answer": 2},
    )
    assert load_dataset(images).provides == {QUESTION_LABEL}
    assert [text.text for text in texts(load_dataset(images, ANSWERS))] == ["a cat", "a dog", "2"]


def test_two_labels_contradict_each_other_by_what_they_choose(images: Path) -> None:
    turned = {"choices": ["a dog", "a cat"], "answer": "A"}
    same = write(images, asked(choices=["a cat", "a dog"], answer="B"), asked(**turned))
    assert len(texts(load_dataset(same))) == 2
    other = write(images, asked(choices=["a cat", "a dog"], answer="A"), asked(**turned))
    with pytest.raises(LabelError, match="Another row has another answer to 'What is it\\?'"):
        load_dataset(other)


def test_labels_that_have_a_right_answer_in_common_agree(images: Path) -> None:
    write(
        images, asked(answers=["a cat", "cat"]), asked(answers=["Cat", "kitten"]), asked(answers=["a  CAT"])
    )
    assert texts(load_dataset(images)) == [Text("a cat", ("a cat", "cat"))]
    write(images, asked(answers=["a cat", "cat"]), asked(answers=["dog", "puppy"]))
    with pytest.raises(LabelError, match="Another row has another answer"):
        load_dataset(images)


def test_texts_of_images_and_of_their_parts(images: Path) -> None:
    rows = [
        {"image": "a.png", "text": " OPEN\n24 h "},
        {"image": "b.png", "text": "EXIT", "box": [1, 2, 20, 12]},
        {"image": "b.png", "text": "7", "bbox_xywh": [22, 2, 8, 10]},
        {"image": "c.png", "text": ""},
    ]
    dataset = load_dataset(write(images, *rows))
    assert dataset.provides == {IMAGE_TEXT} and not dataset.left_out
    assert [(value.text, value.box_xyxy_px) for value in texts(dataset, "image")] == [
        ("OPEN\n24 h", None),
        ("EXIT", (1.0, 2.0, 20.0, 12.0)),
        ("7", (22.0, 2.0, 30.0, 12.0)),
        ("", None),
    ]


@pytest.mark.parametrize("box", [[1, 2, 3], "left", {"x": 1}])
def test_a_text_whose_place_cannot_be_read_is_left_out(images: Path, box: Any) -> None:
    rows = [{"image": "a.png", "text": str(n), "box": [n, 2, n + 5, 12]} for n in range(9)]
    dataset = load_dataset(write(images, *rows, {"image": "b.png", "text": "x", "box": box}))
    assert [one.where.rpartition(", ")[2] for one in dataset.left_out] == ["line 10"]
    assert "no box of four numbers" in dataset.left_out[0].problem
