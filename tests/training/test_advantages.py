"""Advantages against hand-worked digits, closed forms and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vrft.config.run_config import Grpo
from vrft.training.advantages import ADVANTAGES, Rewards, with_signal
from vrft.training.advantages.batch_normalised import batch_normalised
from vrft.training.advantages.centred import centred
from vrft.training.advantages.common import EPSILON
from vrft.training.advantages.group_normalised import group_normalised
from vrft.training.advantages.leave_one_out import leave_one_out
from vrft.training.advantages.term_normalised import term_normalised, term_scores

NAMES = sorted(ADVANTAGES)
WITHIN_THE_GROUP = ("group_normalised", "centred", "leave_one_out")


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def earned(terms_PGK, weights=None):
    """Rewards of terms (P, G, K), summed with weights."""
    terms = torch.as_tensor(terms_PGK)
    weights = torch.ones(terms.shape[2], dtype=terms.dtype) if weights is None else weights
    return Rewards(terms @ weights, terms, weights)


def random_rewards(seed, prompts=4, size=6, terms=3):
    generator = torch.Generator().manual_seed(seed)
    return earned(torch.rand((prompts, size, terms), generator=generator, dtype=torch.float64))


def test_the_configuration_offers_exactly_these():
    assert list(Grpo.model_fields["advantage"].annotation.__args__) == list(ADVANTAGES)


def test_digits_of_one_hit_in_eight():
    found = group_normalised(tensor([[1.0] + [0.0] * 7]))[0]
    assert found[0].item() == pytest.approx(2.4742, abs=5e-5)
    assert found[1:].tolist() == pytest.approx([-0.3535] * 7, abs=5e-5)


def test_digits_of_graded_rewards():
    found = group_normalised(tensor([[0.9, 0.5, 0.1, 0.1]]))[0]
    assert found.tolist() == pytest.approx([1.3052, 0.2610, -0.7831, -0.7831], abs=5e-5)


@pytest.mark.parametrize(("hits", "size"), [(k, g) for g in (2, 4, 8, 16) for k in range(1, g)])
def test_closed_form_of_binary_rewards(hits, size):
    found = group_normalised(tensor([[1.0] * hits + [0.0] * (size - hits)]))[0]
    deviation = math.sqrt(hits * (size - hits) / (size * (size - 1)))
    assert found[0].item() == pytest.approx((1 - hits / size) / (deviation + 1e-4), rel=1e-12)
    assert found[-1].item() == pytest.approx(-(hits / size) / (deviation + 1e-4), rel=1e-12)


rewards = st.lists(st.floats(0, 3), min_size=2, max_size=8)


@pytest.mark.parametrize("name", NAMES)
@given(rewards, st.randoms(use_true_random=False))
def test_advantages_sum_to_zero_and_follow_permutations(name, values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    advantage = ADVANTAGES[name]
    terms = tensor([[[v, 1.0 - v] for v in values]])
    weights = tensor([1.0, 0.25])
    original = advantage(earned(terms, weights), 0.0)[0]
    shuffled = advantage(earned(terms[:, order], weights), 0.0)[0]
    assert original.sum().item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(original[order], shuffled, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_prompts_permutes_the_advantages(name):
    rewards = random_rewards(0)
    order = [2, 0, 3, 1]
    moved = Rewards(rewards.total_PG[order], rewards.terms_PGK[order], rewards.weights_K)
    found, expected = ADVANTAGES[name](moved, 0.0), ADVANTAGES[name](rewards, 0.0)[order]
    assert torch.allclose(found, expected, atol=1e-12)
    assert not torch.allclose(found, ADVANTAGES[name](rewards, 0.0), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
@given(value=st.floats(0, 3), size=st.integers(2, 16))
def test_an_all_equal_group_has_no_advantage_at_all_whatever_its_neighbours(name, value, size):
    terms = torch.rand((3, size, 2))
    terms[1] = value
    found = ADVANTAGES[name](earned(terms), 0.0)
    assert torch.equal(found[1], torch.zeros(size))
    assert with_signal(found).tolist() == [True, False, True]


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_equal_rewards_has_no_advantage_at_all(name):
    assert torch.equal(ADVANTAGES[name](earned(torch.full((3, 4, 2), 0.3)), 0.0), torch.zeros(3, 4))


@given(
    st.lists(st.floats(0, 3), min_size=2, max_size=8),
    st.floats(0.1, 10),
    st.floats(-5, 5),
)
def test_stretched_and_moved_rewards_have_the_same_advantage_up_to_the_epsilon(values, a, b):
    deviation = float(np.std(values, ddof=1))
    if deviation < 1e-3:
        values = [0.0, 1.0]
        deviation = math.sqrt(0.5)
    original = group_normalised(tensor([values]))
    moved = group_normalised(a * tensor([values]) + b)
    exact = original * (deviation + EPSILON) / (deviation + EPSILON / a)
    assert torch.allclose(moved, exact, atol=1e-7)


@pytest.mark.parametrize("name", WITHIN_THE_GROUP)
def test_groups_do_not_touch_each_other(name):
    rewards = random_rewards(1)
    parts = [
        ADVANTAGES[name](Rewards(t[None], k[None], rewards.weights_K), 0.0)
        for t, k in zip(rewards.total_PG, rewards.terms_PGK, strict=True)
    ]
    assert torch.equal(ADVANTAGES[name](rewards, 0.0), torch.cat(parts))


def test_leave_one_out_against_loops_and_the_centred_identity():
    values = random_rewards(2).total_PG
    found = leave_one_out(values)
    for group, advantages in zip(values.tolist(), found.tolist(), strict=True):
        for i, advantage in enumerate(advantages):
            others = group[:i] + group[i + 1 :]
            assert advantage == pytest.approx(group[i] - sum(others) / len(others), abs=1e-12)
    assert torch.allclose(centred(values), found * 5 / 6, rtol=0, atol=1e-12)


def test_one_answer_a_group_teaches_nothing():
    one = earned(torch.rand(1, 1, 2))
    for advantage in ADVANTAGES.values():
        assert torch.equal(advantage(one, 0.0), torch.zeros(1, 1))


def test_batch_normalised_divides_every_group_by_one_deviation():
    values = random_rewards(3).total_PG.numpy()
    expected = (values - values.mean(1, keepdims=True)) / (values.std(ddof=1) + 1e-4)
    assert np.allclose(batch_normalised(torch.tensor(values)).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("advantage", [group_normalised, batch_normalised])
def test_the_floor_holds_small_deviations_only(advantage):
    narrow, wide = tensor([[0.50, 0.52]]), tensor([[0.0, 1.0]])
    assert advantage(narrow, 0.1).tolist()[0] == pytest.approx([-0.01 / 0.1001, 0.01 / 0.1001])
    assert abs(advantage(narrow, 0.0)[0, 0].item()) > 0.6
    assert torch.equal(advantage(wide, 0.1), advantage(wide, 0.0))


def test_the_floor_of_term_normalised_holds_each_term():
    terms = tensor([[[0.50, 0.0], [0.52, 1.0]]])
    expected = 0.01 / 0.1001 + 0.5 / (math.sqrt(0.5) + 1e-4)
    assert term_scores(terms, tensor([1.0, 1.0]), 0.1)[0, 1].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("second", "normalised_before_the_sum"), [((0.0, 1.0), 0.7071), ((1.0, 1.0), 1.4142)]
)
def test_terms_that_a_sum_cannot_tell_apart_are_told_apart(second, normalised_before_the_sum):
    """Two terms, two answers: the first answer earned nothing, the second one or both."""
    terms = tensor([[[0.0, 0.0], list(second)]])
    weights = tensor([1.0, 1.0])
    summed = group_normalised(terms @ weights)[0].tolist()
    assert summed == pytest.approx([-0.7071, 0.7071], abs=2e-4)
    found = term_scores(terms, weights)[0].tolist()
    assert found == pytest.approx([-normalised_before_the_sum, normalised_before_the_sum], abs=3e-4)


def test_weighted_terms_that_disagree():
    """R1 = (0, 1), R2 = (1, 0), weights 3/4 and 1/4: z-scores of -+ sqrt(1/2), so -+ sqrt(1/2) / 2."""
    found = term_scores(tensor([[[0.0, 1.0], [1.0, 0.0]]]), tensor([0.75, 0.25]))[0].tolist()
    assert found == pytest.approx([-math.sqrt(0.5) / 2, math.sqrt(0.5) / 2], abs=1e-4)


def test_term_normalised_against_its_formula():
    rewards = random_rewards(4)
    terms, weights = rewards.terms_PGK.numpy(), np.array([1.0, 0.5, 2.0])
    scores = (terms - terms.mean(1, keepdims=True)) / (terms.std(1, ddof=1, keepdims=True) + 1e-4)
    summed = (scores * weights).sum(2)
    expected = (summed - summed.mean()) / (summed.std(ddof=1) + 1e-4)
    found = term_normalised(rewards.terms_PGK, torch.tensor(weights)).numpy()
    assert np.allclose(found, expected, atol=1e-10)


def test_a_term_that_pays_tenfold_moves_the_sum_and_not_the_terms():
    terms, weights = random_rewards(5).terms_PGK, torch.ones(3, dtype=torch.float64)
    loud = terms * tensor([10.0, 1.0, 1.0])
    assert torch.allclose(term_normalised(loud, weights), term_normalised(terms, weights), atol=2e-3)
    assert not torch.allclose(group_normalised(loud @ weights), group_normalised(terms @ weights), atol=0.1)


def test_one_term_alone_is_grpo_up_to_the_scale_of_the_batch():
    terms = random_rewards(6, terms=1).terms_PGK
    single, grpo = term_normalised(terms, tensor([1.0])), group_normalised(terms[..., 0])
    assert torch.allclose(single * (grpo.std() + EPSILON), grpo, atol=1e-12)


@pytest.mark.parametrize(("chance", "share"), [(0.01, 0.077), (0.1, 0.570), (0.5, 0.992)])
def test_the_share_of_groups_with_signal_of_a_binary_reward(chance, share):
    """All 256 groups of eight, each as likely as it is."""
    groups = tensor(list(itertools.product((0.0, 1.0), repeat=8)))
    hits = groups.sum(1)
    likely = chance**hits * (1 - chance) ** (8 - hits)
    found = float(likely[with_signal(group_normalised(groups))].sum())
    assert found == pytest.approx(share, abs=5e-4)
    assert found == pytest.approx(1 - chance**8 - (1 - chance) ** 8, abs=1e-12)
