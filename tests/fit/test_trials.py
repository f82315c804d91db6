"""Which trial is chosen, and what the rest of a fit is forecast to take."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrft.run_folder import fresh_folder, newest_folder
from vrft.types import Form
from vrft.workflows.arms import SYSTEMS
from vrft.workflows.cost import Trials, minutes_left
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.trials import Trial, choose


def trials(*validations):
    """One for each validation, at rates 1, 2, 3 ..."""
    return [Trial("rft", f"r{i}", float(i), 10, value, 20) for i, value in enumerate(validations, 1)]


@pytest.mark.parametrize(
    ("validations", "higher_is_better", "chosen"),
    [
        ((0.3, 0.5, 0.4), True, "r2"),
        ((0.3, 0.5, 0.4), False, "r1"),
        ((0.5, 0.5, 0.4), True, "r1"),
        ((0.5, 0.4, 0.4), False, "r2"),
        ((None, None), True, "r1"),
        ((None, None), False, "r1"),
        ((float("nan"), 0.0), True, "r2"),
        ((float("nan"), 9.0), False, "r2"),
    ],
)
def test_the_best_validation_is_chosen_and_of_equals_the_lower_rate(validations, higher_is_better, chosen):
    for listed in (trials(*validations), trials(*validations)[::-1]):
        assert choose(listed, higher_is_better).folder == chosen


def test_the_forecast_adds_up_what_is_left():
    settings = FitSettings(Path("photos"), "detection", steps=20)

    def config(method, **more):
        places = {"rate": 1e-4, "out": Path("out"), "form": Form.THINK, "manifest": Path("split.json")}
        return settings.trial(method, **places, **more)

    systems = {
        "sft": Trials(2, config("sft")),
        "rft": Trials(2, config("rft")),
        "control": Trials(1, config("rft", shuffle_rewards=True)),
    }
    # 20 steps with a validation at the start, after 10 and after 20; the control has none.
    seconds = 2 * (20 * 1 + 3 * 6 * 0.5) + 2 * (20 * 3 + 3 * 6 * 0.5) + 20 * 3 + 3 * 100 * 0.5
    found = minutes_left(systems, {"sft": 1.0, "rft": 3.0}, 0.5, val=6, heldout=100)
    assert found == pytest.approx(seconds / 60)


def test_the_forecast_holds_the_answers_of_rejection_sampling():
    settings = FitSettings(
        Path("photos"), "detection", steps=20, arms=("rft", "rejection"), rejection_rounds=2
    )
    places = {"rate": 1e-4, "out": Path("out"), "form": Form.THINK}
    arm = SYSTEMS["rejection"]
    trials = Trials(arm.count(settings), settings.trial(arm.method, **places), arm.samples_first)
    # Two rounds of two rates, and once the sampling of 20 RFT steps.
    seconds = 4 * (20 * 1 + 3 * 6 * 0.5) + 20 * 2 + 100 * 0.5
    each = {"sft": 1.0, "rft": 3.0, "sampling": 2.0}
    found = minutes_left({"rejection": trials}, each, 0.5, val=6, heldout=100)
    assert found == pytest.approx(seconds / 60)


def test_the_forecast_holds_the_first_pass_of_a_selection():
    places = {"rate": 1e-4, "out": Path("out"), "form": Form.THINK}
    each, minutes = {"rft": 3.0, "sampling": 2.0}, []
    for overrides in ((), ("data.select=pass_rate",)):
        settings = FitSettings(Path("photos"), "detection", steps=20, overrides=overrides)
        trials = Trials(2, settings.trial("rft", **places))
        minutes.append(minutes_left({"rft": trials}, each, 0.5, val=6, heldout=100, train=40))
    # Twice 16 answers to 40 questions, of 16 questions with 8 answers a step.
    assert 60 * (minutes[1] - minutes[0]) == pytest.approx(2 * 2.0 * 40 * 16 / (16 * 8))


def test_every_fit_has_a_folder_of_its_own(tmp_path):
    stem = tmp_path / "fit"
    assert fresh_folder(stem) == newest_folder(stem) == stem
    for name in ("fit", "fit-2"):
        assert fresh_folder(stem).name == name
        fresh_folder(stem).mkdir()
        assert newest_folder(stem).name == name
    assert fresh_folder(stem).name == "fit-3"
