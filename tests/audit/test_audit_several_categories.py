"""The holes of settings that are named after other projects' code are attacks of the task, and pay there."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from vrft.diagnostics.audit.attack import Case
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer

TASK = load_task("multi_detection")


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    examples = TASK.audit_examples(40, rng)
    believed = TASK.audit_beliefs(examples, rng)
    return [
        Case(TASK, example, (example.image.frame("norm1000", (1000, 1000)),), belief, example.target)
        for example, belief in zip(examples, believed, strict=True)
    ]


def mean(setting, texts, cases):
    scorer = Scorer(TASK, RewardOptions(setting=setting, allow_unsafe_reward=True))
    scored = [scorer.score_text(t, c.example, c.frames) for t, c in zip(texts, cases, strict=True)]
    return fmean(rollout.reward for rollout in scored)


@pytest.mark.parametrize(
    ("setting", "attacks"),
    [
        ("vision_r1", ("exchanged_names", "unasked_names")),
        ("big_vision", ("every_name", "honest_and_foreign")),
        ("recommended", ()),
        ("vision_r1_paper", ()),
    ],
)
def test_released_code_pays_for_its_holes_and_the_recommended_setting_has_none(setting, attacks, cases):
    honest = mean(setting, [case.honest() for case in cases], cases)
    rng = np.random.default_rng(1)
    paid = {
        name: mean(setting, [write(case, rng) for case in cases], cases)
        for name, write in TASK.attacks.items()
    }
    assert {name for name, value in paid.items() if value >= honest - 1e-9} == set(attacks), (honest, paid)
