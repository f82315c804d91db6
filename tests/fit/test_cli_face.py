"""The command line as people meet it: help, words, suggestions, lines in a log, JSON alone."""

from __future__ import annotations

import io
import json
import shlex

import pytest
import typer
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

import vrft
from launch import vrft as command
from vrft.cli import app
from vrft.cli.output import print_table, text_table
from vrft.miniature.folders import write_classification, write_detection
from vrft.progress import LineReporter, NullReporter, reporter_for_people

VERBS = sorted(typer.main.get_command(app).commands)


def help_of(*words, width=80):
    result = CliRunner().invoke(app, [*words], terminal_width=width, env={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    return result.output


def test_version_and_short_help():
    assert help_of("--version").strip() == f"vrft {vrft.__version__}"
    assert help_of("-h") == help_of("--help")
    assert "--install-completion" in help_of("-h")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_that_its_own_options_read(verb):
    commands = typer.main.get_command(app).commands[verb]
    for name, one in ({verb: commands} if not hasattr(commands, "commands") else commands.commands).items():
        path = [verb] if name == verb else [verb, name]
        assert help_of(*path, "-h") == help_of(*path, "--help")
        examples = one.model.examples
        assert examples or verb in ("tasks",), path
        options = {option for parameter in one.params for option in parameter.opts}
        for example in examples:
            words = shlex.split(example.partition(" < ")[0].partition(" > ")[0])
            if "vrft" not in words or words[words.index("vrft") + 1] != verb:
                continue
            own = words[: words.index("--")] if "--" in words else words  # the rest is for another program
            assert {w for w in own if w.startswith("--") and w != "--nproc_per_node"} <= options, example


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_word_of_the_help_is_broken_at_any_width(width):
    for verb in VERBS:
        whole = set(help_of(verb, "-h", width=300).split())
        assert set(help_of(verb, "-h", width=width).split()) <= whole, verb


def table():
    rows = [("base", "a-word-that-is-longer-than-a-narrow-terminal", "1"), ("rft", "short", "2")]
    return text_table("Scores", ("policy", "what", "value"), rows)


def test_a_table_keeps_its_words_in_a_log_and_on_a_narrow_terminal():
    for console in (
        Console(file=io.StringIO()),
        Console(file=io.StringIO(), force_terminal=True, width=30, color_system=None),
        Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None),
    ):
        print_table(table(), console)
        shown = console.file.getvalue()
        for word in ("Scores", "base", "a-word-that-is-longer-than-a-narrow-terminal", "short", "value"):
            assert word in shown, shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fot", "x"), "Did you mean"),
        (("fit", "x", "--shot", "3"), "--shots"),
        (("train", "miniatur_detection"), "Did you mean 'miniature_detection'?"),
        (("train", "miniature_detection", "rollout.max_new_token=4"), "Did you mean 'max_new_tokens'?"),
        (("train", "miniature_detection", "steps=4"), "Did you mean 'optim.steps'?"),
        (("rewards", "--task", "detction"), "Did you mean 'detection'?"),
        (("eval", "--predictions", "a.jsonl"), "vrft score a.jsonl"),
    ],
)
def test_the_nearest_name_is_suggested(arguments, says, tmp_path):
    ended = command(*arguments, cwd=tmp_path)
    assert ended.returncode == 2 and says in ended.stderr and not ended.stdout


def test_a_log_has_a_line_about_every_ten_seconds():
    now, stream = [0.0], io.StringIO()
    reporter = LineReporter(stream, lambda: now[0])
    with reporter.task("RFT", 40) as update:
        for _ in range(40):
            now[0] += 3
            update(1, "reward 0.50, validation 0.310")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "RFT 4/40: reward 0.50, validation 0.310, 1 min 48 s left"
    assert len(lines) == 10 and lines[-1].startswith("RFT 40/40: ") and lines[-1].endswith("took 2 min 00 s")


def test_a_log_says_nothing_of_what_was_done_before():
    stream = io.StringIO()
    with LineReporter(stream).task("Base policy on held-out images", 40):
        pass
    assert not stream.getvalue()


def test_quiet_shows_nothing_and_a_log_gets_lines():
    assert isinstance(reporter_for_people(quiet=True), NullReporter)
    assert isinstance(reporter_for_people(), LineReporter)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    return write_detection(tmp_path_factory.mktemp("boxes"), 0, train=8, val=4, heldout=2)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    return write_classification(folder, 0, ("one", "two"), train=2, val=1, heldout=1)


