"""Reading text: what is shown, read, paid for and measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vrft.diagnostics.check.model_case import boxes_in
from vrft.errors import InputError
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import Scorer
from vrft.types import Annotation, Answer, Form, Image, Label, Prediction, Record, Text

TASK = load_task("ocr")
METRICS = {metric.name: metric for metric in TASK.metrics}


def asked(*texts, task=TASK):
    said = tuple(Annotation("image", ", ".join(map(str, t.box_xyxy_px or ())), t) for t in texts)
    examples = task.examples([Record("a", (Image(Path("a.png"), (80, 60)),), said)])
    return [replace(example, form=Form.DIRECT) for example in examples]


def answered(content, example):
    return TASK.parse(f"<answer>{content}</answer>", example, [])


def measured(metric, *pairs):
    given = [Prediction(asked(Text(gold))[0], Answer(said and Text(said), True)) for said, gold in pairs]
    return METRICS[metric].value(given)


def test_of_a_part_only_the_part_is_shown():
    whole, part = asked(Text("EXIT 7"), Text("7", box_xyxy_px=(10.5, 4.0, 30.2, 19.0)))
    assert whole.image.window_px is None and part.image.window_px == (10, 4, 31, 19)
    assert part.target == Text("7") and whole.id != part.id


@pytest.mark.parametrize(
    ("content", "text", "formed"),
    [
        ("EXIT 7", "EXIT 7", True),
        ("EXIT\n7", "EXIT\n7", True),
        ("```\nEXIT 7\n```", "EXIT 7", False),
        ("No text", "", True),
        ("There is no visible text in the image.", "", False),
        ("No text messages while driving", "No text messages while driving", True),
        ("", None, False),
        ("x" * 10_001, None, False),
    ],
)
def test_a_text_is_read_as_it_is_written(content, text, formed):
    answer = answered(content, asked(Text("EXIT 7"))[0])
    assert (answer.value and answer.value.text) == (text or (None if text is None else answer.value.text))
    assert answer.formatted is formed and answer.abstained is (text == "")


@pytest.mark.parametrize(
    ("gold", "content", "anls", "f1", "right"),
    [
        ("Room B-204", "Room\n B-204", 1, 1, True),
        ("Room B-204", "room b-204", 0.8, 0, False),
        ("Room B-204", "Room B-205", 0.9, 0.5, False),
        ("Room B-204", "B-204 Room", 0, 1, False),
        ("Room B-204", "Room", 0, 2 / 3, False),
        ("EXIT", 'The sign reads "EXIT".', 0, 0, False),
        ("EXIT", "ENTRY EXIT PUSH PULL", 0, 0.4, False),
        ("", "No text", 1, 1, True),
        ("", "EXIT", 0, 0, False),
        ("EXIT", "No text", 0, 0, False),
    ],
)
def test_letters_and_words_are_paid_for(gold, content, anls, f1, right):
    (example,) = asked(Text(gold))
    rollout = Scorer(TASK).score_text(f"<answer>{content}</answer>", example, [])
    assert rollout.terms == pytest.approx({"anls": anls, "word_f1": f1, "format": 1})
    assert TASK.success(rollout.answer, example.target) is right
    assert TASK.score(rollout.answer, example.target) == pytest.approx(anls)


def test_capitals_count_unless_the_task_says_otherwise():
    lenient = load_task("ocr", {"ignore_case": True})
    (example,) = asked(Text("EXIT"), task=lenient)
    assert TASK.success(answered("exit", example), example.target)
    assert not TASK.success(answered("exit", example), Text("EXIT"))


def test_error_rates_are_edits_over_all_that_is_written():
    assert measured("cer", ("abXd", "abcd"), ("ef", "ef")) == pytest.approx(1 / 6)
    assert measured("wer", ("the red bus", "a red bus"), ("go", "go now")) == pytest.approx(2 / 5)
    assert measured("cer", (None, "abcd")) == 1 and measured("cer", ("abcdefgh", "ab")) == 3
    assert measured("exact", ("ab", "ab"), ("ab", "ac")) == 0.5
    assert measured("cer", ("x", "")) != measured("cer", ("x", "")), "of nothing at all there is no rate"
    assert measured("cer", ("", "")) == 0, "nothing read where nothing is written"
    with pytest.raises(InputError, match="nothing of kind 'text'"):
        METRICS["cer"].value([Prediction(replace(asked(Text("a"))[0], target=Label("a")), Answer())])


def test_two_readings_agree_by_their_letters():
    assert TASK.similarity(Text("Room 4"), Text("Room  ４")) == 1
    assert TASK.similarity(Text("Room 4"), Text("Room 5")) == pytest.approx(5 / 6)
    assert TASK.similarity(Text("a"), Label("a")) == 0


def test_a_text_with_a_place_is_no_answer_of_boxes():
    assert boxes_in(Text("7", box_xyxy_px=(1.0, 2.0, 3.0, 4.0))) == () == boxes_in(Text("7"))
