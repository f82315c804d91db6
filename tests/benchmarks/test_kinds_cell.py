"""Cells of the benchmark of kinds: what arms differ in, equal tokens, the same held-out questions."""

from __future__ import annotations

import doctest
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kinds import measures, runner
from kinds.cell import CELLS, CONTROL, DEVELOPMENT, DEVELOPMENTS, ROWS, SEEDS, TABLES
from kinds.effort import FULL, TINY
from kinds.questions import config_of, split_of
from kinds.runner import Outcome, Runner
from scripts import script

from vrft.errors import ConfigError
from vrft.miniature.folders import write_detection
from vrft.progress import NullReporter
from vrft.rewards import number_rewards
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Example, Image, Prediction
from vrft.workflows.trials import Trial


def config(row, arm, **given):
    return config_of(ROWS[row], ROWS[row].arm(arm), FULL, data=Path("data"), out=Path("run"), seed=1, **given)


def leaves(tree, at=""):
    if not isinstance(tree, dict | list):
        return {at: tree}
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {key: value for name, part in pairs for key, value in leaves(part, f"{at}.{name}").items()}


def test_every_row_has_three_seeds_and_one_for_rates():
    assert len(CELLS) == len(SEEDS) * sum(map(len, TABLES.values())) == 3 * len(ROWS)
    assert {cell.seed for cell in CELLS.values()} == set(SEEDS)
    assert {cell.seed for cell in DEVELOPMENTS.values()} == {DEVELOPMENT} and DEVELOPMENT not in SEEDS
    assert {cell.row for cell in DEVELOPMENTS.values()} == set(ROWS.values())


@pytest.mark.parametrize("name", ROWS)
def test_arms_of_a_row_differ_in_what_their_names_say(name):
    row = ROWS[name]
    first = leaves(config(name, row.arms[0].name).model_dump(mode="json"))
    for arm in row.arms[1:]:
        own = leaves(config(name, arm.name).model_dump(mode="json"))
        changed = {key for key in first.keys() | own.keys() if first.get(key) != own.get(key)}
        allowed = (".grpo.advantage", ".grpo.confidence_weight", ".reward", ".tasks.0.data.select")
        if arm.asks:
            allowed += (".tasks",)
        if any(row in TABLES[table] for table in ("tasks", "longer", "puzzles")):
            allowed = (".method", ".grpo.shuffle_rewards", ".checks.validate_every")
        assert all(key.startswith(allowed) for key in changed), changed
        assert changed or arm.warm_up


def test_only_the_control_shuffles_and_keeps_its_last_step():
    control = config("counting", CONTROL.name, steps=60)
    assert control.grpo.shuffle_rewards and control.checks.validate_every == 0
    plain = config("counting", "rft", steps=60)
    assert not plain.grpo.shuffle_rewards and plain.checks.validate_every == FULL.every


@pytest.mark.parametrize(
    ("task", "exact"), [("counting", number_rewards.exact), ("measuring", number_rewards.within)]
)
def test_rewards_for_numbers_are_those_of_their_names(task, exact):
    expected = {"exact": exact, "mra": number_rewards.mra, "snra": number_rewards.snra}
    expected |= {"exact_ap": exact, "snra_ap": number_rewards.snra}
    for arm, function in expected.items():
        own = config(f"{task}_rewards", arm)
        terms = load_task(task).settings[own.rewards[task].setting]
        assert next(iter(terms.values())) is function and list(terms)[1:] == ["format"]
        assert (type(own.grpo.advantage).__name__ == "AbsoluteWeighted") is arm.endswith("_ap")


def test_ten_times_the_rewards_are_those_of_one_task_alone():
    scaled = config("mixture_scaled", "ema").rewards
    assert set(scaled["pointing"].weights.values()) == {10.0}
    assert scaled["pointing"].weights.keys() == load_task("pointing").settings["recommended"].keys()
    assert not scaled["counting"].weights and not scaled["rotation_puzzle"].weights
    assert {one.data.shots for one in config("mixture", "ema").tasks} == {6, 36}


def prepared(tmp_path, monkeypatch, row):
    """A runner whose first arm has trained 60 steps at 6,000 tokens, without any policy."""
    monkeypatch.setattr(runner, "split_of", lambda *given, **named: None)
    found = Runner(CELLS[f"{row}-0"], "miniature", FULL, tmp_path, tmp_path, {}, NullReporter())
    first = ROWS[row].arms[0]
    chosen = Trial(first.name, "run", 1e-4, 45, 0.5, 60)
    found.outcomes[first.name] = Outcome(first, (chosen,), chosen, {"answers": 600, "tokens": 6000})
    return found


