"""The memory forecast of today's code against the peaks that were measured once."""

from __future__ import annotations

import json

import pytest
from memory_forecast import CASES, RESULT, Case, case_config
from models import MIDDLE, save_images, save_random_qwen2_vl
from ours_side import examples_of

from vrft.models.layer_sizes import sizes_of
from vrft.rollout.driver import prompts_for
from vrft.training.memory import KEPT_BACK, Load, forecast_memory
from vrft.workflows.configured import policy_of

MEASURED = json.loads(RESULT.read_text("utf-8"))["cases"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_random_qwen2_vl(tmp_path_factory.mktemp("middle") / "model", MIDDLE)


@pytest.mark.parametrize("name", MEASURED)
def test_the_forecast_is_within_a_quarter_of_the_measured_peak(name, model, tmp_path):
    row, case = MEASURED[name], Case(**MEASURED[name]["case"])
    config = case_config(model, case)
    config = config.model_copy(update={"model": config.model.model_copy(update={"device": "meta"})})
    policy, examples = policy_of(config), examples_of(save_images(tmp_path, 1, case.image_tokens))
    load = Load.of(policy, prompts_for(policy, examples))
    forecast = forecast_memory(sizes_of(policy), config.memory_plan, load)
    held = forecast.total - forecast.weights
    assert held == pytest.approx(row["measured_gib"], rel=0.25)
    resident = held * KEPT_BACK[case.lora, case.checkpointing]
    assert resident == pytest.approx(row["with_default_allocator_gib"], rel=0.25)


def test_the_measured_cases_differ_in_everything_that_a_step_may_differ_in():
    assert MEASURED.keys() == CASES.keys()
    for key in ("beta", "lora", "vision", "checkpointing", "group", "image_tokens", "new_tokens", "micro"):
        assert len({row["case"][key] for row in MEASURED.values()}) > 1, key
