"""A mixture of tasks: who is drawn how often, what rewards are worth, and which step is best."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.training.advantages import Centered, EmaNormalized
from vrft.training.mixture import Mixture
from vrft.training.step_metrics import step_row
from vrft.training.validation import Validation
from vrft.types import Answer, Clock, Completion, Example, Prompt, Rollout, RolloutGroup, Turn


def asked(source, count):
    return [Example(f"{source}/{n}", str(n), "toy", (), "cup", source=source) for n in range(count)]


def group_of(source, rewards):
    example = Example(source, source, "detection", (), "cup", source=source)
    turn = Turn(Prompt(), Completion("x", (1,), (-0.5,)))
    terms = [{"toy": r} for r in rewards]
    rollouts = [
        Rollout(example, (turn,), Answer(), terms=t, reward=r) for t, r in zip(terms, rewards, strict=True)
    ]
    return RolloutGroup(example, tuple(rollouts))


def advantages(advantage, *groups):
    found = advantage(list(groups), Clock())
    return [[r.advantages[0][0] for r in group.rollouts] for group in found]


# ---- who is drawn


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 1e6])
def test_the_share_of_an_entry_is_a_power_of_its_size(temperature):
    found = Mixture(temperature).probabilities({"a": 90, "b": 9, "c": 1})
    powers = [n ** (1 / temperature) for n in (90, 9, 1)]
    assert list(found.values()) == pytest.approx([p / sum(powers) for p in powers])


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.integers(1, 7),
    st.one_of(st.none(), st.lists(st.floats(0.1, 9), min_size=4, max_size=4)),
)
def test_every_entry_has_its_share_at_every_moment_and_all_its_questions_in_turn(sizes, count, shares):
    names = "abcd"[: len(sizes)]
    examples = [e for name, size in zip(names, sizes, strict=True) for e in asked(name, size)]
    mixture = Mixture(2.0, dict(zip("abcd", shares, strict=True)) if shares else {})
    rates = mixture.probabilities(dict(zip(names, sizes, strict=True)))
    drawn = [e for step in range(12) for e in mixture.of_step(examples, Clock(step, 12, 3), count)]
    assert len(drawn) == 12 * count
    for until in range(1, len(drawn) + 1):
        seen = Counter(e.source for e in drawn[:until])
        for name, rate in rates.items():
            assert abs(seen[name] - rate * until) <= 0.5 + rate * len(names) / 2 + 1e-9
    for name, size in zip(names, sizes, strict=True):
        own = [e.id for e in drawn if e.source == name]
        epochs = [own[i : i + size] for i in range(0, len(own) - size + 1, size)]
        assert all(len(set(epoch)) == size for epoch in epochs)


def test_one_task_is_drawn_as_before_there_were_several():
    examples = asked("", 5)
    for step in range(6):
        expected = []
        for index in range(step * 3, step * 3 + 3):
            order = np.random.default_rng([7, index // 5]).permutation(5)
            expected.append(examples[order[index % 5]])
        assert Mixture().of_step(examples, Clock(step, 6, 7), 3) == expected


def test_other_questions_for_a_step_are_each_there_once_and_those_asked_last():
    examples = [*asked("a", 6), *asked("b", 2)]
    found = Mixture(shares={"a": 1.0, "b": 1.0}).further(examples, Clock(4), 1, 8, {"b/0", "b/1"})
    assert {e.id for e in found} == {e.id for e in examples}
    assert {e.source for e in found[6:]} == {"b"}
    fresh = Mixture(shares={"a": 1.0, "b": 1.0}).further(examples, Clock(4), 1, 4, ())
    assert Counter(e.source for e in fresh) == {"a": 2, "b": 2}


# ---- what rewards are worth


def ema_by_hand(batches, decay=0.99):
    """EMA-GRPO in plain loops: σ of the task that each batch of (task, rewards) is divided by."""
    first, second = {}, {}
    for batch in batches:
        for task in {task for task, _ in batch}:
            own = [r for name, rewards in batch for r in rewards if name == task]
            mean, square = sum(own) / len(own), sum(r * r for r in own) / len(own)
            first[task] = mean if task not in first else decay * first[task] + (1 - decay) * mean
            second[task] = square if task not in second else decay * second[task] + (1 - decay) * square
        made = []
        for task, rewards in batch:
            sigma = max(math.sqrt(max(second[task] - first[task] ** 2, 0)), 1e-3)
            middle = sum(rewards) / len(rewards)
            own = [(r - middle) / (sigma + 1e-6) for r in rewards]
            if max(map(abs, own)) > 5:
                spread = math.sqrt(sum((r - middle) ** 2 for r in rewards) / len(rewards))
                own = [(r - middle) / (spread + 1e-6) for r in rewards]
            made.append(own)
        yield made


def random_batches(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    for _ in range(6):
        rights = [("signs", [float(r) for r in rng.integers(0, 2, 4)]) for _ in range(2)]
        boxes = [("cells", [scale * float(r) for r in rng.random(4).round(2) * 0.1]) for _ in range(2)]
        yield [*rights, *boxes]


def test_ema_normalized_against_loops_and_its_state_goes_on_to_the_bit():
    whole, cut = EmaNormalized(), EmaNormalized()
    for batch, expected in zip(random_batches(1), ema_by_hand(random_batches(1)), strict=True):
        groups = [group_of(*one) for one in batch]
        found = advantages(whole, *groups)
        assert np.allclose(found, expected, rtol=1e-9, atol=1e-12)
        fresh = EmaNormalized()
        fresh.restore(json.loads(json.dumps(cut.state())))
        assert advantages(fresh, *groups) == found
        cut = fresh


def test_the_digits_of_one_right_answer_in_eight():
    ema = EmaNormalized()
    ema.restore({"signs": [0.5, 0.5]})
    (found,) = advantages(ema, group_of("signs", [1.0] + [0.0] * 7))
    assert found[:2] == pytest.approx([1.75005, -0.25001], abs=5e-6)
    assert ema.state()["signs"] == pytest.approx([0.49625, 0.49625])
    (first,) = advantages(EmaNormalized(), group_of("signs", [1.0] + [0.0] * 7))
    assert first[:2] == pytest.approx([math.sqrt(7), -1 / math.sqrt(7)], abs=1e-4)


def test_beyond_the_limit_a_group_is_divided_by_its_own_deviation():
    ema = EmaNormalized()
    ema.restore({"signs": [0.5, 0.26]})  # σ about 0.11, so that 7/8 would be 7.9
    (found,) = advantages(ema, group_of("signs", [1.0] + [0.0] * 7))
    assert found[0] == pytest.approx(math.sqrt(7), abs=1e-4)


def test_one_tasks_scale_changes_nothing_for_any():
    plain, tenfold = EmaNormalized(), EmaNormalized()
    for batch, scaled in zip(random_batches(2), random_batches(2, scale=10.0), strict=True):
        one = advantages(plain, *(group_of(*own) for own in batch))
        other = advantages(tenfold, *(group_of(*own) for own in scaled))
        assert np.allclose(one, other, rtol=1e-3)


def test_weights_multiply_what_was_normalized_and_with_plain_rewards_are_lambda():
    groups = [group_of("cells", [0.1, 0.3]), group_of("signs", [1.0, 0.0])]
    weighted = Mixture(weights={"cells": 3.0}).weighted(EmaNormalized()(groups, Clock()))
    plain = EmaNormalized()(groups, Clock())
    for group, before, factor in zip(weighted, plain, (3.0, 1.0), strict=True):
        for one, old in zip(group.rollouts, before.rollouts, strict=True):
            assert one.advantages[0][0] == factor * old.advantages[0][0]
    tripled = Centered()([group_of("cells", [0.3, 0.9])], Clock())
    same = Mixture(weights={"cells": 3.0}).weighted(Centered()(groups[:1], Clock()))
    pairs = zip(tripled[0].rollouts, same[0].rollouts, strict=True)
    assert all(a.advantages[0][0] == pytest.approx(b.advantages[0][0]) for a, b in pairs)


def test_a_step_is_measured_by_task_and_by_source_and_what_is_not_there_has_no_point():
    groups = [group_of("cells", [0.5, 0.5]), group_of("nuts", [1.0, 0.0])]
    row = step_row(groups)
    assert row["reward"] == 0.5 and set(row["by_source"]) == {"cells", "nuts"}
    assert row["by_source"]["nuts"]["reward_std"] == 0.5 and row["by_source"]["cells"]["signal_share"] == 0
    assert row["by_task"]["detection"]["groups"] == 2 and row["by_task"]["detection"]["terms"] == {"toy": 0.5}
    assert set(step_row(groups[:1])["by_source"]) == {"cells"}
    alone = [replace(groups[0], example=replace(groups[0].example, source=""))]
    assert not {"by_task", "by_source"} & step_row(alone).keys()


# ---- which step is best


def metric(unit="%", higher=True):
    return Metric("m", "m", mean_of(lambda one: 0.0), unit, higher)


def test_the_score_of_several_tasks_is_a_mean_in_which_a_point_is_a_point():
    steps = [
        {"share": 0.4, "miss": 0.3, "error": 8.0, "hits": 10.0},
        {"share": 0.5, "miss": 0.2, "error": 6.0, "hits": 15.0},
        {"share": math.nan, "miss": 0.3, "error": 80.0, "hits": 10.0},
    ]
    metrics = {
        "share": metric(),
        "miss": metric(higher=False),
        "error": metric("px", higher=False),
        "hits": metric("cups"),
    }
    left = iter(steps)
    validation = Validation(metrics, lambda: next(left))
    assert validation.score() == pytest.approx((0.4 + 0.7 + 0 + 0) / 4)
    kept = json.loads(json.dumps(validation.state()))
    resumed = Validation(metrics, lambda: steps[1])
    resumed.restore(kept)
    second = validation.score()
    assert second == resumed.score() == pytest.approx((0.5 + 0.8 + 0.25 + 0.5) / 4)
    assert validation.row(second)["by_source"]["error"] == {"validation": 6.0}
    assert validation.is_better(second, 0.275) and not validation.is_better(second, second)
    assert validation.score() == pytest.approx((0 + 0.7 - 1 + 0) / 4), "what cannot be measured counts 0"


@pytest.mark.parametrize("start", [0.0, 4.0])
def test_an_error_of_nothing_at_the_start_can_only_get_worse(start):
    found = Validation({"a": metric(), "b": metric("px", False)}, lambda: {"a": 0.0, "b": start})
    assert found.score() == 0.0
    assert found.of({"a": 0.0, "b": 4.0}) == (0.0 if start else -0.5)


def test_one_task_is_scored_by_its_own_metric():
    alone = Validation({"b": metric("px", False)}, lambda: {"b": 7.0})
    assert alone.score() == 7.0 and not alone.higher_is_better
    assert alone.is_better(6.0, 7.0) and alone.row(7.0) == {"validation": 7.0}
