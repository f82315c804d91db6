"""The settings' values are those of numpy and scipy on matrices, to twelve places: runs depend on them."""

import numpy as np
import pytest
from reward_answers import SAFE, boxes_answer, terms_of
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.types import Answer, Boxes


def reference(answer: Answer, target: Boxes) -> dict[str, float]:
    """IoU and confidence terms of the three settings, in arrays."""
    ious = iou_matrix(as_array(answer.value.xyxy_px), as_array(target.xyxy_px))
    confidences = np.asarray(answer.value.scores, dtype=np.float64)
    n, m = ious.shape
    if not n:
        right = float(answer.parsed and not m)
        return dict.fromkeys(("paper", "released_fixed", "dense", "linear", "margin"), right)
    greedy, free = np.zeros(n), np.ones(m, dtype=bool)
    for row in np.argsort(-confidences, kind="stable"):
        if free.any():
            best = int(np.argmax(np.where(free, ious[row], -1.0)))
            if ious[row, best] > 0.5:
                greedy[row], free[best] = ious[row, best], False
    hit = greedy > 0
    rows, columns = linear_sum_assignment(ious, maximize=True)
    margin = ((1 + 2 * confidences * hit - confidences**2) / 2).mean()
    return {
        "paper": greedy.mean(),
        "released_fixed": greedy.sum() / max(n, m),
        "dense": ious[rows, columns].sum() / max(n, m),
        "linear": np.where(hit, confidences, 1 - confidences).mean(),
        "margin": margin if m else 0.0,
    }


@pytest.mark.parametrize("grid", [True, False], ids=["many equal IoU", "all different"])
def test_settings_are_what_arrays_give(grid):
    draw = np.random.default_rng(11)
    most, settings = 0.0, {name: terms_of("detection", name) for name in SAFE}
    for case in range(1500):
        n, m = (int(k) for k in draw.integers(0, 30 if case % 20 == 0 else 8, 2))
        low = draw.integers(0, 6, (n + m, 2)) if grid else draw.uniform(0, 6, (n + m, 2))
        size = draw.integers(1, 5, (n + m, 2)) if grid else draw.uniform(1, 5, (n + m, 2))
        boxes = np.concatenate([low, low + size], axis=1).astype(float)
        boxes[: min(n, m)] = boxes[n : n + min(n, m)] + (0 if grid else draw.normal(0, 0.2, 4) * [0, 0, 1, 1])
        confidences = draw.choice([0.0, 0.3, 0.9, 1.0], n) if grid else draw.random(n)
        answer = boxes_answer([tuple(box) for box in boxes[:n].tolist()], confidences.tolist())
        target = Boxes(tuple(map(tuple, boxes[n:].tolist())))
        expected = reference(answer, target)
        found = {name: (s["iou"], s["confidence"]) for name, s in settings.items()}
        for setting, terms in {
            "paper": ("paper", "linear"),
            "released_fixed": ("released_fixed", "linear"),
            "recommended": ("dense", "margin"),
        }.items():
            for term, key in zip(found[setting], terms, strict=True):
                assert abs(term(answer, target) - expected[key]) <= 1e-12, (setting, key)
        most = max(most, expected["dense"])
    assert most > 0.8
