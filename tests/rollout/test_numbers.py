"""Numbers that are not finite are found before anything is answered, with the setting that helps."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from architectures import ask, loaded, sample
from launch import vrft
from vrft.errors import NumbersError
from vrft.rollout.plain import PlainSampler
from vrft.types import SampleSeed, SamplingParams

ASKED = ("--form", "direct", "--max-new-tokens", "4", "--quiet")


@pytest.fixture
def photos(tmp_path):
    """Five images of noise, each of a class of its own folder."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def broken(tiny_folders, tmp_path):
    """A model with one weight that is not a number."""
    shutil.copytree(tiny_folders["qwen3_vl"], tmp_path / "broken")
    return changed(tmp_path / "broken", lambda value: value.view(-1)[:1].fill_(torch.nan))


def changed(folder, change):
    file = folder / "model.safetensors"
    whole = load_file(file)
    change(next(value for key, value in whole.items() if key.endswith("layers.1.mlp.down_proj.weight")))
    save_file(whole, file, metadata={"format": "pt"})
    return folder


def config(tmp_path, model, photos, **changes):
    tree = {
        "task": "classification",
        "form": "direct",
        "model": {"path": str(model), "device": "cpu"},
        "data": {"path": str(photos), "shots": 1, "val_max": 2},
        "rollout": {"group_size": 2, "max_new_tokens": 4},
        "optim": {"steps": 3, "prompts_per_step": 1, **changes.pop("optim", {})},
        "checks": {"validate_every": 0},
        "out": str(tmp_path / "run"),
        **changes,
    }
    (tmp_path / "run.yaml").write_text(json.dumps(tree))
    return tmp_path / "run.yaml"


@pytest.mark.parametrize("verb", ["train", "sft", "eval", "predict", "probe", "fit"])
def test_broken_weights_end_every_verb_in_a_sentence(verb, broken, photos, tmp_path):
    given = {
        "train": ("train", config(tmp_path, broken, photos), "--quiet"),
        "sft": ("sft", config(tmp_path, broken, photos), "--quiet"),
        "eval": ("eval", broken, photos, "--task", "classification", "--out", "out", *ASKED),
        "predict": ("predict", broken, photos, "cat", "--task", "detection", "--out", "out", *ASKED),
        "probe": ("probe", config(tmp_path, broken, photos), "--quiet"),
        "fit": ("fit", photos, "--task", "classification", "--model", broken, "--shots", "1", "--out", "fit"),
    }[verb]
    done = vrft(*given, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    for part in (str(broken), "weights are not finite", "model.language_model.layers.1.mlp.down_proj.weight"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not [*tmp_path.rglob("predictions.jsonl"), *tmp_path.rglob("done.json")]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_check_finds_weights_that_are_not_finite(dtype, tiny_folders, broken, photos, tmp_path):
    asked = ("check", photos, "--task", "classification", "--shots", "1", f"model.dtype={dtype}", "--json")
    model = broken
    if dtype == "float16":
        model = tmp_path / "large"
        shutil.copytree(tiny_folders["qwen3_vl"], model)
        changed(model, lambda value: value.mul_(1e9))
    found = {}
    for given in (model, tiny_folders["qwen3_vl"]):
        done = vrft(*asked, "--model", given, cwd=tmp_path)
        rows = json.loads(done.stdout)["findings"]
        found[given] = [row for row in rows if row["code"] == "not-finite"]
        assert done.returncode == (1 if found[given] else 0), done.stderr
    (row,) = found.pop(model)
    assert "layers.1.mlp.down_proj.weight" in row["message"] and row["severity"] == "error"
    assert ("model.dtype: float32" in row["fix"]) == (dtype == "float16")
    assert not any(found.values())


def test_check_finds_weights_that_cannot_be_read(broken, photos, tmp_path):
    file = broken / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    asked = ("check", photos, "--task", "classification", "--shots", "1", "--model", broken, "--json")
    done = vrft(*asked, cwd=tmp_path)
    (row,) = [row for row in json.loads(done.stdout)["findings"] if row["code"] == "unreadable-weights"]
    assert str(file) in row["message"] and done.returncode == 1


def test_what_overflows_in_float16_is_asked_again_in_float32(tiny_folders, photos, tmp_path):
    model = tmp_path / "large"
    shutil.copytree(tiny_folders["qwen2_vl"], model)
    changed(model, lambda value: value.mul_(6e4 / value.abs().max()))
    given = ("eval", model, photos, "--task", "classification", *ASKED)
    done = vrft(*given, "--dtype", "float16", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "not finite in float16" in done.stderr and "--dtype float32" in done.stderr
    done = vrft(*given, "--dtype", "float32", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_each_sampler_refuses_what_is_no_number(broken, images, temperature):
    policy = loaded(broken)
    params = SamplingParams(temperature, max_new_tokens=3)
    prompts = [ask(policy, "What is it?", images[0])]
    with pytest.raises(NumbersError, match="not finite"):
        sample(policy, prompts, 2, params)
    with pytest.raises(NumbersError, match="not finite"):
        PlainSampler(policy).generate(prompts, 2, params, SampleSeed.whole(1))


def test_a_number_that_fails_in_the_middle_of_an_answer_is_found_too(tiny_folders, images):
    policy = loaded(tiny_folders["qwen3_vl"])
    prompts = [ask(policy, "What is it?", images[0])]
    params = SamplingParams(0.0, max_new_tokens=4)
    ((said,),) = sample(policy, prompts, 1, params)
    embedding = policy.core.get_input_embeddings().weight
    head = policy.core.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())  # no longer tied
    with torch.no_grad():
        embedding[said.token_ids[0]] = torch.nan
    with pytest.raises(NumbersError, match="not finite"):
        sample(policy, prompts, 1, params)


@pytest.mark.parametrize("verb", ["train", "sft"])
def test_a_training_that_diverges_stops_with_advice(verb, tiny_folders, photos, tmp_path):
    (tmp_path / "own.py").write_text("def length(answer, target):\n    return len(answer.text) % 7 / 7\n")
    optim = {"steps": 8, "learning_rate": 1e25}
    reward = {"custom": {f"{tmp_path / 'own.py'}:length": 1.0}}
    given = config(tmp_path, tiny_folders["qwen3_vl"], photos, optim=optim, reward=reward)
    done = vrft(verb, given, "--quiet", cwd=tmp_path)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Lower optim.learning_rate, or set model.dtype: float32" in done.stderr
    assert ("diverged" if verb == "train" else "gradients of 3 steps") in done.stderr
    assert "Traceback" not in done.stderr
