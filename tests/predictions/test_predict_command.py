"""``vrft predict`` as a user calls it, on the embedded miniature."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from typer.testing import CliRunner

from vrft.cli import app
from vrft.errors import InputError, RunError
from vrft.evaluation.answers_file import from_row, read_judged
from vrft.miniature.scenes import draw_scene
from vrft.models.load_policy import LoraSettings, load_policy, save_policy
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.sampling import Sampling, sample
from vrft.tasks.fusion import load_rule
from vrft.tasks.task import load_task
from vrft.types import Example, Form, Unlabelled

DIRECT = ("--form", "direct", "--max-new-tokens", "60")


def scene(number):
    return draw_scene(np.random.default_rng([5, number]), "train", ("seven", "circle"), (1, 2)).pixels


@pytest.fixture
def photos(tmp_path):
    """Two pictures and one in a folder below, beside files that are none; the working folder is another."""
    root = tmp_path / "photos"
    (root / "below").mkdir(parents=True)
    for number, name in enumerate(("b.png", "below/c.png", "a.png")):
        Image.fromarray(scene(number)).save(root / name)
    (root / "notes.txt").write_text("no picture")
    (root / "._a.png").write_bytes(b"hidden")
    return root


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A LoRA adapter on the miniature, and the same merged into it."""
    root = tmp_path_factory.mktemp("policies")
    policy = load_policy("miniature", device="cpu", lora=LoraSettings(4, 8))
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    save_policy(policy, root / "lora")
    policy.model = policy.model.merge_and_unload()
    save_policy(policy, root / "merged")
    return root


def predict(*arguments, input=None, model="miniature"):
    return CliRunner().invoke(app, ["predict", model, *map(str, arguments)], input=input)


def rows(*arguments, input=None, model="miniature", status=0):
    done = predict(*arguments, *DIRECT, "--json", input=input, model=model)
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def refused(*arguments, error=InputError, input=None):
    done = predict(*arguments, input=input)
    assert isinstance(done.exception, error), done.output
    return str(done.exception)


def test_one_answer_is_the_policys_own_greedy_one(photos):
    task, policy = load_task("detection"), load_policy("miniature", device="cpu")
    for row, question in zip(rows(photos / "b.png", "circle", "seven"), ("circle", "seven"), strict=True):
        example = Example("x", "x", photos / "b.png", (100, 100), "detection", question, Unlabelled())
        (prompt,) = prompts_for(policy, task, [example], Form.DIRECT)
        ((drawn,),) = sample(policy, [prompt], 1, Sampling(temperature=0, max_new_tokens=60))
        text = policy.decode(drawn.token_ids)
        answer = task.parse(text, prompt.picture.view, Form.DIRECT)
        assert (row["text"], row["question"]) == (text, question)
        assert row["result"]["boxes_xyxy_px"] == [list(box) for box in answer.boxes_xyxy_px]
        assert row["result"]["tokens"] == len(prompt.token_ids) + len(drawn.token_ids)
        assert (row["target"], row["others"], row["result"]["rule"]) == (None, [], None)


def test_a_lora_folder_answers_as_the_merged_one_and_not_as_the_base(photos, shared):
    asked = (photos, "circle", "seven")
    base, lora, merged = (
        rows(*asked, model=str(m)) for m in ("miniature", shared / "lora", shared / "merged")
    )
    assert [row["text"] for row in lora] == [row["text"] for row in merged]
    assert [row["text"] for row in lora] != [row["text"] for row in base]


