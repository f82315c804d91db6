"""The documented row of a stored text: which names it may have, and what each must hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationError,
    model_validator,
)

from vrft.types import Form, Value
from vrft.types.frames import MAX_SIDE_PX
from vrft.types.problems import first_problem
from vrft.types.values import RunLengths

WHOLE, SHORT = "whole", "short"
"""Forms of a target: a value with its ``kind``, or the short form."""


def _text(value: object) -> str:
    # A class may well be called 7. Any code point is let through, lone surrogates too: models write them.
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("it must be text")


def _unpacked(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


_PACKED = BeforeValidator(_unpacked)
"""A cell of CSV holds it as JSON."""
Text = Annotated[str, PlainValidator(_text)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Side = Annotated[int, Field(strict=True, ge=1, le=MAX_SIDE_PX)]
SizeWH = Annotated[tuple[Side, Side], _PACKED]
Box = tuple[Number, Number, Number, Number]
Texts = Annotated[tuple[Text, ...], _PACKED]
Flag = Annotated[bool, Field(strict=True), _PACKED]


class _Part(BaseModel):
    """Null says that a value is not known."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {k: v for k, v in given.items() if v is not None} if isinstance(given, Mapping) else given


class MaskRow(_Part):
    """A region as COCO has it, run-length encoded with compressed counts."""

    size_hw: tuple[Side, Side]
    counts: RunLengths


class ShortTarget(_Part):
    """The right answer in short: boxes, or the name of a class. Any other name is a mistake, since a label
    must not be lost by its spelling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    boxes: tuple[Box, ...] | None = None
    """x1, y1, x2, y2 of each; empty where nothing is there."""
    frame: Text = "file_pixels"
    """How the boxes are written: file_pixels, norm1000 or norm1; any other word is an unknown frame."""
    mask: MaskRow | None = None
    """The region that the boxes enclose."""
    ignore: MaskRow | None = None
    """A region that counts neither for nor against an answer."""
    name: Text | None = None
    """The class."""
    vocabulary: tuple[Text, ...] = ()
    """The classes it was chosen from."""


def _form_of(given: Any) -> str:
    kind = given.get("kind") if isinstance(given, Mapping) else getattr(given, "kind", None)
    return SHORT if kind is None else WHOLE


RowTarget = Annotated[
    Annotated[Value, Tag(WHOLE)] | Annotated[ShortTarget, Tag(SHORT)], Discriminator(_form_of)
]


class ExternalRow(_Part):
    """One stored text with its question, its image's size and its label; other names are passed over."""

    text: Text
    """What the model wrote, whole."""
    task: Text
    """Name of the task that was asked."""
    target: Annotated[RowTarget | None, _PACKED] = None
    """The right answer: ``{"boxes": ...}``, ``{"name": ...}``, or any value as ``Value.encode`` writes it."""
    frame: Text | None = None
    """How coordinates are written in the text: norm1000, norm1, file_pixels (of the file), resized_pixels
    (of the image as the model was given it). Any other word is an unknown frame."""
    image_wh: SizeWH | None = None
    """Width and height of the file's image in pixels."""
    input_wh: SizeWH | None = None
    """The same of the image as the model was given it; needed where the frame is resized_pixels."""
    id: Text | None = None
    """Names the question, once in its file and task; the line's number where it is left out."""
    image: Text | None = None
    """Its path, or any name: intervals are over images."""
    record_id: Text | None = None
    """Goes before ``image``; without both every row is an image of its own."""
    question: Text = ""
    """The category, the phrase, the kind of thing."""
    options: Texts = ()
    """The class names of the prompt."""
    group: Text | None = None
    """The class that it counts for in tables of classes."""
    form: Form | None = None
    """think or direct, as the answer was asked for; needed for ``format_rate`` only."""
    finished: Flag = True
    """The model ended the text before its length limit."""
    samples: Texts = ()
    """Further texts to the same question."""


def row_problem(error: ValidationError) -> str:
    """The first mistake in a sentence."""
    found = first_problem(error, (WHOLE, SHORT))
    return f"{found}. Fix it; docs/predictions.md has every field."
