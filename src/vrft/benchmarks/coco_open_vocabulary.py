"""COCO, open vocabulary, Table 7: learned from 65 base categories, tested on all 80, 15 of them novel."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.box_originals import BoxFile, BoxLabels
from vrft.benchmarks.coco_classes import (
    ANNOTATIONS,
    BASE_65,
    COCO_80,
    COUNTS,
    PICTURES,
    TEST_LABELS,
    TRAIN_LABELS,
)
from vrft.benchmarks.suite import Suite


def _open(base: Path) -> BoxLabels:
    return BoxLabels(base, {"train": BoxFile(TRAIN_LABELS, BASE_65), "test": BoxFile(TEST_LABELS, COCO_80)})


SUITE = Suite(
    name="coco_open_vocabulary",
    title="COCO 2017, 65 base and 15 novel categories",
    table="7",
    recipe="table7_coco_open_vocabulary_2b",
    task="detection",
    downloads=(*PICTURES, ANNOTATIONS),
    needs=(TRAIN_LABELS, TEST_LABELS),
    below=("coco", "coco2017"),
    open=_open,
    counts=COUNTS,
    classes=COCO_80,
    shots=92,
    splits="Training pictures come from train2017, test pictures are all of val2017, as in the paper. "
    "The paper learns from 6000 annotations of base categories at random, which are not published: ours are "
    "as many of every category, 65 x 92 = 5980, drawn by seed, nested. No novel category is asked about, or "
    "labelled, in training.",
)
