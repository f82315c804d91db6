"""One training step in one process and in two, a thread each: `python benchmarks/processes.py`.

The same run of the miniature's detection, with RFT and with SFT, the numbers of processes taking turns; the
seconds are those that a run's own metrics give for a step, the first steps left out. On a machine with fewer
cores than processes it says nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from result_file import RESULTS, facts, result_parser, write_result

from vrft.miniature.folders import write_detection
from vrft.run_folder import read_rows

RESULT = RESULTS / "processes.json"
COUNTS = (1, 2)
METHODS = ("rft", "sft")
WARM = 3
"""Steps that are not counted."""


def config_of(data: Path, method: str) -> dict[str, object]:
    """A run without validation."""
    return {
        "method": method,
        "task": "detection",
        "form": "direct",
        "model": {"path": "miniature", "device": "cpu"},
        "data": {"path": str(data), "near_duplicates": False},
        "rollout": {"max_new_tokens": 100},
        "optim": {"steps": WARM + 10, "prompts_per_step": 16, "learning_rate": 1e-6},
        "checks": {"validate_every": 0},
    }


def seconds_per_step(config: Path, processes: int, out: Path) -> float:
    """The median over the counted steps of one run."""
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)] if processes > 1 else []
    command = [sys.executable, *launcher, "-m", "vrft", "train", str(config), f"out={out}"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise SystemExit(done.stderr)
    steps = [row["seconds"] for row in read_rows(out / "metrics.jsonl") if "seconds" in row]
    return statistics.median(steps[WARM:])


def measure(method: str, root: Path, rounds: int) -> dict[str, float]:
    """Medians over rounds in which the numbers of processes take turns, and their ratio."""
    config = root / f"{method}.yaml"
    config.write_text(yaml.safe_dump(config_of(root / "data", method)))
    found: dict[int, list[float]] = {count: [] for count in COUNTS}
    for number in range(rounds):
        for count in COUNTS:
            found[count].append(seconds_per_step(config, count, root / f"{method}-{count}-{number}"))
    one, two = (statistics.median(found[count]) for count in COUNTS)
    return {"one": round(one, 3), "two": round(two, 3), "times_as_fast": round(one / two, 2)}


def main() -> None:
    """Measure and print."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_detection(root / "data", 0, heldout=8)
        found = {method: measure(method, root, options.rounds) for method in METHODS}
    write_result(options, RESULT, {**facts(), "rounds": options.rounds, "seconds_per_step": found})
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
