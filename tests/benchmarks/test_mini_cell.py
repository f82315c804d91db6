"""A cell of the small benchmark: fair trials, counted tokens, nothing held out that was learned, going on."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

import mini.cell_runner
import pytest
from mini.cell import Cell, run_cell, twin_of
from mini.cell_runner import CellRunner, Outcome
from mini.difficulty import middling
from mini.effort import FULL, TINY
from mini.settings import FEWEST_HELDOUT, SETTINGS, questions
from mini.systems import controls, on_twin, rft, trial, twins
from mini.tokens import Tokens, tokens_of

from vrft.config.run_config import make_config
from vrft.errors import InputError
from vrft.evaluation.compare import compare
from vrft.evaluation.predictor import read_predictions
from vrft.miniature.folders import write_detection
from vrft.miniature.scenes import BASE, NOVEL
from vrft.progress import NullReporter
from vrft.run_folder import RunFolder
from vrft.types import Example, Form, Image
from vrft.workflows.trials import Trial

SEVERAL = ("two", "circle", "square")
SMALL = replace(
    SETTINGS["detection"],
    write=lambda folder, train: write_detection(folder, 0, SEVERAL, train=8, val=4, heldout=12),
)
QUICK = replace(TINY, steps=1, max_new_tokens=4, resamples=30)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A cell of a few images, without the further controls, and its folders."""
    root = tmp_path_factory.mktemp("mini")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(SETTINGS, "detection", SMALL)
        result = run_cell(
            Cell("detection", 1, 0), root / "out", root / "work", NullReporter(), QUICK, keep=True
        )
    return root, result


def test_a_cell_has_every_system_with_as_many_trials(ran):
    _, result = ran
    systems = result["systems"]
    expected = {
        "sft_direct",
        "sft_think",
        "sft_curated",
        "rft",
        "sft_then_rft",
        "shuffled",
        "sft_equal_tokens",
    }
    assert expected <= systems.keys()
    assert {len(systems[name]["trials"]) for name in expected} == {1}
    assert systems["sft_then_rft"]["start"] == result["twin"]
    assert systems["shuffled"]["trials"][0]["validation"] is None
    assert systems["shuffled"]["chosen"]["step"] == QUICK.steps
    scored = result["scopes"]["all"]["systems"]
    assert {"base", "base_other_form", "sft", "sft_equal_steps"} | expected <= scored.keys()
    assert scored["sft"] == scored[result["twin"]] | {
        "draws_given_parsed": scored["sft"]["draws_given_parsed"]
    }


def test_a_cells_numbers_are_those_of_the_librarys_comparison(ran):
    root, result = ran
    heldout = root / "work" / "detection-1-0" / "heldout"
    names = {"base": "base", "sft": result["twin"], "rft": "rft"}
    predictions = {name: read_predictions(heldout / f"{file}.jsonl") for name, file in names.items()}
    found = compare(predictions, resamples=QUICK.resamples)
    for name in names:
        row = result["scopes"]["all"]["systems"][name]
        for key in ("value", "low", "high", "parse_rate", "value_given_parsed"):
            assert row[key] == found[name][key]


def test_a_finished_cell_is_read_and_its_trials_are_not_repeated(ran, monkeypatch):
    root, result = ran
    monkeypatch.setitem(SETTINGS, "detection", SMALL)
    monkeypatch.setattr(mini.cell_runner, "train_run", None)
    cell = Cell("detection", 1, 0)
    read = run_cell(cell, root / "out", root / "nowhere", NullReporter(), QUICK)
    assert json.dumps(read) == json.dumps(result)
    anew = run_cell(cell, root / "other", root / "work", NullReporter(), QUICK, keep=True)
    assert {k: anew[k] for k in ("systems", "scopes", "twin")} == {
        k: result[k] for k in ("systems", "scopes", "twin")
    }
    assert anew["core_seconds"] > result["core_seconds"]


def test_a_stopped_cell_goes_on_with_the_next_trial(tmp_path, monkeypatch):
    monkeypatch.setitem(SETTINGS, "detection", SMALL)
    calls, real = count(), mini.cell_runner.train_run

    def stopping(config, *arguments, **named):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return real(config, *arguments, **named)

    monkeypatch.setattr(mini.cell_runner, "train_run", stopping)
    runner = runner_of(tmp_path)
    first, second, _ = twins(QUICK, Form.DIRECT)
    runner.train(first)
    with pytest.raises(KeyboardInterrupt):
        runner.train(second)
    resumed = runner_of(tmp_path)
    assert resumed.train(first).trials == runner.outcomes[first.name].trials
    resumed.train(second)
    assert next(calls) == 3  # the first was read back, the second began anew


def runner_of(folder):
    asked = questions(SMALL, folder / "data", 1, 0, asked=4)
    return CellRunner(asked.task, asked.split, QUICK, 0, folder, NullReporter())


def test_every_system_has_the_same_steps_images_and_rule_of_choice():
    main = rft(FULL, Form.DIRECT)
    twin, *_ = three = twins(FULL, Form.DIRECT)
    everyone = [*three, main, on_twin(FULL, twin), *controls(main, 1e-4, further=True)[1:]]
    assert {(s.steps, s.every) for s in everyone} == {(FULL.steps, FULL.every)}
    assert {len(s.rates) for s in three} == {len(main.rates)} and len(main.rates) >= 4
    assert {s.form for s in three} == set(Form) and sum(s.curated for s in three) == 1


