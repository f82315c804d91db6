"""Thoughts on the page: which questions are shown, what both policies thought, and the warning."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_fit, write_json, write_rows
from reading import read_page

from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.report.build_report import build_report
from vrft.report.gallery import PickedCase
from vrft.report.thought_watch import change_of, lost_thoughts, lost_thoughts_of
from vrft.report.thoughts import GAINED, LOST, MOST, OUTCOMES, first_cases
from vrft.tasks.registry import task_of
from vrft.types import Completion, Form, Prediction, Turn


def rows(rewards, shares):
    """Rows of steps, as a training writes them."""
    return [
        {"step": i, "reward": a, "shows_work": b}
        for i, (a, b) in enumerate(zip(rewards, shares, strict=True), 1)
    ]


def line(first, last, steps=40, wobble=0.0, seed=0):
    noise = np.random.default_rng(seed).normal(0, wobble, steps) if wobble else np.zeros(steps)
    return (np.linspace(first, last, steps) + noise).tolist()


RISES, FALLS = line(0.5, 1.2, wobble=0.05), line(0.4, 0.1, wobble=0.02, seed=1)


@pytest.mark.parametrize(
    ("rewards", "shares", "warns"),
    [
        (RISES, FALLS, True),
        (RISES, line(0.1, 0.9), False),
        (RISES, line(0.4, 0.3), False),  # less than a third is lost
        (line(1.2, 0.5), FALLS, False),
        (line(0.5, 0.5, wobble=0.2), FALLS, False),  # no more than its noise
        (RISES, line(0.02, 0.0, wobble=0.05), False),  # the share's own noise
        (RISES, [0.0] * 40, False),
        (RISES[:7], FALLS[:7], False),  # a quarter of one step says nothing
    ],
)
def test_a_reward_that_rises_while_thoughts_are_lost_is_warned_of(rewards, shares, warns):
    assert (lost_thoughts(rows(rewards, shares)) is not None) is warns


def test_rows_without_the_share_are_left_out_and_the_figures_are_the_quarters_means():
    some = rows(RISES, FALLS)
    assert lost_thoughts(
        [{"step": 0, "validation": 0.3}, *some, {"step": 41, "reward": 9.0}]
    ) == lost_thoughts(some)
    said = lost_thoughts(some)
    for values in (RISES, FALLS):
        for part in (values[:10], values[-10:]):
            assert (f"{fmean(part):.2f}" if values is RISES else f"{fmean(part):.0%}") in said
    assert lost_thoughts([{"step": i, "reward": float(i)} for i in range(40)]) is None


@given(st.lists(st.floats(-5, 5), max_size=40))
def test_a_change_is_between_quarters_with_two_standard_errors(values):
    found, count = change_of(values), len(values) // 4
    if count < 2:
        assert found is None
        return
    first, last = values[:count], values[-count:]
    assert (found.before, found.after) == (pytest.approx(fmean(first)), pytest.approx(fmean(last)))
    error = (stdev(first) ** 2 / count + stdev(last) ** 2 / count) ** 0.5
    assert found.noise == pytest.approx(2 * error, abs=1e-9)


@given(st.lists(st.sampled_from(list(OUTCOMES.values())), max_size=30))
def test_questions_that_turned_right_are_shown_first_in_order(outcomes):
    cases = [PickedCase(why, float(place), {}, {}) for place, why in enumerate(outcomes)]
    shown = [(case.why, int(case.gain)) for case in first_cases(cases)]
    of = {why: [place for place, own in enumerate(outcomes) if own == why] for why in OUTCOMES.values()}
    gained, lost = of["wrong to right"][:GAINED], of["right to wrong"][:LOST]
    rest = [place for place in range(len(outcomes)) if place not in {*gained, *lost}]
    assert [place for _, place in shown] == [*gained, *lost, *rest][:MOST]
    assert all(outcomes[place] == why for why, place in shown)


@pytest.fixture
def thinking(tmp_path):
    """A fit whose base looks and whose RFT policy says what it sees."""
    fit = make_fit(tmp_path / "fit", "classification", images=12)
    for system, folder in (("base", "base"), ("rft", "rft-4e-05")):
        path, dice = fit / folder / "eval" / "heldout.jsonl", random.Random(system)
        said = [_thought(one, system, dice) for one in read_predictions(path)]
        write_predictions(path, said)
    return fit


def _thought(one: Prediction, system: str, dice: random.Random) -> Prediction:
    example = replace(one.example, form=Form.THINK)
    names = example.options
    name = example.target.name if system == "rft" or dice.random() < 0.3 else dice.choice(names)
    thought = f"I see <b>{name}</b> in {example.id}." if system == "rft" else f"I look at {example.id}."
    text = f"<think> {thought} </think> <answer>{name}</answer>"
    plain = one.rollouts[0]
    turns = (Turn(plain.turns[0].prompt, Completion(text)),)
    rollout = replace(
        plain, example=example, turns=turns, answer=task_of(example).parse_turns(example, turns)
    )
    return Prediction(example, rollout.answer, (rollout,))


def test_thoughts_before_and_after_stand_beside_the_image(thinking, tmp_path):
    page = read_page(build_report([thinking], tmp_path / "page.html"))
    before, after = (
        {one.example.id: one for one in read_predictions(thinking / below / "eval" / "heldout.jsonl")}
        for below in ("base", "rft-4e-05")
    )
    assert "Thoughts before and after" in page.text
    turned = [key for key, one in before.items() if one.answer.value != after[key].answer.value]
    assert f"Of {len(before)} questions: wrong to right {len(turned)}, right to wrong 0," in page.text
    own = page.text[page.text.index("Thoughts before and after") : page.text.index("What was done")]
    for key in turned[:GAINED]:
        assert f"I look at {key}." in own
        assert f"I see <b>{after[key].answer.value.name}</b> in {key}." in own
    images = [
        given["id"] for name, given in page.tags if name == "image" and "-thoughts-" in given.get("id", "")
    ]
    assert len(images) == MOST


def test_a_fit_of_the_direct_form_has_no_such_part(thinking, tmp_path):
    for below in ("base", "rft-4e-05"):
        path = thinking / below / "eval" / "heldout.jsonl"
        said = [
            replace(one, example=replace(one.example, form=Form.DIRECT))
            for one in list(read_predictions(path))
        ]
        write_predictions(path, said)
    assert "Thoughts before and after" not in read_page(build_report([thinking], tmp_path / "page.html")).text


def test_the_page_draws_the_share_and_warns_once(thinking, tmp_path):
    run = thinking / "rft-4e-05"
    assert (
        "Thoughts that show a computation"
        not in read_page(build_report([thinking], tmp_path / "a.html")).text
    )
    write_rows(run / "metrics.jsonl", [row | {"right_shows_work": 0.5} for row in rows(RISES, FALLS)])
    warning = lost_thoughts_of(run)
    assert warning == lost_thoughts(rows(RISES, FALLS))
    facts = json.loads((thinking / "fit.json").read_text())
    write_json(thinking / "fit.json", facts | {"notes": [*facts["notes"], warning]})
    for folder in (thinking, run):
        page = read_page(build_report([folder], tmp_path / "b.html"))
        assert page.text.count("Thoughts that show a computation") >= 1
        assert page.text.count(warning) == 1
