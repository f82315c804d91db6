"""KL estimators: exact means, spreads and gradients, with and without the ratio's correction."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vrft.training.kl import ESTIMATORS, KlTerm, k3

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
    """Samples held fixed, as in every GRPO code: k3's is the forward KL's, policy - reference."""
    logits = POLICY.log().requires_grad_()
    each = ESTIMATORS[name](torch.log_softmax(logits, -1), REFERENCE.log())
    (found,) = torch.autograd.grad((POLICY * each).sum(), logits)
    assert found.tolist() == pytest.approx(gradient, abs=5e-5)


def reverse_kl_gradient(policy, reference):
    """d KL(policy || reference) / d logits, in closed form."""
    log_ratio = (policy / reference).log()
    return policy * (log_ratio - (policy * log_ratio).sum())


@pytest.mark.parametrize("sampler", [POLICY, torch.tensor([0.25, 0.45, 0.3], dtype=torch.float64)])
@pytest.mark.parametrize("name", ["k1", "k3"])
def test_with_the_correction_k1_and_k3_have_the_reverse_kls_value_and_gradient(name, sampler):
    """On-policy and off: the sampler is the policy itself, or another one."""
    logits = POLICY.log().requires_grad_()
    logprobs = torch.log_softmax(logits, -1)
    ratio = torch.exp(logprobs - sampler.log())
    term = KlTerm(ESTIMATORS[name](logprobs, REFERENCE.log())[None], 0.5, correction=True)
    mean = (sampler * term.added_to(torch.zeros(1, 3), ratio[None])[0]).sum()
    (found,) = torch.autograd.grad(mean, logits)
    assert mean.item() == pytest.approx(0.5 * 0.22380466, abs=5e-9)
    expected = 0.5 * reverse_kl_gradient(POLICY, REFERENCE)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    assert (2 * expected).tolist() == pytest.approx((0.3462, -0.2204, -0.1259), abs=5e-5)


def test_with_the_correction_k2_has_the_gradient_of_its_own_mean_which_is_not_the_kls():
    def mean(logits):
        logprobs = torch.log_softmax(logits, -1)
        return (logprobs.exp() * ESTIMATORS["k2"](logprobs, REFERENCE.log())).sum()

    logits, step = POLICY.log(), 1e-6
    moves = torch.eye(3, dtype=torch.float64) * step
    expected = [float(mean(logits + m) - mean(logits - m)) / (2 * step) for m in moves]
    free = logits.clone().requires_grad_()
    logprobs = torch.log_softmax(free, -1)
    ratio = torch.exp(logprobs - POLICY.log())
    term = KlTerm(ESTIMATORS["k2"](logprobs, REFERENCE.log())[None], 1.0, correction=True)
    (found,) = torch.autograd.grad((POLICY * term.added_to(torch.zeros(1, 3), ratio[None])[0]).sum(), free)
    assert found.tolist() == pytest.approx(expected, abs=1e-8)
    assert not torch.allclose(found, reverse_kl_gradient(POLICY, REFERENCE), atol=0.05)


VARIANCES = {
    "k1": lambda m: m**2,
    "k2": lambda m: (2 * m**4 + m**6) / 4,
    "k3": lambda m: math.exp(m**2) - 1 - m**2,
}
"""Of the estimators for N(0, 1) against N(m, 1), worked out by hand."""


@pytest.mark.parametrize(
    ("distance", "name", "bias", "spread"),
    [
        (0.1, "k1", 0.0, 20.0),
        (0.1, "k2", 0.0025, 1.42),
        (0.1, "k3", 0.0, 1.42),
        (1.0, "k1", 0.0, 2.00),
        (1.0, "k2", 0.25, 1.73),
        (1.0, "k3", 0.0, 1.70),
    ],
)
def test_bias_and_spread_for_two_gaussians(distance, name, bias, spread):
    """N(0, 1) against N(distance, 1), by the trapezium rule; both in units of the true KL, distance^2 / 2."""
    x = torch.linspace(-12, 12, 24001, dtype=torch.float64)
    policy, reference = -0.5 * x**2, -0.5 * (x - distance) ** 2
    density = policy.exp() / math.sqrt(2 * math.pi)
    each, true = ESTIMATORS[name](policy, reference), distance**2 / 2
    mean = torch.trapezoid(density * each, x)
    deviation = torch.trapezoid(density * (each - mean) ** 2, x).sqrt().item()
    assert mean.item() / true - 1 == pytest.approx(bias, abs=1e-6)
    assert deviation == pytest.approx(math.sqrt(VARIANCES[name](distance)), rel=1e-6)
    assert deviation / true == pytest.approx(spread, abs=6e-3)


@given(st.floats(-60, 0), st.floats(-60, 0))
def test_k3_is_finite_never_negative_and_zero_only_for_equal_values(a, b):
    value = float(k3(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)))
    assert math.isfinite(value)
    assert value >= 0
    assert value == 0 if a == b else abs(a - b) < 1e-5 or value > 4e-11


def test_k3_cannot_overflow_in_single_precision():
    logprobs = torch.tensor([-500.0, 0.0], requires_grad=True)
    value = k3(logprobs, torch.tensor([0.0, -500.0])).sum()
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(logprobs.grad).all()
