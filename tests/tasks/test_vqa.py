"""Questions with choices, numbers and texts: what is asked, read and paid for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vrft.rewards.text_rewards import format_reward
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Annotation, Answer, Form, Image, Label, Prediction, Record, Text

TASK = load_task("vqa")
OFFERED = (("A", "a red kite"), ("B", "two boats"), ("C", "no boat"))


def asked(target, task=TASK, form=Form.DIRECT):
    said = (Annotation("question", "What is there?", target),)
    (example,) = task.examples([Record("a", (Image(Path("a.png"), (8, 8)),), said)])
    return replace(example, form=form)


def terms(content, example, setting="recommended"):
    scorer = Scorer(load_task("vqa"), RewardOptions(setting=setting))
    return scorer.score_text(f"<answer>{content}</answer>", example, []).terms


def test_choices_are_shown_with_their_letters_or_by_their_texts():
    lettered = TASK.question(asked(Text("B", choices=OFFERED)), [])
    assert "(B) two boats" in lettered and "<answer>letter</answer>" in lettered
    plain = load_task("vqa", {"letters": False})
    example = asked(Text("B", choices=OFFERED), plain)
    assert "two boats" in plain.question(example, []) and "(B)" not in plain.question(example, [])
    assert TASK.gold(example, []) == "<answer>two boats</answer>"
    assert TASK.success(TASK.parse("<answer>two boats</answer>", example, []), example.target)
    assert not TASK.parse("<answer>B</answer>", example, []).parsed


def test_letters_of_the_label_are_those_that_are_asked_for():
    example = asked(Text("D", choices=(("B", "B"), ("D", "C"))))
    assert "(D) C" in TASK.question(example, []) and TASK.parse("(D)", example, []).value.text == "D"
    assert TASK.parse("<answer>C</answer>", example, []).value.chosen == "C"


@pytest.mark.parametrize(
    ("content", "accuracy", "formed"),
    [("B", 1, 1), ("(B)", 1, 0), ("two boats", 1, 0), ("Answer: B", 1, 0), ("A", 0, 1), ("A or B", 0, 0)],
)
def test_a_choice_in_other_words_costs_the_form_alone(content, accuracy, formed):
    assert terms(content, asked(Text("B", choices=OFFERED))) == {"accuracy": accuracy, "format": formed}


@pytest.mark.parametrize(
    ("content", "accuracy", "anls"),
    [
        ("Mary W.", 1, 1),
        ("mary whitfield", 1, 1),
        ("Mary Whitfeld", 0, 13 / 14),
        ("Mary", 0, 0.5714),
        ("it may be Mary W. or another", 0, 0),
        ("M", 0, 0),
    ],
)
def test_the_nearest_right_answer_counts(content, accuracy, anls):
    example = asked(Text("Mary Whitfield", ("Mary Whitfield", "Mary W.")))
    assert terms(content, example)["accuracy"] == accuracy
    assert terms(content, example, "anls")["anls"] == pytest.approx(anls, abs=1e-4)


def test_a_tolerance_of_the_task_is_written_into_its_questions():
    task = load_task("vqa", {"tolerance": 0.05})
    example = asked(Text("100"), task)
    assert [terms(said, example)["accuracy"] for said in ("103", "94", "nan")] == [1, 0, 0]
    assert asked(Text("100", tolerance=0.2), task).target.tolerance == 0.2
    assert TASK.similarity(Text("103"), Text("100", tolerance=0.05)) == 0


def test_short_answers_are_asked_about_where_no_label_is_a_text():
    example = asked(Label("seven"))
    assert example.target == Text("seven") and TASK.fits({("question", "label")})
    assert TASK.success(TASK.parse("<answer>7</answer>", asked(Text("7")), []), Text("seven")) is False


def test_prose_outside_of_tags_is_no_answer_and_a_line_is():
    example = asked(Text("seven"))
    assert TASK.parse("Seven", example, []).value == Text("Seven")
    assert not TASK.parse("Seven.\nOr more.", example, []).parsed
    assert not TASK.parse("word " * 60, example, []).parsed


def test_people_who_disagree_count_by_their_number():
    (metric,) = [one for one in TASK.metrics if one.name == "vqa_accuracy"]
    target = Text("red", ("red",) * 7 + ("pink",) * 2 + ("rose",))
    by_word = {
        word: metric.value([Prediction(asked(target), Answer(Text(word), True))])
        for word in ("red", "pink", "rose", "blue")
    }
    # Ten times nine people: of two who said pink, each leaves one.
    assert by_word == pytest.approx({"red": 1, "pink": (8 * 2 + 2 * 1) / 30, "rose": 9 / 30, "blue": 0})


def test_a_stored_label_of_a_choice_may_be_its_text():
    example = replace(asked(Text("B", choices=OFFERED)), target=None)
    assert TASK.canonical(Text("two boats"), example).text == "B"
    assert format_reward(TASK.parse("<answer>B</answer>", example, []), None) == 1


SEVERAL = Text("A, C", choices=OFFERED, several=True)


@pytest.mark.parametrize(
    ("content", "accuracy", "formed"),
    [
        ("A, C", 1, 1),
        ("C and A", 1, 0),
        ("a red kite; no boat", 1, 0),
        ("A", 0, 1),
        ("A, B, C", 0, 1),
        ("A, B", 0, 1),
        ("A or C", 0, 0),
        ("A, C or B", 0, 0),
        ("none", 0, 0),
    ],
)
def test_of_several_right_choices_only_the_exact_set_is_right(content, accuracy, formed):
    example = asked(SEVERAL)
    assert terms(content, example) == {"accuracy": accuracy, "format": formed}
    assert "Choose all that are right" in TASK.question(example, [])


def test_several_choices_are_asked_for_by_their_texts_too():
    task = load_task("vqa", {"letters": False})
    example = asked(SEVERAL, task)
    text = task.gold(example, [])
    assert "a red kite; no boat" in text and task.success(task.parse(text, example, []), example.target)
    assert not task.parse("<answer>A, C</answer>", example, []).parsed
    shuffled = Text("B, C", choices=(("B", "no boat"), ("C", "a red kite")), several=True)
    assert SEVERAL.same_as(shuffled) and not SEVERAL.same_as(replace(SEVERAL, text="A"))
