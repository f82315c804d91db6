"""Seconds of `vrft eval` on 200 held-out images of the miniature: `python benchmarks/eval_speed.py`.

The whole command in a fresh process, imports, loading, asking, intervals and page included: every question
that 200 images of handwriting that nobody trained on can be asked, once greedily.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from result_file import RESULTS, facts, result_parser, write_result

from vrft.miniature.folders import write_classification, write_detection, write_grounding

RESULT = RESULTS / "eval_speed.json"


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
    return {"seconds": round(seconds, 1), "images": card["images"], "questions": card["n"]}


def main() -> None:
    """Measure and print."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--images", type=int, default=200, help="held-out images of each task")
    options = parser.parse_args()
    n = options.images
    tasks = {
        "detection": lambda folder: write_detection(folder, 0, heldout=n),
        "classification": lambda folder: write_classification(folder, 0, heldout=n // 10),
        "grounding": lambda folder: write_grounding(folder, 0, heldout=n),
    }
    with tempfile.TemporaryDirectory() as scratch:
        found = {task: measure(task, write, Path(scratch)) for task, write in tasks.items()}
    write_result(options, RESULT, {**facts(), "tasks": found})
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
