"""Broken rewards: the audit says which property each lacks, and which attack shows it."""

from __future__ import annotations

import inspect
import re

import planted_rewards
import pytest

from vrft.diagnostics.audit.audited_rule import function_rule
from vrft.diagnostics.audit.run_audit import audit


def found_in(plan, name, high=1.0):
    return audit(function_rule(f"planted_rewards:{name}", high), plan)


def shown_by(found, name):
    (verdict,) = [v for v in found.verdicts if v.name == name]
    assert not verdict.passed and verdict.sample
    return {verdict.attack, *verdict.also}


@pytest.mark.parametrize(
    ("name", "task", "verdict", "attacks"),
    [
        (
            "substring",
            "classification",
            "no_attack_above_honest",
            {"one_letter", "first_word", "a_or_b_or_c"},
        ),
        ("substring", "classification", "exploit_margin", {"inner_part", "empty_answer"}),
        ("unclipped_confidence", "detection", "bounded", {"junk_at_minus_5", "honest_at_100"}),
        ("unclipped_confidence", "detection", "gold_is_maximal", {"junk_at_minus_5", "honest_at_100"}),
        ("inverted_box", "grounding", "bounded", {"whole_image_inverted", "far_outside_inverted"}),
        ("inverted_box", "grounding", "gold_is_maximal", {"whole_image_inverted"}),
        ("inverted_box", "grounding", "no_attack_above_honest", {"whole_image_inverted"}),
        ("constant_format", "detection", "exploit_margin", {"format_without_content", "empty_answer"}),
        ("constant_format", "grounding", "exploit_margin", {"format_without_content", "placeholder"}),
        ("constant_format", "classification", "exploit_margin", {"format_without_content", "nearest_name"}),
        ("y1_lottery", "detection", "no_attack_above_honest", {"first_y1"}),
        ("y1_lottery", "detection", "exploit_margin", {"first_y1"}),
        ("first_box_only", "detection", "no_attack_above_honest", {"one_safe_box", "one_box_then_junk"}),
        ("first_box_only", "detection", "exploit_margin", {"one_safe_box", "one_box_then_junk"}),
    ],
)
def test_each_broken_reward_is_named_with_the_attack_that_shows_it(
    small_plan_of, name, task, verdict, attacks
):
    found = found_in(small_plan_of(task), name)
    assert not found.passed and verdict in found.failed
    assert attacks <= shown_by(found, verdict)


def test_a_reward_that_rests_above_the_threshold_is_saturated(small_plan_of):
    found = found_in(small_plan_of("detection"), "threshold")
    assert "saturation" in found.failed and "monotone_in_iou" not in found.failed


def test_the_maximum_for_tags_does_not_follow_the_boxes(small_plan_of):
    found = found_in(small_plan_of("grounding"), "constant_format")
    assert {"saturation", "exploit_margin"} <= set(found.failed)
    assert "only_the_class_counts" in found_in(small_plan_of("classification"), "constant_format").failed


def test_less_for_a_nearer_box_is_not_monotone(small_plan_of):
    found = found_in(small_plan_of("detection"), "further_is_better")
    assert {"monotone_in_iou", "gold_is_maximal", "no_attack_above_honest", "saturation"} <= set(found.failed)


@pytest.mark.parametrize(
    ("name", "attack", "problem"),
    [
        ("raises", "whole_image", "raised KeyError"),
        ("not_a_number", "empty_text", "returned nan"),
        ("no_number", "gold", "raised ValueError"),
    ],
)
def test_what_raises_or_gives_no_number_is_a_failed_verdict_and_no_crash(
    small_plan_of, name, attack, problem
):
    found = found_in(small_plan_of("detection"), name)
    assert attack in shown_by(found, "finite")
    assert any(problem in v.says for v in found.verdicts)
    (row,) = [row for row in found.rows if row.name == attack]
    # Abstentions and the like do not fail in 'raises'; a failure counts nothing in the mean.
    assert 0 < row.failures <= found.targets
    assert row.failures == found.targets or name == "raises"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_number", "fails on every answer: it raised ValueError: returned the text 'good'"),
        ("no_judge", "fails on every right answer: it raised AttributeError: 'NoneType' object"),
    ],
)
@pytest.mark.parametrize("task", ["detection", "classification", "grounding"])
def test_a_reward_that_fails_on_every_right_answer_has_no_other_verdict(small_plan_of, task, name, says):
    found = found_in(small_plan_of(task), name)
    (verdict,) = found.verdicts
    assert found.fails_on_gold and found.failed == ("finite",)
    lines, first = inspect.getsourcelines(getattr(planted_rewards, name))
    line = re.search(r"planted_rewards\.py, line (\d+)\)", verdict.says)
    assert says in verdict.says and first <= int(line[1]) < first + len(lines)


def test_a_reward_that_always_abstains_is_not_maximal_for_gold(small_plan_of):
    found = found_in(small_plan_of("detection"), "nothing")
    assert {"gold_is_maximal", "saturation", "exploit_margin"} <= set(found.failed)
    assert not {"finite", "bounded"} & set(found.failed) and all(row.mean == 0 for row in found.rows)


def test_a_value_that_is_finite_and_huge_leaves_all_figures_finite(small_plan_of):
    found = found_in(small_plan_of("detection"), "huge")
    assert "bounded" in found.failed and "finite" not in found.failed
    assert all(abs(row.mean) <= 1e100 for row in found.rows)


def test_a_value_below_zero_is_out_of_range(small_plan_of):
    found = found_in(small_plan_of("detection"), "below_zero")
    (verdict,) = [v for v in found.verdicts if v.name == "bounded"]
    assert not verdict.passed and verdict.measured["lowest"] == -0.5


def test_the_range_is_what_the_user_declares(small_plan_of):
    plan = small_plan_of("detection")
    assert found_in(plan, "out_of_three", 3.0).passed
    assert set(found_in(plan, "out_of_three", 1.0).failed) == {"bounded"}
    assert set(found_in(plan, "out_of_three", 4.0).failed) == {"gold_is_maximal"}
