"""What stored texts are worth, in JSON, in the terminal and on the page that tells of them."""

from __future__ import annotations

import json
import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from stored_rows import read, row, write

from vrft.commands.stored import Reading, print_predictions, score_predictions
from vrft.errors import InputError
from vrft.evaluation.external.row_schema import TargetRow, names
from vrft.evaluation.external.score_predictions import score_stored


def test_tasks_and_groups_add_up_to_the_file(tmp_path: Path) -> None:
    rows = [
        row(who="a", image="1"),
        row(who="a", image="2", text="(100,100),(500,300)"),
        row(who="b", frame=None),
        row(who="b", frame=None, text="well"),
        row(who="b", target={"name": "cat"}, task="classification", text="<answer>Cat</answer>"),
        row(target=None),
    ]
    found = score_stored(read(tmp_path, *rows), by="who")
    assert (found["n"], found["scored"], found["parse_rate"]) == (6, 3, pytest.approx(5 / 6))
    assert found["refused"] == {
        "frame unknown": {"n": 2, "ids": ["line 3", "line 4"]},
        "no label": {"n": 1, "ids": ["line 6"]},
    }
    for parts in (found["tasks"], found["groups"]):
        assert sum(part["n"] for part in parts.values()) == 6
        assert sum(part["scored"] for part in parts.values()) == 3
        assert all(p["n"] == p["scored"] + sum(p["refused"].values()) for p in parts.values())
    assert found["groups"]["a"]["mean_iou"] == pytest.approx(0.75)
    assert (found["groups"]["b"]["accuracy"], found["groups"]["b"]["parse_rate"]) == (
        1.0,
        pytest.approx(2 / 3),
    )
    assert found["groups"].keys() == {"a", "b", "(none)"}
    grounding = found["tasks"]["grounding"]
    assert (grounding["value"], grounding["low"], grounding["high"]) == pytest.approx((0.75, 0.5, 1.0))
    assert found["unsized"] == 0
    json.dumps(found, allow_nan=False)
    with pytest.raises(InputError, match="no row has the field 'whom'"):
        score_stored(read(tmp_path, *rows), by="whom")


def test_the_first_ids_of_many_are_named(tmp_path: Path) -> None:
    found = score_stored(read(tmp_path, *(row(id=number, frame=None) for number in range(7))))
    assert found["refused"] == {"frame unknown": {"n": 7, "ids": ["0", "1", "2", "3", "4"]}}


def test_the_parse_rate_of_the_file_needs_no_frame_and_that_of_the_answers_does(tmp_path: Path) -> None:
    outside = row(text="<answer>(100,100),(500,1200)</answer>")
    found = score_stored(read(tmp_path, outside))
    assert found["parse_rate"] == 1.0
    assert found["tasks"]["grounding"]["answers"]["parse_rate"] == 0.0


def test_the_tables_have_the_figures_of_the_result(tmp_path: Path) -> None:
    path = write(tmp_path, row(who="[bold]a"), row(who="b", frame="relative", text="(100,100),(500,300)"))
    result = score_predictions([path], reading=Reading(values=("frame:thousand=thousand",)), by="who")
    told = StringIO()
    print_predictions(result, Console(file=told, width=100))
    for part in (
        "2 stored texts",
        "[bold]a",
        "mean IoU 100.0",
        "frame unknown 1",
        "(line 2)",
        "relative (1)",
    ):
        assert part in told.getvalue()


def options_of(block: str) -> dict[str, list[str]]:
    """The options of one `vrft eval` of the page."""
    command, verb, *rest = shlex.split(block.replace("\\\n", " "))
    assert (command, verb) == ("vrft", "eval")
    found: dict[str, list[str]] = {}
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        found.setdefault(name, []).append(value)
    return found


PAGE = (Path(__file__).parents[2] / "docs" / "predictions.md").read_text("utf-8")


def test_the_pages_examples_give_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = []
    blocks = re.findall(r"```json\n(.*?)```.*?```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    for rows, command in blocks:
        given = options_of(command)
        (name,) = given["--predictions"]
        Path(name).write_text(rows)
        by = given.get("--by", [None])[0]
        listed = [tuple(given.get(option, ())) for option in ("--field", "--default", "--value")]
        reading = Reading(*listed)
        results.append(score_predictions([Path(name)], reading=reading, by=by)["files"][name])
    own, theirs = results
    assert (own["scored"], own["refused"]) == (3, {"frame unknown": {"n": 1, "ids": ["line 4"]}})
    assert own["tasks"]["detection"]["value"] == pytest.approx(1)
    assert own["tasks"]["classification"]["value"] == 0
    assert theirs["groups"]["a"]["mean_iou"] == pytest.approx(0.375)
    assert theirs["groups"]["b"]["mean_iou"] == pytest.approx(1)
    assert (theirs["groups"]["b"]["n"], theirs["groups"]["b"]["scored"]) == (2, 1)
    assert theirs["unknown_frames"] == {"relative": 1}


def test_the_page_has_every_field() -> None:
    told = set()
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            told |= set(re.findall(r"`([a-z_]+)`", line.split("|")[1]))
    assert told == set(names()) | set(TargetRow.model_fields)
