"""Losses against loops over tokens, finite differences, hand-worked digits and each other."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from vrft.training.advantages import ADVANTAGES as ADVANTAGE_CLASSES
from vrft.training.grpo import GrpoOptions
from vrft.training.kl import ESTIMATORS, KlTerm, k3
from vrft.training.losses import LOSSES, Bnpo, DrGrpo, StepSize, sequence_mean, token_mean
from vrft.training.train_step import as_rows

NAMES = list(LOSSES)
CLIPPED = ("grpo", "dr_grpo", "dapo", "bnpo", "gspo")
LOW, HIGH, TAU_POSITIVE, TAU_NEGATIVE = 0.2, 0.28, 1.0, 1.05
OPTIONS = {"clip": LOW, "clip_high": HIGH, "tau_positive": TAU_POSITIVE, "tau_negative": TAU_NEGATIVE}


def made(name, **options):
    """A loss with those of some options that it has."""
    known = LOSSES[name].model_fields
    return LOSSES[name](**{k: v for k, v in (OPTIONS | options).items() if k in known})


BETA = 0.3
KLS = (None, False, True)
"""No KL term, the term, and the term with the ratio's correction."""
VOCABULARY, PLACES, LIMIT = 5, 5, 8

RATIOS = torch.tensor(
    [
        [0.60, 0.79, 0.81, 1.27, 1.29],
        [1.70, 1.29, 1.27, 0.81, 0.79],
        [1.40, 1.35, 0.0, 0.0, 0.0],
        [0.70, 0.75, 0.79, 0.0, 0.0],
        [1.40, 1.45, 1.30, 0.0, 0.0],
        [0.60, 0.70, 0.75, 0.85, 0.0],
    ],
    dtype=torch.float64,
)
"""On both sides of both edges, for both signs of the advantage; 0 where there is no token."""
MASK = RATIOS > 0
ADVANTAGES = torch.tensor([1.3, -0.7, 0.9, 0.4, -1.1, -0.6], dtype=torch.float64)[:, None]
SIZE = StepSize(len(RATIOS), int(MASK.sum()), LIMIT)


class Toy:
    """Six answers of up to five tokens from a vocabulary of five: one softmax a place."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.logits = torch.randn((PLACES, VOCABULARY), generator=generator, dtype=torch.float64)
        self.ids_RA = torch.randint(VOCABULARY, RATIOS.shape, generator=generator)
        now = self.logprobs(self.logits)
        self.old_RA = now - RATIOS.where(MASK, torch.ones(())).log()
        noise = 0.4 * torch.randn(RATIOS.shape, generator=generator, dtype=torch.float64)
        self.reference_RA = now + noise

    def logprobs(self, logits):
        return torch.log_softmax(logits, -1)[torch.arange(PLACES), self.ids_RA]

    def loss(self, name, now, kl=None, old=None):
        term = None if kl is None else KlTerm(k3(now, self.reference_RA), BETA, kl)
        return made(name)(now, self.old_RA if old is None else old, ADVANTAGES, MASK, SIZE, term)


TOY = Toy()


def loops(name, kl):
    """The step's loss, token by token in plain Python: value, clipped low, clipped high, mean ratio."""
    low, high = 1 - LOW, 1 + HIGH
    now, reference = TOY.logprobs(TOY.logits).tolist(), TOY.reference_RA.tolist()
    each, counts = [], []
    for row, advantage in enumerate(ADVANTAGES[:, 0].tolist()):
        ratios = [r for r in RATIOS[row].tolist() if r > 0]
        if name == "gspo":
            ratios = [math.prod(ratios) ** (1 / len(ratios))] * len(ratios)
        losses = []
        for place, ratio in enumerate(ratios):
            logprob = now[row][place]
            if name == "cispo":
                value = -min(ratio, high) * advantage * logprob
                counts.append((0, ratio > high, ratio, 1))
            elif name == "sapo":
                tau = 1.0 if advantage > 0 else 1.05
                value = -4 / tau / (1 + math.exp(-tau * (ratio - 1))) * advantage
                counts.append((0, 0, ratio, 1))
            else:
                value = -min(ratio * advantage, min(max(ratio, low), high) * advantage)
                cut = (ratio < low and advantage < 0, ratio > high and advantage > 0)
                if name != "gspo" or place == 0:
                    counts.append((*cut, ratio, 1))
            if kl is not None:
                delta = reference[row][place] - logprob
                value += BETA * (math.exp(delta) - delta - 1) * (ratio if kl else 1)
            losses.append(value)
        each.append(losses)
    total, tokens = sum(map(sum, each)), sum(map(len, each))
    by_answer = sum(sum(row) / len(row) for row in each) / len(each)
    divided = {"dr_grpo": total / (len(each) * LIMIT)} | dict.fromkeys(
        ("dapo", "bnpo", "cispo"), total / tokens
    )
    sums = [sum(column) for column in zip(*counts, strict=True)]
    return divided.get(name, by_answer), *(s / sums[3] for s in sums[:3])


