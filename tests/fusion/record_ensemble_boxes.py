"""Records what the package ensemble-boxes makes of random boxes, for ``test_fusion_recorded.py``.

In an environment of its own:

    python -m venv recording
    recording/bin/pip install ensemble-boxes==1.0.9
    recording/bin/python tests/fusion/record_ensemble_boxes.py 40 > tests/fusion/ensemble_boxes.json

Boxes are in 128ths of the image, which floats hold exactly, and no two confidences of a case are equal,
since the package leaves the order of equal ones to numpy's sort. Every answer has a box.
"""

from __future__ import annotations

import json
import random
import sys
from importlib.metadata import version

from ensemble_boxes import nms, weighted_boxes_fusion

SIDE = 128


def case(seed: int) -> dict:
    """A few objects, seen by two to eight answers, each with misses, strays, doubles and loose corners."""
    rng = random.Random(seed)
    objects = [(rng.randint(5, 60), rng.randint(5, 60), rng.randint(8, 35)) for _ in range(rng.randint(1, 3))]
    confidences = [c / 1000 for c in rng.sample(range(1, 1001), 64)]
    answers = []
    for _ in range(rng.randint(2, 8)):
        seen = [one for one in objects if rng.random() < 0.8] or [rng.choice(objects)]
        seen += [rng.choice(objects)] * (rng.random() < 0.2)
        boxes = []
        for x, y, side in seen:
            jitter = [rng.randint(-3, 3) for _ in range(4)]
            boxes.append([x + jitter[0], y + jitter[1], x + side + jitter[2], y + side + jitter[3]])
        if rng.random() < 0.3:
            x, y = rng.randint(0, 80), rng.randint(0, 80)
            boxes.append([x, y, x + rng.randint(2, 20), y + rng.randint(2, 20)])
        unique = [list(box) for box in dict.fromkeys(map(tuple, boxes))]
        answers.append({"boxes": unique, "confidences": [confidences.pop() for _ in unique]})
    return {"answers": answers}


def recorded(seed: int) -> dict:
    """A case with what the package makes of it."""
    found = case(seed)
    boxes = [[[v / SIDE for v in box] for box in a["boxes"]] for a in found["answers"]]
    scores = [a["confidences"] for a in found["answers"]]
    labels = [[0] * len(s) for s in scores]
    fused, confidences, _ = weighted_boxes_fusion(boxes, scores, labels, iou_thr=0.55)
    kept, _, _ = nms(boxes, scores, labels, iou_thr=0.5)
    return found | {
        "wbf": {"boxes": (fused * SIDE).round(4).tolist(), "confidences": confidences.round(7).tolist()},
        "nms": {"boxes": (kept * SIDE).round(4).tolist()},
    }


if __name__ == "__main__":
    cases = [recorded(seed) for seed in range(int(sys.argv[1]))]
    head = json.dumps({"package": "ensemble-boxes", "version": version("ensemble-boxes")})
    rows = ",\n".join(json.dumps(row) for row in cases)
    print(f'{head[:-1]}, "cases": [\n{rows}\n]}}')
