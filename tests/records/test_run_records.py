"""What a run's folder says, what a refused command leaves, and what is said of a model that learned "
"nothing."""

from __future__ import annotations

import json
import os
from contextlib import chdir
from pathlib import Path

import pytest
from PIL import Image
from recorded import draw, tree_of, write_boxes, write_classes, write_config

from launch import vrft
from report.making import make_fit
from vrft.config.run_config import dump_config, make_config
from vrft.errors import InputError
from vrft.miniature.folders import write_classification
from vrft.run_folder import place_of_data, removed_if_refused
from vrft.workflows.fit_outcome import weights_by_system
from vrft.workflows.trials import Trial


def learn_nothing(tree):
    """A rate so small that no answer changes: no validation is better than the first."""
    return {**tree, "optim": {**tree["optim"], "learning_rate": 1e-12}, "checks": {"validate_every": 1}}


def test_a_run_that_learned_nothing_says_so(tiny_folders, tmp_path):
    write_classes(tmp_path / "photos")
    tree = tree_of("classification", tmp_path / "photos", tiny_folders["qwen3_vl"], "run")
    for verb in ("train", "sft"):
        out = f"out=runs/{verb}"
        config = write_config(tmp_path / "a.yaml", learn_nothing(tree))
        ended = vrft(verb, config, out, "--no-check", "-q", cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        said = " ".join(ended.stdout.split())
        assert said.startswith("Best step 0, validation 0.000: no step was better than the start")
        assert "Nothing was learned." in said


def trial(system, best_step):
    return Trial(system, f"{system}-1e-05", 1e-5, best_step, 0.5, 40)


@pytest.mark.parametrize(
    ("steps", "start", "owners"),
    [
        ((0, 0), "base", ("base", "base")),
        ((10, 0), "base", ("sft", "base")),
        ((10, 0), "sft", ("sft", "sft")),
        ((0, 0), "sft", ("base", "base")),
        ((0, 20), "sft", ("base", "rft")),
    ],
)
def test_whose_weights_a_system_has(steps, start, owners):
    chosen = {name: trial(name, step) for name, step in zip(("sft", "rft"), steps, strict=True)}
    assert weights_by_system(chosen, start) == dict(
        zip(("base", "sft", "rft"), ("base", *owners), strict=True)
    )


# ---- what is refused


def test_the_doctors_errors_end_a_training_before_it_begins(tiny_folders, tmp_path):
    """Two classes that one answer cannot tell apart: what fit refuses, train and sft refuse."""
    write_classes(tmp_path / "photos")
    (tmp_path / "photos" / "ant").rename(tmp_path / "photos" / "[ant]")
    tree = tree_of("classification", tmp_path / "photos", tiny_folders["qwen3_vl"], "runs/a")
    config = write_config(tmp_path / "a.yaml", tree)
    fit = (
        "fit",
        "photos",
        "--task",
        "classification",
        "--model",
        tiny_folders["qwen3_vl"],
        "--out",
        "runs/a",
    )
    for words in (("train", config), ("sft", config, "out=runs/a"), fit):
        ended = vrft(*words, "-q", cwd=tmp_path)
        assert ended.returncode == 2 and "[ant]" in ended.stderr, ended
        assert "--no-check" in ended.stderr and not (tmp_path / "runs").exists()
    assert vrft("train", config, "-q", "--no-check", cwd=tmp_path).returncode == 0
    assert (tmp_path / "runs" / "a" / "manifest.json").exists()


def test_a_refused_command_leaves_no_folder(tmp_path):
    """Whatever refuses it: the data, the split, the model, the question."""
    write_classes(tmp_path / "photos")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "config.json").write_text('{"model_type": "gpt2"}')
    image = next((tmp_path / "photos").rglob("*.png"))
    there = {path.name for path in tmp_path.iterdir()}
    tree = tree_of("classification", tmp_path / "photos", tmp_path / "none", "runs/a")
    trees = {"model": tree, "split": {**tree, "data": {**tree["data"], "shots": 99}}}
    configs = {name: write_config(tmp_path / f"{name}.yaml", tree) for name, tree in trees.items()}
    named = ("--task", "classification", "--model", "none")
    for words in (
        *((verb, config) for verb in ("train", "sft") for config in configs.values()),
        ("train", configs["model"], "--no-check"),
        ("fit", "photos", *named),
        ("fit", "photos", *named, "--shots", 99),
        ("eval", "none", "photos", "--task", "classification"),
        ("predict", "none", image, "ant", "--out", "runs/p"),
        ("probe", "photos", *named),
    ):
        ended = vrft(*words, cwd=tmp_path)
        assert ended.returncode == 2, (words, ended)
        left = {path.name for path in tmp_path.iterdir()} - there - {"model.yaml", "split.yaml"}
        assert not left, (words, ended.stderr)


