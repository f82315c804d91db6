"""Jigsaw-R1's reward on inputs of our own: numbers counted by hand, and brute force on whole grids."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vrft.rewards.papers import jigsaw_r1
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Image

GOLD = (4, 1, 3, 2)
"""Of two rows and two columns: 4 beside 1, 3 beside 2, 4 above 3, 1 above 2."""


def said(content: str) -> str:
    return f"<think>I look.</think><answer>{content}</answer>"


@pytest.mark.parametrize(
    ("text", "patches", "connections", "form"),
    [
        (said("4 1 3 2"), 1.0, 1.0, 1),
        (said(" 4, 1,3\n2 "), 1.0, 1.0, 1),
        (said("`4 1 3 2`"), 1.0, 1.0, 1),
        (said("4 1 2 3"), 0.5, 0.25, 1),  # 4 beside 1
        (said("3 2 4 1"), 0.0, 0.5, 1),  # both rows, in the other order
        (said("1 4 2 3"), 0.0, 0.5, 1),  # both columns
        (said("4 4 4 4"), 0.25, 0.0, 1),  # a tile everywhere
        (said("4 1 3 3"), 0.75, 0.5, 1),
        (said("[4, 1, 3, 2]"), 0.0, 0.0, 0),
        (said("4 1 3 2."), 0.0, 0.0, 0),
        (said("4 1 3"), 0.0, 0.0, 0),
        (said("4 1 3 2 2"), 0.0, 0.0, 0),
        (said("4 1 3 5"), 0.0, 0.0, 0),
        (said("4 1 3 0"), 0.0, 0.0, 0),
        (said("4 1 3 ２"), 0.0, 0.0, 0),
        (said("4 1 3 nan"), 0.0, 0.0, 0),
        (said(""), 0.0, 0.0, 0),
        ("4 1 3 2", 1.0, 1.0, 0),
        ("<answer>4 1 3 2</answer>", 1.0, 1.0, 0),
        (said("4 1 3 2") + "\n", 1.0, 1.0, 0),
        ("So: " + said("4 1 3 2"), 1.0, 1.0, 0),
        (said("3 2 4 1") + "<answer>4 1 3 2</answer>", 0.0, 0.5, 0),
        ("<think>x</think><answer>4 1 3 2", 0.0, 0.0, 0),
        ("", 0.0, 0.0, 0),
    ],
)
def test_what_an_answer_earns(text, patches, connections, form):
    found = (
        jigsaw_r1.patches_text(text, GOLD),
        jigsaw_r1.connections_text(text, GOLD, 2, 2),
        jigsaw_r1.format_text(text, 4),
    )
    assert found == (patches, connections, form)


def test_the_format_without_a_thought():
    assert jigsaw_r1.format_text("<answer>2 1</answer>", 2, think=False) == 1
    assert jigsaw_r1.format_text(said("2 1"), 2, think=False) == 0


def steps(order, rows, columns):
    """Every ordered pair of tiles with the step from one to the other, where it is to the right or down."""
    place = {tile: divmod(i, columns) for i, tile in enumerate(order)}
    found = {}
    for a, b in product(order, order):
        (y, x), (v, u) = place[a], place[b]
        found[a, b] = (v - y, u - x)
    return {pair: step for pair, step in found.items() if step in ((0, 1), (1, 0))}


def test_neighbours_against_brute_force():
    chance = random.Random(5)
    for rows, columns in ((1, 2), (2, 3), (3, 2), (3, 3), (4, 2)):
        tiles = range(1, rows * columns + 1)
        for _ in range(10):
            gold, order = (chance.sample(tiles, len(tiles)) for _ in "ab")
            right, found = steps(gold, rows, columns), steps(order, rows, columns)
            share = sum(found.get(pair) == step for pair, step in right.items()) / len(right)
            text = said(" ".join(map(str, order)))
            assert jigsaw_r1.connections_text(text, gold, rows, columns) == share
    assert jigsaw_r1.connections_text(said("1"), (1,), 1, 1) == 0


def test_the_setting_pays_the_gold_of_a_task_that_asks_for_no_brackets():
    task = load_task("jigsaw", {"brackets": False, "rows": 2, "columns": 3})
    asked = task.ask("a", (Image(Path("a.png"), (60, 40)),), "")
    (example,) = task.audit_examples(1, np.random.default_rng(0))
    scorer = Scorer(task, RewardOptions(setting="jigsaw_r1", allow_unsafe_reward=True))
    gold = task.gold(example, ())
    assert "[" not in gold + task.question(example, ()) + task.question(asked, ())
    assert scorer.score_text(gold, example, ()).reward == 3
    order = list(example.target.order)
    order[0] = order[1]
    half = scorer.score_text(said(" ".join(map(str, order))), example, ())
    assert half.terms["patches"] == pytest.approx(5 / 6) and half.terms["format"] == 1
    assert half.answer.value is None, "for the task itself it is no order"
    assert "[" in load_task("jigsaw").gold(replace(example, fields={}), ())
