"""Tables of README and docs, from committed result files: `python benchmarks/readme_tables.py [--check]`."""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from scipy.stats import t as student_t

ROOT = Path(__file__).resolve().parents[1]
DIFFERENCES = ("rft_minus_base", "rft_minus_base_given_parsed", "rft_minus_sft", "control_minus_base")
SYSTEMS = {"base": "base", "sft": "SFT twin", "rft": "RFT"}


def hundred(value: float, sign: bool = False) -> str:
    """A fraction times 100, one decimal."""
    return f"{100 * value:{'+' if sign else ''}.1f}"


def interval(row: dict[str, Any], sign: bool = False) -> str:
    """A value with its interval."""
    return f"{hundred(row['value'], sign)} ({hundred(row['low'], sign)} to {hundred(row['high'], sign)})"


def demo_results() -> dict[int, dict[str, Any]]:
    """Comparisons of the detection demo, by seed."""
    files = sorted((ROOT / "results" / "demo").glob("seed_*.json"))
    return {int(f.stem.split("_")[1]): json.loads(f.read_text())["tasks"]["detection"] for f in files}


def demo_table() -> str:
    """The default seed: score, interval and answers read of each policy."""
    found = demo_results()[0]
    lines = ["| policy | AP x100 (95 % interval) | answers read | AP of those read |", "|---|---|---|---|"]
    for key, title in SYSTEMS.items():
        row = found[key]
        lines.append(
            f"| {title} | {interval(row)} | {row['parse_rate']:.0%} | {hundred(row['value_given_parsed'])} |"
        )
    lines.append(f"| RFT - base | {interval(found['rft_minus_base'], True)} | | "
                 f"{interval(found['rft_minus_base_given_parsed'], True)} |")  # fmt: skip
    lines.append(f"| RFT - SFT | {interval(found['rft_minus_sft'], True)} | | |")
    return "\n".join(lines)


def over_seeds(values: list[float]) -> str:
    """Mean over seeds with its 95 per cent t-interval: what another seed may give, not another picture."""
    mean, error = statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5
    half = float(student_t.ppf(0.975, len(values) - 1)) * error
    return interval({"value": mean, "low": mean - half, "high": mean + half}, True)


def seeds_table() -> str:
    """All seeds: scores and differences."""
    lines = [
        "| seed | base | SFT twin | RFT | RFT - base | same, answers read | RFT - SFT | permuted - base |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for seed, found in demo_results().items():
        scores = " | ".join(hundred(found[key]["value"]) for key in SYSTEMS)
        differences = (interval(found[k], True) for k in DIFFERENCES)
        lines.append(f"| {seed} | {scores} | " + " | ".join(differences) + " |")
    every = demo_results().values()
    means = " | ".join(hundred(statistics.mean(found[key]["value"] for found in every)) for key in SYSTEMS)
    summary = (over_seeds([found[key]["value"] for found in every]) for key in DIFFERENCES)
    lines.append(f"| mean | {means} | " + " | ".join(summary) + " |")
    return "\n".join(lines)


SHAPES = {
    "image_heavy": "400 picture tokens, 2 prompts, 96 new tokens",
    "image_heavy_kl": "the same with the KL term",
    "text_heavy": "36 picture tokens, 4 prompts, 64 new tokens",
    "text_heavy_kl": "the same with the KL term",
    "image_heavy_frozen_vision": "400 picture tokens, frozen vision tower",
    "image_heavy_lora": "400 picture tokens, LoRA, KL term",
}


def speed_table() -> str:
    """Our step beside TRL's."""
    found = json.loads((ROOT / "benchmarks" / "results" / "step_time.json").read_text())
    trl = found["versions"]["trl"]
    lines = [f"| shape | TRL {trl}, seconds a step | vrft | times as fast |", "|---|---|---|---|"]
    for name, row in found["shapes"].items():
        medians = row["median_seconds"]
        lines.append(
            f"| {SHAPES[name]} | {medians['trl']['step']:.2f} | {medians['vrft']['step']:.2f} | "
            f"{row['times_as_fast']['step']:.1f} |"
        )
    return "\n".join(lines)


def _compute() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "results" / "compute_curves.json").read_text())
    return found


def compute_values() -> str:
    """Every system and rule at every N: the mean over seeds, and tokens of a question."""
    tasks = _compute()["tasks"]
    sizes = [row["n"] for row in next(iter(tasks["detection"]["mean"]["curves"]["base"].values()))]
    lines = ["| task | policy | rule | " + " | ".join(f"N = {n}" for n in sizes) + " |"]
    lines.append("|---|---|---|" + "---|" * len(sizes))
    for task, found in tasks.items():
        for system, rules in found["mean"]["curves"].items():
            for rule, rows in rules.items():
                cells = [f"{hundred(row['value'])} ({row['tokens']:.0f})" for row in rows]
                lines.append(f"| {task} | {SYSTEMS[system]} | `{rule}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compute_answers() -> str:
    """The two questions, rule by rule: differences of means over seeds with Student's interval."""
    last = "N = 16"
    lines = [
        "| task | rule | RFT at N = 1 minus base at N = 2 | ... at N = 4 | ... at N = 16 "
        f"| gain from {last}: base | SFT twin | RFT | RFT's gain minus the base's |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for task, found in _compute()["tasks"].items():
        mean = found["mean"]
        for rule, rows in mean["rft_at_1_minus_base_at_n"].items():
            ahead = [interval(row, True) for row in rows if row["n"] in (2, 4, 16)]
            gains = mean["gain_of_more"][rule]
            told = [interval(gains[key], True) for key in (*SYSTEMS, "rft_minus_base")]
            lines.append(f"| {task} | `{rule}` | " + " | ".join([*ahead, *told]) + " |")
    return "\n".join(lines)


def eval_speed() -> str:
    """Seconds of `vrft eval` on 200 held-out pictures."""
    found = json.loads((ROOT / "benchmarks" / "results" / "eval_speed.json").read_text())
    lines = ["| task | pictures | questions | seconds |", "|---|---|---|---|"]
    for task, row in found["tasks"].items():
        lines.append(f"| {task} | {row['pictures']} | {row['questions']} | {row['seconds']:.1f} |")
    return "\n".join(lines)


PAGES = ("README.md", "docs/test_time_compute.md", "docs/evaluation.md")
TABLES = {
    "demo-table": demo_table,
    "seeds-table": seeds_table,
    "speed-table": speed_table,
    "compute-values": compute_values,
    "compute-answers": compute_answers,
    "eval-speed": eval_speed,
}


def filled(text: str) -> str:
    """A page with every table made anew."""
    for name, make in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{make()}\n{end}", text, flags=re.S)  # noqa: B023
    return text


def main() -> None:
    """Write the pages, or check that they are as the results say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for name in PAGES:
        page = ROOT / name
        now = page.read_text()
        wanted = filled(now)
        if check and now != wanted:
            sys.exit(f"{name} differs from the results; run benchmarks/readme_tables.py")
        page.write_text(wanted)


if __name__ == "__main__":
    main()
