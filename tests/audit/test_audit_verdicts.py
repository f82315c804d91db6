"""Verdicts at their borders, on rewards whose right judgement follows from how they are made."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from vrft.diagnostics.audit import verdicts
from vrft.diagnostics.audit.attack import Role
from vrft.diagnostics.audit.audit_plan import RUNG_CONFIDENCES, RUNGS
from vrft.diagnostics.audit.audited_rule import Rule, RuleValue, collect, function_rule, setting_rule
from vrft.diagnostics.audit.evidence import Evidence, shortened
from vrft.diagnostics.audit.run_audit import HEADINGS, as_json, audit, table_rows, verdict_rows
from vrft.diagnostics.audit.verdicts import JUDGES, LEAST_MARGIN, LEAST_RISE, judge
from vrft.errors import ConfigError, InputError
from vrft.rewards.box_rewards import iou_dense
from vrft.rewards.reward_term import as_term
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Answer, Boxes

BOX_VERDICTS = [
    "bounded", "finite", "gold_is_maximal", "monotone_in_iou", "no_attack_above_honest", "saturation",
    "exploit_margin", "deterministic", "honest_below_gold", "wrong_answers_earn_little",
    "no_far_answer_is_right",
]  # fmt: skip
NAME_VERDICTS = [
    "bounded", "finite", "gold_is_maximal", "only_the_class_counts", "no_attack_above_honest",
    "exploit_margin", "deterministic", "honest_below_gold", "wrong_answers_earn_little",
    "no_far_answer_is_right",
]  # fmt: skip


def named(answer):
    """The class name that was read; None where none was."""
    return answer.value.name if answer.parsed else None


def verdict(found, name):
    return next(v for v in found.verdicts if v.name == name)


def planted(reward, high=1.0):
    return Rule("planted", {"planted": as_term(reward)}, high, {"planted": 1.0})


def audited(plan, reward, high=1.0):
    return audit(planted(reward, high), plan)


def evidence_with(plan, **means):
    """Evidence in which each answer has a given reward on every target."""
    given = {name: [RuleValue(means.get(name, 0.0))] * len(plan.cases) for name in plan.attempts}
    return Evidence(planted(lambda answer, target: 0.0), plan, given, [])


def test_eleven_verdicts_judge_boxes_and_ten_judge_names(small_plan_of):
    for task, names in (("detection", BOX_VERDICTS), ("grounding", BOX_VERDICTS)):
        found = audited(small_plan_of(task), lambda answer, target: 0.5)
        assert [v.name for v in found.verdicts] == names
    found = audited(small_plan_of("classification"), lambda answer, target: 0.5)
    assert [v.name for v in found.verdicts] == NAME_VERDICTS
    assert {judge.__name__ for judge in JUDGES} == {*BOX_VERDICTS, *NAME_VERDICTS}


@pytest.mark.parametrize(("value", "passes"), [(1.0, True), (1 + 1e-8, False), (0.0, True), (-1e-8, False)])
def test_the_range_includes_its_ends(small_plan_of, value, passes):
    found = audited(small_plan_of("classification"), lambda answer, target: value)
    assert verdict(found, "bounded").passed is passes


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_value_that_is_no_number_is_enough(small_plan_of, value):
    def value_of(answer, target):
        return value if answer.text == "" else 0.5

    found = verdict(audited(small_plan_of("classification"), value_of), "finite")
    assert not found.passed and found.attack == "empty_text" and found.also == ()
    assert found.measured["failures"] == 60


def test_gold_must_have_all_and_nothing_more_than_gold(small_plan_of):
    plan = small_plan_of("classification")
    golds = set(plan.attempts["gold"].texts)
    assert verdict(audited(plan, lambda a, t: float(a.text in golds)), "gold_is_maximal").passed
    less = audited(plan, lambda a, t: 0.9 * (a.text in golds))
    assert verdict(less, "gold_is_maximal").attack == "gold"
    more = audited(plan, lambda a, t: 0.5 if a.text in golds else float(named(a) == "rose"))
    assert verdict(more, "gold_is_maximal").attack != "gold"
    assert verdict(more, "gold_is_maximal").measured["largest_excess"] == 0.5


@pytest.mark.parametrize(("same", "passes"), [(2, False), (5, False), (100, True)])
def test_no_number_far_from_the_right_one_may_be_taken_for_it(small_plan_of, same, passes):
    def congruent(answer, target):
        return float(answer.parsed and (answer.value.number - target.number) % same == 0)

    found = verdict(audited(small_plan_of("counting"), congruent), "no_far_answer_is_right")
    assert found.passed is passes
    # The same of what is near: a number one or two off may be paid.
    near = audited(
        small_plan_of("counting"),
        lambda answer, target: float(answer.parsed and abs(answer.value.number - target.number) <= 2),
    )
    assert verdict(near, "no_far_answer_is_right").passed


def test_an_attack_that_the_metric_finds_right_may_be_paid(small_plan_of):
    plan = small_plan_of("ocr")
    evidence = evidence_with(plan, gold=1.0, honest=0.6, words_in_another_order=0.9)
    assert not verdicts.no_attack_above_honest(evidence).passed
    assert verdicts.exploit_margin(evidence).attack == "words_in_another_order"

    class ByWords(type(plan.task)):
        metrics = [one for one in plan.task.metrics if one.name == "word_f1"]  # noqa: RUF012

    assert len(ByWords.metrics) == 1
    other = replace(evidence, plan=replace(plan, task=ByWords()))
    assert verdicts.no_attack_above_honest(other).passed and verdicts.exploit_margin(other).passed


@pytest.mark.parametrize(("above", "passes"), [(1e-6, False), (0.0, True), (-1e-6, True)])
@pytest.mark.parametrize("name", ["grid_100", "honest_at_100"])
def test_an_attack_may_not_have_more_than_the_honest_policy(small_plan_of, name, above, passes):
    evidence = evidence_with(small_plan_of("detection"), honest=0.6, **{name: 0.6 + above})
    found = verdicts.no_attack_above_honest(evidence)
    assert found.passed is passes and (passes or found.attack == name)


def test_variants_of_gold_may_have_more_than_the_honest_policy(small_plan_of):
    plan = small_plan_of("detection")
    variants = [name for name, attempt in plan.attempts.items() if attempt.attack.role is Role.VARIANT]
    assert len(variants) >= 5
    evidence = evidence_with(plan, honest=0.6, **dict.fromkeys(variants, 0.9))
    assert verdicts.no_attack_above_honest(evidence).passed


@pytest.mark.parametrize(("gap", "passes"), [(0.021, True), (0.019, False)])
def test_the_margin_is_a_share_of_golds_reward(small_plan_of, gap, passes):
    plan = small_plan_of("detection")
    evidence = evidence_with(plan, gold=2.0, honest=1.0, junk_at_0=1.0 - 2 * gap, honest_at_100=1.0)
    found = verdicts.exploit_margin(evidence)
    assert found.passed is passes and found.measured["margin"] == pytest.approx(gap)
    assert found.measured["asked"] == LEAST_MARGIN == 0.02


def test_the_margins_standard_error_is_that_of_a_paired_difference(plan_of):
    plan = plan_of("detection")
    evidence, found = judge(setting_rule(plan.task, "recommended"), plan)
    values = {
        name: np.array([p.value for p in evidence.rewards[name]]) for name in ("honest", "one_safe_box")
    }
    draws = np.random.default_rng(0).integers(500, size=(2000, 500))
    spread = (values["honest"] - values["one_safe_box"])[draws].mean(1).std() / 3.0
    (margin,) = [v for v in found if v.name == "exploit_margin"]
    assert "one_safe_box" in margin.says
    assert margin.measured["standard_error"] == pytest.approx(spread, rel=0.1)


def test_no_reward_for_gold_leaves_no_margin(small_plan_of):
    found = audited(small_plan_of("detection"), lambda answer, target: 0.0)
    assert not verdict(found, "exploit_margin").passed
    assert verdict(found, "exploit_margin").measured["margin"] is None
    json.dumps(as_json(found), allow_nan=False)


@pytest.mark.parametrize(("slope", "passes"), [(0.12, True), (0.11, False)])
def test_the_reward_must_rise_by_a_twentieth_of_the_range(small_plan_of, slope, passes):
    """Between the rungs 0.52 and 0.95 a straight line rises by 0.43 of its slope."""
    found = audited(small_plan_of("detection"), lambda a, t: slope * iou_dense(a, t))
    rise = verdict(found, "saturation")
    assert rise.measured["least_rise"] == pytest.approx(0.43 * slope, abs=0.002)
    assert rise.passed is passes and LEAST_RISE == 0.05


def test_ladders_climb_as_the_rungs_say(small_plan_of):
    plan = small_plan_of("detection")
    kinds = {(len(ladder.case.boxes), ladder.kind, ladder.confidence) for ladder in plan.ladders}
    assert RUNG_CONFIDENCES == (0.0, 0.25, 0.5, 0.75, 1.0) and len(kinds) == len(RUNG_CONFIDENCES) * (1 + 3)
    for ladder in plan.ladders:
        alone = Boxes(ladder.case.boxes[:1])
        answers = [rollout.answer for rollout in ladder.rollouts]
        first = [iou_dense(Answer(Boxes(a.value.xyxy_px[:1], scores=(1.0,)), True), alone) for a in answers]
        assert first == sorted(first) and np.abs(np.array(first) - RUNGS).max() < 0.02
        assert all(a.value.scores[0] == ladder.confidence and a.formatted for a in answers)
        assert first[0] == 0 and first[-1] == 1


@pytest.mark.parametrize(("drop", "passes"), [(1e-8, False), (0.0, True)])
def test_one_step_down_in_one_ladder_is_found(small_plan_of, drop, passes):
    plan = small_plan_of("detection")
    ladder = next(ladder for ladder in plan.ladders if ladder.confidence == 0.25)
    texts = [rollout.completion.text for rollout in ladder.rollouts]
    rewards = {text: 0.01 * rung for rung, text in enumerate(texts)}
    rewards[texts[8]] = rewards[texts[7]] - drop
    found = verdict(audited(plan, lambda answer, target: rewards.get(answer.text, 0.0)), "monotone_in_iou")
    assert found.passed is passes
    if drop:
        assert found.sample == texts[8]
        assert found.attack == "1 labelled box, all boxes climb, confidence 0.25"
        assert found.measured["largest_fall"] == pytest.approx(drop)
        assert f"from {RUNGS[7]:g} to {RUNGS[8]:g}" in found.says


def test_a_partly_right_name_must_have_less(small_plan_of):
    plan = small_plan_of("classification")

    def graded(answer, target):
        return 1.0 if named(answer) == target.name else 0.5 * (named(answer) in target.vocabulary)

    def too_kind(answer, target):
        return 1.0 if named(answer) in (target.name, "rose") else 0.0

    assert verdict(audited(plan, graded), "only_the_class_counts").passed
    found = verdict(audited(plan, too_kind), "only_the_class_counts")
    assert not found.passed and found.attack.startswith("'rose' for ") and "rose</answer>" in found.sample


@pytest.mark.parametrize("task", ["detection", "grounding", "classification"])
def test_safe_settings_are_rewarded_as_in_training(small_plan_of, task):
    plan = small_plan_of(task)
    for setting, terms in plan.task.settings.items():
        if any(as_term(term).unsafe for term in terms.values()):
            continue
        scorer, rule = Scorer(plan.task, RewardOptions(setting=setting)), setting_rule(plan.task, setting)
        for attempt in plan.attempts.values():
            few = attempt.rollouts[:6]
            for case, rollout, audited_as in zip(plan.cases, few, collect(rule, few), strict=False):
                trained = scorer.score_text(rollout.completion.text, case.example, case.frames)
                assert audited_as.value == pytest.approx(trained.reward) and not trained.clipped


def test_unsafe_settings_are_not_clipped(small_plan_of):
    plan = small_plan_of("grounding")
    rule, case = setting_rule(plan.task, "released"), plan.cases[0]
    case = replace(case, example=replace(case.example, target=Boxes(((400.0, 400.0, 600.0, 600.0),))))
    (found,) = collect(rule, [case.read(case.answer("(1000,1000),(0,0)"))])
    # The box around both is the label, the areas 1 and 0.04: GIoU + 1 = 26, and the format.
    assert rule.high == 3.0 and found.value == pytest.approx(27.0)


def test_a_reward_may_ask_for_the_question_and_for_all_groups(small_plan_of):
    plan = small_plan_of("classification")

    class Together:
        def score_groups(self, groups, now):
            assert all(len(group.rollouts) == 1 for group in groups)
            return [[0.25 if i else None] for i, _ in enumerate(groups)]

    terms = {
        "asks": as_term(lambda answer, target, example: float(example.question == "car")),
        "all": replace(as_term(Together()), silent=1.0),
    }
    rule = Rule("two", terms, 4.0, {"asks": 2.0, "all": 2.0})
    rollouts = plan.attempts["gold"].rollouts[:4]
    cars = [2.0 * (rollout.example.question == "car") for rollout in rollouts]
    found = [one.value for one in collect(rule, rollouts)]
    assert found == [cars[0] + 2.0, *(car + 0.5 for car in cars[1:])]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("planted_rewards:subtring", "substring"),
        ("no_such_module:f", "no_such_module"),
        ("planted_rewards.substring", "package.module:function"),
        ("planted_rewards:NUMBER", "not a function"),
    ],
)
def test_a_function_that_is_not_there_is_refused_with_those_that_are(name, says):
    with pytest.raises(InputError, match=says):
        function_rule(name, 1.0)


def test_a_module_that_breaks_while_it_is_imported_is_refused(tmp_path, monkeypatch):
    (tmp_path / "breaks_on_import.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="ZeroDivisionError"):
        function_rule("breaks_on_import:f", 1.0)


@pytest.mark.parametrize("high", [0.0, -1.0, math.nan, math.inf])
def test_a_range_without_width_is_refused(high):
    with pytest.raises(InputError, match="positive number"):
        function_rule("planted_rewards:substring", high)


def test_an_unknown_setting_is_refused_with_those_that_exist():
    with pytest.raises(ConfigError, match="paper, released_fixed, recommended"):
        setting_rule(load_task("detection"), "generous")


def test_the_result_is_plain_json_with_all_that_was_measured(small_plan_of):
    plan = small_plan_of("detection")
    found = audit(setting_rule(plan.task, "released"), plan)
    plain = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert (plain["task"], plain["targets"], plain["seed"], plain["range"]) == ("detection", 60, 0, [0, 3])
    assert plain["passed"] is False
    assert plain["failed"] == [v["name"] for v in plain["verdicts"] if not v["passed"]]
    assert {row["name"] for row in plain["attacks"]} == set(plan.attempts)
    for row in plain["attacks"]:
        assert row["above_honest"] == pytest.approx(row["mean"] - plain["honest"])
    for one in plain["verdicts"]:
        assert set(one) == {"name", "passed", "measured", "says", "attack", "sample", "also"}
        assert one["passed"] or (one["attack"] and one["sample"])


def test_tables_hold_every_answer_and_every_verdict(small_plan_of):
    found = audited(small_plan_of("grounding"), lambda answer, target: 0.25)
    rows = table_rows(found)
    assert all(len(row) == len(HEADINGS) for row in rows) and len(rows) == len(found.rows)
    assert rows[0] == ("gold", "reference", "0.250", "+0.000", "")
    assert [row[:2] for row in verdict_rows(found)][:3] == [
        ("bounded", "passed"), ("finite", "passed"), ("gold_is_maximal", "FAILED"),
    ]  # fmt: skip


def test_long_samples_are_shortened():
    assert shortened("x" * 400) == "x" * 400
    assert shortened("x" * 5400) == "x" * 400 + " ... 5000 more chars."
