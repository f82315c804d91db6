"""The promises of the demo and of the miniature, measured anew: minutes, so outside the everyday tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vrft.miniature.location import MINIATURE, REASONING

pytestmark = pytest.mark.slow
GATES = Path(__file__).parents[2] / "dev" / "miniature_training" / "gates.py"


def test_rft_beats_the_base_on_the_default_seed_and_shuffled_rewards_do_not(tmp_path):
    found = demo(tmp_path)["detection"]
    assert found["rft_minus_base"]["low"] > 0
    assert found["rft_minus_base_given_parsed"]["low"] > 0
    assert found["control_minus_base"]["low"] <= 0


def test_rft_and_rejection_sampling_learn_the_sum_and_labels_alone_do_not(tmp_path):
    found = demo(tmp_path, "--reasoning")["reasoning"]
    assert found["rft_minus_sft"]["low"] > 0.4
    assert found["rejection_minus_base"]["low"] > 0.4
    assert found["control_minus_base"]["high"] < 0.2


@pytest.mark.parametrize(("gate", "model"), [("skills", MINIATURE), ("reasoning", REASONING)])
def test_an_embedded_model_passes_its_gates(gate, model, tmp_path):
    command = [sys.executable, str(GATES), gate, "--model", model, "--out", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / f"{gate}.json").read_text())["passed"]


def demo(folder, *options):
    """The comparisons of a demo on the default seed, by task."""
    command = [sys.executable, "-m", "vrft", "demo", "--json", "--control", "--out", "runs", *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["tasks"]