def test_configurations_differ_only_where_they_are_meant_to(tmp_path):
    def written(system):
        tree = trial(system, 1e-4, FULL, "detection", 0, "miniature", tmp_path / "run").model_dump(
            mode="json"
        )
        return {
            f"{k}.{i}": v
            for k, section in tree.items()
            for i, v in (section.items() if isinstance(section, dict) else [("", section)])
        }

    main = rft(FULL, Form.DIRECT)
    plain = written(main)
    changed = {
        system.name: {key for key, value in written(system).items() if value != plain[key]}
        for system in controls(main, 1e-4, further=True)
    }
    assert changed == {
        "shuffled": {"grpo.shuffle_rewards", "checks.validate_every", "checks.checkpoint_every"}
        & changed["shuffled"],
        "beta_0": {"grpo.kl"},
        "paper_rewards": {"reward.setting"},
        "other_form": {"form."},
    }
    assert "grpo.shuffle_rewards" in changed["shuffled"]
    assert plain["reward.setting"] == "recommended" and plain["grpo.kl"]["beta"] == 0.04


def test_the_twin_is_the_best_on_validation_and_of_equals_the_lower_rate(tmp_path):
    runner = runner_of(tmp_path)
    for system, value, rate in zip(
        twins(QUICK, Form.DIRECT), (0.3, 0.4, 0.4), (1e-5, 1e-4, 3e-5), strict=True
    ):
        chosen = Trial(system.name, "x", rate, 1, value, 2)
        runner.outcomes[system.name] = Outcome(system, (chosen,), chosen, Tokens(1, 1, 1), [], 1)
    assert twin_of(runner).system.name == "sft_curated"


def test_middling_keeps_at_least_half():
    assert middling({"a": 0.0, "b": 1.0, "c": 0.125, "d": 0.0}) == ["a", "c"]


@pytest.mark.parametrize(
    ("method", "beta", "forward", "backward"),
    [
        # Prompts of 10 and 20 tokens, 12 sampled tokens in two groups of two.
        ("shared", 0.0, 30 + 12 + 12, 30 + 12),
        ("shared", 0.04, 30 + 12 + 12 + 42, 30 + 12),
        ("packed", 0.0, 30 + 12 + 42, 30 + 12),
        ("plain", 0.04, 30 + 12 + 2 * 72, 2 * 30 + 12),
    ],
)
def test_tokens_of_rft_count_rollouts_and_reference(tmp_path, method, beta, forward, backward):
    assert counted(tmp_path, method, {"grpo": {"kl": {"beta": beta}}}, {"sampled_tokens": 12}) == (
        forward,
        backward,
    )


def test_tokens_of_sft_are_prompts_and_gold_answers_both_ways(tmp_path):
    assert counted(tmp_path, "shared", {"method": "sft"}, {"gold_tokens": 7}) == (37, 37)


def counted(folder, method, tree, logged):
    shared = {
        "task": "detection",
        "data": {"path": "x"},
        "rollout": {"group_size": 2},
        "optim": {"prompts_per_step": 2, "steps": 1},
    }
    config = make_config({**shared, **tree})
    run = RunFolder(folder)
    run.write_json("run.json", {"parity": {"method": method}})
    run.append("metrics.jsonl", {"step": 1, "validation": 0.5})
    run.append("metrics.jsonl", {"step": 1, "loss": 0.5, **logged})
    examples = [Example(name, name, "detection", (Image(folder, (8, 8)),), "x") for name in "ab"]
    tokens = tokens_of(config, run, examples, {"a": 10, "b": 20})
    assert tokens.steps == 1 and tokens.total == tokens.forward + tokens.backward
    return tokens.forward, tokens.backward


def test_heldout_questions_are_the_same_for_every_seed_and_learned_by_none(tmp_path):
    small = replace(
        SETTINGS["open_vocabulary"],
        write=lambda folder, train: write_detection(
            folder, 0, BASE, train=60, val=20, heldout=40, further=NOVEL
        ),
    )
    splits = [
        questions(small, tmp_path, shots, seed, asked=60).split for shots, seed in ((1, 0), (1, 1), (2, 0))
    ]
    assert splits[0].heldout == splits[1].heldout == splits[2].heldout
    assert splits[0].train != splits[1].train
    assert {e.id for e in splits[0].train} <= {e.id for e in splits[2].train} | {
        e.id for e in splits[0].train if not e.is_positive
    }
    for split in splits:
        learned = {e.image.path.read_bytes() for e in (*split.train, *split.val)}
        assert not learned & {e.image.path.read_bytes() for e in split.heldout}
        assert not {e.question for e in (*split.train, *split.val)} & set(NOVEL)
    asked = {e.question for e in splits[0].heldout}
    assert asked >= set(NOVEL) and asked & set(BASE)


def test_no_class_is_left_out_in_silence(tmp_path):
    counts = {name: 0 for name in SEVERAL}
    for example in questions(SMALL, tmp_path, 1, 0, asked=8).split.train:
        counts[example.question] += example.is_positive
    assert set(counts.values()) == {1}
    with pytest.raises(InputError, match=r"left out: \d"):
        questions(SMALL, tmp_path, 5, 0, asked=8)


def test_too_few_heldout_images_are_refused(tmp_path):
    with pytest.raises(InputError, match=f"{FEWEST_HELDOUT} are needed"):
        questions(SMALL, tmp_path, 1, 0)
