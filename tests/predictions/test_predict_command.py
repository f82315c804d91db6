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
from vrft.cli.predict import sentence
from vrft.errors import InputError, RunError
from vrft.evaluation.ensemble import fused
from vrft.evaluation.predictor import read_predictions
from vrft.inference.formats.json_rows import EXTRAS
from vrft.miniature.scenes import draw_scene
from vrft.models.load_policy import load_policy, save_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.rollout.driver import prompts_for
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.tasks.registry import load_task
from vrft.types import Answer, Example, Fault, Form, SampleSeed, SamplingParams
from vrft.types import Image as Shown
from vrft.types.rows import prediction_from_row

DIRECT = ("--form", "direct", "--max-new-tokens", "60")


def scene(number):
    return draw_scene(np.random.default_rng([5, number]), "train", ("seven", "circle"), (1, 2)).pixels


def test_faults_are_said_in_words():
    answer = Answer(faults=(Fault.NO_ANSWER_TAG, Fault.NOT_READABLE))
    assert sentence(answer) == "No answer could be read (no answer tag, not readable)."


@pytest.fixture
def photos(tmp_path):
    """Two images and one in a folder below, beside files that are none; the working folder is another."""
    root = tmp_path / "photos"
    (root / "below").mkdir(parents=True)
    for number, name in enumerate(("b.png", "below/c.png", "a.png")):
        Image.fromarray(scene(number)).save(root / name)
    (root / "notes.txt").write_text("no image")
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
    lora = LoraOptions(rank=4, alpha=8)
    policy = load_policy(ModelOptions(path="miniature", device="cpu", lora=lora))
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


def prediction(row):
    """A row of the command as what it was made of."""
    return prediction_from_row({key: value for key, value in row.items() if key not in EXTRAS})


def text_of(row):
    return prediction(row).text


def boxes_of(row):
    return [list(box) for box in row["answer"].get("value", {}).get("xyxy_px", [])]


def refused(*arguments, error=InputError, input=None):
    done = predict(*arguments, input=input)
    assert isinstance(done.exception, error), done.output
    return str(done.exception)


def test_one_answer_is_the_policys_own_greedy_one(photos):
    task, policy = load_task("detection"), load_policy(ModelOptions(path="miniature", device="cpu"))
    for row, question in zip(rows(photos / "b.png", "circle", "seven"), ("circle", "seven"), strict=True):
        media = (Shown(photos / "b.png", (100, 100)),)
        example = Example("x", "x", "detection", media, question, form=Form.DIRECT)
        (prompt,) = prompts_for(policy, [example])
        params = SamplingParams(0.0, max_new_tokens=60)
        ((drawn,),) = SharedPromptSampler(policy).generate([prompt], 1, params, SampleSeed.whole(1))
        answer = task.parse(drawn.text, example, prompt.frames)
        assert (text_of(row), row["question"], row["image"]) == (drawn.text, question, "b.png")
        assert boxes_of(row) == [list(box) for box in answer.value.xyxy_px]
        assert row["spent"]["tokens"] == len(prompt.token_ids) + len(drawn.token_ids)
        assert "target" not in row["examples"][0] and len(row["rollouts"]) == 1 and "rule" not in row


def test_a_lora_folder_answers_as_the_merged_one_and_not_as_the_base(photos, shared):
    asked = (photos, "circle", "seven")
    base, lora, merged = (
        rows(*asked, model=str(m)) for m in ("miniature", shared / "lora", shared / "merged")
    )
    assert list(map(text_of, lora)) == list(map(text_of, merged))
    assert list(map(text_of, lora)) != list(map(text_of, base))


