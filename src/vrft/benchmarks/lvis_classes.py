"""The rare categories of LVIS v1 that the paper takes, and what to fetch."""

from __future__ import annotations

from vrft.benchmarks.coco_classes import PICTURES
from vrft.benchmarks.suite import Download

FEW_SHOT_6 = ("horse_buggy", "die", "kitchen_table", "omelet", "papaya", "stepladder")
"""Table 4."""

OPEN_13 = (
    "casserole",
    "die",
    "egg_roll",
    "futon",
    "garbage",
    "handsaw",
    "hippopotamus",
    "kitchen_table",
    "mallet",
    "omelet",
    "shot_glass",
    "stepladder",
    "sugar_bowl",
)
"""Table 8."""

_PAGE = "the page of the data set, lvisdataset.org"

TRAIN = Download(
    "lvis_v1_train.json.zip", _PAGE, "lvis_v1_train.json", "md5:4410d837f71203af226950447ef9d422"
)
TEST = Download("lvis_v1_val.json.zip", _PAGE, "lvis_v1_val.json", "md5:87734a7f895990b9552075d7ce723e27")
DOWNLOADS = (*PICTURES, TRAIN, TEST)

TRAIN_LABELS = ("lvis_v1_train.json", "annotations/lvis_v1_train.json")
TEST_LABELS = ("lvis_v1_val.json", "annotations/lvis_v1_val.json")
TRAIN_COUNTS = {"train pictures": 100170, "train boxes": 1270141}
TEST_COUNTS = {"test pictures": 19809, "test boxes": 244707}