def test_one_picture_is_told_in_words_and_drawn_where_the_user_works(photos, elsewhere):
    before = (photos / "b.png").read_bytes()
    done = predict(photos / "b.png", "circle", "seven", *DIRECT)
    assert done.exit_code == 0, done.output
    (first, second) = rows(photos / "b.png", "circle", "seven")
    assert first["text"] in done.stdout and second["text"] in done.stdout
    (box,) = first["result"]["boxes_xyxy_px"]
    assert f"Box in pixels: {', '.join(f'{v:.0f}' for v in box)}" in done.stdout
    drawn = np.asarray(Image.open(elsewhere / "b.answer.png"))
    changed = (drawn != scene(0)).any(-1)
    x1, y1, x2, y2 = (int(v) for v in box)
    # The frame is drawn; what is well inside of it and below the names is as it was.
    assert changed[y2, x1 : x2 + 1].all() and not changed[(y1 + y2) // 2, x1 + 3 : x2 - 3].any()
    assert (photos / "b.png").read_bytes() == before


def test_a_folder_is_answered_whole_and_not_asked_twice(photos, tmp_path):
    asked = (photos, "circle", "seven", "--out", tmp_path / "out")
    told = rows(*asked)
    names = ["a.png", "b.png", "below/c.png"]
    assert [(row["record_id"], row["question"]) for row in told] == [
        (name, question) for name in names for question in ("circle", "seven")
    ]
    for name in names:
        assert Image.open(tmp_path / "out" / "drawn" / name).size == (100, 100)
    assert json.loads((tmp_path / "out" / "predictions.json").read_text()) == told
    answers = tmp_path / "out" / "answers.jsonl"
    assert [j.text for j in read_judged(answers)] == [row["text"] for row in told]
    # What is kept is believed: another text in the file comes back.
    answers.write_text(answers.read_text().replace(json.dumps(told[0]["text"]), '"kept"', 1))
    assert [row["text"] for row in rows(*asked)] == ["kept", *(row["text"] for row in told[1:])]


def test_the_out_folder_among_the_pictures_is_passed_over(photos):
    asked = (photos, "circle", "--out", photos / "out")
    assert rows(*asked)[0]["text"] == rows(*asked)[0]["text"]
    assert len(rows(*asked)) == 3


def test_broken_pictures_are_named_and_the_others_answered(photos, tmp_path):
    whole = [row["text"] for row in rows(photos, "circle")]
    Image.fromarray(np.tile(scene(0), (8, 8, 1))).save(photos / "aa.jpg")
    cut = (photos / "aa.jpg").read_bytes()
    # Its head is sound; only a look at the pixels shows that it is cut short.
    (photos / "aa.jpg").write_bytes(cut[: len(cut) // 2])
    (photos / "below" / "z.png").write_text("not a picture")
    done = predict(photos, "circle", *DIRECT, "--json", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert [row["text"] for row in json.loads(done.stdout)] == whole
    assert "aa.jpg" in done.stderr and "below/z.png" in done.stderr
    assert "aa.jpg" in refused(photos / "aa.jpg", "circle")


def test_a_turned_picture_is_answered_as_it_is_seen(photos):
    upright = Image.fromarray(scene(1)[:, :80])
    upright.save(photos / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    # Orientation 6 is shown turned by 90 degrees clockwise.
    upright.transpose(Image.Transpose.ROTATE_90).save(photos / "turned.png", exif=exif)
    (right,), (turned,) = rows(photos / "upright.png", "circle"), rows(photos / "turned.png", "circle")
    assert right["image_wh"] == turned["image_wh"] == [80, 100]
    assert right["result"]["boxes_xyxy_px"] and right["result"] == turned["result"]
    assert Image.open("turned.answer.png").size == (80, 100)


def test_a_frame_on_standard_input_is_answered_as_its_file(photos, elsewhere):
    (own,) = rows(photos / "b.png", "circle")
    (piped,) = rows("-", "circle", input=(photos / "b.png").read_bytes())
    assert (piped["text"], piped["result"], piped["image"]) == (own["text"], own["result"], "-")
    assert own["result"]["boxes_xyxy_px"] and Image.open(piped["drawn"]).size == (100, 100)
    (kept,) = rows("-", "circle", "--out", "kept", input=(photos / "b.png").read_bytes())
    assert (elsewhere / kept["image"]).read_bytes() == (photos / "b.png").read_bytes()
    assert "empty" in refused("-", "circle", input=b"")
    assert "no picture" in refused("-", "circle", input=b"GIF89a and then nothing")


def test_several_answers_become_one_by_the_tasks_rule(photos):
    several = ("--samples", 5, "--temperature", 1.2, "--flip", "--scales", "1.5")
    (row,) = rows(photos / "b.png", "circle", *several)
    assert [said["look"] for said in row["others"]] == ["flip", "scale 1.5", "plain", "flip"]
    fused = load_rule("wbf")([said.candidate for said in from_row(row).said])
    result = row["result"]
    assert (result["rule"], result["answers"]) == ("wbf", 5)
    assert result["boxes_xyxy_px"] == [list(box) for box in fused.boxes_xyxy_px]
    assert result["confidences"] == list(fused.confidences)
    assert sum(result["shares"].values()) == pytest.approx(1)
    spent = sum(row["prompt_tokens"].values()) + row["tokens"] + sum(said["tokens"] for said in row["others"])
    assert result["tokens"] == spent
    told = predict(photos / "b.png", "circle", *several, *DIRECT).stdout
    assert f"By wbf from 5 answers, of which {result['readable']} can be read" in told
    assert f"Tokens, prompts included: {spent}." in told
    (other,) = rows(photos / "b.png", "circle", *several, "--fuse", "medoid")
    assert other["result"]["rule"] == "medoid" and other["others"] == row["others"]


def test_classes_are_voted_for(photos):
    names = ("--task", "classify", "--options", "seven", "--options", "circle")
    (row,) = rows(photos / "b.png", "object", *names, "--samples", 4)
    assert row["options"] == ["seven", "circle"]
    labels = [row["label"], *(said["label"] for said in row["others"])]
    result = row["result"]
    winner = max(set(labels), key=labels.count)
    assert (result["rule"], result["label"]) == ("vote", winner)
    assert result["shares"][winner] == labels.count(winner) / 4 == result["confidences"][0]


def test_a_run_is_asked_as_it_was_trained(photos, shared, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "model").symlink_to(shared / "merged")
    told = {
        "task": "classification",
        "data": {"path": "x"},
        "model": {"max_pixels": 4096},
        "prompt": {"form": "direct"},
        "rollout": {"max_new_tokens": 3},
    }
    # YAML holds JSON.
    (run / "config.yaml").write_text(json.dumps(told))
    done = predict(photos / "b.png", "digit", "--json", model=str(run))
    (row,) = json.loads(done.stdout)
    assert (row["task"], row["form"], row["tokens"], row["finished"]) == (
        "classification",
        "direct",
        3,
        False,
    )
    assert row["input_wh"][0] * row["input_wh"][1] <= 4096
    assert "Give them with --options" in done.stderr
    named = predict(photos / "b.png", "digit", "--options", "seven", "--form", "think", model=str(run))
    assert named.exit_code == 0 and "--options" not in named.stderr


def test_formats_are_all_that_stands_on_stdout(photos, tmp_path, capsys):
    done = predict(photos, "circle", "seven", *DIRECT, "--format", "coco")
    sheet = json.loads(done.stdout)
    file = tmp_path / "sheet.json"
    file.write_text(done.stdout)
    truth = COCO(str(file))
    results = json.loads(
        predict(photos, "circle", "seven", *DIRECT, "--format", "coco", "--against", file).stdout
    )
    loaded = truth.loadRes(results)
    capsys.readouterr()
    assert [a["bbox"] for a in loaded.anns.values()] == [a["bbox"] for a in sheet["annotations"]]
    assert len(loaded.anns) == sum(len(r["result"]["boxes_xyxy_px"]) for r in rows(photos, "circle", "seven"))
    named = json.loads(predict(photos, "circle", *DIRECT, "--format", "supervision").stdout)
    assert list(named["pictures"]) == ["a.png", "b.png", "below/c.png"]
    tasks = json.loads(predict(photos, "circle", *DIRECT, "--format", "labelstudio").stdout)
    assert {task["predictions"][0]["model_version"] for task in tasks if task["predictions"]} == {"miniature"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("photos/none.png", "circle"), "no such picture"),
        (("work", "circle"), "no picture in this folder"),
        (("photos", " "), "is empty"),
        (("photos", "circle", "--options", "seven"), "no class names to choose from"),
        (("photos", "circle", "--fuse", "vote"), "not for these answers"),
        (("photos", "circle", "--fuse", "mean"), "no rule 'mean'"),
        (("photos", "circle", "--scales", "big"), "write numbers"),
        (("photos", "circle", "--format", "yolo"), "no format 'yolo'"),
        (("photos", "object", "--task", "classify", "--format", "coco"), "no place for classification"),
        (("photos", "circle", "--drawn", "x.png"), "--drawn names one file"),
        (("photos/a.png", "circle", "--drawn", "photos/a.png"), "the picture itself"),
        (("photos/a.png", "circle", "--drawn", "x.txt"), "no picture has this ending"),
        (("photos/a.png", "circle", "--temperature", "0"), "temperature"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_a_model_is_loaded(photos, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["predict", "no/such/model", *arguments])
    assert isinstance(done.exception, InputError) and said in str(done.exception), done.output


def test_kept_answers_are_of_one_way_of_asking_and_of_unchanged_pictures(photos, tmp_path):
    kept = (photos, "circle", "--out", tmp_path / "out")
    told = rows(*kept)
    other = refused(*kept, "--samples", "3", *DIRECT, error=RunError)
    assert "samples: 1, now 3" in other
    assert "#circle" in refused(photos, "seven", *kept[2:], *DIRECT, error=RunError)
    # A camera writes its next frame over the last one.
    Image.fromarray(scene(7)).save(photos / "b.png")
    assert "have changed" in refused(*kept, *DIRECT, error=RunError)
    Image.fromarray(scene(0)).save(photos / "b.png")
    assert rows(*kept) == told
    # More pictures are welcome.
    Image.fromarray(scene(3)).save(photos / "aa.png")
    more = rows(*kept)
    assert [row["record_id"] for row in more] == ["a.png", "aa.png", "b.png", "below/c.png"]
    assert [row for row in more if row["record_id"] != "aa.png"] == told
