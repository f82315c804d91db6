"""Rows of tables, whatever keeps them, and what a form makes of one.

A form is one file in this folder that defines ``FORM``: it knows its rows by their columns and adds what they
say to the record of their image. Parquet, saved datasets, JSON and CSV all give the same rows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vrft.data.data_options import BoxOrder, Coordinates, ReadOptions
from vrft.data.label_checks import Mistakes, instance_of
from vrft.errors import Contradiction, LabelError
from vrft.types import About, Annotation, Boxes, BoxXYXY, Label, Number, Provides, Record, Value
from vrft.types.names import nfc
from vrft.types.plugins import discover

IMAGE_COLUMNS = (
    "image",
    "images",
    "image_path",
    "file_name",
    "filename",
    "img",
    "img_path",
    "path",
    "imageid",
)


@dataclass(frozen=True)
class LabelRow:
    """One row, or why it cannot be read."""

    where: str
    entry: Mapping[str, Any]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of classes by the path of a column that holds their numbers, such as ``objects.category``."""
    mistake: LabelError | None = None
    raw: str = ""
    """The text of a line that cannot be read."""
    fix: str = "Correct the row, or leave it out."
    """What to do about a row that cannot be used."""

    @property
    def image(self) -> object:
        """What the row has of its image: a path, or a mapping with ``bytes`` and ``path``."""
        found = self.images
        if isinstance(found, list):
            if len(found) != 1:
                problem = f"The row shows {len(found)} images, where one is expected."
                raise LabelError(problem, self.where, self.fix)
            found = found[0]
        if found is None:
            raise LabelError("The row has no image: no text under 'image'.", self.where, self.fix)
        return found

    @property
    def images(self) -> object:
        """The same, or a list of several, as its column has it; None where it has none."""
        return self.first(IMAGE_COLUMNS)

    def first(self, columns: Iterable[str]) -> Any:
        """What the first of these columns holds that holds anything; None where none does."""
        return next((self.entry[key] for key in columns if self.entry.get(key) is not None), None)

    def named(self, value: object, column: str) -> str:
        """A class by its name, or by its number where the column has names."""
        names = self.names.get(column, ())
        if isinstance(value, int) and not isinstance(value, bool):
            if names and not 0 <= value < len(names):
                problem = f"The class {value} is not among the {len(names)} of '{column}'."
                raise LabelError(problem, self.where, "Correct it.")
            return names[value] if names else str(value)
        if not isinstance(value, str) or not value.strip():
            raise LabelError(f"The row has no name under '{column}'.", self.where, "Write its class there.")
        return value.strip()


@dataclass(frozen=True)
class Reading:
    """What is the same for all rows of a dataset."""

    mistakes: Mistakes
    options: ReadOptions
    order: BoxOrder = "xyxy"
    """Of four numbers whose column does not say it."""

    def box(
        self,
        numbers: Sequence[Any],
        record: Record,
        where: str,
        order: BoxOrder | None = None,
        coordinates: Coordinates | None = None,
    ) -> BoxXYXY:
        """Four numbers as a box in pixels inside the image."""
        corners = as_corners(numbers, order or self.order)
        declared = coordinates or self.options.coordinates
        return self.mistakes.box(corners, record.image.size_wh, where, declared)


class RowForm(ABC):
    """One meaning of columns."""

    provides: Mapping[Provides, str]
    """What its rows can say, each with what it looks for as a noun phrase for messages."""
    rank = 0
    """A row belongs to the form of the lowest rank that knows it."""
    default_order: BoxOrder = "xyxy"
    """Of the numbers of ``loose_boxes``, where these do not show another."""

    @abstractmethod
    def says(self, row: LabelRow) -> frozenset[Provides]:
        """What a row of these columns can say; nothing where it is of another form."""

    @abstractmethod
    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        """The record with what a row says; LabelError where it cannot be used."""

    def image(self, row: LabelRow) -> object:
        """What the row has of its image: a path, or a mapping with ``bytes`` and ``path``."""
        return row.image

    def stated_wh(self, row: LabelRow) -> tuple[object, object]:
        """Width and height of the image as the row has them."""
        return row.entry.get("width"), row.entry.get("height")

    def says_all(self, row: LabelRow) -> bool:
        """Whether a category that no row of the image names is absent, rather than unknown."""
        return False

    def subject(self, row: LabelRow, about: str) -> str | None:
        """What becomes unknown where a row cannot be used; empty: everything, None: nothing."""
        return None

    def asked(self, row: LabelRow) -> Iterable[tuple[str, str]]:
        """Questions of a row with their answers, where it may also be read as the class of its image."""
        return ()

    def loose_boxes(self, row: LabelRow) -> list[Sequence[float]]:
        """Boxes of four numbers whose order no column says, as written."""
        return []


