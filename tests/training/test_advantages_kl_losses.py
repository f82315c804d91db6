"""Advantages, KL estimators and losses against closed forms and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.training.advantages import centred_only, group_normalised
from vrft.training.kl import ESTIMATORS, k3
from vrft.training.losses import clipped_surrogate, sequence_mean, token_mean


def test_digits_of_one_hit_in_eight():
    found = group_normalised(torch.tensor([[1.0] + [0.0] * 7], dtype=torch.float64))[0]
    assert found[0].item() == pytest.approx(2.4742, abs=5e-5)
    assert found[1:].tolist() == pytest.approx([-0.3535] * 7, abs=5e-5)


def test_digits_of_graded_rewards():
    found = group_normalised(torch.tensor([[0.9, 0.5, 0.1, 0.1]], dtype=torch.float64))[0]
    assert found.tolist() == pytest.approx([1.3052, 0.2610, -0.7831, -0.7831], abs=5e-5)


rewards = st.lists(st.floats(0, 3), min_size=2, max_size=8)


@given(rewards, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_advantages_sum_to_zero_and_follow_permutations(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    original = group_normalised(torch.tensor([values], dtype=torch.float64))[0]
    shuffled = group_normalised(torch.tensor([[values[i] for i in order]], dtype=torch.float64))[0]
    assert original.sum().item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(original[order], shuffled, atol=1e-6)


@given(st.floats(0, 3), st.integers(2, 16))
@settings(deadline=None)
def test_an_all_equal_group_has_no_advantage_at_all(value, size):
    found = group_normalised(torch.full((1, size), value, dtype=torch.float32))
    assert torch.equal(found, torch.zeros(1, size))


def test_groups_do_not_touch_each_other():
    a, b = torch.tensor([[0.0, 1.0, 1.0]]), torch.tensor([[3.0, 0.0, 0.5]])
    both = group_normalised(torch.cat([a, b]))
    assert torch.allclose(both, torch.cat([group_normalised(a), group_normalised(b)]))


def test_centred_only_is_rloo_times_g_minus_one_over_g():
    values = torch.tensor([[0.2, 0.9, 0.4, 2.0]], dtype=torch.float64)
    rloo = values - (values.sum() - values) / 3
    assert torch.allclose(centred_only(values), rloo * 3 / 4, atol=1e-12)


POLICY, REFERENCE = (
    torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64),
    torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64),
)


@pytest.mark.parametrize(("name", "value"), [("k1", 0.22380466), ("k2", 0.26547879), ("k3", 0.22380466)])
def test_expected_values_of_the_estimators(name, value):
    each = ESTIMATORS[name](POLICY.log(), REFERENCE.log())
    assert float((POLICY * each).sum()) == pytest.approx(value, abs=5e-9)


@pytest.mark.parametrize(
    ("name", "gradient"),
    [("k1", (0.0, 0.0, 0.0)), ("k2", (0.3462, -0.2204, -0.1259)), ("k3", (0.3, -0.2, -0.1))],
)
def test_expected_gradients_of_the_estimators(name, gradient):
    """Samples held fixed, as in every GRPO code: k3 has the gradient of the forward KL, q - p."""
    logits = POLICY.log().requires_grad_()
    each = ESTIMATORS[name](torch.log_softmax(logits, -1), REFERENCE.log())
    (found,) = torch.autograd.grad((POLICY * each).sum(), logits)
    assert found.tolist() == pytest.approx(gradient, abs=5e-5)


@given(st.floats(-60, 0), st.floats(-60, 0))
@settings(deadline=None)
def test_k3_is_finite_and_never_negative(a, b):
    value = float(k3(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)))
    assert math.isfinite(value)
    assert value >= 0
    assert (value < 1e-12) == (abs(a - b) < 1e-5)


@pytest.mark.parametrize("advantage", [1.3, -0.7])
@pytest.mark.parametrize("ratio", [0.7, 0.79, 0.9, 1.0, 1.1, 1.21, 1.4])
def test_clipped_surrogate_against_finite_differences(advantage, ratio):
    old = torch.tensor([[-1.0]], dtype=torch.float64)
    now = (old + math.log(ratio)).requires_grad_()
    weights = torch.tensor([advantage], dtype=torch.float64)
    value = clipped_surrogate(now, old, weights, 0.2)
    assert value.item() == pytest.approx(-min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage))
    (gradient,) = torch.autograd.grad(value.sum(), now)
    step = 1e-6
    up, down = (clipped_surrogate(now.detach() + s, old, weights, 0.2).item() for s in (step, -step))
    assert gradient.item() == pytest.approx((up - down) / (2 * step), abs=1e-5)


def test_aggregations_agree_for_equal_lengths_and_differ_otherwise():
    each = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    whole = torch.ones(2, 2, dtype=torch.bool)
    assert sequence_mean(each, whole, 2, 4).item() == token_mean(each, whole, 2, 4).item() == 2.75
    ragged = torch.tensor([[True, True], [True, False]])
    assert sequence_mean(each, ragged, 2, 3).item() == pytest.approx((1.5 + 3) / 2)
    assert token_mean(each, ragged, 2, 3).item() == pytest.approx(6 / 3)


def test_micro_batches_add_up_to_the_whole():
    torch.manual_seed(0)
    each, mask = torch.rand(6, 4), torch.rand(6, 4) > 0.3
    mask[:, 0] = True
    for aggregate in (sequence_mean, token_mean):
        whole = aggregate(each, mask, 6, int(mask.sum()))
        parts = sum(aggregate(each[i : i + 2], mask[i : i + 2], 6, int(mask.sum())) for i in (0, 2, 4))
        assert parts.item() == pytest.approx(whole.item())
