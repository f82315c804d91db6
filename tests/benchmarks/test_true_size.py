"""Models of their released sizes: what is forecast and advised for them, and a walk through every verb."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from models import QWEN2_VL_2B, Architecture, save_random_qwen2_vl
from released import RELEASED
from true_size import ALLOWED, RESULT, STEP, Walk, draw_data

from launch import vrft
from tiny import save_tiny
from vrft.config.run_config import make_config, set_key
from vrft.models.layer_sizes import sizes_of
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.training.memory import KEPT_BACK, Load, forecast_memory
from vrft.workflows.configured import policy_of

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A folder with a released model's own configuration, a small tokenizer and no weights."""

    def folder_of(name):
        kind, text, vision, tied, _ = RELEASED[name]
        folder = save_tiny(kind, tmp_path_factory.mktemp("released") / Path(name).name)
        (folder / "model.safetensors").unlink()
        config = json.loads((folder / "config.json").read_text())
        config["tie_word_embeddings"] = tied
        kinds = ["full_attention"] * text["num_hidden_layers"]
        config["text_config"] |= text | {"tie_word_embeddings": tied, "layer_types": kinds}
        config["vision_config"] |= vision
        (folder / "config.json").write_text(json.dumps(config))
        processor = json.loads((folder / "preprocessor_config.json").read_text())
        processor |= {"patch_size": vision["patch_size"]}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
        return folder

    return folder_of


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images that the largest budget of the recipes just holds."""
    return draw_data(tmp_path_factory.mktemp("photos") / "data", (640, 640))


def memory_of(ended):
    """What a check says of memory."""
    assert ended.returncode == 0, ended.stderr
    (found,) = [f for f in json.loads(ended.stdout)["findings"] if f["code"] == "memory"]
    return found


@pytest.mark.parametrize("name", RELEASED)
def test_the_sizes_are_the_released_ones(name, released):
    policy = load_policy(ModelOptions(path=str(released(name)), device="meta", dtype="bfloat16"))
    assert sum(p.numel() for p in policy.model.parameters()) == RELEASED[name][-1]


@pytest.mark.parametrize(
    ("recipe", "model", "ends"),
    [
        ("qwen25_vl_3b_lora_detection", "Qwen/Qwen2.5-VL-3B-Instruct", "it fits."),
        ("qwen3_vl_4b_lora_detection", "Qwen/Qwen3-VL-4B-Instruct", "off by its quarter."),
        ("qwen25_vl_7b_4bit_lora_detection", "Qwen/Qwen2.5-VL-7B-Instruct", "it fits."),
    ],
)
def test_recipes_for_one_gpu_of_24_gb_fit_by_their_forecast(recipe, model, ends, released, photos, tmp_path):
    own = (f"model.path={released(model)}", f"data.path={photos}")
    found = memory_of(vrft("check", recipe, *own, "--gpu-memory", 24, "--json", cwd=tmp_path))
    assert found["severity"] == "note" and found["message"].endswith(ends), found
    held = re.search(r"holds about ([\d.]+) GiB", found["message"])[1]
    assert f"| {held} GiB |" in re.search(rf"`{recipe}`.*", (DOCS / "memory.md").read_text("utf-8"))[0]


def test_seven_billion_weights_do_not_fit_without_what_the_recipe_sets(released, photos, tmp_path):
    """The advice leads to the recipe's own settings."""
    own = ("--model", released("Qwen/Qwen2.5-VL-7B-Instruct"), "model.max_pixels=401408", "model.lora={}")
    found = memory_of(vrft("check", photos, *own, "--gpu-memory", 16, "--json", cwd=tmp_path))
    assert found["severity"] == "warning" and "model.bits: 4" in found["fix"]


@pytest.fixture(scope="module")
def advice(released, photos, tmp_path_factory):
    """What is advised for training all weights of Qwen2-VL-2B on a GPU of so many GiB."""
    folder, scratch = released("Qwen/Qwen2-VL-2B-Instruct"), tmp_path_factory.mktemp("advice")

    def of(memory_gib):
        asked = ("check", photos, "--model", folder, "model.max_pixels=401408", "model.lora=null")
        found = memory_of(vrft(*asked, "--gpu-memory", memory_gib, "--json", cwd=scratch))
        assert found["severity"] == "warning"
        return found["fix"]

    return of


def test_settings_that_are_enough_are_named(advice):
    found = advice(80)
    assert re.fullmatch(r"Set optim\.micro_prompts: 1.* \(about [\d.]+ GiB\)\.", found)
    assert "lora" not in found


