"""The memory forecast follows from what a run holds; measured peaks stand in benchmarks/results."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from planted import question

from vrft.config.run_config import make_config
from vrft.models.layer_sizes import sizes_of
from vrft.models.load_policy import load_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.rollout.driver import prompts_for
from vrft.training.memory import GIB, KEPT_BACK, Load, device_memory_gib, forecast_memory, resident_gib
from vrft.workflows.configured import policy_of
from vrft.workflows.method_choice import check_methods

LOAD = Load(prompt_tokens=300, patches=1200, image_tokens=256)


def model_options(tiny_folders, dtype="auto"):
    return ModelOptions(path=str(tiny_folders["qwen2_vl"]), device="meta", dtype=dtype)


def plan_of(**tree):
    return make_config({"task": "detection", "data": {"path": "unused"}, **tree}).memory_plan


@pytest.fixture(scope="module")
def sizes(tiny_folders):
    return sizes_of(load_policy(model_options(tiny_folders, "float32")))


def forecast(sizes, load=LOAD, **sections):
    tree = {"optim": {"prompts_per_step": 8}, "checks": {"validate_every": 0}}
    for name, values in sections.items():
        tree[name] = {**tree.get(name, {}), **values}
    return forecast_memory(sizes, plan_of(**tree), load)


def test_without_kl_there_is_no_reference(sizes):
    with_kl, without = forecast(sizes), forecast(sizes, grpo={"kl": {"beta": 0.0}})
    assert with_kl.reference == pytest.approx(sizes.weights_bytes / GIB) and without.reference == 0
    assert without.phases["reference"] < with_kl.phases["reference"]


def test_adam_keeps_two_numbers_per_weight_and_a_third_for_narrow_ones(sizes, tiny_folders):
    assert forecast(sizes).optimizer == pytest.approx(sizes.learned * 8 / GIB)
    narrow = sizes_of(load_policy(model_options(tiny_folders, "bfloat16")))
    assert forecast(narrow).optimizer == pytest.approx(narrow.learned * 12 / GIB)
    kept = forecast(sizes, checks={"validate_every": 5}).optimizer - forecast(sizes).optimizer
    assert kept == pytest.approx(sizes.learned * 4 / GIB)


@pytest.mark.parametrize("phase", ["forward", "backward", "reference"])
def test_what_a_step_keeps_grows_with_its_tokens(sizes, phase):
    def held(**changes):
        return forecast(sizes, **changes).phases[phase]

    assert held(rollout={"group_size": 16}) > held(rollout={"group_size": 8})
    assert held(rollout={"max_new_tokens": 512}) > held()
    assert held(load=Load(600, 1200, 256)) > held()
    assert held(optim={"micro_prompts": 1}) < held(optim={"micro_prompts": 4}) < held()
    assert held(optim={"activation_checkpointing": True}) < 0.85 * held()


def test_sft_has_one_answer_per_prompt_and_no_reference(sizes):
    sft = forecast_memory(sizes, plan_of(method="sft", rollout={"group_size": 32}), LOAD)
    assert (
        sft.reference == 0
        and sft.phases["forward"]
        < forecast(sizes, rollout={"group_size": 32}, optim={"prompts_per_step": 16}).phases["forward"] / 4
    )


def test_the_load_is_that_of_the_largest_prompt(tiny_folders, images):
    policy = load_policy(model_options(tiny_folders))
    examples = [question(path, (64, 48), str(i)) for i, path in enumerate(images)]
    prompts = prompts_for(policy, examples)
    load = Load.of(policy, prompts)
    assert load.prompt_tokens == max(len(p.token_ids) for p in prompts)
    assert load.patches == 4 * load.image_tokens  # four patches are merged into one token


@pytest.mark.parametrize(
    ("library", "kept_back"), [(("glibc", "2.36"), True), (("glibc", "2.39"), False), (("", ""), False)]
)
def test_only_an_old_c_library_keeps_memory_back(sizes, monkeypatch, library, kept_back):
    monkeypatch.setattr("platform.libc_ver", lambda: library)
    plan = plan_of(optim={"activation_checkpointing": True})
    held = forecast_memory(sizes, plan, LOAD)
    moving = (KEPT_BACK[False, True] if kept_back else 1) * (held.total - held.weights)
    assert resident_gib(held, plan, torch.device("cpu")) == pytest.approx(held.weights + moving)
    assert resident_gib(held, plan, torch.device("cuda")) == held.total


def test_a_machine_has_memory():
    assert device_memory_gib(torch.device("cpu")) > 0.5
    assert device_memory_gib(torch.device("cuda", torch.cuda.device_count())) is None


@pytest.mark.parametrize("recomputes", [False, True])
def test_offloaded_activations_leave_the_gpu_and_not_the_cpu(sizes, recomputes):
    own = {"activation_checkpointing": recomputes}
    sizes = replace(sizes, text=replace(sizes.text, layers=28))
    kept, moved = (forecast(sizes, optim=own | {"activation_offload": on}) for on in (False, True))
    assert kept.offloaded == 0 < moved.offloaded
    # One layer at a time, and the keys and values that answers read of their prompts, are on the GPU.
    assert moved.phases["backward"] < (0.95 if recomputes else 0.3) * kept.phases["backward"]
    assert moved.weights == kept.weights and moved.lasting == kept.lasting
    plan = plan_of(optim={"prompts_per_step": 8, "activation_offload": True} | own)
    on_gpu, on_cpu = (resident_gib(moved, plan, torch.device(d)) for d in ("cuda", "cpu"))
    assert on_gpu == moved.total < on_cpu
    assert on_cpu >= resident_gib(kept, plan, torch.device("cpu")) * 0.99


@pytest.mark.parametrize("bits", [4, 8])
def test_a_quantized_base_holds_less_and_learns_as_much(tiny_folders, bits):
    options = model_options(tiny_folders, "bfloat16").model_copy(update={"lora": LoraOptions(rank=4)})
    whole, narrow = (sizes_of(load_policy(options.model_copy(update={"bits": one}))) for one in (None, bits))
    plans = plan_of(model={"lora": {"rank": 4}, "bits": bits})
    before, after = (forecast_memory(one, plans, LOAD) for one in (whole, narrow))
    assert after.weights < before.weights and after.optimizer == before.optimizer
    # While it is used a projection is unfolded; 8 bits keep their inputs.
    assert after.phases["backward"] > before.phases["backward"]


def test_comparing_the_methods_takes_no_more_prompts_than_a_step(tiny_folders, images):
    """One at a time is what saves memory on an ordinary card."""
    examples = [question(path, (64, 48), str(i)) for i, path in enumerate(images)]
    tree = {"task": "detection", "data": {"path": "unused"}, "rollout": {"max_new_tokens": 4}}
    seen = []

    def count(module, args, kwargs):
        seen.append(len(kwargs["input_ids"]) if kwargs.get("input_ids") is not None else 0)

    for optim in ({"micro_prompts": 1}, {"prompts_per_step": 1}, {"micro_prompts": 2}, {}):
        config = make_config(tree | {"model": {"path": str(tiny_folders["qwen2_vl"])}, "optim": optim})
        policy = policy_of(config)
        policy.core.model.register_forward_pre_hook(count, with_kwargs=True)
        seen.clear()
        check_methods(policy, examples, config)
        # The plain method encodes each prompt with each of its two answers.
        assert max(seen) == (2 if 1 in optim.values() else 4), optim
