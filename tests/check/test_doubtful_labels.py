"""Labels that can be read and may still be worth a look: each is said with its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sets import WH, as_xywh, box_xyxy, coco, jsonl, save, sound_coco

from vrft.config.run_config import make_config
from vrft.diagnostics.check.finding import Finding
from vrft.diagnostics.check.run_check import check


def findings(path: Path) -> dict[str, Finding]:
    """What is found without a model, by code."""
    report = check(
        path, None, lambda task: make_config({"task": task.name, "data": {"path": str(path)}}), None
    )
    return {finding.code: finding for finding in report.findings}


def labelled(folder: Path, boxes: list[list[tuple[str, list[int]]]], wh: tuple[int, int] = WH) -> None:
    """Images with these boxes."""
    for i in range(len(boxes)):
        save(folder / f"{i}.png", i, wh)
    names = sorted({name for own in boxes for name, _ in own})
    coco(folder / "a.json", [(f"{i}.png", *wh, own) for i, own in enumerate(boxes)], names)


def small(folder: Path) -> None:
    labelled(folder, [[("cat", [1, 1, 9, 9])]] * 8, (20, 15))


def whole(folder: Path) -> None:
    labelled(folder, [[("cat", [0, 0, *WH])]] * 8)


def uneven(folder: Path) -> None:
    labelled(folder, [[("cat" if i else "dog", as_xywh(box_xyxy(i)))] for i in range(41)])


def bracketed(folder: Path) -> None:
    for i in range(8):
        save(folder / ("[cat]" if i % 2 else "dog") / f"{i}.png", i)


def crowded(folder: Path) -> None:
    file = sound_coco(folder)
    sheet = json.loads(file.read_text())
    sheet["annotations"][0]["iscrowd"] = 1
    file.write_text(json.dumps(sheet))


def several(folder: Path) -> None:
    rows = []
    for i in range(8):
        save(folder / f"{i}.png", i)
        rows.append(
            {"image": f"{i}.png", "question": f"patch {i}", "boxes": [list(box_xyxy(i))] * (1 + i % 2)}
        )
    jsonl(folder / "labels.jsonl", rows)


def copied(folder: Path) -> None:
    boxes = [[("cat", [5, 5, 50, 50])]] * 8
    labelled(folder, boxes)
    shutil.copyfile(folder / "0.png", folder / "1.png")


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (small, "small-images", "8 images are less than"),
        (whole, "whole-image-boxes", "8 of 8 boxes are as large as their images"),
        (uneven, "uneven-classes", "'cat' has 40 images, at least"),
        (bracketed, "unreadable-name", "[cat]"),
        (crowded, "crowds", "1 boxes are crowds."),
        (several, "not-asked", "4 of 8 expressions refer to no box or to several."),
        (copied, "copies", "The same image occurs 2 times: 0.png, 1.png."),
    ],
)
def test_what_is_worth_a_look_is_said_with_its_place(
    tmp_path: Path, spoil: Callable[[Path], None], code: str, says: str
) -> None:
    spoil(tmp_path)
    found = findings(tmp_path)
    assert code in found, sorted(found)
    assert says in found[code].message and str(tmp_path) in found[code].where
