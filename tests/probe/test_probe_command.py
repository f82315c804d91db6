"""The verb on the miniature: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from vrft.cli import app
from vrft.errors import ConfigError, InputError
from vrft.miniature.scenes import draw_scene
from vrft.miniature.writers import write_coco
from vrft.types import Annotation, Boxes


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A configuration file beside 20 scenes of two classes."""
    folder = tmp_path_factory.mktemp("probe")
    images = []
    for index in range(20):
        scene = draw_scene(np.random.default_rng([7, index]), "train", ("seven", "circle"), (1, 2))
        boxes = [
            Annotation("category", o.category, Boxes((tuple(map(float, o.box_xyxy_px)),)))
            for o in scene.objects
        ]
        images.append((f"{index:02d}", Image.fromarray(scene.pixels), boxes))
    write_coco(folder / "data", images, ["circle", "seven"])
    tree = {
        "task": "detection",
        "data": {"path": str(folder / "data"), "shots": 2},
        "out": str(folder / "run"),
        "form": "direct",
        "rollout": {"group_size": 4, "max_new_tokens": 40},
        "reward": {"setting": "recommended"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def vrft_probe(*arguments):
    return CliRunner().invoke(app, ["probe", *map(str, arguments)])


QUICK = ("--questions", 3, "--samples", 8, "--temperatures", "0.5,1.0")


def test_the_probe_prints_json_and_writes_the_same_into_the_run(config):
    result = vrft_probe(config, *QUICK, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert json.loads((config.parent / "run" / "probe.json").read_text()) == found
    probe = found["probe"]
    assert (probe["groups"], probe["samples"], probe["group_size"]) == (3, 8, 4)
    assert set(probe["signal_at"]) == {"2", "4", "8"} and probe["signal"] == probe["signal_at"]["4"]
    assert probe["signal_at"]["2"] <= probe["signal_at"]["4"] <= probe["signal_at"]["8"]
    assert probe["pass_at"]["1"] == pytest.approx(probe["hits"])
    assert [row["temperature"] for row in found["temperatures"]] == [0.5, 1.0]
    assert found["advice"] and all(advice["sentence"] for advice in found["advice"])
    repeated = vrft_probe(config, *QUICK, "--json", "--out", config.parent / "again")
    assert json.loads(repeated.stdout)["probe"] == probe
    assert (config.parent / "again" / "probe.json").exists()


def test_the_probe_speaks_to_people(config):
    result = vrft_probe(config, *QUICK, "rollout.temperature=0.8")
    assert result.exit_code == 0, result.output
    for words in ("pass@k", "sd in a group", "groups of 4 have signal", "at temperature 0.8", "probe.json"):
        assert words in result.output


def test_of_the_think_form_right_answers_are_asked_again_and_the_rest_stays(config):
    few = ("--questions", 3, "--samples", 8, "--temperatures", "", "form=think", "rollout.max_new_tokens=64")
    result = vrft_probe(config, *few, "--json", "--out", config.parent / "think")
    found = json.loads(result.stdout)
    thoughts, probe = found["probe"]["thoughts"], found["probe"]
    assert 0 < thoughts["tried"] == thoughts["right"] <= round(24 * probe["hits"])
    assert thoughts["carried"] + thoughts["unneeded"] + thoughts["lucky"] == pytest.approx(1)
    assert found["advice"][-1]["rule"] == "to_think"
    printed = vrft_probe(config, *few, "--out", config.parent / "think")
    assert "carried by the thought" in printed.output
    assert found["advice"][-1]["sentence"][:40] in printed.output


@pytest.mark.parametrize(
    ("arguments", "problem", "message"),
    [
        (("--samples", 3), ConfigError, "--samples 4 or more"),
        (("--temperatures", "warm"), InputError, "--temperatures 'warm': write numbers"),
        (("--temperatures", "0"), ConfigError, "above 0"),
        (("reward.setting=generous",), ConfigError, "generous"),
    ],
)
def test_wrong_settings_are_refused_before_a_model_is_loaded(config, arguments, problem, message):
    result = vrft_probe(config, *arguments)
    assert isinstance(result.exception, problem) and message in str(result.exception)
