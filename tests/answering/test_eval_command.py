"""`vrft eval` end to end: which questions, what it leaves, and that it goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tiny_sam import save_tiny_sam
from vrft.cli import app
from vrft.config.run_config import dump_config, make_config
from vrft.data.dataset import load_dataset
from vrft.data.splits.few_shot import few_shot_split
from vrft.data.splits.manifest import manifest
from vrft.errors import ConfigError, InputError, RunError
from vrft.evaluation.predictor import read_predictions
from vrft.miniature.folders import write_classification, write_detection
from vrft.miniature.location import miniature_folder
from vrft.miniature.scenes import draw_scene
from vrft.progress import NullReporter
from vrft.run_folder import write_json
from vrft.tasks.registry import load_task
from vrft.types import Boxes, Form
from vrft.workflows.evaluate_model import evaluate_model
from vrft.workflows.requests import EvaluateRequest


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


def evaluated(data, folder, **changes):
    plain = {"task": "detection", "form": Form.DIRECT, "max_new_tokens": 60}
    return evaluate_model("miniature", data, EvaluateRequest(**{**plain, **changes}), folder=folder)


def asked_of(folder):
    return read_predictions(folder / "predictions.jsonl")


def records(folder, task):
    return load_dataset(folder, load_task(task).needs)


def test_the_test_part_of_a_folder_is_scored_and_the_card_is_that_of_its_answers(detection, tmp_path):
    found = evaluated(detection, tmp_path / "eval")
    predictions = asked_of(tmp_path / "eval")
    parts = records(detection, "detection").parts
    assert {parts[p.example.record_id] for p in predictions} == {"test"}
    assert found.card["part"] == "heldout"
    assert found.card["images"] == 10
    assert found.card["metric"] == "ap"
    assert found.card["value"] == load_task("detection").metrics[0].value(predictions)
    assert json.loads((tmp_path / "eval" / "result.json").read_text()) == found.card
    assert {"presence", "rankings", "calibration"} <= found.card.keys()
    assert found.page.exists()


@pytest.mark.parametrize(("part", "images"), [("train", 12), ("val", 6), ("heldout", 10), ("all", 28)])
def test_a_part_may_be_named(detection, tmp_path, part, images):
    assert evaluated(detection, tmp_path, part=part, eval_max=1000).card["images"] == images


def test_a_saved_split_decides_and_an_unknown_part_is_named(classification, tmp_path):
    task = load_task("classification")
    examples = task.examples(records(classification, "classification").records)
    split = few_shot_split(examples, shots=2, seed=3, eval_max=5)
    path = tmp_path / "manifest.json"
    write_json(path, manifest(split))
    evaluated(classification, tmp_path / "eval", task="classification", manifest=path)
    assert {p.example.id for p in asked_of(tmp_path / "eval")} == {e.id for e in split.heldout}
    command = ["eval", "miniature", str(classification), "--task", "classification", "--part", "best"]
    refused = CliRunner().invoke(app, command).exception
    assert isinstance(refused, InputError) and "--part 'best'" in str(refused) and "heldout" in str(refused)


@pytest.mark.parametrize("same", [True, False])
def test_a_run_is_scored_on_the_held_out_part_of_its_own_split(classification, tmp_path, same):
    task = load_task("classification")
    examples = task.examples(records(classification, "classification").records)
    split = few_shot_split(examples, shots=2, seed=3, eval_max=5)
    run = tmp_path / "fit" / "rft"
    run.mkdir(parents=True)
    write_json(run.parent / "manifest.json", manifest(split))
    (run / "model").symlink_to(miniature_folder())
    others = tmp_path / "others"
    if not same:
        write_classification(others, 1, categories=("one", "two", "seven"), train=2, val=2, heldout=4)
    # The fit was moved: its configuration names a manifest that is no longer there.
    data = {"path": str(classification), "manifest": "gone/manifest.json"}
    tree = {"task": {"name": "classification", "subject": "digit"}, "data": data, "form": "direct"}
    (run / "config.yaml").write_text(dump_config(make_config(tree)))
    said = []
    reporter = NullReporter()
    reporter.info = said.append
    request = EvaluateRequest(eval_max=100)
    scored = classification if same else others
    card = evaluate_model(str(run), scored, request, folder=tmp_path / "eval", reporter=reporter).card
    asked = asked_of(tmp_path / "eval")
    assert {p.example.form for p in asked} == {Form.DIRECT}
    assert {p.example.question for p in asked} == {"digit"}
    if same:
        assert card["part"] == "heldout" and not said
        assert {p.example.id for p in asked} == {e.id for e in split.heldout}
    else:
        parts = records(others, "classification").parts
        assert {parts[p.example.record_id] for p in asked} == {"test"}
        assert "holds other images" in said[0]


def test_a_run_of_version_0_1_is_refused_with_the_names_of_today(classification, tmp_path):
    run = tmp_path / "old"
    run.mkdir()
    (run / "config.yaml").write_text(
        "kind: rft\ntask: classification\ndata: {path: x}\nprompt: {form: direct}\n"
    )
    with pytest.raises(ConfigError, match=r"method.*form"):
        evaluate_model(str(run), classification, EvaluateRequest(), folder=tmp_path / "eval")


def test_samples_fuse_and_other_settings_in_the_same_folder_are_refused(classification, tmp_path):
    several = {"task": "classification", "eval_max": 8}
    card = evaluated(classification, tmp_path, **several, samples=4, fuse="vote").card
    assert card["rule"] == "vote" and card["plain"]["value"] == card["compute"]["rules"]["vote"][0]["value"]
    assert card["value"] == card["compute"]["rules"]["vote"][-1]["value"]
    with pytest.raises(RunError, match="samples: 4, now 2"):
        evaluated(classification, tmp_path, **several, samples=2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fuse": "vote"}, "--fuse vote needs several answers"),
        ({"fuse": "wbf", "samples": 4}, "no fusion rule 'wbf'"),
        ({"fuse": "best", "samples": 4}, "no fusion rule 'best'"),
        ({"novel": ("nine",)}, "no question is about 'nine'"),
        ({"gate": True}, "cannot ask first"),
        ({"samples": 0}, "samples = 0"),
        ({"task_option": ("kind=pet",)}, "no such option"),
        ({"task_option": ("pet",)}, "NAME=VALUE"),
    ],
)
def test_what_could_not_be_scored_is_refused_before_anything_is_asked(
    classification, tmp_path, changes, said
):
    with pytest.raises(InputError, match=said):
        evaluated(classification, tmp_path / "e", task="classification", **changes)
    assert not (tmp_path / "e" / "predictions.jsonl").exists()


def test_options_of_the_task_reach_its_questions(classification, tmp_path):
    options = ("subject=digit", "open_naming=true")
    evaluated(classification, tmp_path, task="classification", task_option=options, eval_max=3)
    assert {(p.example.question, p.example.options) for p in asked_of(tmp_path)} == {("digit", ())}


OWN_TASK = """
from dataclasses import dataclass
from vrft.tasks.classification.classification import Classification

