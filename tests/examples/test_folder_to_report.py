"""The notebook's cells run in order, with as little training as there can be."""

from __future__ import annotations

import json

from example_runs import EXAMPLES

import vrft

NOTEBOOK = json.loads((EXAMPLES / "folder_to_report.ipynb").read_text("utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
TINY = {
    "shots": 1,
    "steps": 1,
    "eval_max": 6,
    "val_max": 4,
    "form": "direct",
    "overrides": ("rollout.group_size=2", "rollout.max_new_tokens=20", "optim.prompts_per_step=2"),
    "quiet": True,
}


def test_every_cell_runs_and_the_last_is_the_page(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in CODE:
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            names |= {"data": photos, "settings": {**TINY, "out": "fit"}}
    result, scored = names["result"], names["scored"]
    assert isinstance(result, vrft.FitResult) and (tmp_path / "fit" / "report.html").is_file()
    assert result.verdict in capsys.readouterr().out
    assert set(result.scores) == {"base", "sft", "rft"} and scored.n == 6
    questions = [one.example.question for one in names["answers"]]
    assert names["checked"].passed and questions == sorted(names["checked"].classes)


def test_no_output_is_kept():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    assert sum("parameters" in cell["metadata"].get("tags", ()) for cell in CODE) == 1