def failing(folder, sign, error=InputError):
    with removed_if_refused(folder, "run.json"):
        folder.mkdir(parents=True)
        if sign:
            (folder / "run.json").write_text("{}")
        raise error("late")


@pytest.mark.parametrize("sign", [True, False])
def test_a_folder_with_work_in_it_stays(sign, tmp_path):
    with pytest.raises(InputError, match="late"):
        failing(tmp_path / "a" / "b", sign)
    assert (tmp_path / "a").exists() is sign
    with pytest.raises(ValueError, match="late"):  # a fault of vrft, whose traceback is kept in the folder
        failing(tmp_path / "c", False, ValueError)
    assert (tmp_path / "c").exists()


# ---- the miniature


@pytest.mark.parametrize("verb", ["fit", "train"])
def test_photographs_need_a_model_and_the_miniature_says_what_it_cannot_do(verb, tmp_path):
    write_boxes(tmp_path / "photos")
    tree = tree_of("detection", tmp_path / "photos", "", "out")
    words = {
        "fit": ("fit", "photos", "--task", "detection", "--shots", 2, "--steps", 1, "--out", "out"),
        "train": ("train", write_config(tmp_path / "a.yaml", {**tree, "model": {}})),
    }[verb]
    ended = vrft(*words, cwd=tmp_path)
    assert ended.returncode == 2 and "Nothing was trained." in ended.stderr, ended
    assert not ended.stdout and not (tmp_path / "out").exists()
    (tmp_path / "photos" / "labels.json").write_text("{")  # so that it ends early, where it reads them again
    ended = vrft("eval", "miniature", write_boxes(tmp_path / "others"), "--task", "detection", "--eval-max",
                 1, "--max-new-tokens", 2, "--form", "direct", "--out", "e", cwd=tmp_path)  # fmt: skip
    assert ended.returncode == 0 and "nothing of photographs" in " ".join(ended.stderr.split())


def test_its_own_images_need_no_model(tmp_path):
    write_classification(tmp_path / "digits", 0, ("one", "two"), train=1, val=0, heldout=0)
    ended = vrft("fit", "digits", "--task", "classification", "--shots", 9, cwd=tmp_path)
    assert "No class has enough images" in ended.stderr and "so it is trained" in ended.stderr


# ---- images that moved


@pytest.fixture
def fit(tmp_path):
    """A fit that names its images by paths from the folder in which it was made."""
    (tmp_path / "work").mkdir()
    with chdir(tmp_path / "work"):
        folder = make_fit(Path("made"))
        facts = json.loads((folder / "fit.json").read_text())
        place = {"data": "photos", "data_root": os.path.abspath("photos"), "data_from_run": "../photos"}
        os.rename("made/images", "photos")
        for file in folder.rglob("heldout.jsonl"):
            file.write_text(file.read_text().replace("made/images", "photos"))
        (folder / "fit.json").write_text(json.dumps({**facts, **place}))
    return tmp_path / "work"


def embedded(page):
    text = page.read_text()
    return "not found" not in text and "data:image/png" in text


def test_a_page_finds_images_from_any_folder_and_after_a_move(fit, tmp_path):
    cases = {"here": fit, "elsewhere": tmp_path}
    for name, place in cases.items():
        ended = vrft("report", fit / "made", "--out", tmp_path / f"{name}.html", cwd=place)
        assert ended.returncode == 0 and embedded(tmp_path / f"{name}.html"), ended
    fit.rename(tmp_path / "moved")  # run and images together
    ended = vrft("report", tmp_path / "moved" / "made", "--out", "both.html", cwd=tmp_path)
    assert ended.returncode == 0 and embedded(tmp_path / "both.html"), ended
    (tmp_path / "moved" / "photos").rename(tmp_path / "archive")
    ended = vrft("report", "moved/made", "--out", "lost.html", cwd=tmp_path)
    assert ended.returncode == 1 and "were not found, such as" in ended.stderr
    page = (tmp_path / "lost.html").read_text()
    assert "were not found, such as" in page and "--data DIR" in page
    ended = vrft("report", "moved/made", "--data", "archive", "--out", "now.html", cwd=tmp_path)
    assert ended.returncode == 0 and embedded(tmp_path / "now.html"), ended


