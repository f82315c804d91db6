"""Records what py-motmetrics counts on random sequences, in an environment of its own (see README.md)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import motmetrics
import numpy as np

METRICS = ["idf1", "idp", "idr", "num_switches", "mota", "num_misses", "num_false_positives"]
SEQUENCES, IMAGES = 24, 7


def drawn(rng: np.random.Generator) -> tuple[list[dict], list[dict]]:
    """Labelled boxes of each image by name, and an answer that loses, swaps and adds some."""
    things = int(rng.integers(1, 5))
    called = {f"{i}": f"{100 + i}" for i in range(things)}
    gold, said = [], []
    for step in range(IMAGES):
        here = [str(i) for i in range(things) if rng.random() < 0.85]
        boxes = {name: (37.0 * int(name) + 2 * step, 10.0, 30.0, 30.0 + int(name)) for name in here}
        if things > 1 and rng.random() < 0.25:
            one, other = rng.permutation(things)[:2]
            called[str(one)], called[str(other)] = called[str(other)], called[str(one)]
        if rng.random() < 0.2:
            called[str(rng.integers(things))] = f"{500 + step}"
        moved = {
            called[name]: (x + float(rng.integers(-14, 15)), y, w, h)
            for name, (x, y, w, h) in boxes.items()
            if rng.random() < 0.85
        }
        if rng.random() < 0.3:
            moved[f"{900 + step}"] = (400.0, 50.0, 20.0, 20.0)
        gold.append(boxes)
        said.append(moved)
    return gold, said


def distances(gold: dict, said: dict) -> np.ndarray:
    """1 - IoU, NaN above a half; written anew, since iou_matrix of 1.4.0 does not run under NumPy 2."""
    found = np.full((len(gold), len(said)), np.nan)
    for i, (x, y, w, h) in enumerate(gold.values()):
        for j, (a, b, c, d) in enumerate(said.values()):
            shared = max(0, min(x + w, a + c) - max(x, a)) * max(0, min(y + h, b + d) - max(y, b))
            distance = 1 - shared / (w * h + c * d - shared)
            found[i, j] = distance if distance <= 0.5 else np.nan
    return found


def main(out: Path) -> None:
    rows = []
    for seed in range(SEQUENCES):
        gold, said = drawn(np.random.default_rng(seed))
        counted = motmetrics.MOTAccumulator(auto_id=True)
        for boxes, answer in zip(gold, said, strict=True):
            counted.update([*map(int, boxes)], [*map(int, answer)], distances(boxes, answer))
        found = motmetrics.metrics.create().compute(counted, metrics=METRICS, name="x").loc["x"]
        rows.append({"gold": gold, "said": said, "counted": {name: float(found[name]) for name in METRICS}})
    head = {"motmetrics": motmetrics.__version__, "boxes": "x, y, width, height"}
    out.write_text(json.dumps({**head, "sequences": rows}) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("track_identities.json")))
