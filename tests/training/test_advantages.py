"""Advantages against hand-worked digits, closed forms and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.errors import ConfigError
from vrft.training.advantages import (
    ADVANTAGES,
    EPSILON,
    AbsoluteWeighted,
    BatchNormalized,
    Centered,
    GroupNormalized,
    LeaveOneOut,
    TermNormalized,
    shuffled,
)
from vrft.training.grpo import GrpoOptions
from vrft.types import Answer, Clock, Completion, Example, Prompt, Rollout, RolloutGroup, Turn

NAMES = sorted(ADVANTAGES)
WITHIN_THE_GROUP = ("group_normalized", "centered", "leave_one_out")
TERMS = ("first", "second", "third")
WEIGHTS = {"toy": dict.fromkeys(TERMS, 1.0)}
EXAMPLE = Example("a", "a", "toy", (), "?")


def array(values):
    return np.array(values, dtype=np.float64)


def groups_of(terms_PGK, weights=None):
    """Groups whose rewards are the weighted sums of terms (P, G, K)."""
    terms = array(terms_PGK)
    weights = np.ones(terms.shape[2]) if weights is None else array(weights)
    return [
        RolloutGroup(
            EXAMPLE,
            tuple(
                Rollout(
                    EXAMPLE,
                    (Turn(Prompt(), Completion("")),),
                    Answer(),
                    terms=dict(zip(TERMS, row.tolist(), strict=False)),
                    reward=float(row @ weights),
                )
                for row in group
            ),
        )
        for group in terms
    ]


def advantages_of(advantage, groups, weights=WEIGHTS):
    """(P, G): of each rollout, which has one for all its tokens."""
    found = advantage(groups, Clock(), weights)
    assert all(
        len(r.advantages) == len(r.turns) == 1 == len(r.advantages[0]) for g in found for r in g.rollouts
    )
    return array([[r.advantages[0][0] for r in g.rollouts] for g in found])


def random_terms(seed, prompts=4, size=6, terms=3):
    return np.random.default_rng(seed).random((prompts, size, terms))


def group_normalized(rewards_PG, floor=0.0):
    return GroupNormalized(std_floor=floor).of(array(rewards_PG))


def batch_normalized(rewards_PG, floor=0.0):
    return BatchNormalized(std_floor=floor).of(array(rewards_PG))


def term_scores(terms_PGK, weights_K, floor=0.0):
    return TermNormalized(std_floor=floor).of(array(terms_PGK), array(weights_K))


def test_the_configuration_offers_exactly_these():
    for name, advantage in ADVANTAGES.items():
        assert type(GrpoOptions(advantage=name).advantage) is advantage
    assert GrpoOptions(advantage={"name": "group_normalized", "std_floor": 0.1}).advantage.std_floor == 0.1
    with pytest.raises(ValueError, match="options of centered: none"):
        GrpoOptions(advantage={"name": "centered", "std_floor": 0.1})


def test_digits_of_one_hit_in_eight():
    found = group_normalized([[1.0] + [0.0] * 7])[0]
    assert found[0] == pytest.approx(2.4742, abs=5e-5)
    assert found[1:].tolist() == pytest.approx([-0.3535] * 7, abs=5e-5)


def test_digits_of_graded_rewards():
    found = group_normalized([[0.9, 0.5, 0.1, 0.1]])[0]
    assert found.tolist() == pytest.approx([1.3052, 0.2610, -0.7831, -0.7831], abs=5e-5)


@pytest.mark.parametrize(("hits", "size"), [(k, g) for g in (2, 4, 8, 16) for k in range(1, g)])
def test_closed_form_of_binary_rewards(hits, size):
    found = group_normalized([[1.0] * hits + [0.0] * (size - hits)])[0]
    deviation = math.sqrt(hits * (size - hits) / (size * (size - 1)))
    assert found[0] == pytest.approx((1 - hits / size) / (deviation + 1e-4), rel=1e-12)
    assert found[-1] == pytest.approx(-(hits / size) / (deviation + 1e-4), rel=1e-12)


rewards = st.lists(st.floats(0, 3), min_size=2, max_size=8)


@pytest.mark.parametrize("name", NAMES)
@given(rewards, st.randoms(use_true_random=False))
def test_advantages_sum_to_zero_and_follow_permutations(name, values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    terms, weights = array([[[v, 1.0 - v] for v in values]]), {"toy": {"first": 1.0, "second": 0.25}}
    original = advantages_of(ADVANTAGES[name](), groups_of(terms, [1.0, 0.25]), weights)[0]
    moved = advantages_of(ADVANTAGES[name](), groups_of(terms[:, order], [1.0, 0.25]), weights)[0]
    assert name == "absolute_weighted" or original.sum() == pytest.approx(0, abs=1e-6)
    assert np.allclose(original[order], moved, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_prompts_permutes_the_advantages(name):
    groups, order = groups_of(random_terms(0)), [2, 0, 3, 1]
    found = advantages_of(ADVANTAGES[name](), [groups[i] for i in order])
    expected = advantages_of(ADVANTAGES[name](), groups)
    assert np.allclose(found, expected[order], atol=1e-12)
    assert not np.allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
@given(value=st.floats(0, 3), size=st.integers(2, 16))
def test_an_all_equal_group_has_no_advantage_at_all_whatever_its_neighbors(name, value, size):
    terms = np.random.default_rng(size).random((3, size, 2))
    terms[1] = value
    found = advantages_of(ADVANTAGES[name](), groups_of(terms))
    assert not found[1].any() and found[0].any() and found[2].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_equal_rewards_has_no_advantage_at_all(name):
    assert not advantages_of(ADVANTAGES[name](), groups_of(np.full((3, 4, 2), 0.3))).any()


@pytest.mark.parametrize("name", NAMES)
def test_groups_of_different_sizes_stand_in_one_step(name):
    """Brute force over the step as one ragged list, against the rectangular code."""
    terms = random_terms(7, prompts=3, size=4)
    groups = groups_of(terms)
    ragged = [groups[0], groups_of(terms[1:2, :3])[0], groups[2]]
    found = [[r.advantages[0][0] for r in g.rollouts] for g in ADVANTAGES[name]()(ragged, Clock(), WEIGHTS)]
    rewards = [[r.reward for r in g.rollouts] for g in ragged]
    every = array([r for row in rewards for r in row])
    for row, advantages in zip(rewards, found, strict=True):
        off = array(row) - np.mean(row)
        expected = {
            "centered": off,
            "leave_one_out": off * len(row) / (len(row) - 1),
            "group_normalized": off / (np.std(row, ddof=1) + EPSILON),
            "batch_normalized": off / (every.std(ddof=1) + EPSILON),
        }.get(name)
        if expected is not None:
            assert advantages == pytest.approx(expected.tolist(), abs=1e-12)
    assert [len(row) for row in found] == [4, 3, 4]


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
    original = group_normalized([values])
    moved = group_normalized(a * array([values]) + b)
    exact = original * (deviation + EPSILON) / (deviation + EPSILON / a)
    assert np.allclose(moved, exact, atol=1e-7)


@pytest.mark.parametrize("name", WITHIN_THE_GROUP)
def test_groups_do_not_touch_each_other(name):
    groups = groups_of(random_terms(1))
    alone = np.concatenate([advantages_of(ADVANTAGES[name](), [group]) for group in groups])
    assert np.array_equal(advantages_of(ADVANTAGES[name](), groups), alone)


def test_leave_one_out_against_loops_and_the_centered_identity():
    values = random_terms(2).sum(2)
    found = LeaveOneOut().of(values)
    for group, advantages in zip(values.tolist(), found.tolist(), strict=True):
        for i, advantage in enumerate(advantages):
            others = group[:i] + group[i + 1 :]
            assert advantage == pytest.approx(group[i] - sum(others) / len(others), abs=1e-12)
    assert np.allclose(Centered().of(values), found * 5 / 6, rtol=0, atol=1e-12)


def test_one_answer_per_group_teaches_nothing():
    for advantage in ADVANTAGES.values():
        assert not advantages_of(advantage(), groups_of(random_terms(8, 1, 1, 2))).any()


def test_batch_normalized_divides_every_group_by_one_deviation():
    values = random_terms(3).sum(2)
    expected = (values - values.mean(1, keepdims=True)) / (values.std(ddof=1) + 1e-4)
    assert np.allclose(batch_normalized(values), expected, atol=1e-12)


@pytest.mark.parametrize("advantage", [group_normalized, batch_normalized])
def test_the_floor_holds_small_deviations_only(advantage):
    narrow, wide = [[0.50, 0.52]], [[0.0, 1.0]]
    assert advantage(narrow, 0.1).tolist()[0] == pytest.approx([-0.01 / 0.1001, 0.01 / 0.1001])
    assert abs(advantage(narrow, 0.0)[0, 0]) > 0.6
    assert np.array_equal(advantage(wide, 0.1), advantage(wide, 0.0))


def test_the_floor_of_term_normalized_holds_each_term():
    terms = [[[0.50, 0.0], [0.52, 1.0]]]
    expected = 0.01 / 0.1001 + 0.5 / (math.sqrt(0.5) + 1e-4)
    assert term_scores(terms, [1.0, 1.0], 0.1)[0, 1] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("second", "normalized_before_the_sum"), [((0.0, 1.0), 0.7071), ((1.0, 1.0), 1.4142)]
)
def test_terms_that_a_sum_cannot_tell_apart_are_told_apart(second, normalized_before_the_sum):
    """Two terms, two answers: the first answer gets nothing, the second one or both."""
    terms, weights = array([[[0.0, 0.0], list(second)]]), array([1.0, 1.0])
    summed = group_normalized(terms @ weights)[0].tolist()
    assert summed == pytest.approx([-0.7071, 0.7071], abs=2e-4)
    found = term_scores(terms, weights)[0].tolist()
    assert found == pytest.approx([-normalized_before_the_sum, normalized_before_the_sum], abs=3e-4)


def test_weighted_terms_that_disagree():
    """R1 = (0, 1), R2 = (1, 0), weights 3/4 and 1/4: z-scores of -+ sqrt(1/2), so -+ sqrt(1/2) / 2."""
    found = term_scores([[[0.0, 1.0], [1.0, 0.0]]], [0.75, 0.25])[0].tolist()
    assert found == pytest.approx([-math.sqrt(0.5) / 2, math.sqrt(0.5) / 2], abs=1e-4)


def test_term_normalized_against_its_formula():
    terms, weights = random_terms(4), array([1.0, 0.5, 2.0])
    scores = (terms - terms.mean(1, keepdims=True)) / (terms.std(1, ddof=1, keepdims=True) + 1e-4)
    summed = (scores * weights).sum(2)
    expected = (summed - summed.mean()) / (summed.std(ddof=1) + 1e-4)
    named = {"toy": dict(zip(TERMS, weights.tolist(), strict=True))}
    assert np.allclose(
        advantages_of(TermNormalized(), groups_of(terms, weights), named), expected, atol=1e-10
    )


def test_a_term_of_tenfold_size_moves_the_sum_and_not_the_terms():
    terms = random_terms(5)
    loud = terms * array([10.0, 1.0, 1.0])
    quiet, noisy = (advantages_of(TermNormalized(), groups_of(each)) for each in (terms, loud))
    assert np.allclose(noisy, quiet, atol=2e-3)
    assert not np.allclose(group_normalized(loud.sum(2)), group_normalized(terms.sum(2)), atol=0.1)


def test_one_term_alone_is_grpo_up_to_the_scale_of_the_batch():
    terms = random_terms(6, terms=1)
    single, grpo = advantages_of(TermNormalized(), groups_of(terms)), group_normalized(terms[..., 0])
    assert np.allclose(single * (grpo.std(ddof=1) + EPSILON), grpo, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_control_shuffles_within_groups_and_leaves_terms_with_their_texts(name):
    groups = groups_of(random_terms(9))
    done = shuffled(ADVANTAGES[name](), groups, Clock(), WEIGHTS, 5)
    for before, after in zip(groups, done, strict=True):
        given, used = ([r.reward for r in g.rollouts] for g in (before, after))
        assert sorted(given) == sorted(used)
        assert [r.terms for r in before.rollouts] == [r.terms for r in after.rollouts]
    # What an answer is compared by goes with the reward that it was given.
    straight = ADVANTAGES[name]()(groups, Clock(), WEIGHTS)
    expected = {r.reward: r.advantages[0][0] for g in straight for r in g.rollouts}
    found = {r.reward: r.advantages[0][0] for g in done for r in g.rollouts}
    assert found == pytest.approx(expected, abs=1e-9)
    assert any(
        [r.reward for r in g.rollouts] != [r.reward for r in d.rollouts]
        for g, d in zip(groups, done, strict=True)
    )
    assert shuffled(ADVANTAGES[name](), groups, Clock(), WEIGHTS, 5) == done


@pytest.mark.parametrize(("chance", "share"), [(0.01, 0.077), (0.1, 0.570), (0.5, 0.992)])
def test_the_share_of_groups_with_signal_of_a_binary_reward(chance, share):
    """All 256 groups of eight, each as likely as it is."""
    groups = array(list(itertools.product((0.0, 1.0), repeat=8)))
    hits = groups.sum(1)
    likely = chance**hits * (1 - chance) ** (8 - hits)
    has_signal = [group.has_signal for group in groups_of(groups[..., None])]
    assert np.array_equal(group_normalized(groups).any(1), has_signal)
    found = float(likely[has_signal].sum())
    assert found == pytest.approx(share, abs=5e-4)
    assert found == pytest.approx(1 - chance**8 - (1 - chance) ** 8, abs=1e-12)


def absolute(values, alpha=1.0, **options):
    """Of one group whose first term is how right each answer is, and whose second is its form."""
    terms = [[[value, 1.0] for value in values]]
    return advantages_of(AbsoluteWeighted(alpha=alpha, **options), groups_of(terms, [3.0, 0.5]))[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # With the population's deviation and nothing added to it (arXiv 2601.07695, worked out by hand).
        ([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]),
        ([0.9, 0.8, 0.7, 0.6], [1.2075, 0.3578, -0.3130, -0.8050]),
        ([0.1, 0.05, 0.0, 0.02], [0.1527, 0.0100, 0.0, -0.0119]),
    ],
)
def test_digits_of_advantages_weighted_by_what_was_earned(values, expected):
    deviation = 3 * np.std(values, ddof=1) + EPSILON
    assert (absolute(values) * deviation / (3 * np.std(values))).tolist() == pytest.approx(expected, abs=5e-5)


def test_alpha_of_zero_is_grpo_to_the_bit_also_where_nothing_was_earned():
    values = [0.0, 0.0, 0.3, 1.0]
    plain = advantages_of(GroupNormalized(), groups_of([[[v, 1.0] for v in values]], [3.0, 0.5]))[0]
    assert np.array_equal(absolute(values, alpha=0.0), plain)
    assert np.allclose(absolute(values, alpha=2.0), plain * np.square(values))
    with pytest.raises(ValueError, match="alpha"):
        AbsoluteWeighted(alpha=-0.1)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8), st.floats(0, 3))
def test_no_answer_gains_and_what_earned_nothing_is_not_punished(values, alpha):
    weighted, plain = absolute(values, alpha), absolute(values, 0.0)
    assert (np.abs(weighted) <= np.abs(plain) + 1e-12).all()
    assert alpha == 0 or not weighted[array(values) == 0].any()
    assert alpha > 0.5 or weighted.sum() >= -1e-6


def test_the_term_that_weights_is_named_or_the_first():
    terms = [[[1.0, 0.2], [0.0, 0.4]]]
    plain = advantages_of(GroupNormalized(), groups_of(terms))[0]
    assert np.allclose(advantages_of(AbsoluteWeighted(), groups_of(terms))[0], plain * [1.0, 0.0])
    assert np.allclose(
        advantages_of(AbsoluteWeighted(term="second"), groups_of(terms))[0], plain * [0.2, 0.4]
    )
    with pytest.raises(ConfigError, match=r"no term 'third'. Choose one of: first, second"):
        advantages_of(AbsoluteWeighted(term="third"), groups_of(terms))
