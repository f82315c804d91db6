"""The drawing of `compute_curves.py`: value over tokens, one panel a task and rule.

python benchmarks/compute_drawing.py [--save | --out FOLDER]    # the drawing again, from the result file
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from result_file import ROOT, result_parser, target_of
from standalone_svg import Panel, standalone

from vrft.report.charts import HEIGHT, WIDTH, Series, line_chart
from vrft.run_folder import write_text
from vrft.tasks.registry import load_task

RESULT, DRAWING = ROOT / "results" / "compute_curves.json", ROOT / "docs" / "compute_curves.svg"
TITLES = {"base": "base", "sft": "SFT twin", "rft": "RFT"}
RULES = {
    "detection": {"wbf": "weighted boxes fusion", "best_logprob": "best of N by log-probability"},
    "classification": {"vote": "majority vote", "best_logprob": "best of N by log-probability"},
}
"""The fusion and the best-of-N of each task; the file has every rule."""


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the drawing of a result as an SVG."""
    panels = [
        _panel(task, found, rule, title)
        for task, found in result["tasks"].items()
        for rule, title in RULES[task].items()
    ]
    write_text(path, standalone(panels, [(name, key) for key, name in TITLES.items()], columns=2))


def _panel(task: str, found: dict[str, Any], rule: str, title: str) -> Panel:
    metric = next(m.title for m in load_task(task).metrics if m.name == found["metric"])
    lines = []
    for system, name in TITLES.items():
        rows = found["mean"]["curves"][system][rule]
        points = [(row["tokens"], 100 * row["value"]) for row in rows]
        spread = [(100 * min(row["seeds"]), 100 * max(row["seeds"])) for row in rows]
        lines.append(Series(name, system, points, marked=True, spread=spread))
    # One vertical axis for all panels of a task.
    every = [
        100 * value
        for rules in found["mean"]["curves"].values()
        for key in RULES[task]
        for row in rules[key]
        for value in row["seeds"]
    ]
    label = f"{task}, {title}: {metric} times 100 over tokens of a question"
    axis = "tokens of a question, prompt and answers"
    chart = line_chart(lines, label, (min(every), max(every)), axis=axis, log=True)
    return Panel(chart, WIDTH, HEIGHT, f"{task}, {title}: {metric} x 100")


if __name__ == "__main__":
    drawing = target_of(result_parser(__doc__, DRAWING).parse_args(), DRAWING)
    if drawing is None:
        raise SystemExit("Name a folder with --out, or draw over the committed file with --save.")
    draw(json.loads(RESULT.read_text()), drawing)
