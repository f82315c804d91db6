"""What labels lose on the way through every form: COCO, Pascal VOC, YOLO and COCO again.

    python benchmarks/round_trip.py PATH... [--out JSON]

Each folder of boxes, in whichever form it is, is written as COCO, read back, written as VOC, and so on, and
its boxes are compared with those at the start, picture by picture and class by class, each with the nearest.
Exit status 1 where a corner moved by more than half a pixel, or a box is missing without a reason told.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.data.dataset import load_dataset
from vrft.data.export.export_format import export, placed
from vrft.run_folder import write_json
from vrft.types import BoxXYXY, Record

FORMS = ("coco", "voc", "yolo", "coco")
MOST_PX = 0.5


@dataclass(frozen=True)
class Trip:
    """What became of one folder's boxes."""

    path: str
    form: str
    pictures: int
    boxes: int
    kept: int
    crowds: int
    """Boxes that YOLO cannot hold, as it knows no crowds; these alone may be missing."""
    left_out: tuple[str, ...]
    """What the writers and readers said on the way."""
    largest_deviation_px: float

    @property
    def holds(self) -> bool:
        """Nothing moved, and nothing is missing without a reason."""
        return self.largest_deviation_px <= MOST_PX and self.kept == self.boxes - self.crowds


def deviations_px(before: Sequence[BoxXYXY], after: Sequence[BoxXYXY]) -> list[float]:
    """How far the corners of each box moved, every box being taken for the nearest one left.

    Args:
        before: n boxes in pixels.
        after: m boxes in pixels.

    Returns:
        min(n, m) largest differences of a coordinate.
    """
    if not before or not after:
        return []
    moved = np.abs(np.array(before)[:, None] - np.array(after)[None]).max(axis=2)
    return [float(moved[pair]) for pair in zip(*linear_sum_assignment(moved), strict=True)]


def boxes_by_class(record: Record) -> dict[str, list[BoxXYXY]]:
    """The boxes of a picture, crowds left out."""
    found: dict[str, list[BoxXYXY]] = {}
    for box in record.boxes:
        if not box.crowd:
            found.setdefault(box.category, []).append(box.box_xyxy_px)
    return found


def round_trip(path: Path, folder: Path) -> Trip:
    """Send one folder through all forms.

    Args:
        path: labelled pictures.
        folder: new or empty; pictures are linked into it where the disk can.
    """
    start = current = load_dataset(path, "detection")
    told: list[str] = []
    # The id that each picture has got by now.
    names = {record.id: record.id for record in start.records}
    for number, form in enumerate(FORMS):
        target = folder / f"{number}-{form}"
        told += export(current, target, form, link=True)
        renamed = {picture.record.id: picture.name for picture in placed(current)}
        current = load_dataset(target, "detection")
        told += current.warnings
        # No two pictures have the same file name after an export.
        found = {Path(record.id).name: record.id for record in current.records}
        names = {first: found[renamed[now]] for first, now in names.items()}
    ended = {record.id: boxes_by_class(record) for record in current.records}
    moved = [
        deviation
        for record in start.records
        for category, boxes in boxes_by_class(record).items()
        for deviation in deviations_px(boxes, ended.get(names[record.id], {}).get(category, []))
    ]
    boxes = [box for record in start.records for box in record.boxes]
    return Trip(
        str(path),
        start.format,
        len(start.records),
        len(boxes),
        len(moved),
        sum(box.crowd for box in boxes),
        tuple(dict.fromkeys(told)),
        max(moved, default=0.0),
    )


def main() -> None:
    """Send every folder on its way and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders of labelled boxes")
    parser.add_argument("--out", type=Path, help="a JSON of what was found")
    asked = parser.parse_args()
    trips = []
    for path in asked.paths:
        with tempfile.TemporaryDirectory() as folder:
            trip = round_trip(path, Path(folder))
        trips.append(trip)
        print(f"{path} ({trip.form}): {trip.kept} of {trip.boxes} boxes of {trip.pictures} pictures kept, "
              f"{trip.crowds} crowds, largest deviation {trip.largest_deviation_px:.6f} px")  # fmt: skip
        for sentence in trip.left_out:
            print(f"  {sentence}")
    if asked.out is not None:
        write_json(asked.out, {"forms": FORMS, "most_px": MOST_PX, "trips": [asdict(trip) for trip in trips]})
    raise SystemExit(not all(trip.holds for trip in trips))


if __name__ == "__main__":
    main()
