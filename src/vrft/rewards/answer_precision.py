"""COCO average precision of one answer on one picture, where no box is surer than another.

The figures of ``vrft.evaluation`` come from pycocotools itself; this is its rule on a few boxes, fast enough
for a reward.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools.cocoeval import Params

THRESHOLDS: tuple[float, ...] = tuple(Params(iouType="bbox").iouThrs.tolist())
"""COCO's IoU thresholds: .50, .55, ..., .95."""
MAX_DETECTIONS = 100
_RECALLS = Params(iouType="bbox").recThrs


def average_precision(iou_rows: Sequence[Sequence[float]], labels: int, threshold: float) -> float:
    """Precision at 101 recall levels, averaged, with boxes ranked as they were written.

    COCO's rule: each box takes the free label with the highest IoU, at least ``threshold``; the first 100
    boxes count; precision is made falling in recall and read at 0, 0.01, ..., 1.

    Args:
        iou_rows: (predictions, labels) in [0, 1].
        labels: number of labels, at least 1.
        threshold: in (0, 1].

    Returns:
        In [0, 1].

    Example:
        >>> round(average_precision([[0.9, 0.0], [0.0, 0.3]], 2, 0.5), 3)
        0.505
    """
    hits = np.array(_hits(iou_rows[:MAX_DETECTIONS], labels, threshold), dtype=np.float64)
    true = np.cumsum(hits)
    precision = np.maximum.accumulate((true / np.arange(1.0, len(hits) + 1))[::-1])[::-1]
    reached = np.searchsorted(true / labels, _RECALLS)
    return float(precision[reached[reached < len(hits)]].sum() / len(_RECALLS))


def _hits(iou_rows: Sequence[Sequence[float]], labels: int, threshold: float) -> list[bool]:
    free = list(range(labels))
    hits = []
    for row in iou_rows:
        # Of labels that fit alike, pycocotools takes the last.
        fit, label = max(((row[label], label) for label in free), default=(0.0, -1))
        hits.append(fit >= min(threshold, 1 - 1e-10))
        if hits[-1]:
            free.remove(label)
    return hits
