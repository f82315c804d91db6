"""Groups without signal: counted, replaced by other questions, or left out of the step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from planted import plant_rewards, question
from safetensors.torch import load_file

from vrft.config.run_config import make_config
from vrft.run_folder import RunFolder
from vrft.training import losses
from vrft.training.batch import further_examples
from vrft.types import Clock
from vrft.workflows.train import train_run

DULL = {"0", "1", "2"}


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """Six questions, of which three teach nothing: every answer to them gets the same reward."""
    found = []
    for index in range(6):
        path = tmp_path / f"{index}.png"
        pixels = np.random.default_rng(index).integers(0, 255, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        found.append(question(path, (48, 48), str(index)))
    calls = iter(range(10_000))

    def reward(rollout, names):
        value = 1.0 if rollout.example.record_id in DULL else float(next(calls))
        return dict.fromkeys(names, 0.5), value

    plant_rewards(monkeypatch, reward)
    return found


def trained(folder, model, examples, steps=3, resample=0, dtype="float64", **grpo):
    tree = {
        "model": {"path": str(model), "device": "cpu", "dtype": dtype},
        "task": "detection",
        "data": {"path": "unused"},
        "form": "direct",
        "rollout": {"group_size": 3, "max_new_tokens": 5, "resample": resample},
        "grpo": grpo,
        "optim": {"learning_rate": 1e-3, "steps": steps, "prompts_per_step": 4},
        "checks": {"validate_every": 0, "checkpoint_every": 1},
    }
    run = RunFolder(folder)
    train_run(make_config(tree), run, examples, [])
    return run.rows("metrics.jsonl"), load_file(folder / "model" / "model.safetensors")


def test_other_questions_take_the_place_of_those_that_teach_nothing(tiny_folders, examples, tmp_path):
    rows, _ = trained(tmp_path / "run", tiny_folders["qwen3_vl"], examples, resample=3)
    for row in rows:
        dull = round(4 * (1 - row["signal_share"]))
        assert dull >= 1  # three of six are dull and four are asked
        assert row["groups_drawn"] > 4
        assert row["images"] == row["groups_trained"] == 4
        assert row["sampled_tokens"] > row["answer_tokens"] * 4 * 3
    plain, _ = trained(tmp_path / "plain", tiny_folders["qwen3_vl"], examples)
    assert [row["groups_drawn"] for row in plain] == [4, 4, 4]
    assert [row["signal_share"] for row in plain] == [row["signal_share"] for row in rows]


def test_a_dull_groups_place_is_kept_where_no_other_question_is_better(tiny_folders, examples, tmp_path):
    rows, _ = trained(tmp_path / "run", tiny_folders["qwen3_vl"], examples[:3], steps=1, resample=2)
    assert rows[0]["signal_share"] == 0 and rows[0]["groups_trained"] == 4
    assert rows[0]["groups_drawn"] == 4 + 2 * 3


def test_further_examples_are_new_ones_first_and_follow_the_seed(examples):
    asked = {"0#seven", "3#seven"}
    found = further_examples(examples, Clock(5), 1, 5, asked)
    assert len(found) == 5 and {e.id for e in found[:4]} == {f"{i}#seven" for i in (1, 2, 4, 5)}
    assert found == further_examples(examples, Clock(5), 1, 5, asked)
    orders = {tuple(e.id for e in further_examples(examples, Clock(step), 1, 4, asked)) for step in range(20)}
    assert len(orders) > 5


@pytest.mark.parametrize("loss", ["grpo", "dapo", "bnpo"])
def test_a_step_of_signal_only_is_the_step_without_the_other_groups(
    tiny_folders, examples, tmp_path, monkeypatch, loss
):
    """Against a run whose loss is told by hand to look at the rows with an advantage alone."""
    rows, weights = trained(
        tmp_path / "run",
        tiny_folders["qwen3_vl"],
        examples,
        steps=1,
        only_signal=True,
        kl={"beta": 0.0},
        loss=loss,
    )
    assert 0 < rows[0]["groups_trained"] < 4
    honest = losses.LOSSES[loss].__call__

    def narrowed(self, logprobs, old, advantages, mask, size, *rest):
        kept = advantages[:, 0] != 0
        tokens = int(mask[kept].sum())
        smaller = losses.StepSize(int(kept.sum()), tokens, size.max_tokens)
        return honest(self, logprobs[kept], None, advantages[kept], mask[kept], smaller, *rest)

    monkeypatch.setattr(losses.LOSSES[loss], "__call__", narrowed)
    _, expected = trained(
        tmp_path / "hand", tiny_folders["qwen3_vl"], examples, steps=1, kl={"beta": 0.0}, loss=loss
    )
    for name, value in expected.items():
        assert torch.allclose(weights[name], value, atol=1e-6), name


def test_a_step_without_any_signal_still_holds_to_the_reference(tiny_folders, examples, tmp_path):
    rows, _ = trained(tmp_path / "run", tiny_folders["qwen3_vl"], examples[:3], steps=1, only_signal=True)
    assert rows[0]["groups_trained"] == 4 and rows[0]["signal_share"] == 0
