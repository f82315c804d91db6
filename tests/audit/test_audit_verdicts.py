"""Verdicts at their borders, on rewards whose right judgement follows from how they are made."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vrft.config.run_config import Reward
from vrft.diagnostics.audit import verdicts
from vrft.diagnostics.audit.attacks.attack import Role
from vrft.diagnostics.audit.audited_rule import Payment, Rule, collect, function_rule, setting_rule
from vrft.diagnostics.audit.ladder import CONFIDENCES, RUNGS
from vrft.diagnostics.audit.run_audit import HEADINGS, as_json, audit, table_rows, verdict_rows
from vrft.diagnostics.audit.verdicts import JUDGES, LEAST_MARGIN, LEAST_RISE, Evidence, judge, shortened
from vrft.errors import ConfigError, InputError
from vrft.rewards.box_rewards import iou_dense
from vrft.rewards.reward_term import UnsafeTerm
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import load_task
from vrft.types import Answer, BoxesTarget, Form

BOX_VERDICTS = [
    "bounded", "finite", "gold_is_maximal", "monotone_in_iou", "no_attack_above_honest", "saturation",
    "exploit_margin",
]  # fmt: skip
NAME_VERDICTS = [
    "bounded", "finite", "gold_is_maximal", "only_the_class_counts", "no_attack_above_honest",
    "exploit_margin",
]  # fmt: skip


def verdict(found, name):
    return next(v for v in found.verdicts if v.name == name)


def audited(trial, pay, high=1.0):
    return audit(Rule("planted", pay, high), trial)


def evidence_with(trial, **means):
    """Evidence in which each answer earns a given amount on every target, and the gold answer 1."""
    paid = {name: [Payment(means.get(name, 0.0))] * len(trial.cases) for name in trial.attempts}
    return Evidence(Rule("planted", lambda answer, target: 0.0, 1.0), trial, {**paid}, [])


def test_seven_verdicts_judge_boxes_and_six_judge_names(small_trial_of):
    for task, names in (("detection", BOX_VERDICTS), ("grounding", BOX_VERDICTS)):
        found = audited(small_trial_of(task), lambda answer, target: 0.5)
        assert [v.name for v in found.verdicts] == names
    found = audited(small_trial_of("classification"), lambda answer, target: 0.5)
    assert [v.name for v in found.verdicts] == NAME_VERDICTS
    assert {judge.__name__ for judges in JUDGES.values() for judge in judges} == {
        *BOX_VERDICTS,
        *NAME_VERDICTS,
    }


@pytest.mark.parametrize(("value", "passes"), [(1.0, True), (1 + 1e-8, False), (0.0, True), (-1e-8, False)])
def test_the_range_includes_its_ends(small_trial_of, value, passes):
    found = audited(small_trial_of("classification"), lambda answer, target: value)
    assert verdict(found, "bounded").passed is passes


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_value_that_is_no_number_is_enough(small_trial_of, value):
    def pay(answer, target):
        return value if answer.text == "" else 0.5

    found = verdict(audited(small_trial_of("classification"), pay), "finite")
    assert not found.passed and found.attack == "empty_text" and found.also == ()
    assert found.measured["failures"] == 60


def test_gold_must_earn_all_and_nothing_more_than_gold(small_trial_of):
    trial = small_trial_of("classification")
    golds = set(trial.attempts["gold"].texts)
    assert verdict(audited(trial, lambda a, t: float(a.text in golds)), "gold_is_maximal").passed
    less = audited(trial, lambda a, t: 0.9 * (a.text in golds))
    assert verdict(less, "gold_is_maximal").attack == "gold"
    more = audited(trial, lambda a, t: 0.5 if a.text in golds else float(a.label == "rose"))
    assert verdict(more, "gold_is_maximal").attack != "gold"
    assert verdict(more, "gold_is_maximal").measured["largest_excess"] == 0.5


@pytest.mark.parametrize(("above", "passes"), [(1e-6, False), (0.0, True), (-1e-6, True)])
@pytest.mark.parametrize("name", ["grid_100", "honest_at_100"])
def test_an_attack_may_not_earn_more_than_the_honest_policy(small_trial_of, name, above, passes):
    evidence = evidence_with(small_trial_of("detection"), honest=0.6, **{name: 0.6 + above})
    found = verdicts.no_attack_above_honest(evidence)
    assert found.passed is passes and (passes or found.attack == name)


def test_variants_of_gold_may_earn_more_than_the_honest_policy(small_trial_of):
    trial = small_trial_of("detection")
    variants = [name for name, attempt in trial.attempts.items() if attempt.attack.role is Role.VARIANT]
    assert len(variants) >= 5
    evidence = evidence_with(trial, honest=0.6, **dict.fromkeys(variants, 0.9))
    assert verdicts.no_attack_above_honest(evidence).passed


@pytest.mark.parametrize(("gap", "passes"), [(0.021, True), (0.019, False)])
def test_the_margin_is_a_share_of_golds_pay(small_trial_of, gap, passes):
    trial = small_trial_of("detection")
    evidence = evidence_with(trial, gold=2.0, honest=1.0, junk_at_0=1.0 - 2 * gap, honest_at_100=1.0)
    found = verdicts.exploit_margin(evidence)
    assert found.passed is passes and found.measured["margin"] == pytest.approx(gap)
    assert found.measured["asked"] == LEAST_MARGIN == 0.02


def test_the_margins_standard_error_is_that_of_a_paired_difference(trial_of):
    trial = trial_of("detection")
    evidence, found = judge(setting_rule(trial.task, "recommended", trial.form), trial)
    pay = {name: np.array([p.value for p in evidence.paid[name]]) for name in ("honest", "one_safe_box")}
    draws = np.random.default_rng(0).integers(500, size=(2000, 500))
    spread = (pay["honest"] - pay["one_safe_box"])[draws].mean(1).std() / 3.0
    (margin,) = [v for v in found if v.name == "exploit_margin"]
    assert "one_safe_box" in margin.says
    assert margin.measured["standard_error"] == pytest.approx(spread, rel=0.1)


def test_nothing_paid_to_gold_leaves_no_margin(small_trial_of):
    found = audited(small_trial_of("detection"), lambda answer, target: 0.0)
    assert not verdict(found, "exploit_margin").passed
    assert verdict(found, "exploit_margin").measured["margin"] is None
    json.dumps(as_json(found), allow_nan=False)


@pytest.mark.parametrize(("slope", "passes"), [(0.12, True), (0.11, False)])
def test_pay_must_rise_by_a_twentieth_of_the_range(small_trial_of, slope, passes):
    """Between the rungs 0.52 and 0.95 a straight line rises by 0.43 of its slope."""
    found = audited(small_trial_of("detection"), lambda a, t: slope * iou_dense(a, t))
    rise = verdict(found, "saturation")
    assert rise.measured["least_rise"] == pytest.approx(0.43 * slope, abs=0.002)
    assert rise.passed is passes and LEAST_RISE == 0.05


def test_ladders_climb_as_the_rungs_say(small_trial_of):
    trial = small_trial_of("detection")
    kinds = {(len(ladder.case.gold_boxes), ladder.kind, ladder.confidence) for ladder in trial.ladders}
    confidences = CONFIDENCES[trial.cases[0].notation]
    assert confidences == (0.0, 0.25, 0.5, 0.75, 1.0) and len(kinds) == len(confidences) * (1 + 3)
    for ladder in trial.ladders:
        alone = BoxesTarget(ladder.case.gold_boxes[:1])
        first = [iou_dense(Answer(True, True, a.boxes_xyxy_px[:1], (1.0,)), alone) for a in ladder.answers]
        assert first == sorted(first) and np.abs(np.array(first) - RUNGS).max() < 0.02
        assert all(a.confidences[0] == ladder.confidence and a.formatted for a in ladder.answers)
        assert first[0] == 0 and first[-1] == 1


@pytest.mark.parametrize(("drop", "passes"), [(1e-8, False), (0.0, True)])
def test_one_step_down_in_one_ladder_is_found(small_trial_of, drop, passes):
    trial = small_trial_of("detection")
    ladder = next(ladder for ladder in trial.ladders if ladder.confidence == 0.25)
    pays = {text: 0.01 * rung for rung, text in enumerate(ladder.texts)}
    pays[ladder.texts[8]] = pays[ladder.texts[7]] - drop
    found = verdict(audited(trial, lambda answer, target: pays.get(answer.text, 0.0)), "monotone_in_iou")
    assert found.passed is passes
    if drop:
        assert (
            found.sample == ladder.texts[8]
            and found.attack == "1 labelled box, all boxes climb, confidence 0.25"
        )
        assert found.measured["largest_fall"] == pytest.approx(drop)
        assert f"from {RUNGS[7]:g} to {RUNGS[8]:g}" in found.says


def test_a_partly_right_name_must_earn_less(small_trial_of):
    trial = small_trial_of("classification")

    def graded(answer, target):
        return 1.0 if answer.label == target.name else 0.5 * (answer.label in target.names)

    def too_kind(answer, target):
        return 1.0 if answer.label in (target.name, "rose") else 0.0

    assert verdict(audited(trial, graded), "only_the_class_counts").passed
    found = verdict(audited(trial, too_kind), "only_the_class_counts")
    assert not found.passed and found.attack.startswith("'rose' for ") and "rose</answer>" in found.sample


@pytest.mark.parametrize("task", ["detection", "grounding", "classification"])
def test_safe_settings_are_paid_as_training_pays_them(small_trial_of, task):
    trial = small_trial_of(task)
    for setting, terms in trial.task.rewards.items():
        if any(isinstance(term, UnsafeTerm) for term in terms.values()):
            continue
        scorer = Scorer(trial.task, Reward(setting=setting), trial.form)
        rule = setting_rule(trial.task, setting, trial.form)
        for attempt in trial.attempts.values():
            for case, text, answer in zip(trial.cases[:6], attempt.texts, attempt.answers, strict=False):
                (paid,) = collect(rule, [(answer, case.example.target)])
                trained = scorer.score(text, case.example, case.view)
                assert paid.value == pytest.approx(trained.reward) and not trained.clipped


def test_unsafe_settings_are_paid_without_clipping(small_trial_of):
    trial = small_trial_of("grounding")
    rule = setting_rule(trial.task, "released", trial.form)
    text = trial.cases[0].answer("(1000,1000),(0,0)")
    target = BoxesTarget(((400.0, 400.0, 600.0, 600.0),))
    (paid,) = collect(rule, [(trial.task.parse(text, trial.cases[0].view, Form.THINK), target)])
    # The box around both is the label, the areas 1 and 0.04: GIoU + 1 = 26, and the format.
    assert rule.high == 3.0 and paid.value == pytest.approx(27.0)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("planted_rewards:subtring", "substring"),
        ("no_such_module:f", "no_such_module"),
        ("planted_rewards.substring", "package.module:function"),
        ("planted_rewards:NUMBER", "no function"),
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
    with pytest.raises(ConfigError, match="paper, mended, recommended"):
        setting_rule(load_task("detection"), "generous", Form.THINK)


def test_the_result_is_plain_json_with_all_that_was_measured(small_trial_of):
    trial = small_trial_of("detection")
    found = audit(setting_rule(trial.task, "released", trial.form), trial)
    plain = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert (plain["task"], plain["targets"], plain["seed"], plain["range"]) == ("detection", 60, 0, [0, 3])
    assert plain["passed"] is False
    assert plain["failed"] == [v["name"] for v in plain["verdicts"] if not v["passed"]]
    assert {row["name"] for row in plain["attacks"]} == set(trial.attempts)
    for row in plain["attacks"]:
        assert row["above_honest"] == pytest.approx(row["mean"] - plain["honest"])
    for one in plain["verdicts"]:
        assert set(one) == {"name", "passed", "measured", "says", "attack", "sample", "also"}
        assert one["passed"] or (one["attack"] and one["sample"])


def test_tables_hold_every_answer_and_every_verdict(small_trial_of):
    found = audited(small_trial_of("grounding"), lambda answer, target: 0.25)
    rows = table_rows(found)
    assert all(len(row) == len(HEADINGS) for row in rows) and len(rows) == len(found.rows)
    assert rows[0] == ("gold", "reference", "0.250", "+0.000", "")
    assert [row[:2] for row in verdict_rows(found)][:3] == [
        ("bounded", "passed"), ("finite", "passed"), ("gold_is_maximal", "FAILED"),
    ]  # fmt: skip


def test_long_samples_are_shortened():
    assert shortened("x" * 400) == "x" * 400
    assert shortened("x" * 5400) == "x" * 400 + " ... 5000 more chars."
