"""Detection labels in YOLO's text files: one per image, a line per object, ``class cx cy w h`` as shares.

Formats: https://docs.ultralytics.com/datasets/detect and /segment; Darknet. Center, width and height are
shares of the image as it is seen, EXIF rotation applied, as Ultralytics has it. A line
``class x1 y1 x2 y2 x3 y3 ...`` is an outline: its box and its mask are kept. Where ``data.yaml`` states
``kpt_shape``, key points follow the box; they are not read.

An image's text file is found as Ultralytics finds it, with ``labels`` in the place of the last ``images`` of
its path, or else next to it. An image without a text file, or with an empty one, shows no object.

Names of classes come from ``data.yaml``, whose ``train``, ``val`` and ``test`` name the images too; or from
``classes.txt``, ``obj.names`` or ``_darknet.labels``, and then all images below the folder are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.formats.segmentation_fields import polygon_mask
from vrft.data.formats.yolo_layout import (
    YoloImages,
    YoloNames,
    looks_like_labels,
    plain_files,
    read_names,
    yaml_files,
)
from vrft.data.images import image_size_wh
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    Mistakes,
    instance_of,
    one_part_each,
    parts_by_folder,
    raise_all,
    record_id,
    some,
    without_boxes,
)
from vrft.errors import LabelError
from vrft.geometry.boxes import checked_box
from vrft.types import Annotation, BoxXYXY, Image, Provides, Record

_SLACK = 0.001
"""How far a share may leave [0, 1] by rounding to three decimals."""

_ROUNDING_PX = 0.01
"""What rounding to six decimals may move an edge of an image of 10,000 pixels; not worth a warning."""

_EXPECTED = "Expected: class, center x, center y, width, height; or class and an outline of x y pairs."
_LOOKED_INTO = 50
"""Text files that are looked into before a folder is taken to have no YOLO labels."""


class YoloReader:
    """Boxes and outlines of images, one text file per image."""

    name, in_files = "yolo", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "a YOLO data.yaml, or classes.txt and a text file for each image"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        found = bool(yaml_files(path))
        if not found and path.is_dir():
            folders = [path] if plain_files(path) else [*path.glob("labels"), *path.glob("*/labels")]
            files = chain.from_iterable(folder.rglob("*.txt") for folder in folders)
            found = any(looks_like_labels(file) for file in islice(files, _LOOKED_INTO))
        return frozenset({CATEGORY_BOXES} if found else ())

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image, those without objects included, in the order of parts and paths."""
        root = path if path.is_dir() else path.parent
        names = read_names(path)
        images = YoloImages(names, root)
        labels = _Labels(names, images, root)
        records = tuple(record for image in images.all if (record := labels.record(image)))
        raise_all([*images.mistakes, *labels.mistakes, *labels.strays()])
        if not records:
            raise LabelError(
                "It names no image with labels.",
                str(names.file),
                f"Expected: {self.provides[CATEGORY_BOXES]}.",
            )
        stated = [(record_id(p, root), part) for part, found in images.parts.items() for p in found]
        parts, torn = one_part_each(stated if names.parts else parts_by_folder(records).items())
        named = without_boxes(names.by_number.values(), records, path)
        warnings = (*images.warnings, *labels.warnings(), *torn, *named)
        return Dataset(root, self.name, records, warnings, parts)


