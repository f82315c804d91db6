"""The optimizer against torch's own AdamW, and small updates of half-precision weights."""

from __future__ import annotations

import pytest
import torch

from vrft.errors import ConfigError
from vrft.training.optimizer import Optimizer
from vrft.training.training_options import OptimOptions


def descend(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        (model.weight.float() ** 2).sum().backward()
        optimizer.step()


def test_constant_schedule_equals_adamw():
    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(4, 3, bias=False), torch.nn.Linear(4, 3, bias=False)
    theirs.load_state_dict(ours.state_dict())
    settings = OptimOptions(
        learning_rate=0.01, schedule="constant", steps=10, weight_decay=0.1, max_grad_norm=1e9
    )
    descend(ours, Optimizer(ours, settings), 10)
    adam = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(10):
        adam.zero_grad()
        (theirs.weight**2).sum().backward()
        adam.step()
    assert torch.equal(ours.weight, theirs.weight)


def test_linear_schedule_and_warmup_rates():
    model = torch.nn.Linear(2, 2)
    optimizer = Optimizer(model, OptimOptions(learning_rate=1.0, schedule="linear", steps=4, warmup_steps=2))
    rates = []
    for _ in range(4):
        optimizer.zero_grad()
        model(torch.ones(1, 2)).sum().backward()
        rates.append(optimizer.step()["lr"])
    assert rates == pytest.approx([0.5, 0.75, 0.5, 0.25])


def test_small_updates_of_bfloat16_weights_are_not_rounded_away():
    torch.manual_seed(0)
    half = torch.nn.Linear(64, 64, bias=False).bfloat16()
    whole = torch.nn.Linear(64, 64, bias=False)
    whole.weight.data.copy_(half.weight.data.float())
    before = whole.weight.detach().clone()
    settings = OptimOptions(learning_rate=1e-6, schedule="constant", steps=400, max_grad_norm=1e9)
    descend(half, Optimizer(half, settings), 400)
    descend(whole, Optimizer(whole, settings), 400)
    moved = (whole.weight - before).abs().mean()
    assert moved > 1e-4
    assert (half.weight.float() != before).float().mean() > 0.2


def test_a_gradient_that_is_not_finite_never_reaches_the_weights():
    model = torch.nn.Linear(2, 2)
    before = model.weight.detach().clone()
    optimizer = Optimizer(model, OptimOptions(steps=2, learning_rate=0.1))
    (model.weight * float("nan")).sum().backward()
    assert optimizer.step()["skipped"]
    assert torch.equal(model.weight, before)


def test_nothing_to_learn_is_refused():
    with pytest.raises(ConfigError, match="No weight"):
        Optimizer(torch.nn.Linear(2, 2).requires_grad_(False), OptimOptions())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_resumed_optimizer_goes_on_bit_for_bit(dtype):
    settings = OptimOptions(learning_rate=1e-2, steps=10)
    torch.manual_seed(0)
    whole = torch.nn.Linear(8, 8, bias=False).to(dtype)
    cut = torch.nn.Linear(8, 8, bias=False).to(dtype)
    cut.load_state_dict(whole.state_dict())
    optimizer = Optimizer(whole, settings)
    descend(whole, optimizer, 10)
    first = Optimizer(cut, settings)
    descend(cut, first, 4)
    resumed = torch.nn.Linear(8, 8, bias=False).to(dtype)
    resumed.load_state_dict(cut.state_dict())
    second = Optimizer(resumed, settings)
    second.load_state_dict(first.state_dict())
    descend(resumed, second, 6)
    assert torch.equal(resumed.weight, whole.weight)


def test_small_gradients_of_float16_weights_do_not_vanish():
    """A gradient of 2e-8 is below float16's least number; the scaled loss keeps it."""
    model = torch.nn.Linear(4, 4, bias=False).half()
    before = model.weight.detach().clone()
    optimizer = Optimizer(model, OptimOptions(learning_rate=0.01, schedule="constant", steps=2))
    optimizer.backward((model.weight * 2e-8).float().sum())
    row = optimizer.step()
    assert row["grad_norm"] == pytest.approx(4 * 2e-8, rel=0.05) and row["loss_scale"] == 2**12
    assert (model.weight < before).all()
    optimizer.zero_grad()
    (model.weight * 2e-8).float().sum().backward()
    assert not model.weight.grad.any()


def test_a_scale_that_is_too_large_is_lowered_before_anything_is_called_broken():
    model = torch.nn.Linear(2, 2, bias=False).half()
    before = model.weight.detach().clone()
    optimizer = Optimizer(model, OptimOptions(learning_rate=0.01, schedule="constant", steps=40))
    scales = []
    for _ in range(20):
        optimizer.zero_grad()
        optimizer.backward((model.weight * 60_000.0).float().sum())
        row = optimizer.step()
        assert "skipped" not in row
        scales.append(row["loss_scale"])
        if torch.isfinite(torch.tensor(row["grad_norm"])):
            break
        assert torch.equal(model.weight, before)
    assert scales[:3] == [2**12, 2**11, 2**10] and scales[-1] == 1
    assert not torch.equal(model.weight, before)


def test_a_gradient_that_no_scale_mends_is_told():
    model = torch.nn.Linear(2, 2, bias=False).half()
    optimizer = Optimizer(model, OptimOptions(learning_rate=0.01, steps=40))
    skipped = []
    for _ in range(16):
        optimizer.zero_grad()
        optimizer.backward((model.weight * float("nan")).float().sum())
        skipped.append("skipped" in optimizer.step())
    assert skipped == [False] * 12 + [True] * 4
