"""LVIS v1, 13 rare categories, Table 8: for evaluation alone, of what learned from 65 categories of COCO."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.box_originals import BoxFile, BoxLabels
from vrft.benchmarks.coco_classes import PICTURES
from vrft.benchmarks.lvis_classes import OPEN_13, TEST, TEST_COUNTS, TEST_LABELS
from vrft.benchmarks.suite import Suite


def _open(base: Path) -> BoxLabels:
    return BoxLabels(base, {"test": BoxFile(TEST_LABELS, OPEN_13)}, federated=True)


SUITE = Suite(
    name="lvis_open_vocabulary",
    title="LVIS v1, 13 rare categories",
    table="8",
    recipe="",
    task="detection",
    # LVIS's val part has pictures of both folders of COCO.
    downloads=(*PICTURES, TEST),
    needs=(TEST_LABELS,),
    below=("lvis", "coco"),
    open=_open,
    counts=TEST_COUNTS,
    classes=OPEN_13,
    shots=1,
    splits="There is no training part. Of LVIS's val part those pictures are kept that show a category or "
    "are known not to.",
)
