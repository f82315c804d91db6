"""The paper's benchmarks with boxes: COCO 2017 (Tables 3, 7), LVIS v1 (4, 8) and Monster Girls (5).

Their originals are COCO's json, and LVIS's, which says more; parts may be cut down to some classes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vrft.benchmarks.suite import Download, Suite, class_names, first_match
from vrft.data.image_paths import ImageFinder
from vrft.data.label_checks import some
from vrft.errors import InputError, LabelError

Row = dict[str, Any]
_FIELDS = {"images": ("id",), "annotations": ("image_id", "category_id"), "categories": ("id", "name")}


@dataclass(frozen=True)
class BoxFile:
    """Where the labels of a part are, and what of them is kept."""

    labels: tuple[str, ...]
    """Patterns below the base; the first that is there counts."""
    classes: tuple[str, ...]


@dataclass(frozen=True)
class BoxLabels:
    """A benchmark with boxes in one json per part."""

    base: Path
    files: Mapping[str, BoxFile]
    federated: bool = False
    """As LVIS: on an image only some categories were looked for, and others are not known to be absent."""

    @cached_property
    def _sheets(self) -> dict[str, _Sheet]:
        return {part: _Sheet(self.base, file, self.federated) for part, file in self.files.items()}

    @cached_property
    def images(self) -> dict[str, list[str]]:
        """All images of a part; of a federated one those about which something is known."""
        return {part: list(sheet.asked) for part, sheet in self._sheets.items()}

    @cached_property
    def shows(self) -> dict[str, dict[str, list[str]]]:
        return {part: sheet.shows() for part, sheet in self._sheets.items()}

    @property
    def counts(self) -> dict[str, int]:
        whole = {f"{part} images": len(s.lists["images"]) for part, s in self._sheets.items()}
        return whole | {f"{part} boxes": len(s.lists["annotations"]) for part, s in self._sheets.items()}

    @property
    def classes(self) -> list[str]:
        """Those categories of the files that some part keeps."""
        wanted = {name for file in self.files.values() for name in file.classes}
        found = {name for sheet in self._sheets.values() for name in sheet.names.values()}
        return sorted(wanted & found)

    def locate(self, part: str, image: str) -> Path:
        sheet = self._sheets[part]
        return sheet.image_files.find(image, str(sheet.file))

    def disagreements(self) -> list[str]:
        lacking = [
            f"{sheet.file} lacks the categories {', '.join(sorted(lost))}."
            for part, sheet in self._sheets.items()
            if (lost := set(self.files[part].classes) - set(sheet.names.values()))
        ]
        names = [set(images) for images in self.images.values()]
        alike = sorted(set.intersection(*names)) if len(names) > 1 else []
        # One file, not only one name.
        shared = [name for name in alike if len({self.locate(part, name) for part in self.files}) == 1]
        return [*lacking, f"{len(shared)} images are in two parts: {some(shared)}."] if shared else lacking

    def write(self, part: str, images: Sequence[str], folder: Path) -> None:
        """The json cut down to the images and the classes, all that it says of them kept."""
        folder.mkdir(parents=True, exist_ok=True)
        sheet = json.dumps(self._sheets[part].cut(set(images)), ensure_ascii=False)
        # LVIS's parts are named by label files, COCO's by folders.
        (folder / f"annotations_{part}.json").write_text(sheet + "\n", "utf-8")


class _Sheet:
    def __init__(self, base: Path, wanted: BoxFile, federated: bool) -> None:
        file = first_match(base, wanted.labels)
        if file is None:
            raise InputError(f"{base}: {' or '.join(wanted.labels)} is missing.")
        self.file, self.federated = file, federated
        self.image_files = ImageFinder(file, base)
        self.lists = _parse(file)
        self.names: dict[int, str] = {row["id"]: row["name"] for row in self.lists["categories"]}
        self.kept = {number for number, name in self.names.items() if name in wanted.classes}
        self.images: dict[int, Row] = {row["id"]: row for row in self.lists["images"]}
        self.boxes: defaultdict[int, list[Row]] = defaultdict(list)
        for row in self.lists["annotations"]:
            if row["category_id"] in self.kept:
                self.boxes[row["image_id"]].append(row)

    @cached_property
    def asked(self) -> dict[str, int]:
        """Image ids by the names of the images that may be asked about."""
        return {
            _image_row(row): number
            for number, row in self.images.items()
            if not self.federated or number in self.boxes or self.kept & set(row.get("neg_category_ids", ()))
        }

    def shows(self) -> dict[str, list[str]]:
        shown: dict[str, dict[str, None]] = {self.names[number]: {} for number in sorted(self.kept)}
        for image, number in self.asked.items():
            for row in self.boxes.get(number, ()):
                if not row.get("iscrowd"):
                    shown[self.names[row["category_id"]]][image] = None
        return {name: list(images) for name, images in shown.items()}

    def cut(self, images: set[str]) -> Row:
        numbers = [number for image, number in self.asked.items() if image in images]
        return {
            "images": [self._image_row(number) for number in numbers],
            "annotations": [row for number in numbers for row in self.boxes.get(number, ())],
            "categories": [row for row in self.lists["categories"] if row["id"] in self.kept],
        }

    def _image_row(self, number: int) -> Row:
        row = self.images[number]
        lists: Row = {
            key: [category for category in row[key] if category in self.kept]
            for key in ("neg_category_ids", "not_exhaustive_category_ids")
            if key in row
        }
        return {**row, **lists, "file_name": Path(_image_row(row)).name}


def _image_row(row: Row) -> str:
    """The image's name; LVIS names it in its address alone, folder included."""
    name = row.get("file_name") if "neg_category_ids" not in row else None
    return str(name or "/".join(row["coco_url"].split("/")[-2:]))


