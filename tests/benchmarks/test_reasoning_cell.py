"""A cell of the reasoning benchmark: it runs, goes on, and measures what its words say."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reasoning import measures
from reasoning.arms import CellContext
from reasoning.cell import BY_NAME, MAIN, SHIPPED
from reasoning.effort import FULL, TINY
from reasoning.files import read_cells
from reasoning.guess_proof import right_and_worked
from reasoning.page import page
from reasoning.questions import QUESTIONS, TRAIN, split_for
from reasoning.run_cell import run_cell

from vrft.miniature.sums import number_of
from vrft.progress import NullReporter
from vrft.types import Answer, Boxes, Form, Label
from vrft.types import expect as of_kind
from vrft.workflows import trials

QUICK = replace(TINY, steps=1, max_new_tokens=4, asked=4, resamples=30)
ARMS = ("sft_direct", "rft", "rejection_1", "oracle", "shuffled")
CELL = BY_NAME["two-0.2-0"]
GIVEN = {"model": "miniature", "arms": ARMS, "effort": QUICK}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    root = tmp_path_factory.mktemp("reasoning")
    return root, run_cell(CELL, root / "out", root / "work", NullReporter(), keep=True, **GIVEN)


def test_a_cell_has_what_the_page_reads(ran):
    root, result = ran
    systems = result["scopes"]["all"]["systems"]
    assert {"base", "base_direct", "sft", *ARMS} == systems.keys()
    assert systems["sft"]["value"] == systems[result["labels"]]["value"]
    assert result["systems"]["shuffled"]["chosen"]["validation"] is None
    sampled = result["systems"]["rejection_1"]["sampled"]
    assert (
        sampled["rejection"]["answers"]
        >= sampled["rft"]["answers"]
        == QUICK.steps * QUICK.prompts * QUICK.group
    )
    assert set(result["follows"]) == {"base", "rft"} and set(result["skills"]) == {"base", "sft", "rft"}
    assert [step["step"] for step in result["steps"]] == [1]
    text = page(read_cells(root / "out"), {})
    assert "1 of 47 cells" in text and "sum of two digits, 20% chains | 0 |" in text


def test_a_finished_cell_is_read_and_its_trials_are_not_repeated(ran, monkeypatch):
    root, result = ran
    monkeypatch.setattr(trials, "train_run", None)
    monkeypatch.setattr(measures, "single_objects", None)
    read = run_cell(CELL, root / "out", root / "no", NullReporter(), **GIVEN)
    assert json.dumps(read) == json.dumps(result)
    anew = run_cell(CELL, root / "other", root / "work", NullReporter(), keep=True, **GIVEN)
    alike = ("scopes", "labels", "base", "follows", "skills", "steps")
    assert {k: anew[k] for k in alike} == {k: result[k] for k in alike}


def test_seeds_take_other_training_images_and_the_same_held_out_ones(tmp_path):
    first, second = (split_for(QUESTIONS["two"], tmp_path / "data", seed, asked=40) for seed in (0, 1))
    assert first.heldout == second.heldout and first.val == second.val
    assert {e.id for e in first.train} != {e.id for e in second.train}
    assert (len(first.train), len(first.heldout)) == (TRAIN, 40)
    for example in first.heldout[:20]:
        digits = QUESTIONS["two"].digits(example)
        assert sum(map(number_of, digits)) == number_of(of_kind(example.target, Label).name)


def test_the_digits_of_an_image_are_those_that_its_box_is_of(tmp_path):
    asks = QUESTIONS["box"]
    for example in split_for(asks, tmp_path / "data", 0, asked=3).heldout:
        part, number = Path(example.record_id).with_suffix("").parts[-2:]
        boxes = {o.category: o.box for o in asks.scene(part, int(number)).objects}
        largest = max(asks.digits(example), key=number_of)
        assert of_kind(example.target, Boxes).xyxy_px[0] == pytest.approx(boxes[largest], abs=0.51)


def test_examples_in_docstrings():
    assert doctest.testmod(measures).failed == 0


@pytest.mark.parametrize("seed", range(20))
def test_changed_chains_end_with_another_sum_and_change_what_they_say(seed):
    rng = np.random.default_rng(seed)
    digits = [str(name) for name in rng.choice(["two", "five", "seven"], 3)]
    found = measures.forced_chains(QUESTIONS["three"], digits, rng)
    assert found["digit"].answer != found["right"].answer != found["statement"].answer
    for one in found.values():
        assert one.thought.endswith(f"is {one.answer}.")
    reading = found["right"].thought.partition(". ")[0]
    assert found["statement"].thought.startswith(reading) and not found["digit"].thought.startswith(reading)


@pytest.mark.parametrize(
    ("named", "thought", "earned"),
    [
        ("seven", "two plus five is seven.", 1),
        ("six", "two plus five is seven.", 0),
        ("seven", "I look at the digits.", 0),
    ],
)
def test_a_guess_earns_nothing_under_the_reward_that_asks_for_work(named, thought, earned):
    assert right_and_worked(Answer(Label(named), thinking=thought), Label("seven")) == earned


@pytest.mark.parametrize("variant", ["group32", "warm", "guess_proof"])
def test_a_variant_changes_what_its_name_says(tmp_path, variant):
    cell = BY_NAME[f"two-0.02-0-{variant}"]
    run = CellContext(
        cell, "miniature", split_for(cell.asks, tmp_path / "data", 0, asked=2), FULL, tmp_path, NullReporter()
    )
    config = run.sweep("rft").settings.trial("rft", rate=1e-4, out=tmp_path / "run", form=Form.THINK)
    found = (config.rollout.group_size, config.rollout.temperature, bool(config.reward.custom))
    expected = {"group32": (32, 1.0, False), "warm": (8, 1.3, False), "guess_proof": (8, 1.0, True)}
    assert found == expected[cell.variant]
    assert config.optim.steps == FULL.steps and config.model.path == "miniature"


def test_a_base_is_looked_for_by_its_share(tmp_path):
    assert BY_NAME["two-0.02-0"].model(tmp_path) == str(tmp_path / "chains-0.02")
    assert BY_NAME["two-0.2-0"].model(tmp_path) == SHIPPED == BY_NAME["two-0.2-0"].model(None)
    (tmp_path / f"chains-{MAIN}").mkdir()
    assert BY_NAME["two-0.2-0"].model(tmp_path) == str(tmp_path / "chains-0.2")
