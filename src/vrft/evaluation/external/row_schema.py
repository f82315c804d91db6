"""A stored answer as a row of plain values: which names a row may have, and what may stand there.

The rows of an answers file (``vrft.evaluation.answers_file``) are such rows; most of their names may be left
out here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from vrft.types import Fault, Form


def _text(value: object) -> str:
    # A class may well be called 7. Any code point is let through, lone surrogates too: models write them.
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("it should be text")


def unpacked(value: object) -> object:
    """What a text holds as JSON; the text itself where it is none, and any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


_PACKED = BeforeValidator(unpacked)
"""A cell of CSV, or a constant of the command line, holds it as JSON."""
Text = Annotated[str, PlainValidator(_text)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0), _PACKED]
Side = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
SizeWH = Annotated[tuple[Side, Side], _PACKED]
Box = tuple[Number, Number, Number, Number]
Boxes = Annotated[tuple[Box, ...], _PACKED]
Texts = Annotated[tuple[Text, ...], _PACKED]
LogProb = Annotated[Number | None, _PACKED]
Flag = Annotated[bool, Field(strict=True), _PACKED]


class Part(BaseModel):
    """A part of a row; null says that a value is not known, and other names are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {k: v for k, v in given.items() if v is not None} if isinstance(given, dict) else given


class MaskRow(Part):
    """A region, as ``vrft.types.Mask`` has it."""

    size_hw: tuple[Side, Side]
    counts: Text


class TargetRow(Part):
    """The right answer; any other name is a mistake, since a label must not be lost by its spelling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text | None = None
    names: Texts = ()
    boxes_xyxy_px: Boxes | None = None
    """In pixels of the original picture; empty where nothing is there."""
    boxes_xyxy: Boxes | None = None
    """In the frame that ``frame`` names: pixels (of the original picture), thousand or unit."""
    frame: Text | None = None
    mask: Annotated[MaskRow | None, _PACKED] = None
    ignore: Annotated[MaskRow | None, _PACKED] = None

    @model_validator(mode="after")
    def _one_list_of_boxes(self) -> TargetRow:
        if self.boxes_xyxy_px is not None and self.boxes_xyxy is not None:
            raise ValueError("of boxes_xyxy_px and boxes_xyxy only one may be given")
        return self


class AnswerRow(Part):
    """What was read in a text when it was stored."""

    parsed: Flag = False
    formatted: Flag = False
    faults: tuple[Fault, ...] = ()
    boxes_xyxy_px: tuple[Box, ...] = ()
    confidences: tuple[Number, ...] = ()
    labels: tuple[Text | None, ...] = ()
    points_xy_px: tuple[tuple[Number, Number], ...] = ()
    label: Text | None = None
    thinking: Text = ""


class SaidRow(AnswerRow):
    """A further sample to the same question."""

    text: Text
    tokens: Count = 0
    logprob: LogProb = None
    box_logprobs: Annotated[tuple[Number | None, ...], _PACKED] = ()
    finished: Flag = True
    look: Text = "plain"


class GateRow(Part):
    """The answer to the question whether anything is there."""

    text: Text
    present: bool | None = None
    tokens: Count = 0
    prompt_tokens: Count = 0


class PredictionRow(Part):
    """One stored answer with its question, its picture's size and its label."""

    text: Text
    """What the model wrote, whole."""
    task: Text
    target: Annotated[TargetRow | None, _PACKED] = None
    frame: Text | None = None
    """How coordinates are written in the text: thousand, pixels, input_pixels or unit."""
    image_wh: SizeWH | None = None
    """Of the original picture, in pixels."""
    input_wh: SizeWH | None = None
    """Of the picture as the model was given it, where the frame is input_pixels."""
    id: Text | None = None
    record_id: Text | None = None
    image: Text | None = None
    question: Text = ""
    options: Texts = ()
    form: Form | None = None
    tokens: Count = 0
    logprob: LogProb = None
    box_logprobs: Annotated[tuple[Number | None, ...], _PACKED] = ()
    finished: Flag = True
    prompt_tokens: Annotated[dict[Text, Count], _PACKED] = Field(default_factory=dict)
    gate: Annotated[GateRow | None, _PACKED] = None
    others: Annotated[tuple[SaidRow, ...], _PACKED] = ()
    stored: AnswerRow = Field(default=AnswerRow(), repr=False)
    """What was read in the text when it was stored."""

    @property
    def denied(self) -> bool:
        """A gate said that nothing is there: no text was written, the stored answer stands for it."""
        return self.gate is not None and self.gate.present is False and not self.text


def names() -> dict[str, frozenset[str]]:
    """The names that a foreign field may be mapped to, each with those of its parts."""
    parts = {"target": frozenset(TargetRow.model_fields)}
    return {name: parts.get(name, frozenset()) for name in PredictionRow.model_fields if name != "stored"}


def validated(values: Mapping[str, Any], stored: Mapping[str, Any]) -> PredictionRow:
    """A row of plain values, examined.

    Args:
        values: by the names of ``PredictionRow``; None where there is none.
        stored: the answer as it stood in the file, of use only where a gate made the text empty.

    Raises:
        pydantic.ValidationError: something has another type or range.
    """
    row = PredictionRow.model_validate(dict(values))
    if not row.denied:
        return row
    return row.model_copy(update={"stored": AnswerRow.model_validate(dict(stored))})
