"""The categories of COCO 2017 and how the paper divides them; what to fetch for COCO and LVIS."""

from __future__ import annotations

from vrft.benchmarks.suite import Download, class_names

COCO_80 = class_names("coco80")
"""In the order of their numbers."""

FEW_SHOT_8 = ("bus", "train", "fire hydrant", "stop sign", "cat", "dog", "bed", "toilet")
"""Table 3."""

NOVEL_15 = (
    "mouse",
    "fork",
    "hot dog",
    "cat",
    "airplane",
    "suitcase",
    "parking meter",
    "sandwich",
    "train",
    "hair drier",
    "toilet",
    "toaster",
    "snowboard",
    "frisbee",
    "bear",
)
"""Table 7: never learned from."""

BASE_65 = tuple(name for name in COCO_80 if name not in NOVEL_15)
"""Table 7: the others."""

_PAGE = "the page of the data set, cocodataset.org, Download"

PICTURES = (
    Download(
        "train2017.zip",
        _PAGE,
        "train2017/",
        "sha256:69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
    ),
    Download(
        "val2017.zip",
        _PAGE,
        "val2017/",
        "sha256:4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
    ),
)
ANNOTATIONS = Download(
    "annotations_trainval2017.zip",
    _PAGE,
    "annotations/",
    "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
)

TRAIN_LABELS = ("annotations/instances_train2017.json",)
TEST_LABELS = ("annotations/instances_val2017.json",)
COUNTS = {"train pictures": 118287, "train boxes": 860001, "test pictures": 5000, "test boxes": 36781}
