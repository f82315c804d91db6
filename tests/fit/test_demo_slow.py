"""The promises of the demo and of the miniature, measured anew: minutes, so outside the everyday tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
GATES = Path(__file__).parents[2] / "dev" / "miniature_training" / "gates.py"


def test_rft_beats_the_base_on_the_default_seed_and_shuffled_rewards_do_not(tmp_path):
    command = [sys.executable, "-m", "vrft", "demo", "--json", "--control", "--out", "runs"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)["tasks"]["detection"]
    assert found["rft_minus_base"]["low"] > 0
    assert found["rft_minus_base_given_parsed"]["low"] > 0
    assert found["control_minus_base"]["low"] <= 0


def test_the_miniature_passes_its_skill_gates(tmp_path):
    command = [sys.executable, str(GATES), "skills", "--out", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "skills.json").read_text())["passed"]
