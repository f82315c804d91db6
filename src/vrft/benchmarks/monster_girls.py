"""Monster Girls, Table 5: five categories of drawn figures, gathered by the paper's authors."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.box_originals import BoxFile, BoxLabels
from vrft.benchmarks.suite import Download, Suite

_CLASSES = ("bird", "feline-or-canid", "serpent", "slime", "wyvern")
_TRAIN = ("train/*.json", "annotations/*train*.json")
_TEST = ("test/*.json", "valid/*.json", "val/*.json", "annotations/*test*.json", "annotations/*val*.json")


def _open(base: Path) -> BoxLabels:
    return BoxLabels(base, {"train": BoxFile(_TRAIN, _CLASSES), "test": BoxFile(_TEST, _CLASSES)})


SUITE = Suite(
    name="mg",
    title="Monster Girls",
    table="5",
    recipe="table5_mg_2b",
    task="detection",
    downloads=(
        Download(
            "labelled pictures of the five categories",
            "nobody: neither the paper's pictures nor their origin were published; bring your own, with a "
            "COCO json for each part",
            "train/ and test/, each with its json",
        ),
    ),
    needs=(_TRAIN, _TEST),
    open=_open,
    counts={},
    classes=_CLASSES,
    shots=4,
    splits="The parts are those of the folder you bring; the paper's were never released, and no counts are "
    "known. Shots are drawn by seed, nested.",
)
