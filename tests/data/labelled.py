"""What records say, in the short forms in which tests compare it."""

from __future__ import annotations

from vrft.data.data_options import ReadOptions
from vrft.data.label_checks import CATEGORY_BOXES, IMAGE_CLASS, PHRASE_BOXES
from vrft.types import Annotation, Boxes, BoxXYXY, Label, Record

BOXES = frozenset({CATEGORY_BOXES})
CLASSES = frozenset({IMAGE_CLASS})
PHRASES = frozenset({PHRASE_BOXES})
STRICT = ReadOptions(strict=True)


def instances(record: Record) -> list[Annotation]:
    """The annotations of categories."""
    return [one for one, _ in record.about("category", Boxes)]


def box_of(instance: Annotation) -> BoxXYXY:
    assert isinstance(instance.value, Boxes)
    (box,) = instance.value.xyxy_px
    return box


def boxes(record: Record) -> list[tuple[str, BoxXYXY]]:
    """Category and box of every instance."""
    return [(one.name, box_of(one)) for one in instances(record)]


def values(record: Record) -> list[Boxes]:
    """The values of instances, else of phrases."""
    named = [value for _, value in record.about("category", Boxes)]
    return named or [value for _, value in record.about("phrase", Boxes)]


def phrases(record: Record) -> list[tuple[str, tuple[BoxXYXY, ...]]]:
    """Text and boxes of every phrase."""
    return [(one.name, value.xyxy_px) for one, value in record.about("phrase", Boxes)]


def class_name(record: Record) -> str | None:
    """The class of the whole image."""
    return next((value.name for _, value in record.about("image", Label)), None)