def test_the_configuration_offers_exactly_these():
    for name, loss in LOSSES.items():
        assert type(GrpoOptions(loss=name).loss) is loss
    with pytest.raises(ValueError, match="Did you mean 'dapo'"):
        GrpoOptions(loss="dapoo")
    with pytest.raises(ValueError, match=r"options of sapo: tau_positive, tau_negative"):
        GrpoOptions(loss={"name": "sapo", "clip": 0.1})


def test_the_document_has_a_row_for_every_choice():
    text = (Path(__file__).parents[2] / "docs" / "algorithms.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| `(?:advantages|losses|kl)\.(\w+)` \|$", text, re.MULTILINE)
    known = {**ADVANTAGE_CLASSES, **LOSSES, **ESTIMATORS}
    assert [name for name, _ in rows] == list(known)
    assert all(known[name].__name__ == code for name, code in rows)


def test_the_toy_reaches_both_sides_of_both_edges_with_both_signs():
    ratio = torch.exp(TOY.logprobs(TOY.logits) - TOY.old_RA)[MASK]
    sign = ADVANTAGES.expand_as(MASK)[MASK] > 0
    for positive in (True, False):
        chosen = ratio[sign == positive]
        assert {math.floor(c) for c in torch.bucketize(chosen, torch.tensor([0.8, 1.28]))} == {0, 1, 2}


@pytest.mark.parametrize("kl", KLS)
@pytest.mark.parametrize("name", NAMES)
def test_value_and_statistics_are_those_of_the_formula_token_by_token(name, kl):
    loss = TOY.loss(name, TOY.logprobs(TOY.logits), kl)
    found = [getattr(loss, f.name).item() for f in fields(loss)]
    assert found == pytest.approx(list(loops(name, kl)), abs=1e-12)
    if name in CLIPPED:
        assert 0 < found[1] < 1 and 0 < found[2] < 1


@pytest.mark.parametrize("kl", KLS)
@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_that_of_finite_differences(name, kl):
    logits = TOY.logits.clone().requires_grad_()
    (found,) = torch.autograd.grad(TOY.loss(name, TOY.logprobs(logits), kl).value, logits)

    def value(at):
        now = TOY.logprobs(at)
        if name != "cispo":
            return TOY.loss(name, now, kl).value
        # CISPO's ratio is a weight without gradient: old values that move along hold it where it is.
        held = TOY.loss(name, now, None, TOY.old_RA + now - TOY.logprobs(TOY.logits)).value
        return held + TOY.loss("dapo", now, kl).value - TOY.loss("dapo", now).value

    step = 1e-6
    for index in range(TOY.logits.numel()):
        move = torch.zeros(TOY.logits.numel(), dtype=torch.float64)
        move[index] = step
        move = move.view_as(TOY.logits)
        expected = (value(TOY.logits + move) - value(TOY.logits - move)) / (2 * step)
        assert found.flatten()[index].item() == pytest.approx(expected.item(), abs=1e-8)
    assert found.abs().max() > 0.01


def free(values):
    return values.clone().requires_grad_()


def gradient(name, **changes):
    """Gradient of one loss on the toy with respect to each token's log-probability."""
    now = free(TOY.logprobs(TOY.logits))
    options = changes.pop("options", {})
    arguments = {"old_RA": TOY.old_RA, "advantages": ADVANTAGES, "mask_RA": MASK, "size": SIZE}
    loss = made(name, **options)(now, **{**arguments, **changes})
    (found,) = torch.autograd.grad(loss.value, now)
    return found


def test_clipping_takes_the_gradient_from_exactly_the_tokens_beyond_their_edge():
    positive = ADVANTAGES > 0
    beyond = torch.where(positive, RATIOS > 1.28, RATIOS < 0.8)
    for name in ("grpo", "dr_grpo", "dapo", "bnpo"):
        assert torch.equal(gradient(name) != 0, MASK & ~beyond)
    assert torch.equal(gradient("cispo") != 0, MASK)
    assert torch.equal(gradient("sapo") != 0, MASK)


def test_gspo_keeps_or_drops_whole_answers():
    """Geometric means: 0.91, 1.12, 1.37 (A > 0), 0.75 (A > 0), 1.38 (A < 0), 0.72 (A < 0)."""
    kept = torch.tensor([True, True, False, True, True, False])
    assert torch.equal(gradient("gspo") != 0, MASK & kept[:, None])


def test_a_higher_upper_edge_lets_rising_tokens_in_and_no_others():
    low, high = (gradient("dapo", options={"clip_high": e}) != 0 for e in (0.2, 0.28))
    assert torch.equal(high & ~low, (RATIOS > 1.2) & (RATIOS < 1.28) & (ADVANTAGES > 0))


