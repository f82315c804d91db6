"""Questions with short answers: how answers are compared, and what counts as working one out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.evaluation.external.judge_row import judge_row
from vrft.evaluation.external.row_schema import ExternalRow
from vrft.miniature.folders import write_reasoning, write_sum_boxes
from vrft.miniature.scenes import DIGITS
from vrft.miniature.sums import (
    NUMBERS,
    SUM,
    SUM_OF_OTHERS,
    others_thought,
    place_of_sum,
    sum_thought,
    total_of,
)
from vrft.tasks.metrics.shared_metrics import ACCURACY
from vrft.tasks.parsing.short_answers import short_form
from vrft.tasks.reasoning.reasoning import shows_arithmetic
from vrft.tasks.registry import default_task, load_task
from vrft.tasks.scorer import Scorer
from vrft.types import Annotation, Form, Image, Label, Record

TASK = load_task("reasoning")


def asked(*pairs: tuple[str, str]):
    said = tuple(Annotation("question", question, Label(answer)) for question, answer in pairs)
    examples = TASK.examples([Record("a", (Image(Path("a.png"), (8, 8)),), said)])
    return [replace(example, form=Form.DIRECT) for example in examples]


def test_each_question_of_an_image_is_asked_by_itself():
    examples = asked(("How many cups?", "03"), ("Which color has the roof?", "red"))
    assert [(e.id, e.question, e.target.name) for e in examples] == [
        ("a#0", "How many cups?", "3"),
        ("a#1", "Which color has the roof?", "red"),
    ]
    assert {e.record_id for e in examples} == {"a"} and examples[0].target.vocabulary == ("3", "red")


@given(st.decimals(-(10**9), 10**9, places=3, allow_nan=False), st.booleans(), st.integers(0, 4))
def test_a_number_is_the_same_however_it_is_written(number, groups, zeros):
    written = f"{number:,f}" if groups else f"{number:f}"
    written += "0" * zeros
    assert Decimal(short_form(written)) == number
    assert short_form(written) == short_form(f"{number.normalize():f}")


@given(st.text(max_size=30) | st.text("$%-+−,.()AB07 ", max_size=8))
def test_what_is_no_number_and_no_choice_stays_as_it_is(text):
    short = short_form(text)
    if short != text and short.isalpha():
        assert text.strip().strip("().") == short and len(short) == 1
    elif short != text:
        assert [sign for sign in "$%" if sign in text] == [sign for sign in "$%" if sign in short]
        assert worth(text) == worth(short)
    assert short_form(short) == short


def worth(text):
    return Decimal(re.sub(r"[$€£¥%,\s]", "", text).replace("−", "-").removesuffix("."))


@pytest.mark.parametrize(
    ("target", "text", "right"),
    [
        ("7", "<answer>7</answer>", True),
        ("7", "<answer>7.0</answer>", True),
        ("1200", "<answer>1,200</answer>", True),
        ("seven", "<answer>Seven.</answer>", True),
        ("7", "<answer>8</answer>", False),
        ("7", "<answer>17</answer>", False),
        ("7", "<answer>7 8 9</answer>", False),
        ("1.5", "<answer>1,5</answer>", False),
        ("-3", "<answer>−3.0</answer>", True),
        ("-3", "<answer>3</answer>", False),
        ("3", "<answer>-3</answer>", False),
        ("$1,000", "<answer>$ 1000.00</answer>", True),
        ("-$5", "<answer>$5</answer>", False),
        ("50%", "<answer>50 %.</answer>", True),
        ("50%", "<answer>50</answer>", False),
        ("0.5", "<answer>.5</answer>", True),
        ("(A)", "<answer>a</answer>", True),
        ("B.", "<answer>(B)</answer>", True),
        ("A", "<answer>A or B</answer>", False),
        ("A", "<answer>(A) (B)</answer>", False),
        ("7", "<answer>7 or 8</answer>", False),
        ("7", "<answer>7 apples</answer>", False),
        ("yes", "<answer>Yes.</answer>", True),
        ("yes", "<answer>yes and no</answer>", False),
    ],
)
def test_an_answer_is_right_or_wrong(target, text, right):
    (example,) = asked(("How many?", target))
    answer = TASK.parse(text, example, [])
    assert TASK.success(answer, example.target) is right
    scored = Scorer(TASK).score_text(text, example, [])
    assert scored.terms["accuracy"] == float(right)


@pytest.mark.parametrize(("answer", "right"), [("1000", True), ("1,000.0", True), ("-1000", False)])
def test_a_stored_answer_is_compared_with_its_label_in_the_same_way(answer, right):
    entry = {
        "task": "reasoning", "question": "How many?", "target": {"name": "1,000"},
        "text": f"<answer>{answer}</answer>",
    }  # fmt: skip
    judged = judge_row(ExternalRow.model_validate(entry), entry, "said.jsonl, line 1")
    assert ACCURACY.value([judged.prediction]) == float(right)


@pytest.mark.parametrize(
    ("thought", "works"),
    [
        ("The digits are two and five. two plus five is seven.", True),
        ("3 cups and 4 more: 3+4=7", True),
        ("10 - 4", True),
        ("x = 3", True),
        ("the width times the height", True),
        ("I look at the image.", False),
        ("A close-up of a cat/dog, 3 in all.", False),
        ("It shows **two** things.", False),
        ("", False),
    ],
)
def test_a_thought_works_something_out_where_it_has_an_operation(thought, works):
    assert shows_arithmetic(thought) is works
    assert TASK.shows_work(thought) is works


def test_questions_with_short_answers_are_for_this_task():
    assert default_task({("question", "label")}) is TASK
    assert load_task("detection").shows_work("two plus two is four") is None


@pytest.mark.parametrize("digits", [2, 3])
def test_the_drawn_label_is_the_sum_of_what_is_drawn(tmp_path, digits):
    folder = write_reasoning(tmp_path / "sums", 3, digits=digits, train=6, val=1, heldout=2)
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    assert [row["question"] for row in rows] == [SUM] * 9
    assert all(row["answer"] in NUMBERS and (folder / row["image"]).exists() for row in rows)
    assert write_reasoning(tmp_path / "sums", 3, digits=digits, train=6, val=1, heldout=2) == folder


def test_the_drawn_box_is_that_of_the_sum(tmp_path):
    folder = write_sum_boxes(tmp_path / "boxes", 3, train=4, val=1, heldout=1)
    rows = [json.loads(line) for line in (folder / "expressions.jsonl").read_text().splitlines()]
    assert len(rows) == 6 and {row["question"] for row in rows} == {SUM_OF_OTHERS}


@given(st.lists(st.sampled_from(DIGITS), min_size=2, max_size=3))
def test_a_thought_adds_up_to_the_sum(digits):
    thought, total = sum_thought(digits), sum(map(DIGITS.index, digits))
    assert thought.endswith(f"is {NUMBERS[total]}.") and total_of(digits) == NUMBERS[total]
    assert thought.count(" plus ") == len(digits) - 1 and shows_arithmetic(thought)


@given(st.integers(1, 8), st.integers(1, 8), st.permutations([0, 1, 2]))
def test_the_thought_to_a_digit_ends_in_that_digit(a, b, order):
    if a + b > 9:
        return
    three = [DIGITS[a], DIGITS[b], DIGITS[a + b]]
    digits = [three[i] for i in order]
    assert digits[place_of_sum(digits)] == DIGITS[a + b]
    assert others_thought(digits).endswith(f" is {DIGITS[a + b]}.")