class _Labels:
    """All label files while they are read; mistakes are collected, not raised."""

    def __init__(self, names: YoloNames, images: YoloImages, root: Path) -> None:
        self.names, self.images, self.root = names, images, root
        self.mistakes = Mistakes()
        self.owners: dict[Path, str] = {}
        self.none: list[str] = []
        self.empty: list[str] = []
        self.n_clipped = 0

    def record(self, image: Path) -> Record | None:
        """One image with its boxes; None where it cannot be used."""
        name, file = record_id(image, self.root), self.images.label_file(image)
        try:
            if self.owners.setdefault(file, name) != name:
                problem = f"The file labels two images, '{self.owners[file]}' and '{name}'."
                raise LabelError(problem, str(file), "Rename one of them and its labels.")
            image_wh = image_size_wh(image)
        except LabelError as mistake:
            self.mistakes.append(mistake)
            return None
        shown = (Image(image, image_wh),)
        if not file.is_file():
            self.none.append(name)
            return Record(name, shown)
        before = len(self.mistakes)
        boxes = tuple(self._boxes(file, image_wh))
        if not boxes and len(self.mistakes) == before:
            self.empty.append(record_id(file, self.root))
        return Record(name, shown, boxes)

    def _boxes(self, file: Path, image_wh: tuple[int, int]) -> Iterator[Annotation]:
        try:
            content = file.read_text("utf-8-sig")
        except UnicodeDecodeError:
            self.mistakes.append(LabelError("The file is not text.", str(file), "Export it again."))
            return
        for number, line in enumerate(content.split("\n"), 1):
            if words := line.split():
                with self.mistakes.kept():
                    box, clipped = _box(words, self.names, image_wh, f"{file}, line {number}")
                    self.n_clipped += clipped
                    yield box

    def strays(self) -> list[LabelError]:
        fix = "Add the image or remove the file."
        files = self.images.strays(self.owners)
        return [LabelError("There is no image for these labels.", str(file), fix) for file in files]

    def warnings(self) -> list[str]:
        found = {
            "without a label file are taken to show no object": self.none,
            "with an empty label file are taken to show no object": self.empty,
        }
        assumed = [f"{len(names)} images {what}: {some(names)}." for what, names in found.items() if names]
        clipped = f"Boxes up to 1 pixel outside their images were clipped: {self.n_clipped}."
        return [*assumed, clipped] if self.n_clipped else assumed


def _box(
    words: list[str], names: YoloNames, image_wh: tuple[int, int], where: str
) -> tuple[Annotation, bool]:
    try:
        category, *shares = map(float, words)
    except ValueError as error:
        raise LabelError(
            f"'{' '.join(words)[:60]}' holds something other than numbers.", where, _EXPECTED
        ) from error
    if not category.is_integer() or int(category) not in names.by_number:
        problem = f"The class {words[0]} is not among those of {names.file.name}"
        raise LabelError(
            f"{problem}, {min(names.by_number)} to {max(names.by_number)}.", where, "Correct it."
        )
    if names.n_key_point_values:
        if len(shares) != 4 + names.n_key_point_values:
            problem = f"{len(shares)} numbers, not 4 of a box and {names.n_key_point_values} of key points."
            raise LabelError(problem, where, "Fix the line, or kpt_shape in the data.yaml.")
        shares = shares[:4]
    outline = len(shares) >= 6 and len(shares) % 2 == 0
    if len(shares) != 4 and not outline:
        why = " as a prediction with its confidence has" if len(shares) == 5 else ""
        raise LabelError(f"The line has {len(shares)} numbers after the class{why}.", where, _EXPECTED)
    for share in shares:
        if not -_SLACK <= share <= 1 + _SLACK:
            problem = f"{share:g} is not between 0 and 1, as a fraction of the image is."
            raise LabelError(problem, where, "Divide pixel coordinates by the image's width and height.")
    pixels = [share * image_wh[index % 2] for index, share in enumerate(shares)]
    if outline:
        xs, ys = pixels[::2], pixels[1::2]
        corners = (min(xs), min(ys), max(xs), max(ys))
    else:
        x, y, w, h = pixels
        corners = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    rounded = _within_rounding(corners, image_wh)
    box = checked_box(rounded, image_wh, where)
    mask = polygon_mask([pixels], image_wh, where) if outline else None
    return instance_of(names.by_number[int(category)], box, mask), box != rounded


def _within_rounding(corners: BoxXYXY, image_wh: tuple[int, int]) -> BoxXYXY:
    """Corners to a millionth of a pixel; an edge that rounding moved off the image is put back."""
    x1, y1, x2, y2 = (
        float(edge) if abs(value - edge) <= _ROUNDING_PX and not 0 <= value <= side else round(value, 6)
        for value, side in zip(corners, image_wh * 2, strict=True)
        for edge in [0 if value < 0 else side]
    )
    return (x1, y1, x2, y2)


READER = YoloReader()
