"""Memory of our training step next to TRL's: a fresh process for each engine and shape.

    python benchmarks/step_memory.py [--json] [--out FOLDER | --save]

What is measured is the most resident memory while steps run, less the level after one tiny warm-up step, on
a vocabulary of 32,768 and 1,024 image tokens.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from machine import GIB
from models import SMALL, save_images, save_random_qwen2_vl
from ours_side import Ours
from result_file import RESULTS, facts, result_parser, write_result
from shapes import Shape
from trl_side import run_trl

VOCABULARY = 32_768
SHAPES = {
    "vocabulary_32k": Shape(1024, 2, 8, 96, 0.0),
    "vocabulary_32k_kl": Shape(1024, 2, 8, 96, 0.04),
}
TINY = Shape(16, 1, 2, 4, 0.0)
STEPS = 3
EVERY_SECONDS = 0.005
TARGET = 0.5
RESULT = RESULTS / "step_memory.json"


class Watch:
    """The most resident memory of this process while it is open, in GiB."""

    def __enter__(self) -> Watch:
        self._process, self._done, self.peak = psutil.Process(), False, 0.0
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._thread.start()
        return self

    def _measure(self) -> None:
        while not self._done:
            self.peak = max(self.peak, self._process.memory_info().rss / GIB)
            time.sleep(EVERY_SECONDS)

    def __exit__(self, *_: object) -> None:
        self._done = True
        self._thread.join()


def run(engine: str, shape: Shape, work: Path) -> None:
    """Steps of one engine on one shape, after which nothing is kept."""
    model = save_random_qwen2_vl(work / "model", SMALL.with_vocabulary(VOCABULARY))
    images = save_images(work / "images", shape.prompts, shape.image_tokens)
    steps = 1 if shape == TINY else STEPS
    if engine == "vrft":
        ours = Ours(model, images, shape)
        for _ in range(steps):
            ours.step()
    else:
        question = "Detect all objects belonging to the category 'seven' in the image"
        run_trl(model, images, question, shape, steps, lambda _: None)


def child(engine: str, name: str, work: Path) -> None:
    """One fresh process: the tiny step, then the counted ones."""
    run(engine, TINY, work)
    level = psutil.Process().memory_info().rss / GIB
    with Watch() as watch:
        run(engine, SHAPES[name], work)
    print(json.dumps({"level_gib": level, "peak_gib": watch.peak, "above_gib": watch.peak - level}))


def measure(engine: str, name: str, work: Path) -> dict[str, Any]:
    """One engine on one shape, in a process of its own."""
    command = [sys.executable, __file__, "--child", engine, name, str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    """Run both engines on every shape and report them."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=3, metavar=("ENGINE", "SHAPE", "FOLDER"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.child:
        child(a.child[0], a.child[1], Path(a.child[2]))
        return
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, shape in SHAPES.items():
            sides = {engine: measure(engine, name, Path(scratch)) for engine in ("vrft", "trl")}
            share = sides["vrft"]["above_gib"] / sides["trl"]["above_gib"]
            found[name] = {"shape": vars(shape), "vocabulary": VOCABULARY, **sides, "share_of_trl": share}
            if not a.json:
                print(f"{name:24s} {share:.2f} of TRL's memory")
    result = {
        **facts("trl"),
        "target_share": TARGET,
        "steps": STEPS,
        "shapes": found,
    }
    write_result(a, RESULT, result)


if __name__ == "__main__":
    main()
