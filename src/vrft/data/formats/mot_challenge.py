"""MOTChallenge: a folder for each sequence, with ``gt/gt.txt``, images in ``img1`` and ``seqinfo.ini``.

A line is ``frame,id,x,y,width,height,flag,class,visibility``; what follows the height may be left out.
Corners count from 1: the first pixel is 1, 1. A flag of 0 says that a box does not count, and it is left out.
A thing of which a line is wrong is left out whole.
Boxes that reach out of their image, as they do there, are cut at its border. Images keep the numbers that
their files have. (https://motchallenge.net, arXiv 1603.00831)
"""

from __future__ import annotations

import configparser
import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.images import image_size_wh
from vrft.data.label_checks import CATEGORY_TRACKS, Mistakes, part_of_record, raise_all, record_id
from vrft.data.scalars import number
from vrft.data.sequences import numbered_images
from vrft.errors import LabelError
from vrft.types import Annotation, Image, Provides, Record, Tracks
from vrft.types.tracks import TrackBox

CLASSES = (
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle"),
    *("static person", "distractor", "occluder", "occluder on the ground", "full occluder", "reflection"),
)
"""Of MOT16 to MOT20, counted from 1; files without a class have objects."""
OBJECT = "object"
_GOLD = ("gt/gt.txt", "*/gt/gt.txt", "*/*/gt/gt.txt")
_FIX = "Expected: frame,id,x,y,width,height, in pixels that count from 1."


class MotChallengeReader:
    """Sequences with a thing on each line."""

    name = "mot_challenge"
    provides: Mapping[Provides, str] = {
        CATEGORY_TRACKS: "folders of sequences with gt/gt.txt and img1 (MOTChallenge)"
    }
    in_files = True

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({CATEGORY_TRACKS} if _sequences(path) else ())

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record per sequence, with one annotation per thing."""
        mistakes = Mistakes()
        records: list[Record] = []
        for folder in _sequences(path):
            with mistakes.kept():
                records.append(_record(folder, path, mistakes))
        if not records:
            raise_all(mistakes)
        parts = {one.id: part for one in records if (part := part_of_record(f"{one.id}/img1")) is not None}
        numbers = [
            n for one in records for _, tracks in one.about("category", Tracks) for n in tracks.numbers
        ]
        says = f"Images are numbered from {min(numbers)}, as their files are." if numbers else ""
        return Dataset(
            path,
            self.name,
            tuple(records),
            (says,) if says else (),
            parts,
            left_out=tuple(mistakes),
            fixed=tuple(mistakes.fixed),
        )


def _sequences(path: Path) -> list[Path]:
    """The folders of a path that hold a sequence with labels, itself too."""
    if not path.is_dir():
        return []
    return sorted({file.parents[1] for pattern in _GOLD for file in path.glob(pattern)})


def _record(folder: Path, root: Path, mistakes: Mistakes) -> Record:
    images = _images(folder)
    name = record_id(folder, root)
    name = root.resolve().name if name == "." else name
    media = {n: Image(file, image_size_wh(file)) for n, file in images.items()}
    file = folder / "gt" / "gt.txt"
    things: dict[str, _Thing] = {}
    for where, row in _rows(file):
        with mistakes.kept():
            if len(row) < 2:
                raise LabelError(f"The line has no id: {','.join(row)[:60]}.", where, _FIX)
            things.setdefault(row[1], _Thing()).add(row, media, where)
    annotations = []
    for _, thing in sorted(things.items()):
        # Without one of its boxes it would count as absent from an image that shows it.
        mistakes += [thing.mistake] if thing.mistake is not None else []
        mistakes.fixed += thing.odd
        if thing.boxes and thing.mistake is None:
            tracks = Tracks(tuple(sorted(thing.boxes.values())), tuple(media))
            annotations.append(Annotation("category", thing.category, tracks))
    if not annotations:
        raise LabelError("It labels nothing that can be used.", str(file), _FIX)
    return Record(name, tuple(media.values()), tuple(annotations))


@dataclass
class _Thing:
    """What the lines of one id say."""

    category: str = OBJECT
    boxes: dict[int, TrackBox] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    mistake: LabelError | None = None
    """The first mistake that leaves it out."""
    odd: list[LabelError] = field(default_factory=list)

    def add(self, row: list[str], media: Mapping[int, Image], where: str) -> None:
        try:
            self._add(row, media, where)
        except LabelError as mistake:
            self.mistake = self.mistake or mistake

    def _add(self, row: list[str], media: Mapping[int, Image], where: str) -> None:
        image, x, y, width, height = (_number(row, place, where) for place in (0, 2, 3, 4, 5))
        if len(row) > 6 and number(row[6]) == 0:
            return
        if (first := self.places.setdefault(int(image), where)) != where:
            problem = f"Image {image:g} has a second box of the id {row[1]}; the first is in {first}."
            raise LabelError(problem, where, "Give each thing of an image an id of its own.")
        if image not in media:
            problem = f"There is no image {image:g}, only {min(media)} to {max(media)}."
            self.odd.append(LabelError(problem, where, "Put the image back, or remove the line."))
            return
        kind = number(row[7]) if len(row) > 7 else None
        known = kind is not None and float(kind).is_integer() and 1 <= kind <= len(CLASSES)
        self.category = CLASSES[int(kind or 1) - 1] if known else OBJECT
        wide, high = media[int(image)].size_wh
        x1, y1 = max(x - 1, 0.0), max(y - 1, 0.0)
        x2, y2 = min(x - 1 + width, float(wide)), min(y - 1 + height, float(high))
        if x1 < x2 and y1 < y2:
            self.boxes[int(image)] = (int(image), row[1], x1, y1, x2, y2)
        else:
            self.odd.append(LabelError("The box has no area inside its image.", where, "Fix or remove it."))


def _number(row: list[str], place: int, where: str) -> float:
    found = number(row[place]) if len(row) > place else None
    if found is None:
        raise LabelError(f"The line has not all its numbers: {','.join(row)[:60]}.", where, _FIX)
    return float(found)


def _images(folder: Path) -> dict[int, Path]:
    """The images of a sequence by the numbers of their files."""
    inside = folder / "img1"
    info = folder / "seqinfo.ini"
    if info.is_file():
        read = configparser.ConfigParser()
        try:
            read.read(info, "utf-8")
            inside = folder / read.get("Sequence", "imDir", fallback="img1")
        except (configparser.Error, UnicodeDecodeError) as error:
            problem = f"The file cannot be read ({error})."
            raise LabelError(problem, str(info), "Remove it where images are in img1.") from error
    return numbered_images(inside)


def _rows(file: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelError(f"The file cannot be read ({error}).", str(file), _FIX) from error
    for count, row in enumerate(csv.reader(lines), 1):
        if row:
            yield f"{file}:{count}", [cell.strip() for cell in row]


READER = MotChallengeReader()