def test_what_helps_is_named_also_where_it_is_not_enough_alone(advice):
    alone, least, chosen, needs = re.fullmatch(
        r"(optim\..+) alone would need about ([\d.]+) GiB\. Set (.+) \(about ([\d.]+) GiB\)\.", advice(24)
    ).groups()
    assert "optim.micro_prompts: 1" in alone and "optim.activation_checkpointing: true" in alone
    # Weights, their float32 copies and Adam's moments are 14 bytes a weight, whatever the activations are.
    assert float(least) > 14 * 1.5
    assert "model.lora: {rank: 16}" in chosen and 1.25 * float(needs) <= 24


def test_where_nothing_is_enough_all_that_helps_is_named(advice):
    found = advice(2)
    assert "model.bits: 4" in found and "optim.micro_prompts: 1" in found
    assert found.endswith("Take a smaller model, a smaller model.max_pixels, or a larger GPU.")


@pytest.fixture(scope="module")
def steps():
    """What was measured once."""
    return json.loads(RESULT.read_text("utf-8"))["steps"]


def test_the_walk_was_measured_and_todays_forecast_is_near_it(steps, released):
    trained = {name: row for name, row in steps.items() if "forecast_gib" in row}
    assert "train" in trained and all(row["status"] == 0 and not row["warnings"] for row in trained.values())
    for row in trained.values():
        assert abs(row["off"]) <= ALLOWED
    # The code of today, for a model of the same sizes.
    tree = {"task": "detection", "data": {"path": "unused"}}
    for override in (f"model.path={released('Qwen/Qwen2-VL-2B-Instruct')}", *STEP):
        set_key(tree, override)
    config = make_config(tree)
    load = Load(*(steps["check"]["load"][name] for name in ("prompt_tokens", "patches", "image_tokens")))
    forecast = forecast_memory(sizes_of(policy_of(config, weights=False)), config.memory_plan, load)
    needed = forecast.weights + KEPT_BACK[True, False] * (forecast.total - forecast.weights)
    assert needed == pytest.approx(steps["train"]["step"]["peak_memory_gib"], rel=ALLOWED)


def holds_its_part(steps):
    """Of two processes, each loads what the other does not hold."""
    (one,), two = steps["load"]["each"], steps["load_divided"]["each"]
    for own in two:
        assert own["own_gib"] < 0.51 * one["weights_gib"]
        saved = (one["peak_gib"] - one["before_gib"]) - (own["peak_gib"] - own["before_gib"])
        assert saved > 0.45 * one["weights_gib"], (one, own)


def test_a_model_that_was_divided_while_it_was_loaded_was_never_whole(steps):
    assert steps["load"]["each"][0]["weights_gib"] * 2**30 == 2 * RELEASED["Qwen/Qwen2-VL-2B-Instruct"][-1]
    holds_its_part(steps)
    assert steps["load_divided"]["peak_gib"] < 0.6 * steps["load"]["peak_gib"]


@pytest.mark.slow
def test_a_model_that_is_divided_while_it_is_loaded_is_never_whole(tmp_path):
    """Six layers of a Qwen2-VL-2B, and an eighth of its vision tower."""
    text = QWEN2_VL_2B.text | {"num_hidden_layers": 6, "vocab_size": 2048}
    size = Architecture(text, QWEN2_VL_2B.vision | {"depth": 4})
    walk = Walk(save_random_qwen2_vl(tmp_path / "model", size), tmp_path)
    found = {"load": walk.load(1), "load_divided": walk.load(2)}
    assert [row["status"] for row in found.values()] == [0, 0], found
    holds_its_part(found)


@pytest.mark.slow
def test_every_verb_with_a_model_of_true_size(request, tmp_path):
    """Ten minutes and 10 GiB; nothing here measures time."""
    model = request.config.getoption("--true-size")
    if model is None:
        pytest.skip("needs --true-size FOLDER; build it with: python benchmarks/true_size.py build FOLDER")
    found = {name: step() for name, step in Walk(Path(model), tmp_path).steps().items()}
    for name, row in found.items():
        assert row["status"] == 0, (name, row)
        assert not row.get("warnings"), (name, row)
    for name in ("train", "train_4_bits"):
        assert abs(found[name]["off"]) <= ALLOWED, (name, found[name])
    holds_its_part(found)
    # What learns is the adapter of 18 million weights, in fit's examination as in check.
    assert found["check"]["memory"]["optimizer_gib"] < 0.5
    assert found["fit_examination"]["memory"]["optimizer_gib"] < 0.5
    assert "LoRA" in found["fit_examination"]["memory"]["says"]
    if not torch.cuda.is_available():
        assert "There is no cuda on this machine" in found["check_cuda"]["memory"]["says"]
    assert "micro_prompts" in found["check_full"]["memory"]["fix"]
