"""The attacks are what their names say, as the task's own parser reads them, and one file adds one."""

from __future__ import annotations

import pytest

from vrft.diagnostics.audit import attacks as package
from vrft.diagnostics.audit.attacks.attack import LIBRARY, Role
from vrft.diagnostics.audit.attacks.library import attacks_on
from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.errors import InputError
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.tasks.task import load_task
from vrft.types import Fault, Form

BOX_TASKS = ("detection", "grounding")
EVERYWHERE = {
    "gold", "honest", "empty_text", "empty_answer", "prompt_echo", "placeholder", "format_without_content",
    "two_answers_hedged", "right_then_wrong", "wrong_then_right", "spaces_only", "gold_long_thought",
}  # fmt: skip
WANTED = {
    "detection": EVERYWHERE
    | {
        "gold_with_jitter", "whole_picture", "grid_100", "gold_repeated", "gold_repeated_shifted",
        "near_miss", "honest_inverted", "far_outside", "junk_at_0", "junk_at_1", "junk_at_100",
        "junk_at_minus_5", "junk_at_nan", "junk_at_infinity", "no_objects", "first_y1", "one_safe_box",
    },
    "grounding": EVERYWHERE
    | {"gold_with_jitter", "whole_picture", "near_miss", "whole_picture_inverted", "point_inside"},
    "classification": EVERYWHERE
    | {"a_or_b_or_c", "all_names", "one_letter", "first_word", "inner_part", "question_word", "nearest_name"},
}  # fmt: skip


def read(trial, name):
    return list(zip(trial.cases, trial.attempts[name].answers, strict=True))


def best_ious(case, answer):
    return iou_matrix(as_array(answer.boxes_xyxy_px), as_array(case.gold_boxes)).max(1, initial=0.0)


@pytest.mark.parametrize("task", WANTED)
def test_every_attack_of_the_issue_is_there(task):
    assert {attack.name for attack in attacks_on(task)} >= WANTED[task]


@pytest.mark.parametrize("task", WANTED)
@pytest.mark.parametrize("form", Form)
def test_every_attack_answers_every_target_in_both_forms(small_trial_of, task, form):
    trial = small_trial_of(task) if form is Form.THINK else lay_out(load_task(task), form, targets=60)
    for name, attempt in trial.attempts.items():
        assert len(attempt.texts) == len(attempt.answers) == len(trial.cases) == 60, name
        assert attempt.attack.says.endswith(".") and attempt.attack.role in Role
    assert not any(answer.faults for answer in trial.attempts["gold"].answers)


@pytest.mark.parametrize("task", BOX_TASKS)
def test_near_misses_lie_between_045_and_050(trial_of, task):
    found = [iou for case, answer in read(trial_of(task), "near_miss") for iou in best_ious(case, answer)]
    positives = sum(len(case.gold_boxes) for case in trial_of(task).cases)
    negatives = sum(bool(c.honest.boxes) and not c.gold_boxes for c in trial_of(task).cases)
    assert len(found) == positives + negatives
    assert all(0.45 <= iou < 0.50 for iou in sorted(found)[negatives:])


def test_a_grid_is_a_hundred_boxes_that_cover_the_picture(small_trial_of):
    _, answer = read(small_trial_of("detection"), "grid_100")[0]
    assert len(set(answer.boxes_xyxy_px)) == 100
    assert sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in answer.boxes_xyxy_px) == 1000**2


@pytest.mark.parametrize("name", ["junk_at_0", "junk_at_1", "first_y1"])
def test_junk_is_wrong_everywhere(trial_of, name):
    for case, answer in read(trial_of("detection"), name):
        if case.gold_boxes:
            assert len(answer.boxes_xyxy_px) == 1 and best_ious(case, answer).max() < 0.35


@pytest.mark.parametrize("task", BOX_TASKS)
def test_the_y1_lottery_has_the_right_y1(small_trial_of, task):
    for case, answer in read(small_trial_of(task), "first_y1"):
        if case.gold_boxes:
            assert answer.boxes_xyxy_px[0][1] == case.gold_boxes[0][1]


