"""Puzzles first: which images they are made of, what begins where, and that it is said."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from vrft.errors import ConfigError, InputError
from vrft.miniature.folders import write_classification
from vrft.progress import NullReporter
from vrft.types import Example, Form, Image, Label
from vrft.workflows.fit import fit
from vrft.workflows.fit_settings import MINIATURE_RECIPE, FitSettings
from vrft.workflows.trials import SweepContext, count_sampled
from vrft.workflows.warm_up import free_images, make_puzzles

PUZZLES = ("jigsaw", "patch_fit", "rotation_puzzle")


class OneRate(FitSettings):
    """A fit with one trial where it would have two."""

    @property
    def recipe(self):
        return replace(MINIATURE_RECIPE, rft_rates=(1e-4,), sft_rates=(1e-4,))


def test_puzzles_stand_for_all_and_come_before_everything_else():
    settings = FitSettings(Path("photos"), "detection", warm_up=("puzzles", "jigsaw"), control=True)
    assert settings.warm_up == PUZZLES
    assert settings.systems == ("warm_up", "sft", "rft", "control")
    assert FitSettings(Path("photos"), "detection").systems == ("sft", "rft")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"warm_up": ("jigsew",)}, "'jigsew' is not a puzzle. Did you mean 'jigsaw'"),
        ({"warm_up": ("detection",)}, "'detection' is not a puzzle.*jigsaw, patch_fit, rotation_puzzle"),
        ({"warm_up_steps": 5}, "name puzzles with --warm-up"),
        ({"warm_up": ("jigsaw",), "warm_up_steps": 0}, "give at least 1"),
    ],
)
def test_what_is_no_puzzle_is_refused(given, says):
    with pytest.raises(ConfigError, match=says):
        FitSettings(Path("photos"), "detection", **given)


@pytest.fixture
def folder(tmp_path):
    """Six different scenes; of 'held' there are a copy, one a little brighter, and one mirrored."""
    rng, places = np.random.default_rng(0), {}
    for name in ("a", "b", "c", "held", "val", "test/given"):
        blocks = rng.integers(0, 200, (8, 8, 3), dtype=np.uint8)
        places[name] = PILImage.fromarray(blocks).resize((100, 100), PILImage.Resampling.BICUBIC)
    held = places["held"]
    places |= {"copy": held, "brighter": held.point(lambda v: min(255, int(1.15 * v)))}
    places["mirrored"] = held.transpose(PILImage.Transpose.FLIP_LEFT_RIGHT)
    for name, image in places.items():
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return tmp_path / "photos"


def sweep_of(folder, tested=("val",), held=("held",), **more):
    def asked(names):
        return [
            Example(n, n, "classification", (Image(folder / f"{n}.png", (100, 100)),), "digit", Label("two"))
            for n in names
        ]

    return SweepContext(
        settings=FitSettings(folder, "classification", warm_up=("jigsaw",), **more),
        root=folder.parent,
        form=Form.DIRECT,
        train=(),
        val=asked(tested),
        held_out=asked(held),
        data_root=folder,
        reporter=NullReporter(),
        note=print,
    )


def names_of(sweep, most=100):
    config = sweep.settings.trial("rft", rate=1e-4, out=sweep.root / "run", form=sweep.form)
    return [record.id.removesuffix(".png") for record in free_images(sweep, config, most)]


def test_nothing_that_is_tested_on_becomes_a_puzzle_nor_what_looks_like_it(folder):
    assert sorted(names_of(sweep_of(folder))) == ["a", "b", "c"]
    assert sorted(names_of(sweep_of(folder, near_duplicates=False))) == [
        "a",
        "b",
        "brighter",
        "c",
        "mirrored",
    ]
    assert len(names_of(sweep_of(folder, tested=(), held=()))) >= 5
    assert len({tuple(names_of(sweep_of(folder, seed=seed))) for seed in range(6)}) > 1


def test_a_folder_without_a_free_image_is_refused(folder):
    sweep = sweep_of(folder, held=("a", "b", "c", "held"))
    config = sweep.settings.trial("rft", rate=1e-4, out=sweep.root / "run", form=sweep.form)
    with pytest.raises(InputError, match=r"no image is left for puzzles.*leave --warm-up out"):
        make_puzzles(sweep, config)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    settings = OneRate(
        write_classification(folder, 0, ("two", "five"), train=2, val=1, heldout=2),
        "classification",
        shots=1,
        steps=1,
        form=Form.DIRECT,
        eval_max=4,
        val_max=2,
        arms=("rft",),
        warm_up=("puzzles",),
        warm_up_steps=2,
        overrides=("optim.prompts_per_step=3", "rollout.group_size=4", "data.select=variance"),
    )
    assert fit(settings, folder / "fit", check=False) is not None
    return folder / "fit"


def test_rft_begins_from_the_policy_after_the_puzzles_and_all_of_it_is_counted(finished):
    facts = json.loads((finished / "fit.json").read_text())
    assert facts["systems"]["warm_up"] == "warm-up" and list(facts["systems"]) == ["base", "warm_up", "rft"]
    rows = [json.loads(line) for line in (finished / "warm-up" / "rollouts.jsonl").read_text().splitlines()]
    assert Counter(row["task"] for row in rows) == dict.fromkeys(PUZZLES, 2)
    assert all(row["id"].partition("/")[2].startswith("train/") for row in rows)
    assert "tasks:" in (finished / "warm-up" / "config.yaml").read_text()
    config = (finished / "rft-1e-04" / "config.yaml").read_text()
    assert f"path: {finished / 'warm-up' / 'model'}" in config and "probe: null" not in config
    drawn = facts["answers_sampled"]
    assert drawn["warm_up"] == count_sampled(finished / "warm-up")
    assert drawn["warm_up"]["answers"] == 2 * 3 * 4 and drawn["warm_up"]["tokens"] > 0
    note = next(one for one in facts["notes"] if "puzzles left" in one)
    assert f"24 answers, {drawn['warm_up']['tokens']:,} tokens, no labels)." in note
    page = (finished / "report.html").read_text()
    assert "Puzzles alone 24" in page and "RFT against the policy after the puzzles" in page
    found = json.loads((finished / "comparison.json").read_text())["tasks"]["classification"]
    assert found["rft_minus_warm_up"]["value"] == found["rft"]["value"] - found["warm_up"]["value"]
    manifest = json.loads((finished / "rft-1e-04" / "manifest.json").read_text())
    assert manifest["learned_besides"], "what the puzzles showed is known as learned"