def test_one_image_is_told_in_words_and_drawn_where_the_user_works(photos, elsewhere):
    before = (photos / "b.png").read_bytes()
    done = predict(photos / "b.png", "circle", "seven", *DIRECT)
    assert done.exit_code == 0, done.output
    (first, second) = rows(photos / "b.png", "circle", "seven")
    assert text_of(first) in done.stdout and text_of(second) in done.stdout
    (box,) = boxes_of(first)
    assert f"Box in pixels: {', '.join(f'{v:.0f}' for v in box)}" in done.stdout
    drawn = np.asarray(Image.open(elsewhere / "b.answer.png"))
    changed = (drawn != scene(0)).any(-1)
    x1, y1, x2, y2 = (int(v) for v in box)
    # The frame is drawn; what is well inside of it and below the names is as it was.
    assert changed[y2, x1 : x2 + 1].all() and not changed[(y1 + y2) // 2, x1 + 3 : x2 - 3].any()
    assert (photos / "b.png").read_bytes() == before


def test_a_folder_is_answered_whole_and_not_asked_twice(photos, tmp_path):
    asked = (photos, "circle", "seven", "--out", tmp_path / "out")
    printed = rows(*asked)
    names = ["a.png", "b.png", "below/c.png"]
    assert [(row["image"], row["question"]) for row in printed] == [
        (name, question) for name in names for question in ("circle", "seven")
    ]
    for name in names:
        assert Image.open(tmp_path / "out" / "drawn" / name).size == (100, 100)
    assert json.loads((tmp_path / "out" / "predictions.json").read_text()) == printed
    kept = tmp_path / "out" / "predictions.jsonl"
    assert [p.text for p in read_predictions(kept)] == list(map(text_of, printed))
    # What is kept is believed: another text in the file comes back.
    kept.write_text(kept.read_text().replace(json.dumps(text_of(printed[0])), '"kept"', 1))
    assert list(map(text_of, rows(*asked))) == ["kept", *map(text_of, printed[1:])]


def test_the_out_folder_among_the_images_is_passed_over(photos):
    asked = (photos, "circle", "--out", photos / "out")
    assert text_of(rows(*asked)[0]) == text_of(rows(*asked)[0])
    assert len(rows(*asked)) == 3


def test_broken_images_are_named_and_the_others_answered(photos, tmp_path):
    whole = list(map(text_of, rows(photos, "circle")))
    Image.fromarray(np.tile(scene(0), (8, 8, 1))).save(photos / "aa.jpg")
    cut = (photos / "aa.jpg").read_bytes()
    # Its head is sound; only a look at the pixels shows that it is cut short.
    (photos / "aa.jpg").write_bytes(cut[: len(cut) // 2])
    (photos / "below" / "z.png").write_text("not an image")
    done = predict(photos, "circle", *DIRECT, "--json", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert list(map(text_of, json.loads(done.stdout))) == whole
    assert "aa.jpg" in done.stderr and "below/z.png" in done.stderr
    assert "aa.jpg" in refused(photos / "aa.jpg", "circle")


def test_a_turned_image_is_answered_as_it_is_seen(photos):
    upright = Image.fromarray(scene(1)[:, :80])
    upright.save(photos / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    # Orientation 6 is shown turned by 90 degrees clockwise.
    upright.transpose(Image.Transpose.ROTATE_90).save(photos / "turned.png", exif=exif)
    (right,), (turned,) = rows(photos / "upright.png", "circle"), rows(photos / "turned.png", "circle")
    sizes = [row["examples"][0]["media"][0]["size_wh"] for row in (right, turned)]
    assert sizes == [[80, 100], [80, 100]]
    assert boxes_of(right) and right["answer"] == turned["answer"]
    assert Image.open("turned.answer.png").size == (80, 100)


def test_a_frame_on_standard_input_is_answered_as_its_file(photos, elsewhere):
    (own,) = rows(photos / "b.png", "circle")
    (piped,) = rows("-", "circle", input=(photos / "b.png").read_bytes())
    assert (piped["answer"], piped["spent"]) == (own["answer"], own["spent"])
    assert text_of(piped) == text_of(own)
    assert [example["media"][0]["path"] for example in piped["examples"]] == ["-"]
    assert "vrft-" not in json.dumps(piped)  # nothing names the folder that is gone
    assert boxes_of(own) and Image.open(piped["drawn"]).size == (100, 100)
    (kept,) = rows("-", "circle", "--out", "kept", input=(photos / "b.png").read_bytes())
    (place,) = (example["media"][0]["path"] for example in kept["examples"])
    assert (elsewhere / place).read_bytes() == (photos / "b.png").read_bytes()
    assert "empty" in refused("-", "circle", input=b"")
    assert "not an image" in refused("-", "circle", input=b"GIF89a and then nothing")


def test_several_answers_become_one_by_the_tasks_rule(photos):
    several = ("--samples", 5, "--temperature", 1.2, "--flip", "--scales", "1.5")
    (row,) = rows(photos / "b.png", "circle", *several)
    made = prediction(row)
    assert [r.view for r in made.rollouts] == ["plain", "flip", "scale 1.5", "plain", "flip"]
    assert (row["rule"], row["spent"]["answers"]) == ("wbf", 5)
    assert made.answer == fused(made, "wbf").answer and made.answer.value.xyxy_px
    assert sum(row["spent"]["shares"].values()) == pytest.approx(1)
    prompts = {r.view: r.turns[0].prompt.length for r in made.rollouts}
    spent = sum(prompts.values()) + sum(r.n_tokens for r in made.rollouts)
    assert len(prompts) == 3 and row["spent"]["tokens"] == spent
    printed = predict(photos / "b.png", "circle", *several, *DIRECT).stdout
    assert f"By wbf from 5 answers, of which {row['spent']['readable']} can be read" in printed
    assert f"Tokens, prompts included: {spent}." in printed
    assert "Answer 5 (flip): " in printed
    (other,) = rows(photos / "b.png", "circle", *several, "--fuse", "medoid")
    assert other["rule"] == "medoid" and other["rollouts"] == row["rollouts"]


def test_classes_are_voted_for(photos):
    names = ("--task", "classification", "--options", "seven", "--options", "circle")
    (row,) = rows(photos / "b.png", "object", *names, "--samples", 4)
    assert row["examples"][0]["options"] == ["seven", "circle"]
    made = prediction(row)
    labels = [r.answer.value.name for r in made.rollouts]
    winner = max(set(labels), key=labels.count)
    assert (row["rule"], made.answer.value.name) == ("vote", winner)
    assert row["spent"]["shares"][winner] == labels.count(winner) / 4 == made.answer.value.score


def test_a_run_is_asked_as_it_was_trained(photos, shared, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "model").symlink_to(shared / "merged")
    printed = {
        "task": "classification",
        "data": {"path": "x"},
        "model": {"max_pixels": 4096},
        "form": "direct",
        "rollout": {"max_new_tokens": 3},
    }
    # YAML holds JSON.
    (run / "config.yaml").write_text(json.dumps(printed))
    done = predict(photos / "b.png", "digit", "--json", model=str(run))
    (row,) = json.loads(done.stdout)
    plain = prediction(row).plain
    assert (row["task"], plain.example.form) == ("classification", Form.DIRECT)
    assert (plain.n_tokens, plain.finished) == (3, False)
    (frame,) = plain.turns[0].prompt.frames
    assert frame.input_wh[0] * frame.input_wh[1] <= 4096
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
    assert len(loaded.anns) == sum(len(boxes_of(r)) for r in rows(photos, "circle", "seven"))
    named = json.loads(predict(photos, "circle", *DIRECT, "--format", "supervision").stdout)
    assert list(named["images"]) == ["a.png", "b.png", "below/c.png"]
    tasks = json.loads(predict(photos, "circle", *DIRECT, "--format", "labelstudio").stdout)
    assert {task["predictions"][0]["model_version"] for task in tasks if task["predictions"]} == {"miniature"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("photos/none.png", "circle"), "no such image"),
        (("work", "circle"), "this folder holds no image"),
        (("photos", " "), "is empty"),
        (("photos", "circle", "--options", "seven"), "no class names to choose from"),
        (("photos", "circle", "--fuse", "vote"), "no fusion rule 'vote'"),
        (("photos", "circle", "--fuse", "mean"), "no fusion rule 'mean'"),
        (("photos", "circle", "--scales", "big"), "write numbers"),
        (("photos", "circle", "--format", "yolo"), "no format 'yolo'"),
        (("photos", "object", "--task", "classification", "--format", "coco"), "the kind label"),
        (("photos", "circle", "--drawn", "x.png"), "--drawn names one file"),
        (("photos/a.png", "circle", "--drawn", "photos/a.png"), "the image that is asked about"),
        (("photos/a.png", "circle", "--drawn", "x.txt"), "images with this ending cannot be written"),
        (("photos/a.png", "circle", "--temperature", "0"), "temperature"),
        (("photos/a.png", "circle", "--task", "classify"), "Did you mean 'classification'?"),
        (("photos/a.png", "circle", "--task-option", "subject=pet"), "no such option"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_a_model_is_loaded(photos, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["predict", "no/such", *arguments])
    assert isinstance(done.exception, InputError) and said in str(done.exception), done.output


def test_kept_answers_are_of_one_way_of_asking_and_of_unchanged_images(photos, tmp_path):
    kept = (photos, "circle", "--out", tmp_path / "out")
    printed = rows(*kept)
    other = refused(*kept, "--samples", "3", *DIRECT, error=RunError)
    assert "samples: 1, now 3" in other
    assert "#circle" in refused(photos, "seven", *kept[2:], *DIRECT, error=RunError)
    # A camera writes its next frame over the last one.
    Image.fromarray(scene(7)).save(photos / "b.png")
    assert "have changed" in refused(*kept, *DIRECT, error=RunError)
    Image.fromarray(scene(0)).save(photos / "b.png")
    assert rows(*kept) == printed
    # More images are welcome.
    Image.fromarray(scene(3)).save(photos / "aa.png")
    more = rows(*kept)
    assert [row["image"] for row in more] == ["a.png", "aa.png", "b.png", "below/c.png"]
    assert [row for row in more if row["image"] != "aa.png"] == printed


def test_a_folder_of_version_0_1_is_refused_in_a_sentence(photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "answers.jsonl").write_text("{}\n")
    printed = refused(photos, "circle", "--out", tmp_path / "out", *DIRECT, error=RunError)
    assert "written by vrft 0.1" in printed and "--out" in printed
