"""`vrft score`: answers of any model from files, read by their own names or by a reader."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from vrft.cli import app
from vrft.cli.card_tables import print_files
from vrft.errors import InputError
from vrft.workflows.evaluate_files import evaluate_files
from vrft.workflows.requests import FilesRequest


def row(**changes):
    """A grounding answer whose box is the label's."""
    plain = {
        "text": "(100,100),(500,500)",
        "task": "grounding",
        "frame": "norm1000",
        "image_wh": [1000, 1000],
        "target": {"boxes": [[100, 100, 500, 500]]},
    }
    return {**plain, **changes}


def write(path, *rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_the_tables_have_the_figures_of_the_result(tmp_path):
    rows = (row(who="[bold]a"), row(who="b", frame="relative", text="(100,100),(500,300)"))
    result = evaluate_files([write(tmp_path / "said.jsonl", *rows)], FilesRequest(by="who"))
    shown = StringIO()
    print_files(result, Console(file=shown, width=100))
    for part in (
        "2 stored texts",
        "[bold]a",
        "mean IoU 100.0",
        "frame unknown 1",
        "(line 2)",
        "relative (1)",
    ):
        assert part in shown.getvalue(), shown.getvalue()


def test_a_text_that_no_terminal_can_write_is_shown_all_the_same(tmp_path):
    odd = "\ud800 and \x1b[31m"
    result = evaluate_files(
        [write(tmp_path / "said.jsonl", row(who=odd, id=odd, frame=None))], FilesRequest(by="who")
    )
    shown = StringIO()
    print_files(result, Console(file=shown))
    shown.getvalue().encode()
    assert "refused: frame unknown: 1" in shown.getvalue()


READER = """
import json

def rows(path):
    for line in path.read_text().splitlines():
        theirs = json.loads(line)
        yield {
            "text": theirs["output"],
            "task": "grounding",
            "frame": "norm1000",
            "image_wh": [1000, 1000],
            "target": {"boxes": [theirs["truth"]]},
        }
"""


def test_a_reader_of_the_users_reads_any_other_file(tmp_path):
    (tmp_path / "reader.py").write_text(READER)
    right, half = [100, 100, 500, 500], [100, 100, 500, 900]
    file = write(
        tmp_path / "said.jsonl", *({"output": "(100,100),(500,500)", "truth": t} for t in (right, half))
    )
    command = ["score", str(file), "--reader", f"{tmp_path / 'reader.py'}:rows", "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["files"][str(file)]
    assert found["tasks"]["grounding"]["metrics"]["mean_iou"] == pytest.approx(0.75)
    assert found["cards"]["grounding"]["value"] == pytest.approx(0.75)


def test_what_cannot_be_read_is_named(tmp_path):
    file = write(tmp_path / "said.jsonl", row())
    with pytest.raises(InputError, match="A file is named twice"):
        evaluate_files([file, file])
    with pytest.raises(InputError, match="--reader"):
        evaluate_files([file], FilesRequest(reader="no_such_module:rows"))
    with pytest.raises(InputError, match="nothing to fuse"):
        evaluate_files([file], FilesRequest(fuse="medoid"))
    with pytest.raises(InputError, match="no row has the field 'who'"):
        evaluate_files([file], FilesRequest(by="who"))
