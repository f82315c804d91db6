"""The description of groups written by hand, and the advice for each way in which training would fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vrft.config.run_config import make_config
from vrft.diagnostics.probe.advice import NO_SIGNAL_RULES, RULES, AdviceContext, TemperatureStats, advise
from vrft.diagnostics.probe.probe_summary import better_form, describe
from vrft.errors import InputError
from vrft.types import (
    Answer,
    Completion,
    Example,
    Failure,
    Fault,
    Form,
    Image,
    Label,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)

WEIGHTS = {"iou": 2.0, "format": 1.0}
ROSE = Example("a", "a", "classification", (Image(Path("a.png"), (8, 8)),), "plant", Label("rose"))


def draw(
    iou=0.0, form=0.0, *, text="text", tokens=10, finished=True, hit=False, parsed=True, faults=(), **more
):
    """One answer to the question about a rose: a hit names it."""
    answer = Answer(
        Label("rose" if hit else "tulip") if parsed else None, bool(form), text=text, faults=faults
    )
    said = Completion(text, tuple(range(tokens)), finish_reason="stop" if finished else "length")
    terms = {"iou": iou, "format": form}
    return Rollout(ROSE, (Turn(Prompt(), said),), answer, terms=terms, reward=2 * iou + form, **more)


def described(groups, size=2, form=Form.DIRECT):
    groups = [RolloutGroup(ROSE, tuple(group)) for group in groups]
    return describe(groups, form=form, group_size=size, weights=WEIGHTS, limit=64)


def test_means_and_shares_are_those_of_the_draws():
    groups = [
        [draw(0.5, 1.0, hit=True, tokens=4), draw(0.0, 1.0, tokens=8), draw(0.5, 1.0, hit=True, tokens=12)],
        [draw(finished=False, parsed=False, faults=(Fault.TRUNCATED,), text="cut", tokens=64)] * 3,
    ]
    p = described(groups)
    assert (p.groups, p.samples, p.group_size) == (2, 3, 2)
    assert p.reward == pytest.approx((2 + 1 + 2) / 6)
    assert p.skill == pytest.approx((1 + 0 + 1) / 6)
    assert p.formatted == p.parsed == p.truncated == 0.5
    # Of three pairs of the first group two differ, of the second none.
    assert p.signal == p.signal_at[2] == pytest.approx((2 / 3 + 0) / 2)
    assert set(p.signal_at) == {2} and set(p.pass_at) == {1, 2}
    assert p.hits == pytest.approx(2 / 6) and p.pass_at[1] == pytest.approx(2 / 6)
    assert p.pass_at[2] == pytest.approx(0.5)
    assert p.never_hit == 0.5 and p.always_hit == 0
    assert p.best_reward == 2
    assert p.distinct == pytest.approx(1 / 3)
    assert p.terms["iou"].mean == pytest.approx(1 / 6)
    # The first group's standard deviation is sqrt(2) / 6, the second's 0.
    assert p.terms["iou"].group_sd == pytest.approx(2**0.5 / 12)
    assert p.terms["iou"].weight == 2
    assert (p.faults["truncated"].count, p.faults["truncated"].share) == (3, 0.5)
    assert p.faults["truncated"].texts == ("cut",)
    assert p.tokens == p.lengths.mean == pytest.approx((24 + 192) / 6)
    assert (p.lengths.median, p.lengths.longest, p.lengths.limit) == (38, 64, 64)
    assert json.loads(json.dumps(p.row(), allow_nan=False))["signal_at"] == {"2": p.signal}


def test_a_term_that_abstains_or_belongs_to_another_task_has_no_value_there():
    group = [draw(0.5, 1.0), draw(0.1, 0.0)]
    other = [replace(one, terms={"iou": None}) for one in group]
    p = described([group, other])
    assert (p.terms["iou"].mean, p.terms["format"].mean) == (pytest.approx(0.3), 0.5)
    assert p.terms["iou"].group_sd == pytest.approx(0.2)
    assert p.skill == pytest.approx(p.reward - 1 / 4)
    nothing = described([other])
    assert nothing.terms["format"].mean == nothing.terms["format"].group_sd == 0
    json.dumps(nothing.row(), allow_nan=False)


def test_three_different_texts_of_a_fault_are_kept_and_the_commonest_comes_first():
    faults = [draw(text=f"text {n // 2}", faults=(Fault.BAD_BOX,)) for n in range(10)]
    p = described([[*faults, draw(faults=(Fault.EMPTY,))]])
    assert list(p.faults) == ["bad_box", "empty"]
    assert p.faults["bad_box"].texts == ("text 0", "text 1", "text 2")


def test_fewer_answers_than_the_group_size_are_refused():
    with pytest.raises(InputError, match="Groups of 8"):
        described([[draw()] * 4], size=8)


def test_the_better_form_has_more_skill_and_of_near_equals_is_shorter():
    weak = described([[draw(0.1, 1.0, tokens=5)] * 2])
    strong = described([[draw(0.6, 0.0, tokens=50)] * 2])
    near = described([[draw(0.58, 0.0, tokens=20)] * 2])
    assert better_form([weak, strong]) is strong
    assert better_form([strong, near, weak]) is near


VARIED = [draw(0.1 * n, 1.0, text=f"{n}", hit=n > 4) for n in range(8)]
CONFIG = {
    "task": "detection",
    "data": {"path": "photos"},
    "form": "direct",
    "rollout": {"group_size": 2},
}
CAUSES = {
    "all_truncated": ([draw(finished=False, parsed=False)] * 8, "rollout.max_new_tokens: 512"),
    "nothing_readable": ([draw(parsed=False, faults=(Fault.EMPTY,))] * 8, "model.path: runs/run-sft/model"),
    "all_right": ([draw(1.0, 1.0, hit=True, text=f"{n}") for n in range(8)], "data.path"),
    "one_answer": ([draw(0.3, 1.0)] * 8, "rollout.temperature: 1.3"),
    "nothing_rewarded": ([draw(text=f"{n}") for n in range(8)], "model.path: runs/run-sft/model"),
    "equal_rewards": ([draw(0.3, 1.0, text=f"{n}") for n in range(8)], "reward.setting: recommended"),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_why_no_group_has_signal(cause):
    group, setting = CAUSES[cause]
    (advice,) = advise(AdviceContext(described([group] * 3), (), make_config(CONFIG)))
    assert advice.rule == cause
    assert advice.sentence.startswith("No group of 2 has signal, because ")
    assert advice.setting.startswith(setting)


def test_every_rule_for_no_signal_has_a_case_and_the_last_always_speaks():
    assert [rule.__name__ for rule in NO_SIGNAL_RULES] == list(CAUSES)
    assert NO_SIGNAL_RULES[-1](AdviceContext(described([VARIED]), (), make_config(CONFIG))) is not None


def advised(groups, temperature_stats_list=(), size=2, **config):
    found = advise(
        AdviceContext(described(groups, size), temperature_stats_list, make_config(CONFIG | config))
    )
    return {advice.rule: advice for advice in found}


def test_of_a_good_start_nothing_else_is_said():
    ready = advised([VARIED] * 4)
    assert list(ready) == ["ready"] and ready["ready"].setting is None


def test_a_larger_group_is_the_smallest_that_nearly_suffices():
    # One in sixteen has a higher reward: groups of 2, 4, 8, 16 have signal in 1/8, 1/4, 1/2 and all cases.
    rare = [draw(0.5, 1.0, text=f"{n}", hit=True) if n == 0 else draw(0, 1.0, text=f"{n}") for n in range(16)]
    assert advised([rare])["larger_group"].setting == "rollout.group_size: 16"
    # With eight in sixteen, 4 have nearly all that 16 have.
    even = [draw(0.5 * (n % 2), 1.0, text=f"{n}", hit=bool(n % 2)) for n in range(16)]
    plain = [draw(0, 1.0, text=f"{n}") for n in range(16)]
    assert advised([even] * 9 + [plain])["larger_group"].setting == "rollout.group_size: 4"


def temperature_stats(temperature, signal, reward):
    return TemperatureStats(temperature, 8, 8, reward, 0.3, 0.9, 0.0, signal)


def test_another_temperature_needs_more_signal_and_answers_as_good():
    own = temperature_stats(1.0, 0.5, 1.0)
    advice = advised([VARIED], [own, temperature_stats(1.3, 0.8, 0.9)])
    assert advice["other_temperature"].setting == "rollout.temperature: 1.3"
    for other in (temperature_stats(1.3, 0.6, 1.0), temperature_stats(1.3, 0.9, 0.5)):
        assert "other_temperature" not in advised([VARIED], [own, other])


def test_the_other_rules_speak_where_they_should():
    cut = [draw(finished=False), *VARIED[1:]]
    assert advised([cut])["some_truncated"].setting == "rollout.max_new_tokens: 512"
    unread = [draw(parsed=False, text=f"{n}", faults=(Fault.BAD_BOX,)) for n in range(5)] + VARIED[:3]
    assert "bad_box" in advised([unread])["mostly_unreadable"].sentence
    never = [draw(0.1 * n, 1.0, text=f"{n}") for n in range(8)]
    assert advised([never])["never_right"].setting.startswith("model.path: runs/run-sft/model")
    failed = [draw(failures=(Failure("iou", "ValueError: no"),)), *VARIED[1:]]
    assert "ValueError: no" in advised([failed])["failing_terms"].sentence
    assert {"failing_terms", "some_truncated", "mostly_unreadable", "larger_group", "never_right"} <= {
        rule.__name__ for rule in RULES
    }


def test_unreadable_thinking_is_sent_to_the_direct_form():
    group = [draw(parsed=False, faults=(Fault.NO_THINK,))] * 4
    (advice,) = advise(AdviceContext(described([group], form=Form.THINK), (), make_config(CONFIG)))
    assert advice.setting == "form: direct"
