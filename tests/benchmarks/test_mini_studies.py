"""What the studies and the command line of the small benchmark would run."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import mini.settings
import pytest
from mini.cell import main_table
from mini.effort import FULL, TINY
from mini.settings import DATA_SEED, SETTINGS, questions
from mini.studies import STUDIES
from mini.studies.data import MOST_IMAGES, STEPS
from mini.studies.sensitivity import BETAS, GROUP_SIZES, RATES
from mini.systems import trial
from scripts import script

from vrft.config.run_config import dump_config
from vrft.errors import ConfigError, InputError
from vrft.miniature.folders import DETECTION_CATEGORIES, write_detection
from vrft.miniature.scenes import BASE, NOVEL
from vrft.types import Form


def points(name, setting="detection", models=()):
    return list(STUDIES[name].points(FULL, models, setting))


@pytest.mark.parametrize("name", ["data", "difficulty", "sensitivity", "attempts"])
def test_no_two_points_share_a_file_also_over_settings(name):
    both = points(name) if name == "data" else [*points(name), *points(name, "grounding")]
    assert len({point.name for point in both}) == len(both)


def test_the_map_of_sensitivity_has_every_pair_once():
    seen = [(p.effort.group, p.effort.beta, *p.effort.rft_rates) for p in points("sensitivity")]
    assert len(seen) == len(set(seen)) == (len(GROUP_SIZES) + len(BETAS) - 1) * len(RATES) >= 10
    assert {group for group, beta, _ in seen if beta == FULL.beta} == set(GROUP_SIZES)


@pytest.mark.parametrize("setting", SETTINGS)
def test_permuted_rewards_are_tried_on_seeds_that_no_table_has(setting):
    seen = [(point.cell.shots, point.cell.seed) for point in points("control", setting)]
    assert {shots for shots, _ in seen} == {s for s, n in SETTINGS[setting].seeds.items() if n == 1}
    in_a_table = {(cell.shots, cell.seed) for cell in main_table() if cell.setting == setting}
    assert len(set(seen)) == len(seen) and not set(seen) & in_a_table


def test_sft_may_learn_from_up_to_two_thousand_images():
    sft = points("data")
    assert MOST_IMAGES == 2000 and {p.train for p in sft} == {MOST_IMAGES}
    assert max(p.cell.shots for p in sft) * len(DETECTION_CATEGORIES) > MOST_IMAGES
    largest = [p for p in sft if p.cell.shots == max(STEPS)]
    assert all(p.effort.steps * p.effort.prompts >= MOST_IMAGES for p in largest) and len(largest) == 3


@pytest.fixture
def few_images(monkeypatch):
    """A setting with its own categories and few images, for what does not depend on how many there are."""
    monkeypatch.setattr(mini.settings, "FEWEST_HELDOUT", 1)
    monkeypatch.setattr(mini.settings, "DEVELOPMENT", 40)

    def made(name):
        categories, further = (BASE, NOVEL) if name == "open_vocabulary" else (DETECTION_CATEGORIES, ())

        def write(folder, train):
            parts = {"train": train, "val": 40, "heldout": 60}
            return write_detection(folder, DATA_SEED, categories, **parts, further=further)

        def develop(folder):
            return write_detection(folder, DATA_SEED + 1, (*BASE, *NOVEL), train=160, val=0, heldout=0)

        own = replace(SETTINGS[name], write=write, train=60, asked=60)
        return replace(own, develop=develop) if further else own

    return made


def test_more_images_are_asked_the_main_tables_questions(few_images, tmp_path):
    setting = few_images("detection")
    few = questions(setting, tmp_path / "few", 2, 0).split
    many = questions(setting, tmp_path / "many", 2, 0, train=setting.train + 40).split
    assert [e.id for e in few.heldout] == [e.id for e in many.heldout]
    assert [e.target for e in few.heldout] == [e.target for e in many.heldout]
    assert {e.id for e in few.val} == {e.id for e in many.val}


def test_sizes_need_a_second_model(tmp_path):
    with pytest.raises(InputError, match="second miniature"):
        points("size")
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"hidden_size": 128}}))
    named = points("size", models=[str(tmp_path)])
    assert {p.effort.model for p in named} == {str(tmp_path)} and {p.x["width"] for p in named} == {128}


def test_a_trial_of_the_code_stays_small_in_the_study_of_data():
    assert {p.effort.steps for p in STUDIES["data"].points(TINY, (), "detection")} == {TINY.steps}


def test_parts_share_out_the_table():
    parts = [script("mini").part_of(main_table(), f"{i}/3") for i in (1, 2, 3)]
    assert sorted(c.name for part in parts for c in part) == sorted(c.name for c in main_table())


def test_attempts_touch_neither_a_seed_of_the_table_nor_a_heldout_question():
    seen = points("attempts")
    assert {p.cell.seed for p in seen}.isdisjoint(cell.seed for cell in main_table())
    assert all(p.development for p in seen) and not any(p.development for p in points("sensitivity"))


@pytest.mark.parametrize("setting", ["classification", "detection", "grounding"])
def test_there_are_more_than_ten_attempts_and_each_differs_from_the_protocol(setting, tmp_path):
    seen = {}
    for point in (p for p in points("attempts", setting) if p.cell.seed == 11):
        runner = SimpleNamespace(effort=point.effort, form=Form.DIRECT, task=SimpleNamespace(name=setting))
        learner = replace(point.systems(runner)[-1], name="rft")
        configs = [
            trial(learner, rate, point.effort, setting, 11, "m", tmp_path / "run") for rate in learner.rates
        ]
        seen[point.x["attempt"]] = tuple(dump_config(config) for config in configs)
    assert len(seen) == len(set(seen.values())) >= 11


def test_development_questions_are_learned_from_by_nothing_and_are_not_held_out(few_images, tmp_path):
    setting = few_images("detection")
    held, development = (questions(setting, tmp_path, 2, 11, development=d) for d in (False, True))
    asked, learned = ({e.record_id for e in part} for part in (development.split.heldout, held.split.train))
    assert development.split.train == held.split.train and development.split.val == held.split.val
    assert asked.isdisjoint(learned | {e.record_id for e in (*held.split.val, *held.split.heldout)})
    assert len(development.split.heldout) == 40


def test_novel_categories_are_developed_on_images_of_their_own(few_images, tmp_path):
    setting = few_images("open_vocabulary")
    held, development = (questions(setting, tmp_path / "data", 1, 11, development=d) for d in (False, True))
    asked = development.split.heldout
    assert development.split.train == held.split.train and development.split.val == held.split.val
    assert {e.question for e in asked} == set(NOVEL) and len(asked) == 40
    assert any(e.is_positive for e in asked) and not all(e.is_positive for e in asked)
    pixels = {e.image.path.read_bytes() for e in asked}
    assert len(pixels) > 20
    others = (*held.split.train, *held.split.val, *held.split.heldout)
    assert pixels.isdisjoint(e.image.path.read_bytes() for e in others)


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/-2"])
def test_a_wrong_part_is_refused(part):
    with pytest.raises(ConfigError, match="write I/N"):
        script("mini").part_of(main_table(), part)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--plan", "--shots", "4"], "--shots has no meaning with --plan"),
        (["--table", "main", "--seed", "1"], "--seed has no meaning with --table"),
        (["--setting", "grounding", "--on", "detection"], "--on has no meaning with --setting"),
        (["--study", "data", "--on", "grounding"], "runs in detection alone"),
        (["--study", "difficulty", "--models", "runs/other"], "leave --models out"),
        (["--study", "difficulty", "--seed", "9"], "its seeds are 0, 1, 2"),
        (["--study", "control", "--on", "grounding"], "name another setting"),
    ],
)
def test_an_option_that_would_be_passed_over_is_refused(given, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        script("mini").main([*given, "--out", str(tmp_path), "--work", str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [["--page"], ["--setting", "detection"], ["--study", "data"]])
def test_committed_results_are_written_with_save_alone(given):
    with pytest.raises(ConfigError, match="with --save into"):
        script("mini").main(given)


def test_the_studies_of_several_settings_run_in_each_of_them():
    of = {name: {p.cell.setting for p in STUDIES[name].chosen(FULL)} for name in ("twin", "control")}
    assert of["twin"] == set(SETTINGS)
    assert of["control"] == {s for s, setting in SETTINGS.items() if 1 in setting.seeds.values()}
    assert {p.cell.setting for p in STUDIES["twin"].chosen(FULL, setting="grounding")} == {"grounding"}
    assert {p.cell.seed for p in STUDIES["twin"].chosen(FULL, seed=1)} == {1}


def test_the_plan_is_printed_without_training(capsys, tmp_path):
    script("mini").main(["--plan", "--out", str(tmp_path)])
    assert "47 cells, 0 done" in capsys.readouterr().out