@pytest.mark.parametrize("kl", KLS)
@pytest.mark.parametrize("name", NAMES)
def test_micro_batches_add_up_to_the_whole_step(name, kl):
    """Values, gradients and statistics; BNPO on answers of one length, since its mean is each part's own."""
    mask = torch.ones_like(MASK) if name == "bnpo" else MASK
    size = StepSize(len(MASK), int(mask.sum()), LIMIT)

    def part(now, rows):
        term = None if kl is None else KlTerm(k3(now, TOY.reference_RA[rows]), BETA, kl)
        return made(name)(now, TOY.old_RA[rows], ADVANTAGES[rows], mask[rows], size, term)

    now = free(TOY.logprobs(TOY.logits))
    whole = part(now, slice(None))
    whole.value.backward()
    pieces = free(TOY.logprobs(TOY.logits))
    parts = [part(pieces[rows], rows) for rows in (slice(0, 1), slice(1, 4), slice(4, 6))]
    for piece in parts:
        piece.value.backward(retain_graph=True)
    for field in fields(whole):
        total = sum(getattr(piece, field.name) for piece in parts)
        assert total.item() == pytest.approx(getattr(whole, field.name).item(), abs=1e-12), field.name
    assert torch.allclose(now.grad, pieces.grad, rtol=0, atol=1e-12)


def test_bnpo_depends_on_how_the_step_is_cut():
    now = TOY.logprobs(TOY.logits)
    each = [
        made("bnpo")(now[r], TOY.old_RA[r], ADVANTAGES[r], MASK[r], SIZE).value.item()
        for r in (slice(0, 3), slice(3, 6))
    ]
    halves = [
        made("dapo")(now[r], TOY.old_RA[r], ADVANTAGES[r], MASK[r], StepSize(3, n, LIMIT)).value.item()
        for r, n in ((slice(0, 3), 12), (slice(3, 6), 10))
    ]
    assert sum(each) == pytest.approx(sum(halves) / 2, abs=1e-12)
    assert sum(each) != pytest.approx(TOY.loss("bnpo", now).value.item(), abs=1e-3)
    one_by_one = sum(
        LOSSES["bnpo"]()(now[i : i + 1], TOY.old_RA[i : i + 1], ADVANTAGES[i : i + 1], MASK[i : i + 1], SIZE)
        .value.item()
        for i in range(len(MASK))
    )  # fmt: skip
    grpo = LOSSES["grpo"]()(now, TOY.old_RA, ADVANTAGES, MASK, SIZE).value.item()
    assert one_by_one == pytest.approx(grpo, abs=1e-12)


