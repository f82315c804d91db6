"""COCO, 8 categories, Table 3: few shots of train2017 each, tested on val2017."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.box_originals import BoxFile, BoxLabels
from vrft.benchmarks.coco_classes import ANNOTATIONS, COUNTS, FEW_SHOT_8, PICTURES, TEST_LABELS, TRAIN_LABELS
from vrft.benchmarks.suite import Suite


def _open(base: Path) -> BoxLabels:
    files = {"train": BoxFile(TRAIN_LABELS, FEW_SHOT_8), "test": BoxFile(TEST_LABELS, FEW_SHOT_8)}
    return BoxLabels(base, files)


SUITE = Suite(
    name="coco_few_shot",
    title="COCO 2017, 8 categories",
    table="3",
    recipe="table3_coco_few_shot_2b",
    task="detection",
    downloads=(*PICTURES, ANNOTATIONS),
    needs=(TRAIN_LABELS, TEST_LABELS),
    below=("coco", "coco2017"),
    open=_open,
    counts=COUNTS,
    classes=FEW_SHOT_8,
    shots=4,
    splits="Training pictures come from train2017, test pictures are all of val2017, as in the paper. "
    "Its shots (4 a category alone were released, as pictures without names) cannot be listed: "
    "ours are drawn by seed, nested.",
)
