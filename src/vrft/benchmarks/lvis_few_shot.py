"""LVIS v1, 6 rare categories, Table 4: up to 10 training pictures each, tested on LVIS's val part."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.box_originals import BoxFile, BoxLabels
from vrft.benchmarks.lvis_classes import (
    DOWNLOADS,
    FEW_SHOT_6,
    TEST_COUNTS,
    TEST_LABELS,
    TRAIN_COUNTS,
    TRAIN_LABELS,
)
from vrft.benchmarks.suite import Suite


def _open(base: Path) -> BoxLabels:
    files = {"train": BoxFile(TRAIN_LABELS, FEW_SHOT_6), "test": BoxFile(TEST_LABELS, FEW_SHOT_6)}
    return BoxLabels(base, files, federated=True)


SUITE = Suite(
    name="lvis_few_shot",
    title="LVIS v1, 6 rare categories",
    table="4",
    recipe="table4_lvis_few_shot_2b",
    task="detection",
    downloads=DOWNLOADS,
    needs=(TRAIN_LABELS, TEST_LABELS),
    below=("lvis", "coco"),
    open=_open,
    counts=TRAIN_COUNTS | TEST_COUNTS,
    classes=FEW_SHOT_6,
    shots=10,
    splits="Rare categories have 1 to 10 training pictures, so that 10 shots take all there are, as in the "
    "paper. Of LVIS's val part those pictures are kept that show a category or are known not to.",
)
