"""`vrft eval` end to end: which questions, what it leaves, and that it goes on."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tiny_sam import save_tiny_sam
from vrft.cli import app
from vrft.cli.scoring import OF_A_MODEL, OF_STORED_TEXTS, evaluate
from vrft.commands.scoring import EvalSettings, run_eval
from vrft.config.run_config import dump_config, make_config
from vrft.data.dataset import load_dataset
from vrft.data.splits.few_shot import few_shot_split, manifest
from vrft.errors import InputError, RunError
from vrft.evaluation.answers_file import read_judged
from vrft.miniature.folders import write_classification, write_detection
from vrft.miniature.location import miniature_folder
from vrft.miniature.scenes import draw_scene
from vrft.progress import Silence
from vrft.run_folder import write_json
from vrft.tasks.metrics.metric import METRICS
from vrft.tasks.task import load_task
from vrft.types import Form


@pytest.fixture(scope="module")
def detection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detection")
    write_detection(folder, 0, train=12, val=6, heldout=10)
    return folder


@pytest.fixture(scope="module")
def classification(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classification")
    write_classification(folder, 0, categories=("one", "two", "seven"), train=2, val=2, heldout=4)
    return folder


def settings(data, **changes):
    plain = {"task": "detection", "form": Form.DIRECT, "max_new_tokens": 60}
    return EvalSettings("miniature", data, **{**plain, **changes})


def test_the_test_part_of_a_folder_is_scored_and_the_card_is_that_of_its_answers(detection, tmp_path):
    scored = run_eval(settings(detection), tmp_path / "eval", Silence())
    judged = read_judged(tmp_path / "eval" / "answers.jsonl")
    parts = load_dataset(detection, "detection").parts
    assert {parts[j.example.record_id] for j in judged} == {"test"}
    assert scored.card["part"] == "heldout"
    assert scored.card["pictures"] == 10
    assert scored.card["value"] == METRICS["ap"].value(judged)
    assert json.loads((tmp_path / "eval" / "result.json").read_text()) == scored.card
    assert {"presence", "rankings", "calibration"} <= scored.card.keys()


@pytest.mark.parametrize(("part", "pictures"), [("train", 12), ("val", 6), ("heldout", 10), ("all", 28)])
def test_a_part_may_be_named(detection, tmp_path, part, pictures):
    scored = run_eval(settings(detection, part=part, eval_max=1000), tmp_path, Silence())
    assert scored.card["pictures"] == pictures


def test_a_saved_split_decides_and_an_unknown_part_is_named(classification, tmp_path):
    task = load_task("classification")
    examples = task.examples(load_dataset(classification, "classification").records)
    split = few_shot_split(examples, task.group, shots=2, seed=3, eval_max=5)
    path = tmp_path / "manifest.json"
    write_json(path, manifest(split))
    ask = settings(classification, task="classification", manifest=path)
    run_eval(ask, tmp_path / "eval", Silence())
    asked = {j.example.id for j in read_judged(tmp_path / "eval" / "answers.jsonl")}
    assert asked == {e.id for e in split.heldout}
    with pytest.raises(InputError, match="--part 'best'"):
        run_eval(settings(classification, task="classification", part="best"), tmp_path / "b", Silence())


@pytest.mark.parametrize("same", [True, False])
def test_a_run_is_scored_on_the_held_out_part_of_its_own_split(classification, tmp_path, same):
    task = load_task("classification")
    examples = task.examples(load_dataset(classification, "classification").records)
    split = few_shot_split(examples, task.group, shots=2, seed=3, eval_max=5)
    run = tmp_path / "fit" / "rft"
    run.mkdir(parents=True)
    write_json(run.parent / "manifest.json", manifest(split))
    (run / "model").symlink_to(miniature_folder())
    trained_on = classification if same else tmp_path / "others"
    # The fit was moved: its configuration names a manifest that is no longer there.
    data = {"path": str(trained_on), "manifest": "gone/manifest.json"}
    tree = {"task": "classification", "data": data, "prompt": {"form": "direct", "subject": "digit"}}
    (run / "config.yaml").write_text(dump_config(make_config(tree)))
    said = []
    narrator = Silence()
    narrator.say = said.append
    card = run_eval(EvalSettings(str(run), classification, eval_max=100), tmp_path / "eval", narrator).card
    asked = read_judged(tmp_path / "eval" / "answers.jsonl")
    assert {j.form for j in asked} == {Form.DIRECT} and {j.example.question for j in asked} == {"digit"}
    if same:
        assert card["part"] == "heldout" and not said
        assert {j.example.id for j in asked} == {e.id for e in split.heldout}
    else:
        parts = load_dataset(classification, "classification").parts
        assert {parts[j.example.record_id] for j in asked} == {"test"}


def test_samples_fuse_and_other_settings_in_the_same_folder_are_refused(classification, tmp_path):
    ask = settings(classification, task="classification", samples=4, rule="vote", eval_max=8)
    card = run_eval(ask, tmp_path, Silence()).card
    assert card["rule"] == "vote" and card["plain"]["value"] == card["compute"]["rules"]["vote"][0]["value"]
    assert card["value"] == card["compute"]["rules"]["vote"][-1]["value"]
    with pytest.raises(RunError, match="samples: 4, now 2"):
        run_eval(settings(classification, task="classification", samples=2, eval_max=8), tmp_path, Silence())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": "vote"}, "--fuse vote needs several answers"),
        ({"rule": "wbf", "samples": 4}, "is not for these answers"),
        ({"rule": "best", "samples": 4}, "no rule 'best'"),
        ({"novel": ("nine",)}, "nothing is asked about 'nine'"),
        ({"gate": True}, "has no question"),
        ({"samples": 0}, "samples = 0"),
    ],
)
def test_what_could_not_be_scored_is_refused_before_anything_is_asked(
    classification, tmp_path, changes, said
):
    with pytest.raises(InputError, match=said):
        run_eval(settings(classification, task="classification", **changes), tmp_path / "e", Silence())
    assert not (tmp_path / "e" / "answers.jsonl").exists()


def test_the_command_prints_json_alone_and_goes_on_where_it_stands(detection, tmp_path):
    options = ["--task", "detection", "--form", "direct", "--max-new-tokens", "60", "--eval-max", "20"]
    command = ["eval", "miniature", str(detection), *options, "--out", str(tmp_path / "e"), "--json"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    card = json.loads(first.stdout)
    assert card["n"] == 20
    again = CliRunner().invoke(app, command)
    assert json.loads(again.stdout) == card


def test_a_model_that_no_run_knows_needs_a_task(detection):
    with pytest.raises(InputError, match="Add --task"):
        run_eval(EvalSettings("miniature", detection), detection / "eval", Silence())


def test_boxes_become_masks_through_sam_and_are_kept(tmp_path):
    data = tmp_path / "reasonseg"
    data.mkdir()
    for number in range(3):
        scene = draw_scene(np.random.default_rng([7, number]), "train", ("seven", "circle"), (1, 1))
        Image.fromarray(scene.pixels).save(data / f"{number}.jpg")
        x1, y1, x2, y2 = scene.objects[0].box_xyxy_px
        corners = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]
        shape = {"label": "target", "shape_type": "polygon", "points": corners}
        sheet = {"text": [f"the {scene.objects[0].category}"], "is_sentence": False, "shapes": [shape]}
        (data / f"{number}.json").write_text(json.dumps(sheet))
    sam = save_tiny_sam(tmp_path / "sam")
    ask = settings(data, task="grounding", sam=str(sam))
    card = run_eval(ask, tmp_path / "eval", Silence()).card
    assert card["segmentation"]["n"] == 3
    judged = read_judged(tmp_path / "eval" / "answers.jsonl")
    boxes = [j for j in judged if j.answer.boxes_xyxy_px]
    assert boxes and 0 <= card["segmentation"]["giou"]["value"] <= 1
    assert len((tmp_path / "eval" / "masks.jsonl").read_text().splitlines()) == len(boxes)
    again = run_eval(settings(data, task="grounding"), tmp_path / "eval", Silence()).card
    assert again["segmentation"] == card["segmentation"]


def test_stored_answers_of_two_seeds_are_compared_with_another_system(classification, tmp_path):
    ask = settings(classification, task="classification", part="all", eval_max=12)
    card = run_eval(ask, tmp_path / "base", Silence()).card
    base = tmp_path / "base" / "answers.jsonl"
    rows = [json.loads(line) for line in base.read_text().splitlines()]
    for file, right in (("a", 12), ("b", 10)):
        texts = [
            f"<answer>{row['target']['name'] if i < right else 'none'}</answer>" for i, row in enumerate(rows)
        ]
        told = [json.dumps({**row, "text": text}) for row, text in zip(rows, texts, strict=True)]
        (tmp_path / f"{file}.jsonl").write_text("\n".join(told) + "\n")
    ours = [str(tmp_path / f"{name}.jsonl") for name in "ab"]
    command = ["eval", "--predictions", ours[0], "--predictions", ours[1], "--against", str(base), "--json"]
    told = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "both")])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found == json.loads((tmp_path / "both" / "result.json").read_text())
    both = found["combined"]["classification"]
    assert both["seeds"] == [1.0, pytest.approx(10 / 12)]
    assert both["against"]["seeds"] == [pytest.approx(card["value"])]
    assert both["difference"]["value"] == pytest.approx(11 / 12 - card["value"])
    assert found["files"][str(base)]["cards"]["classification"]["value"] == pytest.approx(card["value"])


def test_every_option_is_for_a_model_for_stored_texts_or_for_both():
    both = {"context", "model", "data", "fuse", "novel", "predictions", "output", "as_json"}
    known = list(inspect.signature(evaluate).parameters)
    assert sorted([*OF_A_MODEL, *OF_STORED_TEXTS, *both]) == sorted(known)


def test_stored_answers_and_a_model_at_once_are_refused(tmp_path):
    told = CliRunner().invoke(app, ["eval", "miniature", "data", "--predictions", "a.jsonl"])
    assert isinstance(told.exception, InputError) and "leave MODEL and DATA out" in str(told.exception)
    told = CliRunner().invoke(app, ["eval", "--predictions", "a.jsonl", "--samples", "4"])
    assert isinstance(told.exception, InputError) and "--samples is about asking" in str(told.exception)
    told = CliRunner().invoke(app, ["eval", "miniature", "data", "--against", "b.jsonl"])
    assert isinstance(told.exception, InputError) and "--against is about stored" in str(told.exception)
    told = CliRunner().invoke(app, ["eval", "miniature"])
    assert isinstance(told.exception, InputError) and "needs MODEL and DATA" in str(told.exception)
