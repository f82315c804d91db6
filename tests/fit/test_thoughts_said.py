"""What a fit says of thoughts: before training by its probe, and at its end by what the training logged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from vrft.diagnostics.probe.advice import side_of
from vrft.diagnostics.probe.probe_summary import Thoughts
from vrft.miniature.folders import write_classification
from vrft.progress import NullReporter
from vrft.report.thought_watch import lost_thoughts
from vrft.types import Form
from vrft.workflows.fit import fit
from vrft.workflows.fit_settings import MINIATURE_RECIPE, FitSettings


class OneRate(FitSettings):
    """A fit with one trial where it would have two."""

    @property
    def recipe(self):
        return replace(MINIATURE_RECIPE, rft_rates=(1e-4,))


class Sentences(NullReporter):
    """Keeps what a terminal would show."""

    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)


def test_a_fit_says_which_side_its_base_is_on_and_warns_where_thoughts_were_lost(tmp_path):
    folder, shown = tmp_path / "fit", Sentences()
    settings = OneRate(
        write_classification(tmp_path / "data", 0, ("two", "five", "seven"), train=1, val=1, heldout=2),
        "classification",
        shots=1,
        steps=1,
        form=Form.THINK,
        eval_max=6,
        val_max=3,
        arms=("rft",),
        overrides=("optim.prompts_per_step=2", "rollout.group_size=8"),
    )
    assert fit(settings, folder, check=False, reporter=shown) is not None
    (probe,) = json.loads((folder / "probe.json").read_text())["probes"]
    side = side_of(Thoughts(**probe["thoughts"]))
    facts = json.loads((folder / "fit.json").read_text())
    assert side in facts["notes"] and side in shown.lines
    assert asdict(Thoughts(**probe["thoughts"])) == probe["thoughts"]
    metrics = folder / facts["systems"]["rft"] / "metrics.jsonl"
    logged = [row for row in map(json.loads, metrics.read_text().splitlines()) if "reward" in row]
    assert logged and not any("shows_work" in row for row in logged)
    rows = [{"step": i, "reward": i / 10, "shows_work": 1 - i / 10} for i in range(1, 9)]
    metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    warning = lost_thoughts(rows)
    assert fit(settings, folder, check=False, reporter=shown, resume=True) is not None
    assert warning in json.loads((folder / "fit.json").read_text())["notes"] and warning in shown.lines
    assert "Thoughts that show a computation" in (folder / "report.html").read_text()
