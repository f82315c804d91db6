from __future__ import annotations

import json
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from making import FOLDERS, group_row, make_fit, write_json, write_rows
from PIL import Image
from reading import read_page

from vrft.errors import RunError
from vrft.evaluation.compare import verdict_sentence
from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.report.build_report import build_report
from vrft.tasks.metrics.shared_metrics import AP
from vrft.types import (
    Answer,
    Boxes,
    Completion,
    Label,
    Prediction,
    Prompt,
    Rollout,
    Turn,
)

TASKS = ("detection", "classification", "grounding")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    parent = tmp_path_factory.mktemp("fits")
    for task in TASKS:
        make_fit(parent / task, task, images=10)
    return parent


@pytest.fixture
def fit(made, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(made / "detection", tmp_path / "fit"))


def hundred(value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f}".replace("-", "−").replace("+0.0", "0.0")


def page_of(*folders: Path, out: Path):
    return read_page(build_report(folders, out))


@pytest.mark.parametrize("task", TASKS)
def test_every_number_of_the_tables_is_the_comparison_s(made, tmp_path, task):
    block = json.loads((made / task / "comparison.json").read_text())["tasks"][task]
    page = page_of(made / task, out=tmp_path / "r.html")
    expected = [
        [
            label,
            hundred(block[name]["value"]),
            f"{hundred(block[name]['low'])} to {hundred(block[name]['high'])}",
            hundred(block[name]["parse_rate"]),
            hundred(block[name]["value_given_parsed"]),
            hundred(block[name]["format_rate"]),
        ]
        for name, label in (("base", "Base"), ("sft", "SFT"), ("rft", "RFT"))
    ]
    assert page.tables["systems"][1:] == expected
    names = {
        "RFT − Base": "rft_minus_base",
        "RFT − SFT": "rft_minus_sft",
        "RFT − Base, given parsed": "rft_minus_base_given_parsed",
    }
    rows = page.tables["differences"][1:]
    assert {row[0] for row in rows} == set(names)
    for name, value, spread, p in rows:
        difference = block[names[name]]
        assert value == hundred(difference["value"], "+")
        assert spread == f"{hundred(difference['low'], '+')} to {hundred(difference['high'], '+')}"
        assert float(p.removeprefix("<= ")) == pytest.approx(difference["p"], abs=0.006)
    assert verdict_sentence(block) in page.text


@pytest.mark.parametrize(
    ("word", "look"), [("better", "good"), ("not better", "bad"), ("cannot tell", "open")]
)
def test_the_verdict_is_said_and_colored(fit, tmp_path, word, look):
    whole = json.loads((fit / "comparison.json").read_text())
    whole["tasks"]["detection"]["verdict"] = word
    write_json(fit / "comparison.json", whole)
    page = page_of(fit, out=tmp_path / "r.html")
    assert f"verdict {look}" in page.classes("div")
    assert word in page.words


def test_the_page_needs_no_network_and_runs_nothing(made, tmp_path):
    page = page_of(*(made / task for task in TASKS), out=tmp_path / "r.html")
    assert not {"script", "link", "iframe", "object", "embed", "img", "form"} & {tag for tag, _ in page.tags}
    links = [given[key] for _, given in page.tags for key in ("href", "src", "xlink:href") if key in given]
    assert links
    assert all(link.startswith(("#", "data:image/")) for link in links)
    assert not any(name.startswith("on") for _, given in page.tags for name in given)
    assert "url(" not in (tmp_path / "r.html").read_text().split("</style>")[0]


def test_every_reference_has_its_own_target(made, tmp_path):
    page = page_of(*(made / task for task in TASKS), out=tmp_path / "r.html")
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert {given["href"][1:] for tag, given in page.tags if tag in ("a", "use")} <= set(ids)


