"""What labels lose on the way through every format: COCO, Pascal VOC, YOLO and COCO again.

    python benchmarks/round_trip.py PATH... [--out FOLDER]

Each folder of boxes, in whichever format it is, is written as COCO, read back, written as VOC, and so on, and
its boxes are compared with those at the start, image by image and class by class, each with the nearest.
Exit status 1 where a corner moved by more than half a pixel, or a box is missing for no given reason.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from result_file import ROOT, facts, result_parser, write_result
from scipy.optimize import linear_sum_assignment

from vrft.data.dataset import load_dataset
from vrft.data.export.export_format import export, placed
from vrft.tasks.registry import load_task
from vrft.types import Boxes, BoxXYXY, Record

RESULT = ROOT / "round_trip.json"
FORMATS = ("coco", "voc", "yolo", "coco")
NEEDS = load_task("detection").needs
MOST_PX = 0.5


@dataclass(frozen=True)
class Trip:
    """What became of one folder's boxes."""

    path: str
    format: str
    images: int
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
    """The boxes of an image, crowds left out."""
    found: dict[str, list[BoxXYXY]] = {}
    for one, value in record.about("category", Boxes):
        if one.counts:
            found.setdefault(one.name, []).extend(value.xyxy_px)
    return found


def round_trip(path: Path, folder: Path) -> Trip:
    """Send one folder through all formats."""
    start = current = load_dataset(path, NEEDS)
    sentences: list[str] = []
    # The id that each image has got by now.
    names = {record.id: record.id for record in start.records}
    for number, name in enumerate(FORMATS):
        target = folder / f"{number}-{name}"
        sentences += export(current, target, name, link=True)
        renamed = {image.record.id: image.name for image in placed(current)}
        current = load_dataset(target, NEEDS)
        sentences += current.warnings
        # No two images have the same file name after an export.
        found = {Path(record.id).name: record.id for record in current.records}
        names = {first: found[renamed[now]] for first, now in names.items()}
    ended = {record.id: boxes_by_class(record) for record in current.records}
    moved = [
        deviation
        for record in start.records
        for category, boxes in boxes_by_class(record).items()
        for deviation in deviations_px(boxes, ended.get(names[record.id], {}).get(category, []))
    ]
    boxes = [one for record in start.records for one, _ in record.about("category", Boxes)]
    return Trip(
        str(path),
        start.format,
        len(start.records),
        len(boxes),
        len(moved),
        sum(not one.counts for one in boxes),
        tuple(dict.fromkeys(sentences)),
        max(moved, default=0.0),
    )


def main() -> None:
    """Send every folder on its way and print what came of it."""
    parser = result_parser(__doc__, None)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folders of labelled boxes")
    options = parser.parse_args()
    trips = []
    for path in options.paths:
        with tempfile.TemporaryDirectory() as folder:
            trip = round_trip(path, Path(folder))
        trips.append(trip)
        print(f"{path} ({trip.format}): {trip.kept} of {trip.boxes} boxes of {trip.images} images kept, "
              f"{trip.crowds} crowds, largest deviation {trip.largest_deviation_px:.6f} px")  # fmt: skip
        for sentence in trip.left_out:
            print(f"  {sentence}")
    found = {"formats": FORMATS, "most_px": MOST_PX, "trips": [asdict(trip) for trip in trips]}
    write_result(options, RESULT, facts() | found)
    raise SystemExit(not all(trip.holds for trip in trips))


if __name__ == "__main__":
    main()