@dataclass(frozen=True)
class Naming(Classification):
    name = "naming"

MINE = Naming()
"""


def test_a_task_may_be_in_a_file_of_the_users(classification, tmp_path):
    (tmp_path / "naming.py").write_text(OWN_TASK)
    card = evaluated(classification, tmp_path / "e", task=f"{tmp_path / 'naming.py'}:MINE", eval_max=3).card
    assert card["task"] == "naming" and card["metric"] == "accuracy"
    assert {p.example.task for p in asked_of(tmp_path / "e")} == {"naming"}


def test_the_command_prints_json_alone_and_goes_on_where_it_stands(detection, tmp_path):
    options = ["--task", "detection", "--form", "direct", "--max-new-tokens", "60", "--eval-max", "20"]
    command = ["eval", "miniature", str(detection), *options, "--out", str(tmp_path / "e"), "--json"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    card = json.loads(first.stdout)
    assert card["n"] == 20
    repeated = CliRunner().invoke(app, command)
    assert json.loads(repeated.stdout) == card


def test_a_model_that_no_run_knows_needs_a_task(detection):
    with pytest.raises(InputError, match="Add --task"):
        evaluate_model("miniature", detection, EvaluateRequest(), folder=detection / "eval")


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
    card = evaluated(data, tmp_path / "eval", task="grounding", sam=str(sam)).card
    assert card["segmentation"]["n"] == 3
    boxes = [p for p in asked_of(tmp_path / "eval") if (found := p.answer.as_(Boxes)) and found.xyxy_px]
    assert boxes and 0 <= card["segmentation"]["giou"]["value"] <= 1
    assert len((tmp_path / "eval" / "masks.jsonl").read_text().splitlines()) == len(boxes)
    repeated = evaluated(data, tmp_path / "eval", task="grounding").card
    assert repeated["segmentation"] == card["segmentation"]


def test_stored_answers_of_two_seeds_are_compared_with_another_system(classification, tmp_path):
    card = evaluated(classification, tmp_path / "base", task="classification", part="all", eval_max=12).card
    base = tmp_path / "base" / "predictions.jsonl"
    names = [p.example.target.name for p in read_predictions(base)]
    rows = [json.loads(line) for line in base.read_text().splitlines()]
    for file, right in (("a", 12), ("b", 10)):
        for i, (row, name) in enumerate(zip(rows, names, strict=True)):
            said = row["rollouts"][0]["turns"][0]["completion"]
            said["text"] = f"<answer>{name if i < right else 'none'}</answer>"
        (tmp_path / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours = [str(tmp_path / f"{name}.jsonl") for name in "ab"]
    command = ["score", *ours, "--against", str(base)]
    printed = CliRunner().invoke(app, [*command, "--json", "--out", str(tmp_path / "both")])
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert found == json.loads((tmp_path / "both" / "result.json").read_text())
    both = found["combined"]["classification"]
    assert both["seeds"] == [1.0, pytest.approx(10 / 12)]
    assert both["against"]["seeds"] == [pytest.approx(card["value"])]
    assert both["difference"]["value"] == pytest.approx(11 / 12 - card["value"])
    assert found["files"][str(base)]["cards"]["classification"]["value"] == pytest.approx(card["value"])
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    for words in ("12 stored texts, 100% of them hold an answer", "this system", "the other", "by bootstrap"):
        assert words in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--predictions", "a.jsonl", "--predictions", "b.jsonl"), "vrft score a.jsonl b.jsonl"),
        (("miniature",), "needs MODEL and DATA"),
    ],
)
def test_what_eval_does_not_do_names_the_verb_that_does(arguments, says):
    printed = CliRunner().invoke(app, ["eval", *arguments])
    assert isinstance(printed.exception, InputError) and says in str(printed.exception)