def test_a_model_s_text_stays_text(fit, tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"</pre></details>"
    path = fit / FOLDERS["rft"] / "eval" / "heldout.jsonl"
    said = Turn(Prompt(), Completion(evil, (1, 2, 3)))
    predictions = [
        Prediction(p.example, answer, (Rollout(p.example, (said,), answer),))
        for p in read_predictions(path)
        for answer in [Answer(p.answer.as_(Boxes) or Boxes(), text=evil)]
    ]
    write_predictions(path, predictions)
    row = group_row(1, replace(predictions[0].example, id=evil), random.Random(1))
    for rollout in row["rollouts"]:
        rollout["terms"] = {evil: 1.0}
        rollout["turns"][0]["completion"]["text"] = evil
    write_rows(fit / FOLDERS["rft"] / "rollouts.jsonl", [row])
    facts = json.loads((fit / "fit.json").read_text())
    write_json(fit / "fit.json", facts | {"left_out": {evil: evil}, "model": evil, "notes": [evil]})
    page = page_of(fit, out=tmp_path / "r.html")
    assert "script" not in {tag for tag, _ in page.tags}
    assert "img" not in {tag for tag, _ in page.tags}
    assert "".join(page.words).count("<script>alert(1)</script>") >= 6


def test_a_class_name_from_a_model_stays_text(made, tmp_path):
    fit = Path(shutil.copytree(made / "classification", tmp_path / "fit"))
    path = fit / FOLDERS["rft"] / "eval" / "heldout.jsonl"
    said = "<script>x</script>"
    answer = Answer(Label(said), True, text=said)
    write_predictions(path, [Prediction(p.example, answer) for p in read_predictions(path)])
    page = page_of(fit, out=tmp_path / "r.html")
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(f"✗ {said}") == len([c for c in page.classes("article") if c == "case"])


@pytest.mark.parametrize(
    "lost",
    [
        "fit.json",
        "comparison.json",
        "rft-4e-05/run.json",
        "rft-4e-05/metrics.jsonl",
        "rft-4e-05/done.json",
        "sft-1e-05",
    ],
)
def test_what_is_missing_is_said(fit, tmp_path, lost):
    path = fit / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if lost == "fit.json":
        assert build_report([fit], tmp_path / "r.html")
    page = page_of(fit, out=tmp_path / "r.html")
    assert "What is missing or doubtful" in page.text
    assert Path(lost).name in page.text.split("What is missing or doubtful")[1]


def test_a_system_without_held_out_answers_is_named(fit, tmp_path):
    shutil.rmtree(fit / "base" / "eval")
    page = page_of(fit, out=tmp_path / "r.html")
    assert "base has no answers to held-out questions yet." in page.text
    assert "RFT against SFT" in page.text


def test_a_finished_fit_lacks_nothing(made, tmp_path):
    for task in TASKS:
        page = page_of(made / task, out=tmp_path / "r.html")
        assert "missing or doubtful" not in page.text


def test_every_single_file_may_be_torn(made, tmp_path):
    names = [p.relative_to(made / "detection") for p in sorted((made / "detection").rglob("*.json*"))]
    assert len(names) > 15
    for name in names:
        fit = Path(shutil.copytree(made / "detection", tmp_path / "torn", dirs_exist_ok=True))
        whole = (fit / name).read_bytes()
        (fit / name).write_bytes(whole[: len(whole) * 2 // 3])
        assert page_of(fit, out=tmp_path / "r.html").text


@pytest.mark.parametrize("content", ["[]", "null", '{"tasks": []}', '{"tasks": {"detection": 3}}', "{"])
def test_a_comparison_of_another_shape_is_no_crash(fit, tmp_path, content):
    (fit / "comparison.json").write_text(content)
    assert "no verdict yet" in page_of(fit, out=tmp_path / "r.html").text


def test_a_torn_last_line_passes_and_a_torn_middle_line_is_reported(fit, tmp_path):
    path = fit / FOLDERS["rft"] / "metrics.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"step": 81, "rew')
    assert "metrics.jsonl: no readable" not in page_of(fit, out=tmp_path / "r.html").text
    lines = whole.splitlines()
    lines[4] = lines[4][:20]
    path.write_text("\n".join(lines) + "\n")
    assert "metrics.jsonl: no readable JSON on line 5; skipped." in page_of(fit, out=tmp_path / "r.html").text


def test_boxes_are_drawn_where_the_answers_have_them(made, tmp_path):
    page = page_of(made / "grounding", out=tmp_path / "r.html")
    drawn = {
        tuple(float(given[key]) for key in ("x", "y", "width", "height"))
        for tag, given in page.tags
        if tag == "rect" and given.get("class") == "box"
    }
    possible = {
        (x1, y1, x2 - x1, y2 - y1)
        for name in FOLDERS.values()
        for one in read_predictions(made / "grounding" / name / "eval" / "heldout.jsonl")
        for x1, y1, x2, y2 in (*(one.answer.as_(Boxes) or Boxes()).xyxy_px, *one.example.target.xyxy_px)
    }
    assert len(drawn) > 12
    for box in drawn:
        assert min(np.abs(np.subtract(box, other)).max() for other in possible) < 0.02


def test_each_class_has_its_own_value(made, tmp_path):
    page = page_of(made / "classification", out=tmp_path / "r.html")
    answers = read_predictions(made / "classification" / FOLDERS["rft"] / "eval" / "heldout.jsonl")
    rows = {row[0]: row for row in page.tables["classes"][1:]}
    assert set(rows) == {one.example.target.name for one in answers}
    for name, row in rows.items():
        mine = [one for one in answers if one.example.target.name == name]
        assert row[1] == str(len(mine))
        assert row[4] == hundred(sum(one.answer.value == Label(name) for one in mine) / len(mine))


def test_trials_are_listed_with_the_chosen_ones(made, tmp_path):
    trials = json.loads((made / "detection" / "fit.json").read_text())["trials"]
    page = page_of(made / "detection", out=tmp_path / "r.html")
    rows = page.tables["trials"][1:]
    assert [row[1] for row in rows] == [trial["folder"] for trial in trials]
    assert [row[4] for row in rows] == [hundred(trial["validation"]) for trial in trials]
    assert {row[1] for row in rows if row[5] == "chosen"} == {FOLDERS["sft"], FOLDERS["rft"]}
    assert "the same number of trials (SFT 2, RFT 2)" in page.text


def test_trials_of_both_forms_are_told_apart_in_the_legend(fit, tmp_path):
    facts = json.loads((fit / "fit.json").read_text())
    mine = [trial for trial in facts["trials"] if trial["system"] == "sft"]
    for trial, form in zip(mine, ("think", "direct"), strict=True):
        trial["form"] = form
    write_json(fit / "fit.json", facts)
    text = page_of(fit, out=tmp_path / "r.html").text
    assert text.count("think, learning rate") == text.count("direct, learning rate") > 0


def test_a_better_trial_that_was_not_chosen_and_uneven_chances_are_reported(fit, tmp_path):
    facts = json.loads((fit / "fit.json").read_text())
    facts["trials"] = facts["trials"][1:]
    facts["trials"][1]["validation"] = 0.99
    write_json(fit / "fit.json", facts)
    text = page_of(fit, out=tmp_path / "r.html").text
    assert "unequal numbers of trials (SFT 1, RFT 2)" in text
    assert "another of its trials scores 99.0" in text


@pytest.mark.parametrize("small", [True, False])
def test_only_a_miniature_is_called_one(fit, tmp_path, small):
    facts = json.loads((fit / "fit.json").read_text())
    write_json(fit / "fit.json", facts | {"miniature": small})
    text = page_of(fit, out=tmp_path / "r.html").text
    assert ("not a claim about real models" in text) is small


def test_large_images_do_not_make_a_large_page(fit, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    for path in (fit / "images").iterdir():
        Image.fromarray(noise).save(path)
    rows = fit / FOLDERS["rft"] / "eval" / "heldout.jsonl"
    for name in FOLDERS.values():
        rows = fit / name / "eval" / "heldout.jsonl"
        moved = [
            re.sub(r'"path": "[^"]*/images/', '"path": "images/', x) for x in rows.read_text().splitlines()
        ]
        rows.write_text("\n".join(moved) + "\n")
    path = build_report([fit], tmp_path / "r.html")
    cards = read_page(path).classes("article")
    assert len(cards) > 8
    assert path.read_text().count("data:image/jpeg") == len(cards)
    assert path.stat().st_size < 3_000_000


def test_a_lost_image_leaves_its_boxes(fit, tmp_path):
    shutil.rmtree(fit / "images")
    for name in FOLDERS.values():
        rows = fit / name / "eval" / "heldout.jsonl"
        rows.write_text(re.sub(r'"path": "[^"]*"', '"path": "gone.png"', rows.read_text()))
    page = page_of(fit, out=tmp_path / "r.html")
    assert page.text.count("image not found") == len(page.classes("article"))
    assert "box" in page.classes("rect")


def test_a_run_by_itself_has_curves_rollouts_and_its_score(made, tmp_path):
    run = made / "detection" / FOLDERS["rft"]
    page = page_of(run, out=tmp_path / "r.html")
    value = AP.value(read_predictions(run / "eval" / "heldout.jsonl"))
    assert f"AP {hundred(value)}" in page.text
    assert {"Reward", "KL divergence", "Signal"} <= set(page.words)
    assert "differ by at most 2.4e-06, trained on one shared prompt" in page.text
    assert "Step 80: I look for it." in page.text
    assert "chart" in page.classes("svg")


def test_a_parent_folder_stands_for_what_is_in_it(made, tmp_path):
    page = page_of(made, out=tmp_path)
    assert (tmp_path / "report.html").is_file()
    assert all(
        f"#s{i}" in [given.get("href") for tag, given in page.tags if tag == "a"] for i in range(len(TASKS))
    )


def test_a_folder_that_is_none_or_empty_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(RunError, match=wrong.name):
            build_report([wrong], tmp_path / "r.html")
    with pytest.raises(RunError, match="No folder"):
        build_report([], tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()