def test_a_folder_that_holds_none_of_the_images_is_named(fit, tmp_path):
    (tmp_path / "wrong").mkdir()
    says = "'wrong' was searched and does not hold them: give --data the folder that does."
    ended = vrft("report", "work/made", "--data", "wrong", "--out", "old.html", cwd=tmp_path)
    assert ended.returncode == 1 and says in ended.stderr
    assert f"shown from where they lay before, such as {fit / 'photos'}" in ended.stderr
    assert embedded(tmp_path / "old.html") and "does not hold them" in (tmp_path / "old.html").read_text()
    (fit / "photos").rename(tmp_path / "archive")
    ended = vrft("report", "work/made", "--data", "wrong", "--out", "lost.html", cwd=tmp_path)
    assert ended.returncode == 1 and "were not found, such as" in ended.stderr and says in ended.stderr
    assert "Say where" not in ended.stderr
    assert vrft("report", "work/made", "--data", "archive", cwd=tmp_path).stderr == ""


def test_a_fit_that_went_on_elsewhere_remembers_where_its_images_were(fit, tmp_path):
    facts = json.loads((fit / "made" / "fit.json").read_text())
    (fit / "photos").rename(fit / "images")
    place = place_of_data("images", fit / "images", fit / "made", before=facts)
    assert place["data_before"] == [str(fit / "photos"), "photos"]
    (fit / "made" / "fit.json").write_text(json.dumps({**facts, **place}))
    assert vrft("report", fit / "made", cwd=tmp_path).returncode == 0
    assert embedded(tmp_path / "report.html")
    assert "data_before" not in place_of_data("images", fit / "images", fit / "made", before=place_of_data(
        "images", fit / "images", fit / "made"
    ))  # fmt: skip


def test_an_older_runs_images_are_found_where_the_user_says(fit, tmp_path):
    facts = json.loads((fit / "made" / "fit.json").read_text())
    for key in ("data_root", "data_from_run"):
        del facts[key]
    (fit / "made" / "fit.json").write_text(json.dumps(facts))
    assert vrft("report", fit / "made", cwd=tmp_path).returncode == 1
    ended = vrft("report", fit / "made", "--data", fit / "photos", cwd=tmp_path)
    assert ended.returncode == 0 and embedded(tmp_path / "report.html")


# ---- older runs


def test_a_run_without_a_split_opens_and_says_what_is_missing(tiny_folders, tmp_path):
    write_classes(tmp_path / "photos")
    tree = tree_of("classification", "photos", tiny_folders["qwen3_vl"], "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").symlink_to(tiny_folders["qwen3_vl"])
    (tmp_path / "run" / "config.yaml").write_text(dump_config(make_config(tree)))
    (tmp_path / "run" / "run.json").write_text('{"method": "rft"}')
    words = ("eval", tmp_path / "run", tmp_path / "photos", "--max-new-tokens", 2, "--out")
    ended = vrft(*words, "e", cwd=tmp_path)
    assert ended.returncode == 0 and "kept no split" in " ".join(ended.stderr.split()), ended
    card = json.loads((tmp_path / "e" / "result.json").read_text())
    assert card["part"] == "heldout" and "kept no split" in card["notes"][0]
    (tmp_path / "far").mkdir()
    ended = vrft(*words, "e", cwd=tmp_path / "far")
    assert ended.returncode == 2 and "--part all" in ended.stderr
    assert not list((tmp_path / "far").iterdir())


# ---- answers


def test_an_answer_is_not_lost_where_it_cannot_be_drawn(tmp_path):
    draw(tmp_path / "set" / "a.png", 1)
    work = tmp_path / "work"
    (work / "a.answer.png").mkdir(parents=True)  # in the place of the drawn image
    words = ("predict", "miniature", tmp_path / "set" / "a.png", "two", "--max-new-tokens", 4, "--json")
    ended = vrft(*words, cwd=work)
    assert ended.returncode == 0 and json.loads(ended.stdout)[0]["question"] == "two", ended
    assert "the drawn image cannot be written" in ended.stderr
    with Image.open(tmp_path / "set" / "a.png") as image:
        assert image.size == (48, 40)
