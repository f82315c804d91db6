"""Detection labels in YOLO's text files: one per image, a line per object, ``class cx cy w h`` as shares.

Formats: https://docs.ultralytics.com/datasets/detect and /segment; Darknet. Center, width and height are
shares of the image as it is seen, EXIF rotation applied, as Ultralytics has it. A line
``class x1 y1 x2 y2 x3 y3 ...`` is an outline: its box and its mask are kept. Numbers may be declared to be
pixels or parts of 1000, and those of boxes two corners, or a corner and size; where they look so, and nothing
is declared, it is an error. Where ``data.yaml`` states ``kpt_shape``, key points follow the box; they are not
read.

An image's text file is found as Ultralytics finds it, with ``labels`` in the place of the last ``images`` of
its path, or else next to it. An image without a text file, or with an empty one, shows no object.

Names of classes come from ``data.yaml``, whose ``train``, ``val`` and ``test`` name the images too; or from
``classes.txt``, ``obj.names`` or ``_darknet.labels``, and then all images below the folder are read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from vrft.data.conventions import EXTENT, Convention, check_convention, corners_of
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset
from vrft.data.formats.segmentation_fields import polygon_mask
from vrft.data.formats.yolo_layout import (
    YoloImages,
    YoloNames,
    label_folders,
    looks_like_labels,
    plain_files,
    read_names,
    yaml_files,
)
from vrft.data.images import image_size_wh, subfolders
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    Mistakes,
    instance_of,
    one_part_each,
    parts_by_folder,
    raise_all,
    record_id,
    shared_names,
    some,
    without_boxes,
)
from vrft.data.scalars import whole
from vrft.errors import ImageError, LabelError
from vrft.types import Annotation, BoxXYXY, Image, Provides, Record

_FAR = (-1.0, 2.0)
"""A share beyond these is none: it was written in pixels."""

_ROUNDING_PX = 0.01
"""What rounding to six decimals may move an edge of an image of 10,000 pixels; not worth a warning."""

_FRACTIONS = (
    "Divide pixel coordinates by the image's width and height, or say what they are: --coordinates pixels or "
    "--coordinates 0-1000 (data.coordinates)."
)
_EXPECTED = "Expected: class, center x, center y, width, height; or class and an outline of x y pairs."
_LOOKED_INTO = 50
"""Text files that are looked into before a folder is taken to have no YOLO labels."""


class YoloReader:
    """Boxes and outlines of images, one text file per image."""

    name, in_files = "yolo", True
    open_to = frozenset({"coordinates", "box_order"})
    coordinates = "0-1"
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "a YOLO data.yaml, or classes.txt and a text file for each image"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        found = bool(yaml_files(path))
        if not found and path.is_dir():
            homes = (path, *subfolders(path))
            folders = [path] if plain_files(path) else [f for home in homes for f in label_folders(home)]
            files = chain.from_iterable(folder.rglob("*.txt") for folder in folders)
            found = any(looks_like_labels(file) for file in islice(files, _LOOKED_INTO))
        return frozenset({CATEGORY_BOXES} if found else ())

    def read(
        self, path: Path, needs: frozenset[Provides] = frozenset(), options: ReadOptions | None = None
    ) -> Dataset:
        """One record per image, those without objects included, in the order of parts and paths."""
        root = path if path.is_dir() else path.parent
        names = read_names(path)
        images = YoloImages(names, root)
        labels = _Labels(names, images, root, options or ReadOptions())
        records = tuple(record for image in images.all if (record := labels.record(image)))
        labels.check_convention(path)
        mistakes = labels.mistakes
        mistakes += [*images.mistakes, *labels.strays()]
        if not records:
            raise_all(mistakes)
            raise LabelError(
                "It names no image with labels.",
                str(names.file),
                f"Expected: {self.provides[CATEGORY_BOXES]}.",
            )
        stated = [(record_id(p, root), part) for part, found in images.parts.items() for p in found]
        parts, torn = one_part_each(stated if names.parts else parts_by_folder(records).items())
        named = without_boxes(names.by_number.values(), records, path, mistakes)
        alike = shared_names(list(names.by_number.values()))
        warnings = (*images.warnings, *labels.warnings(), *torn, *alike, *named)
        left_out, fixed = tuple(mistakes), tuple(mistakes.fixed)
        return Dataset(root, self.name, records, warnings, parts, left_out=left_out, fixed=fixed)


class _Labels:
    """All label files while they are read; mistakes are collected, not raised."""

    def __init__(self, names: YoloNames, images: YoloImages, root: Path, options: ReadOptions) -> None:
        self.names, self.images, self.root = names, images, root
        self.options = options
        self.convention = Convention(options.coordinates or "0-1", options.box_order or "cxcywh")
        self.written: list[tuple[list[float], tuple[int, int]]] = []
        """The four numbers of each box, with the size of its image."""
        self.mistakes = Mistakes()
        self.owners: defaultdict[Path, list[str]] = defaultdict(list)
        for image in images.all:
            self.owners[images.label_file(image)].append(record_id(image, root))
        self.none: list[str] = []
        self.empty: list[str] = []

    def record(self, image: Path) -> Record | None:
        """One image with its boxes; None where it cannot be used."""
        name, file = record_id(image, self.root), self.images.label_file(image)
        record: Record | None = None
        with self.mistakes.kept():
            if len(owners := self.owners[file]) > 1 and file.is_file():
                others = ", ".join(f"'{owner}'" for owner in owners if owner != name)
                problem = f"The file labels two images, '{name}' and {others}."
                raise ImageError(problem, str(file), "Rename one of them and its labels.")
            image_wh, labelled = image_size_wh(image), file.is_file()
            lines = self._lines(file) if labelled else []
            self.none += [] if labelled else [name]
            self.empty += [] if lines or not labelled else [record_id(file, self.root)]
            unknown: set[str] = set()
            boxes = tuple(self._boxes(lines, image_wh, unknown, file))
            record = Record(name, (Image(image, image_wh),), boxes, unknown=tuple(sorted(unknown)))
        return record

    def _lines(self, file: Path) -> list[tuple[int, list[str]]]:
        """The words of every line that has some, with its number."""
        try:
            content = file.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ImageError("The file is not text.", str(file), "Export it again.") from error
        return [
            (number, words) for number, line in enumerate(content.split("\n"), 1) if (words := line.split())
        ]

    def _boxes(
        self, lines: list[tuple[int, list[str]]], image_wh: tuple[int, int], unknown: set[str], file: Path
    ) -> Iterator[Annotation]:
        for number, words in lines:
            own = whole(words[0])
            category = self.names.by_number.get(own, "") if own is not None else ""
            annotation: Annotation | None = None
            with self.mistakes.kept(unknown, category):
                annotation = self._box(words, category, image_wh, f"{file}, line {number}")
            if annotation is not None:
                yield annotation

    def _box(self, words: list[str], category: str, image_wh: tuple[int, int], where: str) -> Annotation:
        numbers = self._numbers(words, category, where)
        outline = len(numbers) > 4
        if not outline and all(map(math.isfinite, numbers)):
            self.written.append((numbers, image_wh))
        pixels = self._pixels(numbers, image_wh, where)
        if outline:
            xs, ys = pixels[::2], pixels[1::2]
            corners = (min(xs), min(ys), max(xs), max(ys))
        else:
            (x, y, w, h), order = pixels, self.convention.order
            (x1, x2), (y1, y2) = corners_of(x, w, order), corners_of(y, h, order)
            corners = (x1, y1, x2, y2)
        box = self.mistakes.box(_within_rounding(corners, image_wh), image_wh, where)
        inside = [min(max(pixel, 0.0), image_wh[index % 2]) for index, pixel in enumerate(pixels)]
        return instance_of(category, box, polygon_mask([inside], image_wh, where) if outline else None)

    def _numbers(self, words: list[str], category: str, where: str) -> list[float]:
        """The four numbers of a box, or those of an outline."""
        try:
            numbers, names = [float(word) for word in words][1:], self.names
        except ValueError as error:
            problem = f"'{' '.join(words)[:60]}' holds something other than numbers."
            raise LabelError(problem, where, _EXPECTED) from error
        if not category:
            problem = f"The class {words[0]} is not among those of {names.file.name}"
            low, high = min(names.by_number), max(names.by_number)
            raise LabelError(f"{problem}, {low} to {high}.", where, "Correct it.")
        if names.n_key_point_values:
            if len(numbers) != 4 + names.n_key_point_values:
                problem = (
                    f"{len(numbers)} numbers, not 4 of a box and {names.n_key_point_values} of key points."
                )
                raise LabelError(problem, where, "Fix the line, or kpt_shape in the data.yaml.")
            numbers = numbers[:4]
        seen = numbers[6::3] if len(numbers) % 3 == 1 else []
        if 2 in seen and {0, 1, 2}.issuperset(seen):
            problem = "The line has key points after its box, each with 0, 1 or 2 for whether it is seen."
            raise LabelError(problem, where, "State kpt_shape in a data.yaml.")
        outline = len(numbers) >= 6 and len(numbers) % 2 == 0
        if len(numbers) != 4 and not outline:
            why = " as a prediction with its confidence has" if len(numbers) == 5 else ""
            raise LabelError(f"The line has {len(numbers)} numbers after the class{why}.", where, _EXPECTED)
        return numbers

    def _pixels(self, numbers: list[float], image_wh: tuple[int, int], where: str) -> list[float]:
        """The same in pixels, x and y in turn."""
        extent_of_all = EXTENT.get(self.convention.coordinates)
        extents = [extent_of_all or image_wh[index % 2] for index in range(len(numbers))]
        shares = [value / extent for value, extent in zip(numbers, extents, strict=True)]
        for value, share, extent in zip(numbers, shares, extents, strict=True):
            if not _FAR[0] <= share <= _FAR[1]:
                why = ", as a fraction of the image is" if extent == 1 else ""
                raise LabelError(f"{value:g} is not between 0 and {extent:g}{why}.", where, _FRACTIONS)
        return [share * image_wh[index % 2] for index, share in enumerate(shares)]

    def check_convention(self, path: Path) -> None:
        """Refuse boxes that look like another convention, where the user has not said what they are."""
        if self.options.coordinates is None and self.options.box_order is None:
            check_convention(self.written, self.convention, str(path))

    def strays(self) -> list[LabelError]:
        fix = "Add the image or remove the file."
        files = self.images.strays(self.owners)
        return [ImageError("There is no image for these labels.", str(file), fix) for file in files]

    def warnings(self) -> list[str]:
        found = {
            "without a label file are taken to show no object": self.none,
            "with an empty label file are taken to show no object": self.empty,
        }
        assumed = [f"{len(names)} images {what}: {some(names)}." for what, names in found.items() if names]
        return [*assumed, *self.mistakes.warnings]


def _within_rounding(corners: BoxXYXY, image_wh: tuple[int, int]) -> BoxXYXY:
    """Corners to a millionth of a pixel; an edge that rounding moved off the image is put back."""
    x1, y1, x2, y2 = (
        float(edge) if abs(value - edge) <= _ROUNDING_PX and not 0 <= value <= side else round(value, 6)
        for value, side in zip(corners, image_wh * 2, strict=True)
        for edge in [0 if value < 0 else side]
    )
    return (x1, y1, x2, y2)


READER = YoloReader()
