"""Confidences of boxes that no one wrote: their digits' means, their tokens' probability, and the choice."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.inference.ask_options import AskOptions
from vrft.inference.policy_predictor import PolicyPredictor, with_score
from vrft.inference.score_choice import choose_score
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout.plain import PlainSampler
from vrft.tasks.metrics.box_confidences import confidence_spans, expected_number
from vrft.tasks.registry import load_task
from vrft.types import (
    Boxes,
    Completion,
    Example,
    Form,
    Image,
    Label,
    Prediction,
    Prompt,
    Rollout,
    SamplingParams,
    Turn,
)
from vrft.types.rows import prediction_from_row, prediction_to_row

SIDE = 1000
SHOWN = (Image(Path("a.png"), (SIDE, SIDE)),)
FRAMES = (SHOWN[0].frame("resized_pixels", (SIDE, SIDE)),)
RIGHT, WRONG = (0, 0, 100, 100), (500, 500, 600, 600)


def spelled(text: str, digits: dict[int, float], logprob=lambda at: -0.1) -> Completion:
    """A completion with a token for each character."""
    places = range(len(text))
    means = tuple(digits.get(i, float(c) if c.isdigit() else -1.0) for i, c in enumerate(text))
    return Completion(
        text, tuple(places), tuple(map(logprob, places)), tuple(i + 1 for i in places), digits=means
    )


def rolled(said: Completion, name: str = "a", task: str = "detection") -> Rollout:
    target = Boxes((tuple(map(float, RIGHT)),)) if task == "detection" else Label("cup")
    example = Example(name, name, task, SHOWN, "cup", target, form=Form.DIRECT, group="cup")
    turns = (Turn(Prompt(frames=FRAMES), said),)
    return Rollout(example, turns, load_task(task).parse_turns(example, turns))


def listed(*boxes) -> str:
    items = [f"{{'Position': {json.dumps(list(box))}, 'Confidence': {c}}}" for box, c in boxes]
    return f"<answer>[{', '.join(items)}]</answer>"


chances = st.lists(st.integers(0, 5), min_size=10, max_size=10).filter(any)


@settings(max_examples=60, deadline=None)
@given(tenths=chances, hundredths=chances)
def test_the_expected_number_is_the_mean_over_all_numbers_of_two_independent_decimals(tenths, hundredths):
    p, q = ([n / sum(row) for n in row] for row in (tenths, hundredths))
    mean = math.fsum(p[a] * q[b] * (a / 10 + b / 100) for a, b in product(range(10), repeat=2))
    first, second = (math.fsum(d * c for d, c in enumerate(row)) for row in (p, q))
    said = spelled("x 0.37", {2: 0.0, 4: first, 5: second})
    assert expected_number(said, (2, 6)) == pytest.approx(mean)


def test_the_digit_before_the_point_is_the_chance_of_one():
    # In three of ten cases it is 1.00, in the others .80.
    assert expected_number(spelled("0.80", {0: 0.3, 2: 8.0, 3: 0.0}), (0, 4)) == pytest.approx(
        0.3 + 0.7 * 0.8
    )
    assert expected_number(spelled("1.00", {0: 1.0}), (0, 4)) == 1
    assert expected_number(spelled("1", {0: 0.25}), (0, 1)) == 0.25
    merged = Completion("0.80", (1, 2, 3), ends=(2, 3, 4), digits=(-1.0, 7.0, 5.0))
    assert expected_number(merged, (0, 4)) == pytest.approx(0.75), "'0.' is one token"
    assert expected_number(Completion("0.80", (1, 2), ends=(2, 4)), (0, 4)) is None


def test_each_box_has_the_confidence_that_is_written_after_it():
    text = listed((RIGHT, 0.25), (WRONG, 0.5))
    answer = rolled(Completion(text)).answer
    assert [text[a:b] for a, b in confidence_spans(answer)] == ["0.25", "0.5"]
    bare = rolled(Completion("<answer>[[0, 0, 100, 100]]</answer>")).answer
    assert confidence_spans(bare) == [(0, 0)] and confidence_spans(rolled(Completion("none")).answer) == []


def test_confidences_are_changed_by_name_and_stay_where_nothing_is_known():
    text = listed((RIGHT, 0.25), (WRONG, 0.75))
    at = text.index("0.25") + 2
    box = range(text.index("[0, ") + 1, text.index("100]"))
    said = spelled(text, {at: 4.0}, lambda i: -2.0 if i in box else -0.5)
    rollout = rolled(said)
    assert with_score(rollout, "written") == rollout == with_score(rollout, "auto")
    expected = with_score(rollout, "expected").answer.value.scores
    assert expected == pytest.approx((0.45, 0.75))
    logprob = with_score(rollout, "box_logprob").answer.value.scores
    first, last = rollout.answer.spans[0]
    mean = math.fsum(-2.0 if i in box else -0.5 for i in range(first, last)) / (last - first)
    assert logprob == pytest.approx((math.exp(mean), math.exp(-0.5)), abs=1e-5)
    silent = rolled(Completion(text))
    assert with_score(silent, "expected") == with_score(silent, "box_logprob") == silent
    label = rolled(Completion("<answer>cup</answer>"), task="classification")
    assert with_score(label, "expected") == label


def test_the_ranking_with_the_highest_ap_is_chosen_and_the_written_one_where_none_is_better():
    def predicted(tenths: float, count=4):
        text = listed((WRONG, "0.60"), (RIGHT, "0.50"))
        digits = {text.index("0.60") + 2: tenths}
        rollouts = [rolled(spelled(text, digits), f"{i}") for i in range(count)]
        return [Prediction(one.example, one.answer, (one,)) for one in rollouts]

    choice = choose_score(predicted(4.0))
    assert choice.chosen == "expected" and choice.values["expected"] == pytest.approx(1)
    assert choice.values["written"] < 0.6 and "'expected'" in choice.sentence and "100.0" in choice.sentence
    assert choose_score(predicted(6.0)).chosen == "written"


def test_what_was_kept_comes_back_from_a_row():
    rollout = rolled(spelled(listed((RIGHT, 0.25)), {}))
    prediction = Prediction(rollout.example, rollout.answer, (rollout,))
    reread = prediction_from_row(json.loads(json.dumps(prediction_to_row(prediction))))
    assert reread.rollouts[0].completion.digits == rollout.completion.digits


@pytest.fixture(scope="module")
def policy():
    return load_policy(ModelOptions(path="miniature", device="cpu"))


def test_both_samplers_keep_the_same_means_and_only_where_they_are_asked_for(policy, tmp_path):
    from PIL import Image as PILImage

    PILImage.new("RGB", (100, 100), "gray").save(tmp_path / "a.png")
    shown = (Image(tmp_path / "a.png", (100, 100)),)
    task = load_task("detection")
    asked = [replace(task.ask("a", shown, name, form=Form.DIRECT)) for name in ("two", "seven")]
    kept = AskOptions(SamplingParams(max_new_tokens=40), score="expected")
    plain = PolicyPredictor(PlainSampler(policy), policy, kept).predict(asked)
    shared = PolicyPredictor.of(policy, kept).predict(asked)
    for one, other in zip(plain, shared, strict=True):
        a, b = one.rollouts[0].completion, other.rollouts[0].completion
        assert a.token_ids == b.token_ids and a.digits == pytest.approx(b.digits, abs=1e-3)
        assert len(a.digits) == len(a.token_ids)
        digit = [token in policy.digit_ids for token in a.token_ids]
        assert [0 <= mean <= 9 for mean in a.digits] == digit
    written = PolicyPredictor.of(policy, replace(kept, score="written")).predict(asked)
    assert all(one.rollouts[0].completion.digits == () for one in written)
    assert "score" not in replace(kept, score="written").row() and kept.row()["score"] == "expected"


def test_the_digit_tokens_are_those_of_the_digits(policy):
    assert [policy.decode([token]) for token in policy.digit_ids] == [*"0123456789"]


def test_an_unknown_confidence_is_refused():
    from vrft.config.run_config import make_config
    from vrft.errors import ConfigError

    tree = {"task": "detection", "data": {"path": "photos"}}
    assert make_config(tree).evaluation.known_score == "written"
    assert make_config({**tree, "evaluation": {"score": "expected"}}).ask_options().score == "expected"
    with pytest.raises((ConfigError, InputError), match=r"evaluation\.score"):
        make_config({**tree, "evaluation": {"score": "best"}})
