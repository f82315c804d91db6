"""``vrft audit`` as a user meets it: tables, JSON, statuses, refusals, and no torch."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from typer.testing import CliRunner

from vrft.cli import app
from vrft.errors import InputError, RunError

FEW = ("--targets", "60")
OWN = ("--task", "detection")


def run(*arguments):
    return CliRunner().invoke(app, ["audit", *arguments])


@pytest.mark.parametrize("task", ["detection", "classification", "grounding"])
def test_recommended_settings_end_with_status_0(task):
    result = run(task, "--json", *FEW)
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["passed"] is True and printed["failed"] == [] and printed["task"] == task


def test_released_settings_end_with_status_1_and_the_names_of_the_failed(tmp_path):
    kept = tmp_path / "new" / "audit.json"
    result = run("detection", "--settings", "released", "--json", "--out", str(kept), *FEW)
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert {"finite", "gold_is_maximal", "no_attack_above_honest"} <= set(printed["failed"])
    assert json.loads(kept.read_text()) == printed


def test_people_get_tables_and_the_answer_that_shows_it():
    result = run("classification", "--settings", "released_fixed", *FEW)
    assert result.exit_code == 1
    for words in ("honest", "a_or_b_or_c", "FAILED", " or ", "4 of 10 verdicts failed"):
        assert words in result.stdout


def test_people_get_the_error_alone_of_a_reward_that_always_fails():
    result = run("planted_rewards:no_number", *OWN, *FEW)
    assert result.exit_code == 1
    assert "fails on every answer: it raised ValueError" in result.stdout
    assert "gold_is_maximal" not in result.stdout and "0.000" not in result.stdout


def test_another_form_and_frame_do_as_well():
    result = run("grounding", "--form", "direct", "--frame", "norm1", "--json", *FEW)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert (printed["task"], printed["form"], printed["frame"]) == ("grounding", "direct", "norm1")


def test_a_reward_of_ones_own_is_found_beside_the_user_and_may_print(tmp_path, monkeypatch):
    (tmp_path / "mine_own.py").write_text(
        "def reward(answer, target):\n    print('hello')\n    return float(answer.formatted)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    result = run("mine_own:reward", *OWN, "--json", *FEW)
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    assert printed["reward"] == "mine_own:reward" and printed["range"] == [0, 1]


def test_a_task_and_a_reward_may_be_in_files_of_the_users(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from vrft.tasks.classification.classification import Classification\n"
        "@dataclass(frozen=True)\n"
        "class Naming(Classification):\n"
        "    name = 'naming_of_mine'\n"
        "MINE = Naming()\n"
        "def reward(answer, target):\n"
        "    return float(answer.formatted)\n"
    )
    whole = run(f"{tmp_path / 'mine.py'}:MINE", "--json", *FEW)
    assert whole.exit_code == 0, whole.output
    assert json.loads(whole.stdout)["task"] == "naming_of_mine"
    own = run(f"{tmp_path / 'mine.py'}:reward", "--task", f"{tmp_path / 'mine.py'}:MINE", "--json", *FEW)
    assert own.exit_code == 1 and json.loads(own.stdout)["task"] == "naming_of_mine"


def test_a_reward_of_ones_own_may_declare_its_range():
    assert run("planted_rewards:out_of_three", *OWN, "--high", "3", *FEW).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("singing",), "Choose one of: boxes_3d, classification"),
        (("detection", "--settings", "generous"), "paper, released_fixed, recommended"),
        (("detection", "--task", "grounding"), "Leave --task"),
        (("detection", "--high", "2"), "declares its own range"),
        (("detection", "--frame", "inches"), "norm1000, resized_pixels, norm1"),
        (("detection", "--targets", "5"), "too few for an audit"),
        (("planted_rewards:substring",), "--task NAME"),
        (("planted_rewards:substring", "--task", "singing"), "Choose one of: boxes_3d, classification"),
        (("planted_rewards:nonsense", *OWN), "substring"),
        (("no_such_module:nonsense", *OWN), "no_such_module"),
        (("planted_rewards:substring", *OWN, "--settings", "paper"), "has no settings"),
        (("planted_rewards:substring", *OWN, "--high", "0"), "positive number"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(arguments, says):
    result = run(*arguments)
    assert isinstance(result.exception, InputError) and says in str(result.exception)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("classification", "--out", str(tmp_path / "file" / "audit.json"), *FEW)
    assert isinstance(result.exception, RunError) and "cannot be made" in str(result.exception)


def test_the_whole_command_needs_no_torch(tmp_path):
    """Statuses 0, 1 and 2 of a real process in which no training library can be imported."""
    script = tmp_path / "without_torch.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys

            class Blocked:
                def find_spec(self, name, path=None, target=None):
                    if name.partition(".")[0] in {"torch", "transformers", "accelerate", "peft"}:
                        raise ImportError(f"{name} is blocked")

            sys.meta_path.insert(0, Blocked())
            from vrft.cli import main

            main()
            """
        )
    )
    ends = {("classification",): 0, ("classification", "--settings", "released_fixed"): 1, ("singing",): 2}
    for arguments, status in ends.items():
        command = [sys.executable, script, "audit", *arguments, *FEW, "--json"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        assert result.returncode == status, result.stderr
        assert "Traceback" not in result.stderr
        assert status == 2 or json.loads(result.stdout)["passed"] is (status == 0)