def _parse(file: Path) -> dict[str, list[Row]]:
    try:
        sheet = json.loads(file.read_bytes())
        lists = {key: list(sheet[key]) for key in _FIELDS}
        for key, fields in _FIELDS.items():
            for row in lists[key]:
                if lost := [name for name in fields if name not in row]:
                    raise KeyError(f"{lost[0]} of {key}, id {row.get('id')}")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabelError(f"It is not a COCO json ({error}).", str(file), "Download it again.") from error
    for row in lists["images"]:
        if "file_name" not in row and "coco_url" not in row:
            raise LabelError(f"Image {row['id']} has no file name.", str(file), "Download it again.")
    return lists


COCO_80 = class_names("coco80")
"""In the order of their numbers."""
FEW_SHOT_8 = ("bus", "train", "fire hydrant", "stop sign", "cat", "dog", "bed", "toilet")
"""Table 3."""
NOVEL_15 = class_names("coco_novel15")
"""Table 7: never learned from."""
BASE_65 = tuple(name for name in COCO_80 if name not in NOVEL_15)
"""Table 7: the others."""
FEW_SHOT_6 = ("horse_buggy", "die", "kitchen_table", "omelet", "papaya", "stepladder")
"""Table 4."""
OPEN_13 = class_names("lvis_open13")
"""Table 8."""
_MONSTERS = ("bird", "feline-or-canid", "serpent", "slime", "wyvern")

_COCO = "the page of the dataset, cocodataset.org, Download"
_LVIS = "the page of the dataset, lvisdataset.org"
_TRAIN_2017 = "sha256:69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929"
_VAL_2017 = "sha256:4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05"
_ANNOTATIONS = "sha256:113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268"
_COCO_IMAGES = (
    Download("train2017.zip", _COCO, "train2017/", _TRAIN_2017),
    Download("val2017.zip", _COCO, "val2017/", _VAL_2017),
)
_COCO_DOWNLOADS = (
    *_COCO_IMAGES,
    Download("annotations_trainval2017.zip", _COCO, "annotations/", _ANNOTATIONS),
)
_LVIS_TRAIN, _LVIS_TEST = (
    Download(f"lvis_v1_{part}.json.zip", _LVIS, f"lvis_v1_{part}.json", f"md5:{checksum}")
    for part, checksum in (
        ("train", "4410d837f71203af226950447ef9d422"),
        ("val", "87734a7f895990b9552075d7ce723e27"),
    )
)
_COCO_LABELS = (("annotations/instances_train2017.json",), ("annotations/instances_val2017.json",))
_LVIS_LABELS = tuple(
    (f"lvis_v1_{part}.json", f"annotations/lvis_v1_{part}.json") for part in ("train", "val")
)
_MONSTER_LABELS = (
    ("train/*.json", "annotations/*train*.json"),
    ("test/*.json", "valid/*.json", "val/*.json", "annotations/*test*.json", "annotations/*val*.json"),
)
_COCO_COUNTS = {"train images": 118287, "train boxes": 860001, "test images": 5000, "test boxes": 36781}
_LVIS_TRAIN_COUNTS = {"train images": 100170, "train boxes": 1270141}
_LVIS_TEST_COUNTS = {"test images": 19809, "test boxes": 244707}


