"""Beside another trainer: nothing but the base dependencies is needed to parse, score, audit and report."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "accelerate", "peft", "safetensors", "tokenizers")

GUARD = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named '{{name}}' in a light installation", name=name)

sys.meta_path.insert(0, Absent())
"""

EXAMPLE = """
from pathlib import Path
from vrft.tasks.registry import load_task
from vrft.types import Boxes, CoordinateFrame, Example, Form, Image

media = (Image(Path("a.png"), (100, 100)),)
target = Boxes(((10.0, 10.0, 60.0, 60.0),))
example = Example("a", "a", "detection", media, "cat", target, form=Form.DIRECT)
frame = CoordinateFrame.whole("norm1000", (100, 100), (100, 100))
text = "<answer>[{'Position': [100, 100, 600, 400], 'Confidence': 0.5}]</answer>"
"""

USES = {
    "parse": """
answer = load_task("detection").parse(text, example, (frame,))
assert answer.value == Boxes(((10.0, 10.0, 60.0, 40.0),), scores=(0.5,)), answer
""",
    "score": """
from vrft.tasks.scorer import RewardOptions, Scorer

scored = Scorer(load_task("detection"), RewardOptions(setting="paper")).score_text(text, example, (frame,))
assert abs(scored.reward - 2.1) < 1e-9, scored
""",
    "configuration": """
from vrft.config.run_config import make_config

config = make_config({"task": "detection", "data": {"path": "photos"}, "grpo": {"loss": "dapo"}})
assert type(config.grpo.loss).__name__ == "Dapo", config.grpo.loss
""",
    "adapters": """
from vrft.integrations import easyr1
from vrft.integrations import openrlhf
from vrft.integrations import swift
from vrft.integrations import trl
from vrft.integrations import verl
from vrft.integrations.packing import pack

packed = pack(example, (frame,))
assert abs(verl.compute_score("photos", text, packed, setting="paper")["score"] - 2.1) < 1e-9
assert abs(trl.trl_reward("paper")([text], vrft_target=[packed])[0] - 2.1) < 1e-9
""",
    "report": """
from making import make_fit
from vrft.report.build_report import build_report

page = build_report([make_fit(Path("fit"), images=6)], Path("report.html"))
assert "<svg" in page.read_text("utf-8")
""",
    "scorecard": """
from rich.console import Console
from making import make_evaluation
from vrft.cli.card_tables import print_card
from vrft.report.build_report import build_report
from vrft.run_folder import read_json

folder = make_evaluation(Path("eval"), images=6)
print_card(read_json(folder / "result.json"), Console(stderr=True))
assert "<svg" in build_report([folder], Path("report.html")).read_text("utf-8")
""",
    "report command": """
from making import make_fit
from vrft.cli import main

make_fit(Path("fit"), images=6)
sys.argv = ["vrft", "report", "fit", "--out", "report.html"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
assert "<svg" in Path("report.html").read_text("utf-8")
""",
    "audit command": """
import contextlib
import io
import json
from vrft.cli import main

sys.argv = ["vrft", "audit", "classification", "--json"]
with contextlib.redirect_stdout(io.StringIO()) as printed:
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
assert json.loads(printed.getvalue())
""",
    "check command": """
import contextlib
import io
import json
from PIL import Image
from vrft.cli import main

for name in ("cat", "dog"):
    for shade in range(6):
        Path("data", name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (40 * shade, 0, 90 * len(name))).save(f"data/{name}/{shade}.png")
sys.argv = ["vrft", "check", "data", "--json"]
with contextlib.redirect_stdout(io.StringIO()) as printed:
    try:
        main()
    except SystemExit as end:
        pass
codes = [finding["code"] for finding in json.loads(printed.getvalue())["findings"]]
assert "contradiction" in codes and "model-not-examined" in codes, codes
""",
}


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(ROOT / part) for part in ("src", "tests/report"))
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("use", USES)
def test_works_where_no_training_library_is(use, tmp_path):
    done = run(GUARD + EXAMPLE + USES[use], tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", ["torch", "transformers.models", "vrft.rollout.shared_prompt.sampler"])
def test_the_guard_holds(name, tmp_path):
    done = run(f"{GUARD}\nimport {name}", tmp_path)
    assert done.returncode != 0 and "in a light installation" in done.stderr


def needed(requirements: list[str]) -> set[str]:
    """Names of all packages that an installation of these would fetch, by what is installed here."""
    found: set[str] = set()
    asked: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        found.add(name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in asked:
                asked.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in requires(name) or ()]
    return found


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_a_plain_installation_fetches_no_training_library():
    found = needed(project()["dependencies"])
    # What is needed at two removes is seen too.
    assert {"numpy", "jinja2", "markupsafe", "pydantic-core"} <= found
    assert found.isdisjoint(HEAVY)


def test_the_extra_for_training_is_seen_to_fetch_them():
    assert needed(project()["optional-dependencies"]["train"]).issuperset(HEAVY)