@pytest.mark.parametrize("kl", KLS)
@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_answers_changes_nothing(name, kl):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    now = free(TOY.logprobs(TOY.logits))
    moved = now[order]
    term = None if kl is None else KlTerm(k3(moved, TOY.reference_RA[order]), BETA, kl)
    loss = made(name)(moved, TOY.old_RA[order], ADVANTAGES[order], MASK[order], SIZE, term)
    (found,) = torch.autograd.grad(loss.value, now)
    same = free(TOY.logprobs(TOY.logits))
    expected = TOY.loss(name, same, kl)
    (gradients,) = torch.autograd.grad(expected.value, same)
    assert loss.value.item() == pytest.approx(expected.value.item(), abs=1e-12)
    assert torch.allclose(found, gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kl", KLS)
@pytest.mark.parametrize("name", NAMES)
def test_what_stands_beyond_an_answers_end_counts_nothing(name, kl):
    now, other = TOY.logprobs(TOY.logits), Toy()
    noisy = free(now.where(MASK, torch.full((), -7.0, dtype=torch.float64)))
    other.old_RA = TOY.old_RA.where(MASK, torch.full((), -3.0, dtype=torch.float64))
    loss = other.loss(name, noisy, kl)
    assert loss.value.item() == pytest.approx(TOY.loss(name, now, kl).value.item(), abs=1e-12)
    (found,) = torch.autograd.grad(loss.value, noisy)
    assert not found[~MASK].any()


def test_aggregations_agree_for_equal_lengths_and_differ_otherwise():
    each = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    whole = torch.ones(2, 2, dtype=torch.bool)
    assert sequence_mean(each, whole, 2).item() == 2.75
    assert token_mean(each, whole, 4).item() == 2.75
    assert Bnpo().mean(each, whole, StepSize(2, 4, 2)).item() == 2.75
    assert DrGrpo().mean(each, whole, StepSize(2, 4, 2)).item() == 2.75
    ragged = torch.tensor([[True, True], [True, False]])
    assert sequence_mean(each, ragged, 2).item() == pytest.approx((1.5 + 3) / 2)
    assert token_mean(each, ragged, 3).item() == pytest.approx(6 / 3)
    assert Bnpo().mean(each, ragged, StepSize(2, 3, 4)).item() == pytest.approx(6 / 3)
    assert DrGrpo().mean(each, ragged, StepSize(2, 3, 4)).item() == pytest.approx(6 / 8)


def test_four_losses_are_one_for_answers_of_the_longest_length():
    whole = torch.ones_like(MASK)
    size = StepSize(len(MASK), MASK.numel(), max_tokens=PLACES)
    found = [gradient(n, mask_RA=whole, size=size) for n in ("grpo", "dr_grpo", "dapo", "bnpo")]
    assert all(torch.allclose(found[0], other, rtol=0, atol=1e-12) for other in found[1:])
    assert not torch.allclose(gradient("grpo"), gradient("dapo"), atol=1e-3)
    assert not torch.allclose(gradient("dr_grpo"), gradient("dapo"), atol=1e-3)


def test_gspo_is_grpo_for_answers_of_one_token():
    one = MASK & (torch.arange(PLACES) == 0)
    size = StepSize(len(MASK), len(MASK), LIMIT)
    found, expected = (gradient(n, mask_RA=one, size=size) for n in ("gspo", "grpo"))
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_with_one_update_the_gradient_is_the_policy_gradient(name):
    """-A times the token's weight in its mean: at ratio 1 no loss knows of clips, gates or old values."""
    lengths = MASK.double().sum(1, keepdim=True)
    by_answer = 1.0 / (len(MASK) * lengths)
    weight = {"dr_grpo": 1 / (len(MASK) * LIMIT)} | dict.fromkeys(("dapo", "bnpo", "cispo"), 1 / SIZE.tokens)
    expected = -ADVANTAGES * weight.get(name, by_answer) * MASK
    assert torch.allclose(gradient(name, old_RA=None), expected, rtol=0, atol=1e-12)
    now = TOY.logprobs(TOY.logits)
    assert torch.equal(gradient(name, old_RA=now), gradient(name, old_RA=None))
    loss = LOSSES[name]()(now, None, ADVANTAGES, MASK, SIZE)
    shares = loss.clipped_low_share.item(), loss.clipped_high_share.item(), loss.ratio_mean.item()
    assert shares == pytest.approx((0, 0, 1), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_no_log_ratio_can_overflow_a_loss(name):
    now = torch.tensor([[0.0, -900.0], [-900.0, 0.0]], requires_grad=True)
    old = torch.tensor([[-900.0, 0.0], [0.0, -900.0]])
    mask = torch.ones(2, 2, dtype=torch.bool)
    advantages, term = torch.tensor([[1.0], [-1.0]]), KlTerm(k3(now, old), BETA, True)
    loss = made(name)(now, old, advantages, mask, StepSize(2, 4, 2), term)
    loss.value.backward()
    assert torch.isfinite(loss.value) and torch.isfinite(now.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_was_cut_off_gives_no_gradient_and_keeps_the_others(name):
    finished = torch.tensor([True, False, True, True, True, True])
    mask = MASK & finished[:, None]
    found = gradient(name, mask_RA=mask, size=StepSize(6, int(mask.sum()), LIMIT))
    assert not found[1].any()
    assert found[finished].any(1).sum() >= 3
    if name in ("grpo", "gspo", "sapo", "dr_grpo"):  # divided by rows: the others' share stays
        assert torch.equal(found[finished], gradient(name)[finished])


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_nothing_but_cut_off_answers_is_zero(name):
    nothing = torch.zeros_like(MASK)
    assert not gradient(name, mask_RA=nothing, size=StepSize(6, 1, LIMIT)).any()


def test_sampled_values_are_put_where_their_tokens_are():
    rows = [[float(10 * r + a) for a in range(n)] for r, n in enumerate(MASK.sum(1).tolist())]
    found = as_rows(rows, MASK, torch.zeros((), dtype=torch.float64))
    for row, values in enumerate(rows):
        assert found[row].tolist() == values + [0.0] * (PLACES - len(values))
    with pytest.raises(ValueError, match=r"5, 5, 2, 3, 3, 4"):
        as_rows(rows[::-1], MASK, torch.zeros(()))


@pytest.mark.parametrize("name", NAMES)
def test_one_advantage_per_token_is_that_of_the_answer_where_all_are_alike(name):
    spread = ADVANTAGES.expand_as(MASK).clone()
    assert torch.equal(gradient(name, advantages=spread), gradient(name))


@pytest.mark.parametrize("name", ["grpo", "dapo", "cispo", "sapo"])
def test_a_tokens_own_advantage_moves_that_token_alone(name):
    spread = ADVANTAGES.expand_as(MASK).clone()
    spread[0, 2] *= 3
    changed = gradient(name, advantages=spread) != gradient(name)
    assert changed[0, 2] and changed.sum() == 1
