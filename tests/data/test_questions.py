"""Questions with short answers, as rows of every form write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import BOXES, CLASSES, class_name

from vrft.data.dataset import Dataset, load_dataset
from vrft.data.label_checks import QUESTION_LABEL
from vrft.data.rows.plain import PlainForm
from vrft.data.rows.row_form import LabelRow, Reading
from vrft.errors import LabelError
from vrft.types import Image, Label, Record, in_words

QUESTIONS = frozenset({QUESTION_LABEL})


def plain(image: str, question: str, answer: Any) -> dict[str, Any]:
    return {"image": image, "question": question, "answer": answer}


def chat(image: str, question: str, answer: Any) -> dict[str, Any]:
    asked = {"role": "user", "content": f"<image>{question}"}
    return {"messages": [asked, {"role": "assistant", "content": str(answer)}], "images": [image]}


def paper(image: str, question: str, answer: Any) -> dict[str, Any]:
    return {"image": image, "problem": f"<image>{question}", "solution": f"<answer>{answer}</answer>"}


def prompt(image: str, question: str, answer: Any) -> dict[str, Any]:
    return {"image": image, "prefix": question, "suffix": str(answer)}


FORMS = [plain, chat, paper, prompt]


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def answers(dataset: Dataset) -> dict[str, list[tuple[str, str]]]:
    return {
        record.id: [(one.name, value.name) for one, value in record.about("question", Label)]
        for record in dataset.records
    }


@pytest.fixture
def images(tmp_path: Path, make_image: Any) -> Path:
    for number, name in enumerate("abc"):
        make_image(f"{name}.png", shade=number)
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_questions_about_one_image_add_up(images: Path, form: Any) -> None:
    rows = [
        form("a.png", "How many cups?", 7),
        form("a.png", "What colour is the sky?", "deep blue"),
        form("b.png", "How many cups?", 0),
    ]
    for needs in (None, QUESTIONS):
        dataset = load_dataset(write(images, *rows), needs)
        assert dataset.provides == QUESTIONS and in_words(dataset.provides) == "questions with short answers"
        assert answers(dataset) == {
            "a.png": [("How many cups?", "7"), ("What colour is the sky?", "deep blue")],
            "b.png": [("How many cups?", "0")],
        }


@pytest.mark.parametrize("form", FORMS)
def test_one_question_asked_of_all_images_is_about_their_classes_unless_a_task_asks_it(
    images: Path, form: Any
) -> None:
    write(images, form("a.png", "Which animal?", "cat"), form("b.png", "Which animal?", "dog"))
    for needs in (None, CLASSES):
        dataset = load_dataset(images, needs)
        assert dataset.provides == CLASSES
        assert [class_name(record) for record in dataset.records] == ["cat", "dog"]
    asked = load_dataset(images, QUESTIONS)
    assert answers(asked) == {"a.png": [("Which animal?", "cat")], "b.png": [("Which animal?", "dog")]}


@pytest.mark.parametrize("form", FORMS)
def test_numbers_answer_a_question_rather_than_name_a_class(images: Path, form: Any) -> None:
    write(images, form("a.png", "What is the sum?", 7), form("b.png", "What is the sum?", 12))
    assert load_dataset(images).provides == QUESTIONS
    assert [class_name(record) for record in load_dataset(images, CLASSES).records] == ["7", "12"]


@pytest.mark.parametrize("form", FORMS)
def test_one_question_with_two_answers_is_left_out(images: Path, form: Any) -> None:
    rows = [form("a.png", f"Which cup is number {n}?", "the left one") for n in range(9)]
    write(images, *rows, form("a.png", "Which cup is number 3?", "the right one"))
    dataset = load_dataset(images, QUESTIONS)
    assert {question for question, _ in answers(dataset)["a.png"]} == {
        f"Which cup is number {n}?" for n in range(9) if n != 3
    }
    (mistake,) = dataset.left_out
    assert mistake.where.endswith("line 10") and "answer to 'Which cup is number 3?'" in mistake.problem
    write(images, *rows, rows[3])
    assert set(answers(load_dataset(images, QUESTIONS))["a.png"]) == {
        (f"Which cup is number {n}?", "the left one") for n in range(9)
    }


@pytest.mark.parametrize("answers", [("50%", "$5"), ("-3", "1,200"), ("7", "$ 1.50")])
def test_numbers_with_signs_answer_a_question_too(images: Path, answers: tuple[str, str]) -> None:
    write(images, plain("a.png", "How much?", answers[0]), plain("b.png", "How much?", answers[1]))
    assert load_dataset(images).provides == QUESTIONS


def test_a_question_without_an_answer_is_said_to_be_one(images: Path) -> None:
    write(images, {"image": "a.png", "question": "How many?", "anser": "3"})
    with pytest.raises(LabelError, match=r"a question and no answer; its columns are .*anser.* \"answer\""):
        load_dataset(images)
    write(images, plain("a.png", "How many?", ""))
    with pytest.raises(LabelError, match="no text under 'answer'"):
        load_dataset(images, QUESTIONS)


def test_tables_of_questions(images: Path) -> None:
    (images / "x.csv").write_text('image,question,answer\na.png,"How many, in all?",7\nb.png,Why?,no idea\n')
    found = answers(load_dataset(images))
    assert found == {"a.png": [("How many, in all?", "7")], "b.png": [("Why?", "no idea")]}


def test_a_row_without_a_question_or_an_answer_is_left_out(images: Path) -> None:
    rows = [plain("a.png", f"What is at place {n}?", "a cup") for n in range(20)]
    write(
        images,
        *rows,
        plain("b.png", " ", "a cup"),
        plain("b.png", "What?", None),
        plain("b.png", "What?", {}),
    )
    dataset = load_dataset(images)
    assert [one.where.rpartition(", ")[2] for one in dataset.left_out] == ["line 21", "line 22", "line 23"]
    assert len(answers(dataset)["a.png"]) == 20


def test_boxes_are_no_short_answer(images: Path) -> None:
    write(images, plain("a.png", "the cup", [1, 2, 3, 4]), plain("b.png", "the fork", [1, 2, 3, 4]))
    with pytest.raises(LabelError, match="no labels for questions with short answers"):
        load_dataset(images, QUESTIONS)
    assert load_dataset(images, BOXES).provides == BOXES


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text().filter(str.strip))
def test_an_answer_is_text_whichever_way_json_writes_it(answer: int | float | str) -> None:
    row = LabelRow("x.jsonl, line 1", {"image": "a.png", "question": "What?", "answer": answer})
    assert (QUESTION_LABEL in PlainForm().says(row)) == (not str(answer).startswith("["))
    if not str(answer).startswith(("[", "{")):
        record = Record("a.png", (Image(Path("a.png"), (40, 30)),))
        ((one, value),) = (
            PlainForm().add(record, row, QUESTION_LABEL, Reading([], None)).about("question", Label)
        )
        assert one.name == "What?"
        if isinstance(answer, str):
            assert value.name == Label(answer.strip()).name
        else:
            assert float(value.name) == pytest.approx(answer)