def _opens(
    labels: tuple[tuple[str, ...], ...],
    learned: tuple[str, ...],
    tested: tuple[str, ...],
    federated: bool = False,
) -> Callable[[Path], BoxLabels]:
    files = {"train": BoxFile(labels[0], learned), "test": BoxFile(labels[1], tested)}
    return lambda base: BoxLabels(base, files, federated)


SUITES = (
    Suite(
        name="coco_few_shot",
        title="COCO 2017, 8 categories",
        table="3",
        recipe="table3_coco_few_shot_2b",
        task="detection",
        downloads=_COCO_DOWNLOADS,
        needs=_COCO_LABELS,
        below=("coco", "coco2017"),
        open=_opens(_COCO_LABELS, FEW_SHOT_8, FEW_SHOT_8),
        counts=_COCO_COUNTS,
        classes=FEW_SHOT_8,
        splits="Training images come from train2017, test images are all of val2017, as in the paper. "
        "Its shots (4 a category alone were released, as images without names) cannot be listed: "
        "ours are drawn by seed, nested.",
    ),
    Suite(
        name="coco_open_vocabulary",
        title="COCO 2017, 65 base and 15 novel categories",
        table="7",
        recipe="table7_coco_open_vocabulary_2b",
        task="detection",
        downloads=_COCO_DOWNLOADS,
        needs=_COCO_LABELS,
        below=("coco", "coco2017"),
        open=_opens(_COCO_LABELS, BASE_65, COCO_80),
        counts=_COCO_COUNTS,
        classes=COCO_80,
        shots=92,
        splits="Training images come from train2017, test images are all of val2017, as in the paper. "
        "The paper learns from 6000 annotations of base categories at random, which are not published: ours "
        "are as many of every category, 65 x 92 = 5980, drawn by seed, nested. No novel category is asked "
        "about, or labelled, in training.",
    ),
    Suite(
        name="lvis_few_shot",
        title="LVIS v1, 6 rare categories",
        table="4",
        recipe="table4_lvis_few_shot_2b",
        task="detection",
        downloads=(*_COCO_IMAGES, _LVIS_TRAIN, _LVIS_TEST),
        needs=_LVIS_LABELS,
        below=("lvis", "coco"),
        open=_opens(_LVIS_LABELS, FEW_SHOT_6, FEW_SHOT_6, federated=True),
        counts=_LVIS_TRAIN_COUNTS | _LVIS_TEST_COUNTS,
        classes=FEW_SHOT_6,
        shots=10,
        splits="Rare categories have 1 to 10 training images, so that 10 shots take all there are, as in the "
        "paper. Of LVIS's val part those images are kept that show a category or are known not to.",
    ),
    Suite(
        name="lvis_open_vocabulary",
        title="LVIS v1, 13 rare categories",
        table="8",
        recipe="",
        task="detection",
        # LVIS's val part has images of both folders of COCO.
        downloads=(*_COCO_IMAGES, _LVIS_TEST),
        needs=_LVIS_LABELS[1:],
        below=("lvis", "coco"),
        open=lambda base: BoxLabels(base, {"test": BoxFile(_LVIS_LABELS[1], OPEN_13)}, federated=True),
        counts=_LVIS_TEST_COUNTS,
        classes=OPEN_13,
        shots=1,
        splits="There is no training part. Of LVIS's val part those images are kept that show a category or "
        "are known not to.",
    ),
    Suite(
        name="mg",
        title="Monster Girls",
        table="5",
        recipe="table5_mg_2b",
        task="detection",
        downloads=(
            Download(
                "labelled images of the five categories",
                "nobody: neither the paper's images nor their origin were published; bring your own, with a "
                "COCO json for each part",
                "train/ and test/, each with its json",
            ),
        ),
        needs=_MONSTER_LABELS,
        open=_opens(_MONSTER_LABELS, _MONSTERS, _MONSTERS),
        counts={},
        classes=_MONSTERS,
        splits="The parts are those of the folder you bring; the paper's were never released, and no counts "
        "are known. Shots are drawn by seed, nested.",
    ),
)
