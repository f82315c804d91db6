"""What a user may say to ``fit`` beyond its options, and what stays its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from custom_task import CUSTOM
from vrft.errors import ConfigError, RunError
from vrft.types import Form
from vrft.workflows.fit_settings import DECIDED, FitSettings, keep_settings


def test_a_resumed_fit_keeps_its_settings(tmp_path):
    settings = FitSettings(Path("photos"), "detection", seed=1)
    for writes in (True, False):
        keep_settings(settings, tmp_path, writes)
        keep_settings(replace(settings, control=True), tmp_path, writes=False)
        with pytest.raises(RunError, match="seed: 1, now 5"):
            keep_settings(replace(settings, seed=5), tmp_path)


def test_arms_come_in_one_order_and_a_resumed_fit_keeps_them(tmp_path):
    three = FitSettings(Path("photos"), "detection", arms=("rejection", "rft", "sft"), control=True)
    assert three.systems == ("sft", "rft", "rejection", "control")
    assert FitSettings(Path("photos"), "detection").systems == ("sft", "rft")
    keep_settings(replace(three, arms=("sft", "rft", "rejection")), tmp_path)
    keep_settings(three, tmp_path)
    for change in ({"arms": ("rft", "rejection")}, {"rejection_rounds": 2}, {"sft_forms": "both"}):
        with pytest.raises(RunError, match="keeps its settings"):
            keep_settings(replace(three, **change), tmp_path)
    old = json.loads((tmp_path / "settings.json").read_text())
    new = ("arms", "sft_forms", "rejection_rounds", "rejection_keep")
    (tmp_path / "settings.json").write_text(json.dumps({k: v for k, v in old.items() if k not in new}))
    keep_settings(FitSettings(Path("photos"), "detection"), tmp_path, writes=False)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"arms": ("sft",)}, "rft must be among them"),
        ({"arms": ()}, "rft must be among them"),
        ({"arms": ("rft", "rejecton")}, "Did you mean 'rejection'"),
        ({"arms": ("rft",), "sft_forms": "both"}, "--sft-forms both: sft is not among --arms rft"),
        ({"sft_forms": "all"}, "--sft-forms all: choose from same, both"),
        ({"rejection_rounds": 2}, "rejection is not among --arms sft,rft"),
        ({"arms": ("rft", "rejection"), "rejection_rounds": 4}, "give 1 to 3 rounds"),
        ({"arms": ("rft", "rejection"), "rejection_keep": 0}, "at least 1 answer"),
    ],
)
def test_arms_that_cannot_be_compared_are_refused(given, says):
    with pytest.raises(ConfigError, match=says):
        FitSettings(Path("photos"), "detection", **given)


def trial(*overrides, method="rft", task="detection", **more):
    settings = FitSettings(Path("photos"), task, overrides=overrides, **more)
    return settings.trial(
        method, rate=3e-5, out=Path("out"), form=Form.DIRECT, manifest=Path("split.json"), model="miniature"
    )


def test_overrides_reach_every_trial():
    for method in ("rft", "sft"):
        config = trial(
            "rollout.max_new_tokens=600", "optim.micro_prompts=2", "model.max_pixels=9000", method=method
        )
        assert config.rollout.max_new_tokens == 600
        assert config.optim.micro_prompts == 2 and config.model.max_pixels == 9000
        assert config.optim.learning_rate == 3e-5
    assert trial("model.lora.rank=8").model.lora.rank == 8


def test_selection_may_be_set_and_is_that_of_rft_alone(tmp_path):
    given = ("data.select=pass_rate", "data.select.highest=0.8")
    settings = FitSettings(Path("photos"), "detection", overrides=given)
    places = {"rate": 3e-5, "out": Path("out"), "form": Form.DIRECT, "manifest": Path("split.json")}
    rft = settings.trial("rft", **places, probe=tmp_path / "probe.json").data.select
    assert (rft.lowest, rft.highest, rft.probe) == (0.0, 0.8, str(tmp_path / "probe.json"))
    assert settings.trial("rft", **places).data.select.probe is None
    assert settings.trial("sft", **places).data.select is None


@pytest.mark.parametrize(
    "override",
    [
        "data.selected=1",
        "data.shots=2",
        "seed=3",
        "optim.learning_rate=1",
        "optim.steps=9",
        "form=think",
        "task.subject=plant",
        "grpo.shuffle_rewards=true",
        "model.path=x",
    ],
)
def test_what_makes_the_comparison_fair_stays_fits_own(override):
    with pytest.raises(ConfigError, match="set by vrft fit"):
        trial(override)


def test_unknown_keys_are_refused():
    with pytest.raises(ConfigError, match=r"rollout\.max_tokens"):
        trial("rollout.max_tokens=5")
    with pytest.raises(ConfigError, match="key=value"):
        trial("rollout")


def test_every_decided_key_exists():
    tree = trial().model_dump()
    for key in DECIDED:
        section, _, leaf = key.partition(".")
        assert section in tree and (not leaf or leaf in tree[section])


def test_a_tasks_own_options_reach_every_trial():
    config = trial(task="classification", task_options={"subject": "plant", "open_naming": True})
    task = config.task.load()
    assert (task.name, task.subject, task.open_naming) == ("classification", "plant", True)
    with pytest.raises(ConfigError, match="no such option"):
        trial(task_options={"subject": "plant"}).task.load()


def test_the_control_trains_on_shuffled_rewards_and_keeps_its_last_step():
    settings = FitSettings(Path("photos"), "detection")
    places = {"rate": 1e-4, "out": Path("out"), "form": Form.THINK, "manifest": Path("split.json")}
    plain, control = (settings.trial("rft", **places, shuffle_rewards=s) for s in (False, True))
    assert not plain.grpo.shuffle_rewards and plain.checks.validate_every == 10
    assert control.grpo.shuffle_rewards and control.checks.validate_every == 0
    changed = {"grpo": plain.grpo, "checks": plain.checks}
    assert control.model_copy(update=changed) == plain


def test_a_run_finds_its_data_and_its_task_from_any_folder(tmp_path, monkeypatch):
    task = tmp_path / "my_count"
    shutil.copytree(CUSTOM, task)
    source = task / "count_boxes.py"
    source.write_text(source.read_text().replace('"count_boxes"', '"my_count"'))
    monkeypatch.chdir(tmp_path)
    for spec in ("my_count", "./my_count"):
        settings = FitSettings(Path("photos"), spec)
        config = settings.trial("rft", rate=1e-4, out=tmp_path / "run", form=Form.DIRECT)
        assert config.data.path == str(tmp_path / "photos")
        assert config.task.name == str(task) and config.task.load().name == "my_count"