def test_a_rule_that_selects_pays_for_its_first_answers(tmp_path, monkeypatch):
    found = prepared(tmp_path, monkeypatch, "counting_selection")
    found.split = type("Split", (), {"train": [None] * 10})()
    row = found.cell.row
    # 10 questions with 16 and 8 answers of 10 tokens, at 100 tokens a step.
    assert [found._steps(row.arm(name), 1e-4) for name in ("pass_rate", "variance")] == [44, 52]


def test_puzzles_before_the_labels_are_paid_for(tmp_path, monkeypatch):
    found = prepared(tmp_path, monkeypatch, "counting_warm_up")
    monkeypatch.setattr(Runner, "_warmed", lambda self, arm, rate: tmp_path)
    monkeypatch.setattr(runner, "count_sampled", lambda path: {"answers": 200, "tokens": 2050})
    assert found._steps(found.cell.row.arm("warmed"), 1e-4) == 40
    assert found._steps(found.cell.row.arm("plain"), 1e-4) == 80


def test_seeds_take_other_training_questions_and_the_same_held_out_ones(tmp_path):
    data = write_detection(tmp_path / "data", 0, ("two", "circle"), train=12, val=6, heldout=10, masks=True)
    row = replace(ROWS["mixture"], tasks={"counting": 2, "pointing": 2, "rotation_puzzle": 4})
    first, second = (
        split_of(row, replace(TINY, asked=5), data=data, place=tmp_path / "run", seed=seed) for seed in (0, 1)
    )
    assert first.heldout == second.heldout and {e.id for e in first.train} != {e.id for e in second.train}
    assert {e.source for e in first.train} == {e.source for e in first.heldout} == set(row.tasks)
    images = [{e.media[0].path for e in part} for part in (first.train, first.val, second.val, first.heldout)]
    assert not images[-1] & set().union(*images[:-1])


def test_distorted_steps_are_those_of_the_sums_written_out():
    rng = np.random.default_rng(3)
    steps = [{"a": rng.binomial(1, 0.05 + 0.02 * place, 24).tolist()} for place in range(40)]
    means = [np.mean(step["a"]) for step in steps]  # of rewards 0 and 1, and of their squares
    off = 0
    for now in range(len(steps)):
        ages = 0.99 ** np.arange(now, -1, -1)
        first = np.array([0.99**now, *(0.01 * 0.99 ** np.arange(now - 1, -1, -1))])
        used, fair = first @ means[: now + 1], ages @ means[: now + 1] / ages.sum()
        sigmas = [max(np.sqrt(max(m - m * m, 0)), 1e-3) for m in (used, fair)]
        off += abs(sigmas[0] / sigmas[1] - 1) > 0.1
    assert 0 < off < 40
    assert measures.distorted_steps(steps) == {"a": off}
    assert doctest.testmod(measures).failed == 0


def test_the_calibration_error_of_a_draw_is_that_of_its_boxes():
    box, image = (0.0, 0.0, 10.0, 10.0), (Image(Path("a.png"), (20, 20)),)
    asked = Example("a", "a", "detection", image, "cup", Boxes((box,)))
    right, wrong = (
        Prediction(asked, Answer(Boxes((place,), (0.75,)), True)) for place in (box, (10.0, 10.0, 20.0, 20.0))
    )
    silent = Prediction(asked, Answer(Boxes(())))
    metric = measures.FURTHER["detection"][measures.CALIBRATION]({})
    assert metric.value([right, silent]) == pytest.approx(0.25)
    assert metric.prepare([right, wrong])(np.array([0, 0, 0, 1])) == pytest.approx(0.0)
    assert np.isnan(metric.value([silent]))


def test_the_command_line_chooses_cells(tmp_path):
    kinds, given = script("kinds"), ["--out", str(tmp_path)]
    chosen = kinds.chosen_cells(kinds.arguments(["--table", "puzzles", *given]))
    assert [cell.name for cell in chosen][:4] == [
        "rotation_puzzle-0", "jigsaw-0", "patch_fit-0", "rotation_puzzle-1",
    ]  # fmt: skip
    assert kinds.chosen_cells(kinds.arguments(["--develop", "all", *given])) == [*DEVELOPMENTS.values()]
    (one,) = kinds.chosen_cells(kinds.arguments(["--cell", "measuring_rewards-9", *given]))
    assert one.seed == DEVELOPMENT


def test_a_cell_without_rates_does_not_begin(tmp_path):
    with pytest.raises(ConfigError, match="counting-9"):
        script("kinds").main(
            ["--cell", "counting-0", "--out", str(tmp_path), "--work", str(tmp_path / "work")]
        )
    assert not (tmp_path / "work").exists()
