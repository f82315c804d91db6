"""The rewards of one's own: what the audit says of them, and that a run trains on one."""

from __future__ import annotations

import json

import pytest
from example_runs import EXAMPLES, two_steps

from launch import vrft
from vrft.types import Answer, Boxes
from vrft.types.plugins import module_at

FILE = EXAMPLES / "custom_reward.py"
HERE, THERE, SHIFTED = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0), (5.0, 0.0, 15.0, 10.0)


@pytest.mark.parametrize(
    ("name", "failed"),
    [("found", {"no_attack_above_honest", "exploit_margin"}), ("balanced", set())],
)
def test_the_audit_finds_the_hole_and_passes_the_other(name, failed, tmp_path):
    asked = ("--task", "detection", "--targets", "60", "--json")
    ended = vrft("audit", f"{FILE}:{name}", *asked, cwd=tmp_path)
    assert ended.returncode == bool(failed)
    verdicts = json.loads(ended.stdout)["verdicts"]
    assert {verdict["name"] for verdict in verdicts if not verdict["passed"]} == failed


def test_their_values():
    rewards = module_at(str(FILE))
    label = Boxes((HERE, THERE))
    # The box that is shifted by half its width shares a third of the union.
    assert rewards.found(Answer(Boxes((SHIFTED,))), label) == pytest.approx((1 / 3 + 0) / 2)
    assert rewards.balanced(Answer(Boxes((SHIFTED,))), label) == pytest.approx(2 * (1 / 3) / 3)
    thrice = Answer(Boxes((HERE, THERE, SHIFTED)))
    assert rewards.found(thrice, label) == 1 and rewards.balanced(thrice, label) == pytest.approx(4 / 5)
    for reward in (rewards.found, rewards.balanced):
        assert reward(Answer(None), label) == 0 and reward(Answer(Boxes((HERE, THERE))), label) == 1


def test_a_run_takes_it_in_the_place_of_the_usual_term(photos, tmp_path):
    name = f"{FILE}:balanced"
    _, rows = two_steps(photos, tmp_path / "run", reward={"weights": {"iou": 0.0}, "custom": {name: 1.0}})
    for row in rows:
        terms = row["terms"]
        assert row["reward"] == pytest.approx(terms[name] + terms["confidence"] + terms["format"])
        assert row["reward_failures"] == 0
