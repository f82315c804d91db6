"""One training step in one process and in two, a thread each: `python benchmarks/processes.py`.

The same run of the miniature's detection, by `vrft train` and `vrft sft`, taking turns; the seconds are those
that a run's own metrics say of a step, the first steps left out. On a machine with fewer cores than processes
it says nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from vrft.miniature.folders import write_detection
from vrft.run_folder import hardware, read_rows, versions

ROOT = Path(__file__).resolve().parents[1]
COUNTS = (1, 2)
WARM = 3
"""Steps that are not counted."""


def config_of(data: Path) -> dict[str, object]:
    """A run without validation."""
    return {
        "task": "detection",
        "model": {"path": "miniature", "device": "cpu"},
        "data": {"path": str(data), "near_duplicates": False},
        "prompt": {"form": "direct"},
        "rollout": {"max_new_tokens": 100},
        "optim": {"steps": WARM + 10, "prompts_per_step": 16, "learning_rate": 1e-6},
        "checks": {"validate_every": 0},
    }


def seconds_a_step(verb: str, config: Path, processes: int, out: Path) -> float:
    """The median over the counted steps of one run."""
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)] if processes > 1 else []
    command = [sys.executable, *launcher, "-m", "vrft", verb, str(config), f"out={out}"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise SystemExit(done.stderr)
    steps = [row["seconds"] for row in read_rows(out / "metrics.jsonl") if "seconds" in row]
    return statistics.median(steps[WARM:])


def measure(verb: str, config: Path, root: Path, rounds: int) -> dict[str, float]:
    """Medians over rounds in which the numbers of processes take turns, and their ratio."""
    found: dict[int, list[float]] = {count: [] for count in COUNTS}
    for number in range(rounds):
        for count in COUNTS:
            found[count].append(seconds_a_step(verb, config, count, root / f"{verb}-{count}-{number}"))
    one, two = (statistics.median(found[count]) for count in COUNTS)
    return {"one": round(one, 3), "two": round(two, 3), "times_as_fast": round(one / two, 2)}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "processes.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_detection(root / "data", 0, heldout=8)
        config = root / "config.yaml"
        config.write_text(yaml.safe_dump(config_of(root / "data")))
        found = {verb: measure(verb, config, root, options.rounds) for verb in ("train", "sft")}
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": hardware(),
        "versions": versions(),
        "rounds": options.rounds,
        "seconds_a_step": found,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