def forms() -> tuple[RowForm, ...]:
    """All forms; a row belongs to the first that knows it."""
    return tuple(sorted(discover("vrft.data.rows", "FORM"), key=lambda form: form.rank))


def as_corners(numbers: Sequence[Any], order: BoxOrder) -> tuple[Any, ...]:
    """Four numbers of an order as x1, y1, x2, y2; anything else as it is."""
    if order == "xyxy" or len(numbers) != 4 or not all(isinstance(n, int | float) for n in numbers):
        return tuple(numbers)
    x, y, width, height = numbers
    return x, y, round(x + width, 6), round(y + height, 6)


def of_category(
    record: Record,
    category: str,
    boxes: Sequence[BoxXYXY],
    row: LabelRow,
    asked_once: bool = True,
    crowd: bool = False,
) -> Record:
    """The record with all boxes of a category, which is absent where there are none.

    Args:
        record: the image's.
        category: the one that a row is about; nothing is known of others.
        boxes: x1, y1, x2, y2 in pixels.
        row: the row, for messages.
        asked_once: another row about it must say the same; else rows add up.
        crowd: its boxes count neither for nor against an answer.

    Raises:
        Contradiction: two rows of the image say different things.
    """
    category = nfc(category)
    known = {value.xyxy_px[0] for one, value in record.about("category", Boxes) if one.name == category}
    answered = bool(known) or category in (record.absent or ())
    if answered and asked_once and known == set(boxes):
        return record
    if answered and (asked_once or not (known and boxes)):
        problem = f"Another row has other boxes of '{category}' for the same image."
        if not asked_once:
            problem = f"The image has boxes of '{category}' in one row and none in another."
        raise Contradiction(problem, row.where, record.id, ("category", category))
    added = (instance_of(category, box, crowd=crowd) for box in boxes)
    record = with_annotations(record, *added)
    # Where all that is not labelled is absent, nothing is listed.
    return record if boxes or record.absent is None else replace(record, absent=(*record.absent, category))


def of_phrase(record: Record, phrase: str, value: Value, row: LabelRow, about: About = "phrase") -> Record:
    """The record with the answer to a phrase or question; Contradiction where another row has another."""
    if about == "question" and not phrase:
        raise LabelError("The row asks no question.", row.where, row.fix)
    for one in record.annotations:
        alike = (one.about, one.name, one.value.kind) == (about, nfc(phrase), value.kind)
        if not alike or (about == "category" and value.kind != Number.kind):
            continue
        if one.value.same_as(value):
            return record
        problem = f"Another row has another answer to '{phrase}' for the same image: "
        if about == "image" and not phrase:
            problem = "Another row has another label for the same image: "
        problem += f"{_in_words(one.value)} there, {_in_words(value)} here."
        raise Contradiction(problem, row.where, record.id, (about, nfc(phrase)))
    return with_annotations(record, Annotation(about, phrase, value))


def _in_words(value: Value) -> str:
    return " and ".join(value.describe().split("\n"))


def of_image(record: Record, name: str, row: LabelRow) -> Record:
    """The record with the class of its image; Contradiction where another row has another."""
    return of_phrase(record, "", Label(name), row, "image")


def with_annotations(record: Record, *annotations: Annotation) -> Record:
    """The record with more annotations."""
    return replace(record, annotations=(*record.annotations, *annotations))


def unpacked(value: object) -> object:
    """A list or object that a cell holds as JSON, or the value itself."""
    if not isinstance(value, str) or value.strip()[:1] not in {"[", "{"}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
