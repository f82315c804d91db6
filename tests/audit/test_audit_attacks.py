"""The attacks are what their names say, as the task's own parser reads them, and one file adds one."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import pytest

from vrft.diagnostics.audit import attacks as package
from vrft.diagnostics.audit.attack import LIBRARY, Role, attacks_on
from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.diagnostics.audit.audited_rule import Rule, setting_rule
from vrft.diagnostics.audit.run_audit import audit
from vrft.errors import InputError
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.rewards.reward_term import as_term
from vrft.tasks.parsing.answer_parsers import parse_answer
from vrft.tasks.registry import load_task
from vrft.tasks.task import Task, audit_example
from vrft.types import Boxes, Fault, Form, Number

BOX_TASKS = ("detection", "grounding")
EVERYWHERE = {
    "gold", "honest", "empty_text", "empty_answer", "prompt_echo", "placeholder", "format_without_content",
    "two_answers_hedged", "right_then_wrong", "wrong_then_right", "spaces_only", "gold_long_thought",
}  # fmt: skip
WANTED = {
    "detection": EVERYWHERE
    | {
        "gold_with_jitter", "whole_image", "grid_100", "gold_repeated", "gold_repeated_shifted",
        "near_miss", "honest_inverted", "far_outside", "junk_at_0", "junk_at_1", "junk_at_100",
        "junk_at_minus_5", "junk_at_nan", "junk_at_infinity", "no_objects", "first_y1", "one_safe_box",
    },
    "grounding": EVERYWHERE
    | {"gold_with_jitter", "whole_image", "near_miss", "whole_image_inverted", "point_inside"},
    "classification": EVERYWHERE
    | {"a_or_b_or_c", "all_names", "one_letter", "first_word", "inner_part", "question_word", "nearest_name"},
}  # fmt: skip


def boxes(answer):
    """Boxes that could be read."""
    found = answer.as_(Boxes)
    return found.xyxy_px if found is not None else ()


def read(plan, name):
    return list(zip(plan.cases, plan.attempts[name].answers, strict=True))


def best_ious(case, answer):
    return iou_matrix(as_array(boxes(answer)), as_array(case.boxes)).max(1, initial=0.0)


@pytest.mark.parametrize("task", WANTED)
def test_every_attack_of_the_issue_is_there(task):
    assert {attack.name for attack in attacks_on(load_task(task))} >= WANTED[task]


@pytest.mark.parametrize("task", WANTED)
@pytest.mark.parametrize("form", Form)
def test_every_attack_answers_every_target_in_both_forms(small_plan_of, task, form):
    plan = small_plan_of(task) if form is Form.THINK else lay_out(load_task(task), form=form, targets=60)
    for name, attempt in plan.attempts.items():
        assert len(attempt.texts) == len(attempt.answers) == len(plan.cases) == 60, name
        assert attempt.attack.says.endswith(".") and attempt.attack.role in Role
    assert not any(answer.faults for answer in plan.attempts["gold"].answers)


@pytest.mark.parametrize("task", BOX_TASKS)
def test_near_misses_lie_between_045_and_050(plan_of, task):
    found = [iou for case, answer in read(plan_of(task), "near_miss") for iou in best_ious(case, answer)]
    positives = sum(len(case.boxes) for case in plan_of(task).cases)
    negatives = sum(not c.belief.is_empty and not c.boxes for c in plan_of(task).cases)
    assert len(found) == positives + negatives
    assert all(0.45 <= iou < 0.50 for iou in sorted(found)[negatives:])


def test_a_grid_is_a_hundred_boxes_that_cover_the_image(small_plan_of):
    _, answer = read(small_plan_of("detection"), "grid_100")[0]
    assert len(set(boxes(answer))) == 100
    assert sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes(answer)) == 1000**2


@pytest.mark.parametrize("name", ["junk_at_0", "junk_at_1", "first_y1"])
def test_junk_is_wrong_everywhere(plan_of, name):
    for case, answer in read(plan_of("detection"), name):
        if case.boxes:
            assert len(boxes(answer)) == 1 and best_ious(case, answer).max() < 0.35


@pytest.mark.parametrize("task", BOX_TASKS)
def test_the_y1_lottery_has_the_right_y1(small_plan_of, task):
    for case, answer in read(small_plan_of(task), "first_y1"):
        if case.boxes:
            assert boxes(answer)[0][1] == case.boxes[0][1]


@pytest.mark.parametrize("name", ["100", "minus_5", "nan", "infinity", "minus_infinity"])
def test_hostile_confidences_reach_the_text_and_not_the_answer(small_plan_of, name):
    written = {"minus_5": "-5", "nan": "NaN", "infinity": "Infinity", "minus_infinity": "-Infinity"}
    plan = small_plan_of("detection")
    for text, answer in zip(
        plan.attempts[f"junk_at_{name}"].texts, plan.attempts[f"junk_at_{name}"].answers, strict=True
    ):
        assert f"'Confidence': {written.get(name, name)}}}" in text
        assert Fault.BAD_CONFIDENCE in answer.faults and all(0 <= c <= 1 for c in answer.value.scores)


@pytest.mark.parametrize("task", BOX_TASKS)
@pytest.mark.parametrize(
    "name",
    ["gold_inverted", "whole_image_inverted", "far_outside", "far_outside_inverted", "point_inside"],
)
def test_boxes_that_are_none_are_read_as_none(small_plan_of, task, name):
    for case, answer in read(small_plan_of(task), name):
        if case.boxes:
            assert not boxes(answer) and Fault.BAD_BOX in answer.faults


@pytest.mark.parametrize("task", BOX_TASKS)
def test_right_edges_are_right_and_the_others_far(plan_of, task):
    for name, kept in (("right_columns", (0, 2)), ("right_rows", (1, 3))):
        for case, answer in read(plan_of(task), name):
            for said, right in zip(boxes(answer), case.boxes, strict=True) if case.boxes else ():
                assert [said[i] for i in kept] == [right[i] for i in kept]
                low, high = (edge for place, edge in enumerate(said) if place not in kept)
                assert low == 0 or high == 1000


@pytest.mark.parametrize("task", ["counting", "measuring"])
def test_wrong_numbers_keep_what_their_names_say(plan_of, task):
    keeps = {
        "of_the_same_parity": lambda n: n % 2,
        "with_the_same_last_digit": lambda n: n % 10,
        "with_as_many_digits": lambda n: len(str(int(n))),
        "digits_in_another_order": lambda n: sorted(repr(n).replace(".", "").replace("0", "")),
    }
    for name, kept in keeps.items():
        for case, answer in read(plan_of(task), name):
            if answer.value is None:  # the answer to a question about another quantity
                continue
            said, right = answer.value.number, case.target.number
            assert said == case.other.number or (said != right and kept(said) == kept(right))


def test_one_safe_box_is_one_of_the_honest_boxes(small_plan_of):
    for case, answer in read(small_plan_of("detection"), "one_safe_box"):
        # A box that is made from a label has an IoU of 0.4 and more with it, an invented one of 0.05 at most.
        ious = iou_matrix(as_array(case.belief.xyxy_px), as_array(case.boxes)).max(1, initial=0.0)
        if (ious > 0.3).any():
            assert len(boxes(answer)) == 1 and answer.value.scores == (1.0,)
            assert boxes(answer)[0] == case.belief.xyxy_px[int((ious > 0.3).argmax())]


def test_repeated_gold_is_gold_or_a_pixel_beside_it(small_plan_of):
    plan = small_plan_of("detection")
    for case, answer in read(plan, "gold_repeated"):
        assert boxes(answer) == tuple(box for box in case.boxes for _ in range(4))
    for case, answer in read(plan, "gold_repeated_shifted"):
        near = [box for box in boxes(answer) if box not in case.boxes]
        assert case.boxes == () or (near and best_ious(case, answer).min() > 0.9)


def test_parts_of_names_are_parts_and_lists_hold_the_name(small_plan_of):
    plan = small_plan_of("classification")
    for name in ("first_word", "last_word", "inner_part"):
        for case, answer in read(plan, name):
            assert answer.parsed and answer.value.name in case.name and answer.value.name != case.name
    for case, answer in read(plan, "a_or_b_or_c"):
        parts = answer.value.name.split(" or ")
        assert len(set(parts)) == 3 and case.name in parts and set(parts) <= set(case.vocabulary)
    assert all(len(set(answer.value.name)) == 1 for _, answer in read(plan, "one_letter"))


def test_the_prompts_own_words_come_back(small_plan_of):
    for task in WANTED:
        plan = small_plan_of(task)
        assert plan.attempts["prompt_echo"].texts[0].count(plan.task.example_answer) == 1
        assert f"<answer>{plan.task.example_answer}</answer>" in plan.attempts["placeholder"].texts[0]


@pytest.mark.parametrize("task", WANTED)
def test_two_answers_in_one_text_stand_in_the_order_they_are_named(small_plan_of, task):
    plan = small_plan_of(task)
    for name, place in (("right_then_wrong", 0), ("wrong_then_right", 1)):
        for case, text in zip(plan.cases, plan.attempts[name].texts, strict=True):
            right = case.gold().rpartition("<answer>")[2]
            assert text.count("<answer>") == 2 and text.split("<answer>")[1 + place].startswith(right.strip())


def test_one_file_adds_an_attack(tmp_path, monkeypatch):
    (tmp_path / "quiet.py").write_text(
        "from vrft.diagnostics.audit.attack import LABEL, attack\n\n\n"
        "@attack(LABEL)\n"
        "def says_nothing_much(case, rng):\n"
        '    """An answer of one dot."""\n'
        '    return case.answer(".")\n'
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        found = {attack.name: attack.says for attack in attacks_on(load_task("classification"))}
        assert found["says_nothing_much"] == "An answer of one dot."
        assert "says_nothing_much" not in {attack.name for attack in attacks_on(load_task("detection"))}
        others = lay_out(load_task("classification"), targets=60).attempts
    finally:
        LIBRARY.pop("says_nothing_much", None)
    alone = lay_out(load_task("classification"), targets=60).attempts
    assert {n: a.texts for n, a in alone.items()} == {n: others[n].texts for n in alone}


@dataclass(frozen=True)
class Counting(Task):
    """How many there are: a task that is none of ours, with nothing but what every task must have."""

    name = "counting_for_audit"
    help = "Counts."
    answer = Number
    settings = MappingProxyType({"recommended": {"count": lambda a, target: float(a.value == target)}})
    metrics = ()

    def examples(self, records):
        return []

    def question(self, example, frames):
        return f"How many {example.question}? Write the number in <answer> tags."

    def gold(self, example, frames):
        return f"<answer>{example.target.number:g}</answer>"

    def parse(self, text, example, frames):
        return parse_answer(
            text, Form.DIRECT, lambda content: Number(float(content)) if content.isdigit() else None
        )


@dataclass(frozen=True)
class AuditedCounting(Counting):
    """The same, with questions for an audit and a way of cheating of its own."""

    def _always_three(case, rng):
        """Three, whatever is asked."""
        return case.answer("3")

    attacks = MappingProxyType({"always_three": _always_three})

    def audit_examples(self, count, rng):
        numbers = rng.integers(0, 10, count).tolist()
        return [audit_example(self.name, i, "cups", Number(float(n))) for i, n in enumerate(numbers)]


def test_a_task_without_questions_for_an_audit_is_refused():
    with pytest.raises(InputError, match="counting_for_audit cannot be audited: it has no audit_examples"):
        lay_out(Counting())


def test_any_task_is_audited_with_what_suits_every_task():
    plan = lay_out(AuditedCounting(), form=Form.DIRECT, targets=60)
    names = set(plan.attempts)
    assert names >= (EVERYWHERE | {"always_three", "another_target"}) and plan.ladders == ()
    assert not names & {"whole_image", "junk_at_0", "one_letter", "no_objects"}
    assert names - {"always_three", "another_target"} <= {
        attack.name for attack in attacks_on(load_task("detection"))
    }
    right = [answer.value == case.target for case, answer in read(plan, "honest")]
    assert sum(right) == 36
    assert all(answer.value != case.target for case, answer in read(plan, "another_target"))
    found = audit(setting_rule(plan.task, "recommended"), plan)
    assert [verdict.name for verdict in found.verdicts] == [
        "bounded", "finite", "gold_is_maximal", "no_attack_above_honest", "exploit_margin", "deterministic",
        "honest_below_gold", "wrong_answers_earn_little", "no_far_answer_is_right",
    ]  # fmt: skip
    assert found.passed, found.verdicts
    means = {row.name: row.mean for row in found.rows}
    threes = sum(case.target.number == 3 for case in plan.cases)
    assert (means["gold"], means["honest"], means["always_three"]) == (1.0, 0.6, threes / 60)


def test_a_reward_that_any_number_satisfies_fails_on_any_task():
    plan = lay_out(AuditedCounting(), form=Form.DIRECT, targets=60)
    found = audit(Rule("any", {"any": as_term(lambda a, t: float(a.parsed))}, 1.0, {"any": 1.0}), plan)
    shown = next(verdict for verdict in found.verdicts if verdict.name == "exploit_margin")
    assert {"always_three", "another_target"} <= {shown.attack, *shown.also} and not shown.passed