@pytest.mark.parametrize(
    ("folder", "task"), [("boxes", "detection"), ("names", "classification")], ids=["boxes", "names"]
)
def test_fit_of_a_folder_alone_says_what_it_sees_and_trains_nothing(folder, task, tmp_path, request):
    data = request.getfixturevalue(folder)
    shown = command("fit", data, cwd=tmp_path)
    assert shown.returncode == 2 and not shown.stderr and not list(tmp_path.iterdir())
    for words in (
        f"Suggested task: {task}.",
        "miniature: embedded",
        "How long it takes",
        "Nothing was trained.",
    ):
        assert words in shown.stdout
    line = next(line for line in shown.stdout.splitlines() if line.startswith("    vrft fit"))
    words = shlex.split(line)
    assert words[2:6] == [str(data), "--task", task, "--model"]
    as_json = command("fit", data, "--json", cwd=tmp_path)
    found = json.loads(as_json.stdout)
    assert (found["task"], found["command"]) == (task, line.strip()) and not as_json.stderr


def test_json_is_all_that_is_printed(boxes, tmp_path):
    quick = ("--task", "detection", "--form", "direct", "--eval-max", 2, "--max-new-tokens", 8)
    image = next((boxes / "train" / "images").glob("*.png"))
    for words in (
        ("eval", "miniature", boxes, *quick, "--json"),
        ("predict", "miniature", image, "two", "--form", "direct", "--max-new-tokens", 8, "--json"),
        ("check", boxes, "--json"),
        ("audit", "grounding", "--targets", 60, "--json"),
        ("tasks", "--json"),
        ("rewards", "--json"),
        ("models", "--json"),
        ("convert", boxes, "yolo", "--to", "yolo", "--json"),
    ):
        ended = command(*words, cwd=tmp_path)
        assert json.loads(ended.stdout) is not None and not ended.stderr, (words, ended)


def test_a_folder_is_probed_as_fit_would_ask_about_it(boxes, tmp_path):
    quick = ("--samples", 8, "--questions", 1, "--temperatures", "", "--form", "direct", "-q")
    ended = command("probe", boxes, *quick, "--shots", 1, "rollout.max_new_tokens=8", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr and "1 training questions, 8 answers each" in ended.stdout
    refused = command("probe", "miniature_detection", "--task", "detection", cwd=tmp_path)
    assert refused.returncode == 2 and "--task is for a folder" in refused.stderr


def test_labels_without_boxes_are_not_converted(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    row = {"image": "a.png", "question": "What is written?", "answers": ["exit", "way out"]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    ended = command("convert", tmp_path, "out", cwd=tmp_path)
    assert ended.returncode == 2 and not (tmp_path / "out").exists()
    said = " ".join(ended.stderr.split())
    assert "says questions with answers in words, and coco, voc, yolo hold boxes of categories alone" in said


def test_a_converted_folder_is_read_back(boxes, tmp_path):
    ended = command("convert", boxes, "voc", "--to", "voc", cwd=tmp_path)
    assert ended.returncode == 0 and str(tmp_path / "voc") in ended.stdout
    before, after = (vrft.load_examples(folder, "detection") for folder in (boxes, tmp_path / "voc"))
    assert sorted(e.target.xyxy_px for e in before) == sorted(e.target.xyxy_px for e in after)


def test_a_task_of_ones_own_has_rewards_too(tmp_path):
    from custom_task import CUSTOM_SPEC

    found = json.loads(command("rewards", "--task", CUSTOM_SPEC, "--json", cwd=tmp_path).stdout)
    (settings,) = (row["settings"] for row in found.values())
    assert settings and all(says for terms in settings.values() for says in terms.values())


def test_a_model_that_is_a_fit_or_nothing_is_named(boxes, tmp_path):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "fit.json").write_text(json.dumps({"systems": {"rft": "rft-1e-04"}}))
    for model, says in (
        ("fit", "as in fit/rft-1e-04"),
        ("./nowhere", "there is no such folder"),
        ("minature", "Did you mean 'miniature'?"),
    ):
        ended = command("eval", model, boxes, "--task", "detection", cwd=tmp_path)
        assert ended.returncode == 2 and says in ended.stderr, ended


def test_check_takes_the_settings_that_it_suggests(boxes, tmp_path):
    ended = command("check", boxes, "rollout.max_new_tokens=8", "-q", cwd=tmp_path)
    assert "8 tokens" in " ".join(ended.stdout.split()), ended
