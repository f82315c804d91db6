"""The curriculum weight of Puzzle Curriculum GRPO against its worked numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vrft.tasks.registry import load_task
from vrft.training.advantages import Centered
from vrft.training.difficulty_weight import DifficultyWeight, dispersion
from vrft.types import Answer, Clock, Example, Image, Number, Permutation, Record, Rollout, RolloutGroup, Turn
from vrft.types.rollouts import Completion, Prompt

TURN = Turn(Prompt(), Completion("x"))


def group(example, values, advantages=None):
    rollouts = [Rollout(example, (TURN,), Answer(value), reward=0.0) for value in values]
    return RolloutGroup(example, tuple(rollouts))


def jigsaw_of(said, right="A"):
    """Answers named by letters, each another order of three tiles; the right one is A."""
    orders = {"A": (2, 3, 1), "B": (3, 1, 2), "C": (1, 3, 2), "D": (3, 2, 1), "E": (2, 1, 3), "F": (1, 2, 3)}
    image = Image(Path("a.png"), (30, 30))
    example = Example("q", "r", "jigsaw", (image,), "tiles", Permutation(orders[right]))
    return group(example, [Permutation(orders[letter]) if letter != "-" else None for letter in said])


def rotation_of(said):
    task = load_task("rotation_puzzle")
    record = Record("r", (Image(Path("a.png"), (30, 30)),))
    example = replace(task.examples([record])[0], target=Number(90.0))
    return group(example, [Number(float(angle)) if angle is not None else None for angle in said])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ABBBBBBB", 1 / 7),
        ("ABBCCDEF", 5 / 7),
        ("AAAAAAAA", 0),
        ("--------", 0),
        ("A-------", 0),
        ("AB------", 1 / 7),
    ],
)
def test_orders_differ_by_how_many_were_proposed(said, expected):
    assert dispersion(jigsaw_of(said)) == pytest.approx(expected, abs=1e-12)
    assert DifficultyWeight().of(0.5, expected) == pytest.approx(math.sqrt(expected))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([0, 90, 180, 270, 0, 90, 180, 270], 1),
        ([0, 0, 90, 90], math.log(2) / math.log(4)),
        ([90] * 8, 0),
        ([None] * 8, 0),
        ([90, *[0] * 7], -(math.log(1 / 8) / 8 + 7 / 8 * math.log(7 / 8)) / math.log(4)),
        ([90, 0, None, None], 0.5),
    ],
)
def test_choices_differ_by_the_entropy_of_what_was_chosen(said, expected):
    assert dispersion(rotation_of(said)) == pytest.approx(expected, abs=1e-12)


def test_the_weight_is_within_0_and_1_symmetric_and_1_only_in_the_middle():
    weight, grid = DifficultyWeight(), np.linspace(0, 1, 21)
    found = np.array([[weight.of(d, spread) for d in grid] for spread in grid])
    assert found.min() == 0 and found.max() == 1 and np.argwhere(found == 1).tolist() == [[20, 10]]
    assert found == pytest.approx(found[:, ::-1])
    assert weight.of(1 / 8, 1.0) == 0.4375
    assert DifficultyWeight(gamma=0).of(0.5, 0.0) == 1


def test_advantages_are_multiplied_by_the_weight_of_their_group():
    """One of eight is right, and two angles were said: 4 d (1 - d) is 7/16, times the root of the entropy."""
    one, none = rotation_of([90, *[0] * 7]), rotation_of([0] * 8)
    paid = [
        replace(
            g, rollouts=tuple(replace(r, reward=float(r.answer.value == Number(90.0))) for r in g.rollouts)
        )
        for g in (one, none)
    ]
    found = DifficultyWeight()(Centered()(paid, Clock()))
    weight = 0.4375 * math.sqrt(dispersion(one))
    assert [r.advantages for r in found[0].rollouts[:2]] == [
        ((pytest.approx(7 / 8 * weight),),),
        ((pytest.approx(-weight / 8),),),
    ]
    assert {r.advantages for r in found[1].rollouts} == {((0.0,),)}
