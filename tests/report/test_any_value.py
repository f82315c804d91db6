"""Pages of tasks that this package does not have: any value is drawn, any metric is written in its unit."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from making import FOLDERS, NAMES, make_evaluation, make_fit, write_json
from PIL import Image
from reading import read_page

from vrft.errors import RunError
from vrft.evaluation.compare import compare
from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.evaluation.scorecard import CardOptions, scorecard, scorecards
from vrft.geometry.masks import mask_of_region
from vrft.report.build_report import build_evaluation_page, build_report
from vrft.report.panels import draw_answer
from vrft.tasks import registry
from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.tasks.task import Task
from vrft.types import (
    Answer,
    Boxes,
    Example,
    Label,
    Number,
    Permutation,
    Points,
    Prediction,
    Shape,
    TimeSpan,
    Value,
    ValueList,
    Video,
)
from vrft.types import Image as ImageFile

SIZE = (80, 60)
SETTINGS = {"recommended": {}}


def _error(prediction: Prediction) -> float:
    value, target = prediction.answer.as_(Number), prediction.example.target
    return abs(value.number - target.number) if value is not None else 9.0


@dataclass(frozen=True)
class Marks(Task):
    """Asks for anything at all; how far a number is off is its metric."""

    name = "marks"
    help = "Mark it."
    answer = Value
    needs = frozenset()
    settings = SETTINGS
    metrics = (Metric("off", "mean error", mean_of(_error), "cups", higher_is_better=False),)
    score_rule = "the same mark"

    def examples(self, records):
        return []

    def question(self, example, frames):
        return example.question

    def gold(self, example, frames):
        return ""

    def parse(self, text, example, frames):
        return Answer()


@pytest.fixture(autouse=True)
def marks(monkeypatch):
    monkeypatch.setitem(registry._known, "marks", Marks())


def asked(root: Path, target: Value | None, key: str = "q", media=None) -> Example:
    path = root / "a.png"
    Image.new("RGB", SIZE, (200, 210, 190)).save(path)
    return Example(
        key, key, "marks", media or (ImageFile(path, SIZE),), f"where is {key}?", target, group="one"
    )


def shown(root: Path, target: Value | None, value: Value | None, media=None):
    """The page of one answer, and the tags of it that are drawn over the image."""
    prediction = Prediction(asked(root, target, media=media), Answer(value, True, text="words"))
    page = read_page(build_evaluation_page({"task": "marks"}, [prediction], root / "r.html"))
    return page, [(tag, given) for tag, given in page.tags if tag in ("rect", "circle", "polygon", "image")]


def of_class(drawn, look):
    return [(tag, given) for tag, given in drawn if given.get("class") == look]


def test_points_are_dots_with_their_names(tmp_path):
    page, drawn = shown(tmp_path, Points(((10.0, 20.0),)), Points(((12.0, 22.0), (5.0, 6.0)), ("nose", None)))
    places = [(float(d["cx"]), float(d["cy"])) for _, d in of_class(drawn, "spot")]
    # The label alone, then under the answer.
    assert places == [(10.0, 20.0), (10.0, 20.0), (12.0, 22.0), (5.0, 6.0)]
    assert "nose" in page.words and "1 point" in page.text


def test_a_region_is_an_overlay_of_its_pixels(tmp_path):
    region = np.zeros(SIZE[::-1], dtype=bool)
    region[10:30, 20:60] = True
    page, drawn = shown(tmp_path, mask_of_region(region), None)
    overlays = [d for tag, d in drawn if tag == "image" and "id" not in d]
    assert len(overlays) == 2 and all(d["href"].startswith("data:image/png") for d in overlays)
    assert {(d["width"], d["height"]) for d in overlays} == {("80", "60")}
    assert "1 region" in page.text and "no readable answer" in page.text


def test_the_overlay_has_the_color_of_its_layer_where_the_region_is():
    import base64
    import io

    region = np.zeros(SIZE[::-1], dtype=bool)
    region[10:30, 20:60] = True
    example = Example("a", "a", "marks", (ImageFile(Path("a.png"), SIZE),), "q")
    svg = str(draw_answer(example, "s0", {"rft": [Shape("region", region=mask_of_region(region))]}))
    content = base64.b64decode(svg.split("base64,")[1].split('"')[0])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
    assert (pixels[..., 3] > 0).tolist() == region.tolist()
    assert {tuple(p) for p in pixels[region][:, :3]} == {(0x1F, 0x6F, 0xEB)}


def test_a_span_is_a_bar_as_long_as_its_share_of_the_clip(tmp_path):
    clip = (Video(tmp_path / "a.mp4", SIZE, times_s=tuple(float(t) for t in range(11))),)
    page, drawn = shown(tmp_path, TimeSpan(0.0, 5.0), TimeSpan(5.0, 7.5), clip)
    bars = [(float(d["x"]), float(d["width"])) for _, d in of_class(drawn, "plate")]
    assert bars == [(0.0, 40.0), (0.0, 40.0), (40.0, 20.0)]
    assert "video not found" in page.text and "rft: 5 s to 7.5 s" in page.text


def test_an_outline_is_drawn_with_its_corners():
    example = Example("a", "a", "marks", (ImageFile(Path("a.png"), SIZE),), "q")
    svg = str(
        draw_answer(example, "s0", {"rft": [Shape("polygon", (1.0, 2.0, 30.0, 2.5, 9.0, 40.0), "roof")]})
    )
    assert svg.count('points="1,2 30,2.5 9,40"') == 2 and ">roof<" in svg


@pytest.mark.parametrize(
    ("target", "value", "words"),
    [
        (Number(3, "cups"), Number(2, "cups"), ("3 cups", "2 cups")),
        (Permutation((1, 0)), Permutation((0, 1)), ("1 0", "0 1")),
        (Label("cat"), Label("dog"), ("cat", "dog")),
    ],
)
def test_where_nothing_has_a_place_words_say_it(tmp_path, target, value, words):
    page, drawn = shown(tmp_path, target, value)
    assert set(words) <= set(page.words)
    # The image once, with the label.
    assert [tag for tag, _ in drawn] == ["image"] and page.classes("svg").count("image") == 1
    assert "cards compact" in page.classes("div")


def test_a_name_and_a_score_stand_on_a_plate(tmp_path):
    answer = Boxes(((5.0, 20.0, 30.0, 50.0), (40.0, 30.0, 60.0, 50.0)), (0.25, 1.0), ("cup", None))
    page, drawn = shown(tmp_path, Boxes(((5.0, 20.0, 30.0, 50.0),)), answer)
    assert {"cup 0.25", "1.00"} <= set(page.words)
    assert len(of_class(drawn, "box")) == 1 + 3


def test_each_image_of_several_shows_its_own_shapes(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path in paths:
        Image.new("RGB", SIZE).save(path)
    media = tuple(ImageFile(path, SIZE) for path in paths)
    one, other = Boxes(((1.0, 2.0, 30.0, 40.0),)), Boxes(((5.0, 6.0, 50.0, 50.0),))
    prediction = Prediction(asked(tmp_path, ValueList((one, other)), media=media), Answer(ValueList((one,))))
    text = build_evaluation_page({"task": "marks"}, [prediction], tmp_path / "r.html").read_text()
    svgs = [part.split("</svg>")[0] for part in text.split('<svg viewBox="0 0 80 60"')[1:]]
    assert [svg.count('class="box"') for svg in svgs] == [1, 1, 2, 1]
    assert ['x="1"' in svg for svg in svgs] == [True, False, True, False]
    assert [svg.split('href="')[1].split('"')[0] for svg in svgs] == ["#s0-0", "#s0-0-1"] * 2


def test_a_question_without_a_label_is_in_no_gallery(tmp_path):
    page, drawn = shown(tmp_path, None, Points(((1.0, 1.0),)))
    assert not drawn and "Chosen by rule" not in page.text


@pytest.mark.parametrize("empty", [False, True])
def test_the_rule_speaks_of_what_is_not_there_only_where_something_is_not(tmp_path, empty):
    page, _ = shown(tmp_path, Points(() if empty else ((1.0, 1.0),)), Points(()))
    assert ("ask for what is not there" in page.text) is empty
    assert "The score of a question: the same mark." in page.text


def counted(root: Path, off: float) -> list[Prediction]:
    return [
        Prediction(
            asked(root, Number(10.0, "cups"), f"q{i}"), Answer(Number(10.0 + off + 0.5 * (i % 2)), True)
        )
        for i in range(12)
    ]


def test_a_metric_is_written_in_its_unit_with_its_direction(tmp_path):
    systems = {"base": counted(tmp_path, 4.0), "rft": counted(tmp_path, 1.0)}
    fit = tmp_path / "fit"
    block = compare(systems, resamples=50)
    write_json(fit / "comparison.json", {"tasks": {"marks": block}})
    trials = [
        {"system": "rft", "folder": f"rft-{i}", "validation": value, "best_step": 1}
        for i, value in enumerate((2.5, 1.5))
    ]
    write_json(
        fit / "fit.json", {"task": "marks", "systems": {n: f"{n}-0" for n in systems}, "trials": trials}
    )
    for name, predictions in systems.items():
        write_predictions(fit / f"{name}-0" / "eval" / "heldout.jsonl", predictions)
        write_json(fit / f"{name}-0" / "run.json", {"method": "eval"})
    page = read_page(build_report([fit], tmp_path / "r.html"))
    assert "Held-out score: mean error, cups, lower is better" in page.text
    rows = {row[0]: row[1:] for row in page.tables["systems"][1:]}
    assert [rows[name][0] for name in ("Base", "RFT")] == ["4.25", "1.25"]
    assert rows["RFT"][1] == f"{block['rft']['low']:.4g} to {block['rft']['high']:.4g}"
    assert page.tables["differences"][1][:2] == ["RFT − Base", "−3"]
    assert block["verdict"] == "better" and "verdict good" in page.classes("div")
    assert page.tables["trials"][0][4] == "Validation, cups"
    # The lower error is the better trial.
    assert (
        "chosen trial of RFT scores 2.5 cups on the validation part, but another of its trials scores 1.5"
        in (page.text)
    )
    run = read_page(build_report([fit / "rft-0"], tmp_path / "run.html"))
    assert "mean error 1.25 cups, 95% interval" in run.text


def test_a_card_is_written_in_its_unit(tmp_path):
    predictions = counted(tmp_path, 1.0)
    card = scorecard(predictions)
    page = read_page(build_evaluation_page(card, predictions, tmp_path / "r.html"))
    assert "mean error 1.25 cups" in page.text
    assert page.tables["metrics figures"][0][1] == "value"
    assert page.tables["metrics figures"][1][:2] == ["mean error, cups, lower is better", "1.25"]


def test_several_tasks_of_one_file_have_a_section_each(tmp_path):
    folders = {task: make_evaluation(tmp_path / task, task) for task in ("detection", "classification")}
    both = [one for folder in folders.values() for one in read_predictions(folder / "predictions.jsonl")]
    folder = tmp_path / "both"
    write_predictions(folder / "predictions.jsonl", both)
    options = CardOptions(base=NAMES[:2], novel=NAMES[2:], resamples=30, sizes=(1, 2, 4))
    write_json(folder / "result.json", {"model": "small", "tasks": scorecards(both, options)})
    page = read_page(build_report([folder], tmp_path / "r.html"))
    assert page.classes("section").count("evaluation") == 2
    assert page.text.count("What was asked Model small") == 2
    for single in folders.values():
        alone = read_page(build_report([single], tmp_path / "alone.html"))
        sentence = next(words for words in alone.words if "questions about" in words)
        assert sentence in page.text
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    # Without scores the answers are shown all the same.
    (folder / "result.json").unlink()
    bare = read_page(build_report([folder], tmp_path / "bare.html"))
    assert bare.classes("article").count("case") == page.classes("article").count("case") > 12


def test_several_tasks_of_one_fit_have_a_part_each(tmp_path):
    fit, other = make_fit(tmp_path / "a", images=8), make_fit(tmp_path / "b", "classification", images=8)
    compared = json.loads((fit / "comparison.json").read_text())
    compared["tasks"] |= json.loads((other / "comparison.json").read_text())["tasks"]
    write_json(fit / "comparison.json", compared)
    for name in FOLDERS.values():
        files = [one / name / "eval" / "heldout.jsonl" for one in (fit, other)]
        write_predictions(files[0], [one for file in files for one in read_predictions(file)])
    page = read_page(build_report([fit], tmp_path / "r.html"))
    values = [hundred for row in page.tables["systems"] for hundred in row[1:2] if row[0] == "RFT"]
    assert values == [
        f"{100 * compared['tasks'][t]['rft']['value']:.1f}" for t in ("detection", "classification")
    ]
    assert page.text.count("Chosen by rule") == 2 and "missing or doubtful" not in page.text
    assert "task" in page.classes("section")
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))


def test_a_task_that_is_not_known_is_named(tmp_path, monkeypatch):
    folder = make_evaluation(tmp_path / "eval", "classification", images=4)
    predictions = [
        replace(one, example=replace(one.example, task="unheard"), rollouts=())
        for one in read_predictions(folder / "predictions.jsonl")
    ]
    write_predictions(folder / "predictions.jsonl", predictions)
    card = json.loads((folder / "result.json").read_text())
    write_json(folder / "result.json", card | {"task": "unheard"})
    page = read_page(build_report([folder], tmp_path / "r.html"))
    assert "The task 'unheard' is not known here" in page.text
    assert page.tables["metrics figures"][1][1] == f"{100 * card['value']:.1f}"


def test_no_code_that_a_folder_names_is_run(tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nTASK = 1\n")
    fit = make_fit(tmp_path / "fit", images=4)
    for name in ("fit.json", "comparison.json"):
        tree = json.loads((fit / name).read_text())
        task = f"{tmp_path / 'evil.py'}:TASK"
        tree |= {"task": task} if name == "fit.json" else {"tasks": {task: tree["tasks"]["detection"]}}
        write_json(fit / name, tree)
    assert "AP" in read_page(build_report([fit], tmp_path / "r.html")).text
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["run", "fit", "evaluation"])
def test_what_vrft_0_1_wrote_is_said_to_be_so(tmp_path, kind):
    old = tmp_path / "all" / "old"
    if kind == "evaluation":
        write_json(old / "result.json", {"task": "detection"})
        (old / "answers.jsonl").write_text('{"id": "a", "image": "a.png"}\n')
    else:
        write_json(old / ("run.json" if kind == "run" else "rft-1/run.json"), {"kind": "rft", "seed": 0})
        write_json(old / ("done.json" if kind == "run" else "fit.json"), {"task": "detection"})
    with pytest.raises(RunError, match=r"old was written by vrft 0\.1.*Make it again"):
        build_report([old], tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()
    new = make_fit(tmp_path / "new", images=4)
    page = read_page(build_report([old, new], tmp_path / "r.html"))
    assert "was written by vrft 0.1" in page.text.split("missing or doubtful")[1].split("Held-out")[0]
    assert "RFT against Base" in page.text


def test_rows_of_vrft_0_1_within_a_run_are_named(tmp_path):
    run = Path(shutil.copytree(make_fit(tmp_path / "fit", images=4) / FOLDERS["rft"], tmp_path / "run"))
    row = {"step": 1, "example_id": "a", "group": [{"text": "x", "reward": 1.0}]}
    (run / "rollouts.jsonl").write_text(json.dumps({**row, "rollouts": [1]}) + "\n")
    (run / "eval" / "heldout.jsonl").write_text('{"id": "a", "image_wh": [1, 1]}\n')
    page = read_page(build_report([run], tmp_path / "r.html"))
    assert page.text.count("was written by vrft 0.1") == 2
