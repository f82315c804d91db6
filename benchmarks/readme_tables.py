"""The README's tables, made from committed result files: `python benchmarks/readme_tables.py [--check]`."""

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


TABLES = {"demo-table": demo_table, "seeds-table": seeds_table, "speed-table": speed_table}


def filled(text: str) -> str:
    """The README with every table made anew."""
    for name, make in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{make()}\n{end}", text, flags=re.S)  # noqa: B023
    return text


def main() -> None:
    """Write the README, or check that it is as the results say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    readme = ROOT / "README.md"
    now, wanted = readme.read_text(), filled(readme.read_text())
    if parser.parse_args().check:
        sys.exit("README.md differs from results/; run benchmarks/readme_tables.py" if now != wanted else 0)
    readme.write_text(wanted)


if __name__ == "__main__":
    main()
