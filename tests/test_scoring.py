"""The scorer: settings, weights, options, own functions, and what happens where one of them is broken."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from vrft.config.run_config import Reward
from vrft.errors import ConfigError
from vrft.geometry.frames import View
from vrft.rewards.reward_term import UnsafeTerm
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, Example, Form

VIEW = View("thousand", (1000, 1000), (1000, 1000))
TARGET = BoxesTarget(((100.0, 100.0, 200.0, 200.0),))
EXAMPLE = Example("a#cat", "a", Path("a.png"), (1000, 1000), "detection", "cat", TARGET)
# IoU 0.6, confidence 0.5
TEXT = "<answer>[{'Position': [100, 100, 200, 160], 'Confidence': 0.5}]</answer>"


def scorer(**settings) -> Scorer:
    return Scorer(load_task("detection"), Reward(**settings), Form.DIRECT)


def score(**settings):
    return scorer(**settings).score(TEXT, EXAMPLE, VIEW)


def first_of(answer, target):
    return float(len(answer.text))


def raises(answer, target):
    raise KeyError("no such column")


def infinite(answer, target):
    return -math.inf


def grows(answer, target, progress=0.0):
    return progress


def counts_tokens(answer, target):
    return float(answer.n_tokens or 0)


def test_the_reward_is_the_weighted_sum_of_the_terms():
    found = score(setting="paper", weights={"confidence": 0.5, "format": 0})
    assert found.terms == pytest.approx({"iou": 0.6, "confidence": 0.5, "format": 1.0})
    assert found.reward == pytest.approx(0.6 + 0.25)


def test_a_weight_adds_a_further_term_of_the_task():
    found = score(setting="paper", weights={"confidence_brier": 2.0})
    assert found.reward == pytest.approx(0.6 + 0.5 + 1.0 + 2 * 0.75)


def test_an_option_reaches_its_term():
    assert score(setting="paper", options={"iou": {"tau": 0.75}}).terms["iou"] == 0.0


def test_own_functions_may_leave_the_unit_interval():
    name = f"{__name__}:first_of"
    found = score(setting="paper", weights={"iou": 0, "confidence": 0, "format": 0}, custom={name: 0.1})
    assert found.reward == pytest.approx(0.1 * len(TEXT)) and found.clipped == 0


@pytest.mark.parametrize(("broken", "problem"), [("raises", "KeyError"), ("infinite", "returned -inf")])
def test_a_broken_function_counts_nothing_and_is_named(broken, problem):
    name = f"{__name__}:{broken}"
    found = score(setting="paper", custom={name: 1.0})
    assert found.terms[name] == 0.0 and found.reward == pytest.approx(0.6 + 0.5 + 1.0)
    assert [(f.term, problem in f.message) for f in found.failures] == [(name, True)]


def test_a_staged_term_is_told_how_much_is_done():
    chosen = scorer(custom={f"{__name__}:grows": 1.0})
    before, after = (chosen.score(TEXT, EXAMPLE, VIEW, progress=p).reward for p in (0.0, 0.75))
    assert after - before == pytest.approx(0.75)


def test_terms_see_the_length_in_tokens():
    name = f"{__name__}:counts_tokens"
    assert scorer(custom={name: 1.0}).score(TEXT, EXAMPLE, VIEW, n_tokens=7).terms[name] == 7


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"setting": "generous"}, "recommended"),
        ({"weights": {"iuo": 1.0}}, "iou_paper"),
        ({"options": {"iou": {"thau": 0.5}}}, "tau"),
        ({"options": {"mask": {"tau": 0.5}}}, "confidence"),
        ({"custom": {"no_such_module:f": 1.0}}, "no_such_module"),
        ({"custom": {f"{__name__}:nothing": 1.0}}, "nothing"),
        ({"custom": {f"{__name__}.first_of": 1.0}}, "package.module:function"),
        ({"custom": {f"{__name__}:VIEW": 1.0}}, "no function"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(settings, says):
    with pytest.raises(ConfigError, match=says):
        scorer(**settings)


@pytest.fixture
def unsafe_task(monkeypatch):
    task = load_task("detection")
    pays = {"hole": UnsafeTerm(lambda answer, target: 2500.5), "nan": UnsafeTerm(infinite, high=2.0)}
    monkeypatch.setattr(type(task), "rewards", {"holes": pays})
    return task


def test_an_unsafe_setting_is_refused_in_training(unsafe_task):
    with pytest.raises(ConfigError, match="allow_unsafe_reward"):
        Scorer(unsafe_task, Reward(setting="holes"), Form.DIRECT)


def test_an_unsafe_setting_that_is_allowed_is_clipped_and_counted(unsafe_task):
    settings = Reward(setting="holes", allow_unsafe_reward=True)
    found = Scorer(unsafe_task, settings, Form.DIRECT).score(TEXT, EXAMPLE, VIEW)
    assert found.terms == {"hole": 1.0, "nan": 0.0}
    assert found.clipped == 1 and [f.term for f in found.failures] == ["nan"]


def test_the_same_scores_with_a_term_as_its_setting_has_it():
    paper = score(setting="paper")
    assert paper.terms["iou"] == score(weights={"iou_paper": 1.0}).terms["iou_paper"]
