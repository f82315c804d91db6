"""Seconds of `vrft eval` on 200 held-out pictures of the miniature: `python benchmarks/eval_speed.py`.

The whole command in a fresh process, imports, loading, asking, intervals and page included: every question
that 200 pictures of handwriting that nobody trained on can be asked, once greedily.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vrft.miniature.folders import write_classification, write_detection, write_grounding
from vrft.run_folder import hardware, versions

ROOT = Path(__file__).resolve().parents[1]
PICTURES = 200


def measure(task: str, write: Callable[[Path], object], root: Path) -> dict[str, object]:
    """One task's command."""
    data, out = root / task, root / f"eval-{task}"
    write(data)
    options = ["--task", task, "--form", "direct", "--eval-max", "100000", "--max-new-tokens", "110"]
    command = [sys.executable, "-m", "vrft", "eval", "miniature", str(data), *options]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(out), "--json"], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    card = json.loads(done.stdout)
    return {"seconds": round(seconds, 1), "pictures": card["pictures"], "questions": card["n"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "eval_speed.json")
    options = parser.parse_args()
    tasks = {
        "detection": lambda folder: write_detection(folder, 0, heldout=PICTURES),
        "classification": lambda folder: write_classification(folder, 0, heldout=PICTURES // 10),
        "grounding": lambda folder: write_grounding(folder, 0, heldout=PICTURES),
    }
    with tempfile.TemporaryDirectory() as scratch:
        found = {task: measure(task, write, Path(scratch)) for task, write in tasks.items()}
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": hardware(),
        "versions": versions(),
        "tasks": found,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
