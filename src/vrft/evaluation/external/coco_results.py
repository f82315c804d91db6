"""COCO results: the boxes that any detector wrote, scored against a COCO annotation file.

The images themselves are not needed. Each image is asked about each category of the annotation file, so that
the AP is COCO's, but for crowds: an image with a crowd region of a category is not asked about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vrft.data.formats.json_files import parsed
from vrft.data.label_checks import CATEGORY_BOXES, instance_of
from vrft.data.scalars import Id, as_id, flag
from vrft.errors import InputError, LabelError
from vrft.tasks.registry import default_task
from vrft.types import Answer, Boxes, BoxXYXY, Image, Prediction, Record
from vrft.types.names import nfc

M = TypeVar("M", bound=BaseModel)


def _id(given: Any) -> Id:
    own = as_id(given)
    if own is None:
        raise ValueError("it is no id")
    return own


def _flag(given: Any) -> bool:
    try:
        return flag(given, "iscrowd", "")
    except LabelError as mistake:
        raise ValueError(mistake.problem) from mistake


Key = Annotated[Id, BeforeValidator(_id)]
"""1 and "1" are one id, as in all label files."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Box(_Row):
    image_id: Key
    category_id: Key
    bbox: tuple[float, float, float, float]

    @property
    def corners(self) -> BoxXYXY:
        x, y, width, height = self.bbox
        return (x, y, x + width, y + height)


class _Result(_Box):
    score: float = Field(ge=0, le=1)


class _Label(_Box):
    iscrowd: Annotated[bool, BeforeValidator(_flag)] = False


class _Image(_Row):
    id: Key
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    file_name: str = ""

    @property
    def record_id(self) -> str:
        return self.file_name or str(self.id)


class _Category(_Row):
    id: Key
    name: str


class _Labels(_Row):
    images: tuple[_Image, ...]
    categories: tuple[_Category, ...]
    annotations: tuple[_Label, ...]


def is_coco_result(entry: Any) -> bool:
    """Whether this is a row of COCO results."""
    return isinstance(entry, Mapping) and {"image_id", "category_id", "bbox", "score"} <= entry.keys()


def coco_predictions(path: Path, results: Sequence[Any], labels: Path | None) -> Iterator[Prediction]:
    """One prediction for each image and category of the annotation file; ``path`` is for messages."""
    if labels is None:
        raise InputError(f"{path}: these are COCO results. Name their annotation file with --labels.")
    known = _valid(_Labels, parsed(labels), str(labels))
    names = {category.id: nfc(category.name) for category in known.categories}
    images = {image.id: image for image in known.images}
    if len(names) < len(known.categories) or len(images) < len(known.images):
        raise InputError(f"{labels}: two images or two categories have one id. Give each its own.")
    found: defaultdict[tuple[str, str], list[tuple[float, BoxXYXY]]] = defaultdict(list)
    for number, row in enumerate(results, start=1):
        one = _valid(_Result, row, f"{path}, row {number}")
        if one.image_id not in images or one.category_id not in names:
            raise InputError(
                f"{path}, row {number}: {labels} has no image {one.image_id} or no category "
                f"{one.category_id}. Give the annotation file that the results were made for."
            )
        place = (images[one.image_id].record_id, names[one.category_id])
        found[place].append((one.score, one.corners))
    task = default_task({CATEGORY_BOXES})
    if task is None:
        raise InputError(
            "No task asks for boxes of categories, so COCO results cannot be scored. Use another format."
        )
    for example in task.examples(_records(known, names)):
        own = found[example.record_id, example.question]
        boxes = Boxes(tuple(box for _, box in own), tuple(score for score, _ in own))
        yield Prediction(replace(example, group=example.group or example.question), Answer(boxes, True))


def _valid(model: type[M], given: Any, where: str) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{where}: '{place}' is not as COCO writes it: {first['msg']}. Fix it.") from error


def _records(labels: _Labels, names: Mapping[Key, str]) -> list[Record]:
    by_image: defaultdict[Key, list[_Label]] = defaultdict(list)
    for label in labels.annotations:
        by_image[label.image_id].append(label)
    records = []
    for image in labels.images:
        instances = tuple(
            instance_of(names[label.category_id], label.corners, crowd=label.iscrowd)
            for label in by_image[image.id]
            if label.category_id in names
        )
        shown = Image(Path(image.record_id), (image.width, image.height))
        # A label of no category may be of any.
        nameless = len(instances) < len(by_image[image.id])
        records.append(Record(image.record_id, (shown,), instances, unknown=("",) if nameless else ()))
    return records
