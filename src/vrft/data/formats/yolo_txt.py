"""Detection labels in YOLO's text files: one a picture, a line an object, ``class cx cy w h`` as shares.

Formats: https://docs.ultralytics.com/datasets/detect and /segment; Darknet. Centre, width and height are
shares of the picture as it is seen, EXIF rotation applied, as Ultralytics has it. A line
``class x1 y1 x2 y2 x3 y3 ...`` is an outline: its box and its mask are kept. Where ``data.yaml`` states
``kpt_shape``, key points follow the box; they are not read.

A picture's text file is found as Ultralytics finds it, with ``labels`` in the place of the last ``images`` of
its path, or else beside it. A picture without a text file, or with an empty one, shows no object.

Names of classes come from ``data.yaml``, whose ``train``, ``val`` and ``test`` name the pictures too; or from
``classes.txt``, ``obj.names`` or ``_darknet.labels``, and then all pictures below the folder are read.
"""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.formats.yolo_images import Pictures
from vrft.data.formats.yolo_lines import looks_like_labels, read_lines
from vrft.data.formats.yolo_names import Names, plain_files, read_names, yaml_files
from vrft.data.images import image_size_wh
from vrft.data.label_checks import one_part_each, part_of_record, raise_all, record_id, some, without_boxes
from vrft.errors import LabelError
from vrft.types import Record

_LOOKED_INTO = 50
"""Text files that are looked into before a folder is taken to have no YOLO labels."""


class Yolo:
    """Boxes and outlines of pictures, one text file a picture."""

    name = "yolo"
    task = "detection"
    wants = "a YOLO data.yaml, or classes.txt and a text file for each picture"
    in_files = True

    def detects(self, path: Path) -> bool:
        """A data.yaml; or text files of labels in a folder 'labels', or anywhere beside a list of classes."""
        if yaml_files(path):
            return True
        if path.is_file():
            return False
        folders = [path] if plain_files(path) else [*path.glob("labels"), *path.glob("*/labels")]
        files = chain.from_iterable(folder.rglob("*.txt") for folder in folders)
        return any(looks_like_labels(file) for file in islice(files, _LOOKED_INTO))

    def read(self, path: Path) -> Dataset:
        """One record a picture, those without objects included.

        Args:
            path: the folder, or its data.yaml.

        Returns:
            Records in the order of the parts and, in each, of the pictures' paths.

        Raises:
            LabelError: a picture is missing, classes have no names, or a line cannot be used.
        """
        root = path if path.is_dir() else path.parent
        names = read_names(path)
        pictures = Pictures(names, root)
        labels = _Labels(names, pictures, root)
        records = tuple(record for picture in pictures.all if (record := labels.record(picture)))
        raise_all([*pictures.mistakes, *labels.mistakes, *labels.strays()])
        if not records:
            raise LabelError("There is no picture in it.", str(names.file), f"Expected: {self.wants}.")
        stated = [(record_id(p, root), part) for part, found in pictures.parts.items() for p in found]
        by_folder = [(r.id, part) for r in records if (part := part_of_record(r.id))]
        parts, torn = one_part_each(stated if names.parts else by_folder)
        named = without_boxes(names.by_number.values(), records, path)
        warnings = (*pictures.warnings, *labels.warnings(), *torn, *named)
        return Dataset(root, self.name, records, warnings, parts)


class _Labels:
    """All label files while they are read; mistakes are collected, not raised."""

    def __init__(self, names: Names, pictures: Pictures, root: Path) -> None:
        self.names, self.pictures, self.root = names, pictures, root
        self.mistakes: list[LabelError] = []
        self.owners: dict[Path, str] = {}
        self.none: list[str] = []
        self.empty: list[str] = []
        self.n_clipped = 0

    def record(self, picture: Path) -> Record | None:
        """One picture with its boxes; None where it cannot be used."""
        name, file = record_id(picture, self.root), self.pictures.label_file(picture)
        try:
            if self.owners.setdefault(file, name) != name:
                problem = f"It labels two pictures, '{self.owners[file]}' and '{name}'."
                raise LabelError(problem, str(file), "Rename one of them and its labels.")
            image_wh = image_size_wh(picture)
        except LabelError as mistake:
            self.mistakes.append(mistake)
            return None
        if not file.is_file():
            self.none.append(name)
            return Record(name, picture, image_wh)
        lines = read_lines(file, self.names, image_wh)
        self.mistakes += lines.mistakes
        self.n_clipped += lines.n_clipped
        if not lines.boxes and not lines.mistakes:
            self.empty.append(record_id(file, self.root))
        return Record(name, picture, image_wh, lines.boxes)

    def strays(self) -> list[LabelError]:
        """Label files without a picture."""
        mend = "Add it or remove the file."
        files = self.pictures.strays(self.owners)
        return [LabelError("The picture of its labels is missing.", str(file), mend) for file in files]

    def warnings(self) -> list[str]:
        """What was clipped, and which pictures were taken to show no object."""
        found = {
            "without a label file are taken to show no object": self.none,
            "with an empty label file are taken to show no object": self.empty,
        }
        told = [f"{len(names)} pictures {what}: {some(names)}." for what, names in found.items() if names]
        clipped = f"Boxes up to 1 pixel outside their pictures were clipped: {self.n_clipped}."
        return [*told, clipped] if self.n_clipped else told


READER = Yolo()
