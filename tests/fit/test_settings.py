"""What a user may say to ``fit`` beyond its options, and what stays its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrft.errors import ConfigError
from vrft.types import Form
from vrft.workflows.fit_settings import DECIDED, FitSettings


def trial(*overrides, kind="rft"):
    settings = FitSettings(Path("photos"), "detection", overrides=overrides)
    return settings.trial(kind, 3e-5, Path("out"), Form.DIRECT, Path("split.json"), "miniature", False)


def test_overrides_reach_every_trial():
    for kind in ("rft", "sft"):
        config = trial(
            "rollout.max_new_tokens=600", "optim.micro_prompts=2", "model.max_pixels=9000", kind=kind
        )
        assert config.rollout.max_new_tokens == 600
        assert config.optim.micro_prompts == 2 and config.model.max_pixels == 9000
        assert config.optim.learning_rate == 3e-5
    assert trial("model.lora.rank=8").model.lora.rank == 8


@pytest.mark.parametrize(
    "override",
    ["data.shots=2", "seed=3", "optim.learning_rate=1", "optim.steps=9", "prompt.form=think", "model.path=x"],
)
def test_what_makes_the_comparison_fair_stays_fits_own(override):
    with pytest.raises(ConfigError, match="decided by fit"):
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
