"""Memory on several GPUs: the arithmetic against closed forms of released models, and what is advised."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from released import RELEASED, save_released

from launch import vrft
from vrft.config.run_config import make_config, set_key
from vrft.diagnostics.check.gpu_plan import LAYOUTS, Held, engine_of, held, recommendation
from vrft.diagnostics.check.memory_fit import MemoryFit
from vrft.errors import InputError
from vrft.miniature.folders import write_detection
from vrft.models.layer_sizes import sizes_of
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.training.memory import GIB, Load, MemoryForecast, forecast_memory
from vrft.training.training_options import Gpus
from vrft.workflows.check_data import check_data
from vrft.workflows.configured import policy_of
from vrft.workflows.requests import CheckRequest

LOAD = Load(prompt_tokens=1000, patches=3600, image_tokens=900)
NAME = "Qwen/Qwen2.5-VL-{}-Instruct"


def text_numbers(name):
    """Weights of a layer, and outside of layers, of a Qwen2.5 text model: written out from its
    configuration."""
    _, text, _, tied, _ = RELEASED[name]
    h, inner, heads = text["hidden_size"], text["intermediate_size"], text["num_attention_heads"]
    keys = h // heads * text["num_key_value_heads"]
    layer = (h * h + h) + 2 * (h * keys + keys) + h * h + 3 * h * inner + 2 * h
    return layer, text["vocab_size"] * h * (1 if tied else 2) + h


def config_of(path, *overrides):
    tree = {"task": "detection", "data": {"path": "unused"}, "model": {"path": str(path), "device": "cuda"}}
    for override in ("optim.prompts_per_step=64", "rollout.max_new_tokens=200", *overrides):
        set_key(tree, override)
    return make_config(tree)


@pytest.mark.parametrize("size", ["3B", "7B", "32B", "72B"])
def test_sharded_memory_is_that_of_the_closed_form(size, tmp_path):
    name, n = NAME.format(size), 8
    folder = save_released(name, tmp_path / size)
    sizes = sizes_of(load_policy(ModelOptions(path=str(folder), device="meta", dtype="bfloat16")))
    layer, ends = text_numbers(name)
    text = RELEASED[name][1]["num_hidden_layers"] * layer + ends
    tower = RELEASED[name][-1] - text
    assert (sizes.learned, sizes.layer_bytes, sizes.ends_bytes) == (text, 2 * layer, 2 * ends)
    plan = config_of("unused", "grpo.kl.beta=0", "checks.validate_every=0").memory_plan
    whole, found = (forecast_memory(sizes, plan, LOAD, shards) for shards in (1, n))
    assert found.weights * GIB == pytest.approx(2 * text / n + 2 * tower)
    # A float32 copy and two moments; then gradients in bfloat16 and their float32 sums: 20 bytes in all.
    assert found.optimizer * GIB == pytest.approx(12 * text / n)
    largest = RELEASED[name][1]["vocab_size"] * RELEASED[name][1]["hidden_size"]
    saved = (whole.phases["update"] - found.phases["update"]) * GIB
    assert saved == pytest.approx((6 * text + 12 * largest) * (1 - 1 / n))
    gathered = (found.phases["forward"] - whole.phases["forward"]) * GIB
    assert gathered == pytest.approx(2 * (2 * layer + ends))
    # Who samples gathers all, or a layer while the next one comes.
    assert (found.phases["sampling"] - whole.phases["sampling"]) * GIB == pytest.approx(2 * text)
    found = forecast_memory(sizes, plan, LOAD, n, by_layer=True)
    gathered = (found.phases["sampling"] - whole.phases["sampling"]) * GIB
    assert gathered == pytest.approx(2 * (2 * layer + ends))


@pytest.fixture(scope="module")
def fit_7b(tmp_path_factory):
    config = config_of(save_released(NAME.format("7B"), tmp_path_factory.mktemp("7b") / "model"))
    return MemoryFit(policy_of(config, weights=False), config, LOAD, torch.device("cuda"))


def test_a_gpu_of_vllm_holds_the_weights_and_its_part_of_all_keys_and_values(fit_7b):
    found = engine_of(fit_7b, Gpus(8, 80))
    assert (found.tensor_parallel, found.weights * GIB) == (1, pytest.approx(2 * 8_292_166_656))
    tokens, keys = 64 * (1000 + 8 * 200), 2 * 4 * 128
    assert found.caches * GIB == pytest.approx(tokens * 28 * keys * 2 / 8)
    assert engine_of(fit_7b, Gpus(8, 16)).tensor_parallel == 2
    assert engine_of(fit_7b, Gpus(6, 16)).tensor_parallel == 2


def made(fits, gib=80.0):
    """Layouts of which some fit."""
    sizes = {True: 20.0, False: 200.0}
    forecasts = [MemoryForecast(sizes[i in fits], 0.0, 0.0, "update", {"update": 0.0}) for i in range(5)]
    return [Held(layout, {}, one, gib) for layout, one in zip(LAYOUTS, forecasts, strict=True)]


WHOLE, WHOLE_SHARDED, LORA, LORA_4, LORA_SHARDED = range(5)


@pytest.mark.parametrize(
    ("fits", "adapts", "begins", "names"),
    [
        ({WHOLE, LORA}, False, "Start 8 processes with torchrun: all weights", ()),
        ({LORA, LORA_4}, True, "Start 8 processes with torchrun: LoRA, replicated", ()),
        ({LORA_4}, True, "Start 8 processes with torchrun under model.bits: 4:", ()),
        ({WHOLE_SHARDED, LORA}, False, "Start 8 processes with torchrun under optim.shard: true: all", ()),
        ({LORA_SHARDED}, True, "Start 8 processes with torchrun under optim.shard: true: LoRA", ()),
        ({LORA_4, LORA_SHARDED}, False, "Start 8 processes with torchrun under model.lora: ", ()),
        (set(), False, "Nothing fits on 8 GPUs of 80 GiB", ("model.max_pixels",)),
    ],
)
def test_what_fits_is_advised_in_one_sentence(fits, adapts, begins, names):
    found = recommendation(made(fits), Gpus(8, 80), adapts)
    assert found.startswith(begins) and all(name in found for name in names), found
    assert found.count(". ") == 0 and found.endswith(".")


def test_slow_sampling_is_named_where_there_is_no_room_for_all_weights():
    slow = replace(made({WHOLE_SHARDED})[WHOLE_SHARDED], by_layer=True)
    found = recommendation([slow], Gpus(8, 80), adapts=False)
    assert "each token gathers every layer" in found and "vrft export verl" in found and found.endswith(".")


def test_settings_that_save_memory_are_taken_only_where_they_are_needed(fit_7b):
    small, large = (held(fit_7b, LAYOUTS[WHOLE_SHARDED], Gpus(8, gib)) for gib in (60, 1000))
    assert large.settings == {} and large.fits and "optim.micro_prompts" in small.settings
    assert small.forecast.total < large.forecast.total


def test_the_command_prints_a_table_and_rows(tmp_path):
    write_detection(tmp_path / "photos", 0, ("one", "two"), train=6, val=4, heldout=4)
    ended = vrft("check", "photos", "--gpus", "2x16", "--json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    findings = {one["code"]: one for one in json.loads(ended.stdout)["findings"]}
    assert "memory" not in findings
    rows = findings["gpus"]["rows"]
    assert [row["layout"] for row in rows] == [layout.name for layout in LAYOUTS] + ["vLLM"]
    for row in rows[:-1]:
        parts = row["weights"] + row["optimizer_and_reference"] + row["step"]
        assert math.isclose(row["total"], parts, abs_tol=0.02) and row["fits"]
    assert findings["gpus"]["fix"].startswith("Start 2 processes with torchrun: all weights, replicated")


@pytest.mark.parametrize("given", ["8", "x80", "0x80", "8x-1", "8xinf", "eight"])
def test_what_is_no_number_of_gpus_is_refused(given, tmp_path):
    ended = vrft("check", ".", "--gpus", given, cwd=tmp_path)
    assert ended.returncode == 2 and "as in 8x80" in ended.stderr and "--gpus" in ended.stderr


def test_two_sayings_about_the_same_gpus_are_refused(tmp_path):
    with pytest.raises(InputError, match="Leave --gpu-memory out"):
        check_data(CheckRequest(path=tmp_path, gpus="8x80", gpu_memory=40))