@pytest.mark.parametrize("name", ["100", "minus_5", "nan", "infinity", "minus_infinity"])
def test_hostile_confidences_reach_the_text_and_not_the_answer(small_trial_of, name):
    written = {"minus_5": "-5", "nan": "NaN", "infinity": "Infinity", "minus_infinity": "-Infinity"}
    trial = small_trial_of("detection")
    for text, answer in zip(
        trial.attempts[f"junk_at_{name}"].texts, trial.attempts[f"junk_at_{name}"].answers, strict=True
    ):
        assert f"'Confidence': {written.get(name, name)}}}" in text
        assert Fault.BAD_CONFIDENCE in answer.faults and all(0 <= c <= 1 for c in answer.confidences)


@pytest.mark.parametrize("task", BOX_TASKS)
@pytest.mark.parametrize(
    "name",
    ["gold_inverted", "whole_picture_inverted", "far_outside", "far_outside_inverted", "point_inside"],
)
def test_boxes_that_are_none_are_read_as_none(small_trial_of, task, name):
    for case, answer in read(small_trial_of(task), name):
        if case.gold_boxes:
            assert not answer.boxes_xyxy_px and Fault.BAD_BOX in answer.faults


def test_one_safe_box_is_one_of_the_honest_boxes(small_trial_of):
    for case, answer in read(small_trial_of("detection"), "one_safe_box"):
        if any(box.real for box in case.honest.boxes):
            assert len(answer.boxes_xyxy_px) == 1 and answer.confidences == (1.0,)
            assert answer.boxes_xyxy_px[0] in {box.box_xyxy_px for box in case.honest.boxes if box.real}


def test_repeated_gold_is_gold_or_a_pixel_beside_it(small_trial_of):
    trial = small_trial_of("detection")
    for case, answer in read(trial, "gold_repeated"):
        assert answer.boxes_xyxy_px == case.gold_boxes
    for case, answer in read(trial, "gold_repeated_shifted"):
        near = [box for box in answer.boxes_xyxy_px if box not in case.gold_boxes]
        assert case.gold_boxes == () or (near and best_ious(case, answer).min() > 0.9)


def test_parts_of_names_are_parts_and_lists_hold_the_name(small_trial_of):
    trial = small_trial_of("classification")
    for name in ("first_word", "last_word", "inner_part"):
        for case, answer in read(trial, name):
            assert answer.label and answer.label in case.name and answer.label != case.name
    for case, answer in read(trial, "a_or_b_or_c"):
        parts = (answer.label or "").split(" or ")
        assert len(set(parts)) == 3 and case.name in parts and set(parts) <= set(case.names)
    assert all(len(set(answer.label or "")) == 1 for _, answer in read(trial, "one_letter"))


def test_the_prompts_own_words_come_back(small_trial_of):
    for task in WANTED:
        trial = small_trial_of(task)
        assert trial.attempts["prompt_echo"].texts[0].count(trial.task.example_answer) == 1
        assert f"<answer>{trial.task.example_answer}</answer>" in trial.attempts["placeholder"].texts[0]


@pytest.mark.parametrize("task", WANTED)
def test_two_answers_in_one_text_stand_in_the_order_they_are_named(small_trial_of, task):
    trial = small_trial_of(task)
    for name, place in (("right_then_wrong", 0), ("wrong_then_right", 1)):
        for case, text in zip(trial.cases, trial.attempts[name].texts, strict=True):
            right = case.gold().rpartition("<answer>")[2]
            assert text.count("<answer>") == 2 and text.split("<answer>")[1 + place].startswith(right.strip())


def test_one_file_adds_an_attack(tmp_path, monkeypatch):
    (tmp_path / "quiet.py").write_text(
        "from vrft.diagnostics.audit.attacks.attack import attack\n"
        "from vrft.diagnostics.audit.audit_case import Notation\n\n\n"
        "@attack(Notation.NAME)\n"
        "def says_nothing_much(case, rng):\n"
        '    """An answer of one dot."""\n'
        '    return case.answer(".")\n'
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        found = {attack.name: attack.says for attack in attacks_on("classification")}
        assert found["says_nothing_much"] == "An answer of one dot."
        assert "says_nothing_much" not in {attack.name for attack in attacks_on("detection")}
        others = lay_out(load_task("classification"), targets=60).attempts
    finally:
        LIBRARY.pop("says_nothing_much", None)
    alone = lay_out(load_task("classification"), targets=60).attempts
    assert {n: a.texts for n, a in alone.items()} == {n: others[n].texts for n in alone}


def test_a_task_without_known_notation_is_refused_with_those_that_have_one():
    with pytest.raises(InputError, match=r"counting.*detection, grounding, classification"):
        attacks_on("counting")
