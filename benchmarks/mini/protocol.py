"""The page's words on the protocol and on reading the table, with numbers of the code and of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from mini.effort import FULL
from mini.settings import SETTINGS, VALIDATION
from mini.studies.data import most_images
from mini.studies.study import Found
from mini.systems import RFT, TWIN
from mini.tables import table
from vrft.run_folder import read_json
from vrft.tasks.number_format import hundred

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "results"
PILOTS = {"pilot_40": "pilot_40_steps", "pilot_60": "pilot_60_validation"}
"""Folders of cells from before the protocol was fixed."""
MISLED = "grounding-16-0"
"""The pilot in which validation's choice of RFT was worst on held-out images."""
TASKS = ("classification", "detection", "grounding")


def protocol() -> str:
    """The protocol with the code's own numbers."""
    return (HERE / "protocol.md").read_text("utf-8").format(**_code(), **_pilots()).strip()


def reading(points: Mapping[str, Found]) -> str:
    """What the base policy's making means for the numbers, with the figures of its gates."""
    gates = RESULTS / "gates"
    skills = read_json(gates / "skills.json")
    bounds = {task: read_json(gates / f"upper_bound_{task}.json")["upper_bound"] for task in TASKS}
    rounded = {task: hundred(bound["value"]) for task, bound in bounds.items()}
    naming, only_box = hundred(skills["naming"]), hundred(skills["only_box_mean_iou"])
    text = (HERE / "reading.md").read_text("utf-8")
    most = most_images(points.get("data", ()))
    here = (
        f"\n   On the held-out images of this page SFT of {most[0]:,} images reaches AP "
        f"{hundred(most[1].value)} (`--study data`)."
        if most
        else ""
    )
    return text.format(naming=naming, only_box=only_box, here=here, **rounded).strip()


def _code() -> dict[str, Any]:
    return {
        "settings": _settings(),
        "rows": sum(len(s.seeds) for s in SETTINGS.values()),
        "difficulty": FULL.difficulty_samples,
        "group": FULL.group,
        "beta": FULL.beta,
        "every": FULL.every,
        "steps": FULL.steps,
        "prompts": FULL.prompts,
        "rft_rates": _rates(FULL.rft_rates),
        "sft_rates": _rates(FULL.sft_rates),
        "both_rates": _rates(FULL.both_rates),
        "validation": VALIDATION,
        "resamples": FULL.resamples,
    }


def _settings() -> str:
    head = ["setting", "one of the five", "in the paper", "shots (seeds)", "shots are", "reference"]
    rows = []
    for s in SETTINGS.values():
        shots = ", ".join(f"{shots} ({seeds})" for shots, seeds in s.seeds.items())
        rows.append([s.title, s.family, s.paper, shots, f"images {s.unit}", str(s.reference)])
    return table(head, rows)


def _rates(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.0e}" for rate in rates)


def _pilots() -> dict[str, str]:
    """Differences of RFT and SFT on held-out images, and what validation had said in the worst case."""
    numbers = {}
    for name, folder in PILOTS.items():
        gaps = [_gap(read_json(path)) for path in sorted((RESULTS / "mini" / folder).glob("*.json"))]
        numbers[name] = f"{hundred(min(gaps), sign=True)} to {hundred(max(gaps), sign=True)}"
    cell = read_json(RESULTS / "mini" / PILOTS["pilot_60"] / f"{MISLED}.json")
    rft, twin = ([t["validation"] for t in cell["systems"][name]["trials"]] for name in (RFT, cell["twin"]))
    asked = cell["questions"]["val"]["questions"]
    return numbers | {
        "pilot_questions": str(asked),
        "pilot_error": f"{100 * sqrt(max(rft) * (1 - max(rft)) / asked):.0f}",
        "pilot_spread": hundred(max(rft) - min(rft)),
        "pilot_ahead": hundred(max(rft) - max(twin)),
        "pilot_behind": hundred(-_gap(cell)),
    }


def _gap(cell: dict[str, Any]) -> float:
    systems = cell["scopes"][cell["headline"]]["systems"]
    return float(systems[RFT]["value"] - systems[TWIN]["value"])
