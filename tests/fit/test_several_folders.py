"""``vrft fit`` with several folders: one policy for each, one for all, and a row for each folder."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from launch import vrft
from vrft.cli.fit import FitArgs, _asked, _overview_table
from vrft.config.run_config import load_config
from vrft.errors import ConfigError, InputError, RunError
from vrft.miniature.folders import write_classification, write_detection
from vrft.progress import LineReporter
from vrft.report.comparison import overview
from vrft.run_folder import write_json
from vrft.types import Form
from vrft.workflows.api_training import fit
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.fit_several import fit_several, folder_names


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    write_detection(root / "cells", 0, ("circle", "heart"), train=3, val=2, heldout=6)
    write_classification(root / "signs", 2, ("one", "two"), train=1, val=1, heldout=3)
    return root


def asked(folders, *words, **more):
    first, *others = [word if "=" in word else str(folders / word) for word in words]
    pairs, overrides = _asked(FitArgs(data=first, overrides=tuple(others), **more))
    return [(one.data.name, one.task) for one in pairs], overrides


def test_tasks_are_given_once_or_for_each_folder_in_turn(folders):
    both = [("cells", "detection"), ("signs", "classification")]
    assert asked(folders, "cells", "signs", task=("detection", "classification")) == (both, ())
    assert asked(folders, "cells", "seed=1", "signs", task=("counting",)) == (
        [("cells", "counting"), ("signs", "counting")],
        ("seed=1",),
    )
    assert asked(folders, "cells", task=("detection", "counting"))[0] == [
        ("cells", "detection"),
        ("cells", "counting"),
    ]
    assert asked(folders, "cells", "signs")[0] == [("cells", None), ("signs", None)]


@pytest.mark.parametrize(
    ("words", "more", "says"),
    [
        (("cells", "sings"), {}, "sings: this is neither a folder nor key=value"),
        (("cells", "signs"), {"task": ("a", "b", "c")}, "--task: 3 tasks for 2 folders"),
        (
            ("cells",),
            {"task": ("a", "b.yaml"), "task_option": ("subject=x",)},
            r"--task-option subject: of several tasks it is not clear which is meant\. Write a\.subject",
        ),
        (
            ("cells",),
            {"task": ("counting", "b.yaml"), "task_option": ("countin.x=1",)},
            r"countin is none of the tasks\. Did you mean 'counting'\? Write one of counting, b before",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(folders, words, more, says):
    with pytest.raises(InputError, match=says):
        asked(folders, *words, **more)


def test_an_option_of_a_task_is_for_that_task_alone(folders):
    tasks, given = ("classification", "mine/parts.yaml"), ("classification.subject=plant", "parts.depth=2")
    args = FitArgs(data=folders / "signs", task=tasks, task_option=given)
    assert [dict(one.task_options) for one in _asked(args)[0]] == [{"subject": "plant"}, {"depth": 2}]
    args = FitArgs(
        data=folders / "signs", overrides=(str(folders / "cells"),), task_option=("subject=plant",)
    )
    assert [dict(one.task_options) for one in _asked(args)[0]] == [{"subject": "plant"}] * 2


def several(folders, **more):
    pairs = (("cells", "detection"), ("signs", "classification"))
    return [FitSettings(folders / data, task, shots=1, form=Form.DIRECT, **more) for data, task in pairs]


def test_what_is_wrong_with_any_folder_is_said_before_anything_begins(folders, tmp_path):
    place = tmp_path / "fit"
    with pytest.raises(ConfigError, match=r"rollout.max_new_tokenz"):
        fit_several(several(folders, overrides=("rollout.max_new_tokenz=6",)), place)
    assert not place.exists()
    write_json(place / "classification" / "manifest.json", {})
    said = io.StringIO()
    with pytest.raises(RunError, match=r"classification holds a fit already"):
        fit_several(several(folders), place, check=False, reporter=LineReporter(said))
    assert [one.name for one in place.iterdir()] == ["classification"] and "Loading" not in said.getvalue()


def test_folders_are_called_by_their_tasks_and_told_apart_by_their_names():
    def names(*pairs):
        return folder_names([FitSettings(Path(data), task) for data, task in pairs])

    assert names(("a", "detection"), ("b", "counting")) == ["detection", "counting"]
    assert names(("a", "detection"), ("b", "detection")) == ["detection-a", "detection-b"]
    with pytest.raises(ConfigError, match=r"^a: this folder is named twice with the task detection\."):
        names(("a", "detection"), ("./a", "detection"))


def test_the_overview_has_a_row_for_each_folder_that_the_mixed_policy_learned():
    compared = {
        "title": "AP",
        "unit": "%",
        **{name: {"value": value} for name, value in (("base", 0.1), ("rft", 0.3), ("mixed", 0.25))},
        "mixed_minus_rft": {"value": -0.05, "low": -0.1, "high": 0.02, "p": 0.3},
    }
    (row,) = overview([("s0", "detection-cells", compared), ("s1", "other", {"base": {"value": 0.5}})])
    assert row[:2] == ("s0", "detection-cells") and row[3:7] == ("10.0", "–", "30.0", "25.0")
    assert row[7] == "−5.0" and row[8] == "−10.0 to +2.0"


def test_one_policy_for_all_folders_is_compared_with_one_for_each(folders, tmp_path):
    words = ("fit", folders / "cells", folders / "signs", "--task", "detection", "--task", "classification",
             "--arms", "rft", "--form", "direct", "--shots", 1, "--steps", 1, "--val-max", 2, "--eval-max", 4,
             "--no-near-duplicates", "--no-check", "optim.prompts_per_step=2", "rollout.group_size=2",
             "rollout.max_new_tokens=6", "--json", "--out", "fit")  # fmt: skip
    ended = vrft(*words, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert list(found["tasks"]) == ["detection", "classification"]
    place = tmp_path / "fit"
    for name, own in found["tasks"].items():
        assert {"base", "rft", "mixed", "mixed_minus_base", "mixed_minus_rft"} <= own.keys()
        gain = own["mixed"]["value"] - own["rft"]["value"]
        assert own["mixed_minus_rft"]["value"] == pytest.approx(gain)
        split = json.loads((place / name / "manifest.json").read_text())
        lines = (place / name / "mixed" / "eval" / "heldout.jsonl").read_text().splitlines()
        assert {json.loads(line)["id"] for line in lines} == set(split["heldout"])
    config = load_config(place / "mixed-5e-05" / "config.yaml")
    assert [entry.share for entry in config.tasks] == [1, 1] and config.optim.steps == 2
    mixed = json.loads((place / "mixed-5e-05" / "manifest.json").read_text())
    for name in found["tasks"]:
        single = json.loads((place / name / "manifest.json").read_text())
        assert {f"{name}/{id}" for id in single["train"]} == {
            id for id in mixed["train"] if id.startswith(f"{name}/")
        }
    page_file = place / "report.html"
    page = page_file.read_text()
    assert "One policy for each folder, and one for all" in page and "RFT on all folders" in page
    # The same in Python, of what is there already.
    in_python = fit([folders / "cells", folders / "signs"], ["detection", "classification"], arms=["rft"],
                form="direct", shots=1, steps=1, val_max=2, eval_max=4, near_duplicates=False, check=False,
                overrides=[str(word) for word in words if "=" in str(word)], out=place, resume=True,
                quiet=True)  # fmt: skip
    assert in_python.report == page_file and in_python.model == place / Path(found["mixed"]).name
    for name, own in in_python.parts.items():
        assert {key: value.value for key, value in own.scores.items()} == {
            key: found["tasks"][name][key]["value"] for key in ("base", "rft", "mixed")
        }
        assert own.differences["mixed_minus_rft"].low == found["tasks"][name]["mixed_minus_rft"]["low"]


def test_the_table_names_every_folder_in_a_narrow_terminal():
    score, gain = {"value": 0.4167}, {"value": -0.2, "low": -0.5, "high": 0.1, "p": 0.2}
    own = {"metric": "places", "title": "tiles in their place", "unit": "%", "higher_is_better": True, "n": 9}
    own |= {"base": score, "sft": score, "rft": score, "mixed": score, "mixed_minus_rft": gain}
    names = ("cells", "a_folder_with_a_long_name")
    console = Console(width=80)
    with console.capture() as shown:
        console.print(_overview_table({Path(name): {"tasks": {"jigsaw": own}} for name in names}))
    first, other = (shown.get().find(name[:15]) for name in names)
    assert 0 < first < other and shown.get().count("41.7") == 8 and "−50.0 to +10.0" in shown.get()
