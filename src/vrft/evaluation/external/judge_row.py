"""One stored answer, read anew and compared with its label as far as its file allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from vrft.errors import BoxError
from vrft.evaluation.external.row_schema import ExternalRow, ShortTarget
from vrft.geometry.boxes import checked_box
from vrft.rollout.driver import read_turns, recorded
from vrft.tasks.registry import load_task, task_of
from vrft.tasks.task import Task
from vrft.types import (
    PLAIN,
    Boxes,
    Completion,
    CoordinateFrame,
    Example,
    Fault,
    Form,
    FrameName,
    Image,
    Label,
    Mask,
    Prediction,
    Value,
    frames_of,
)

ANY_WH = (1000, 1000)
"""Stands for a size that is not known where none is needed."""
FRAMES: Mapping[str, FrameName] = {
    "norm1000": "norm1000",
    "norm1": "norm1",
    "norm100": "norm100",
    "resized_pixels": "resized_pixels",
    "file_pixels": "resized_pixels",
}
"""The words for frames. ``file_pixels`` are those of a resized image that has the file's size."""
LABEL_FRAMES = ("file_pixels", "norm1000", "norm1")
_SIZE_FREE = frozenset({"norm1000", "norm1", "norm100"})


class Refusal(StrEnum):
    """Why an answer is not compared with a label."""

    FRAME = "frame unknown"
    LABEL = "no label"
    LABEL_FRAME = "frame of the label unknown"
    SIZE = "image size unknown"
    INPUT_SIZE = "size of the model's image unknown"
    BAD_LABEL = "label box without area or outside its image"
    UNSUITED = "label does not suit the task's metric"


@dataclass(frozen=True)
class ExternalAnswer:
    """A row of a file, and what became of it.

    Args:
        where: file and line.
        entry: the row as the file has it.
        reads: an answer can be read in the text, whatever its frame.
        sized: the image's size is known, or none is needed. Where it is False next to a prediction, boxes and
            labels are those of an image of ``ANY_WH``: shares of the sides, good for IoU, not for areas.
        prediction: None where it was refused.
        unknown_frames: words for frames that are not known.
        formed: how the answer was asked for is known.
    """

    id: str
    where: str
    task: str
    entry: Mapping[str, Any]
    reads: bool
    sized: bool = True
    prediction: Prediction | None = None
    refusal: Refusal | None = None
    unknown_frames: tuple[str, ...] = ()
    formed: bool = True


class _Ground(NamedTuple):
    """What an answer is compared on."""

    frames: tuple[CoordinateFrame, ...]
    image_wh: tuple[int, int]
    target: Value


def judge_prediction(
    given: Prediction, entry: Mapping[str, Any], where: str, options: Mapping[str, object] | None = None
) -> ExternalAnswer:
    """Read the plain texts of a prediction anew.

    Further views may have been read with more than their texts say, and a gate leaves no text at all: what
    was read there is kept.
    """
    task = load_task(task_of(given.example).name, options)
    if task.example_fields:
        given = _with_fields(given, task.example_fields)
    example = given.example
    rollouts = tuple(
        replace(one, answer=read_turns(one.example, one.turns, one.view).answer)
        if one.turns and one.view == PLAIN
        else one
        for one in given.rollouts
    )
    answer = rollouts[0].answer if rollouts and given.rule is None else given.answer
    placeless = any(one.turns and not frames_of(one.turns) for one in rollouts)
    refusal = Refusal.FRAME if placeless and task.answer.has_coordinates else None
    if refusal is None and example.target is None:
        refusal = Refusal.LABEL
    return ExternalAnswer(
        id=example.id,
        where=where,
        task=task.name,
        entry=entry,
        reads=answer.parsed or Fault.UNKNOWN_FRAME in answer.faults,
        prediction=None if refusal else replace(given, answer=answer, rollouts=rollouts),
        refusal=refusal,
    )


def judge_row(
    row: ExternalRow, entry: Mapping[str, Any], where: str, options: Mapping[str, object] | None = None
) -> ExternalAnswer:
    """Read a stored text anew and find what it is to be compared with."""
    task = load_task(row.task, options)
    ground = _ground(row, task, where)
    identity = row.id if row.id is not None else where.rpartition(", ")[2]
    example = Example(
        id=identity,
        record_id=next((r for r in (row.record_id, row.image) if r is not None), identity),
        task=task.name,
        media=(Image(Path(row.image or ""), ANY_WH),),
        question=row.question,
        options=row.options,
        form=row.form or Form.DIRECT,
        fields=task.example_fields,
    )
    answer = task.parse(row.text, example, ())
    return ExternalAnswer(
        id=identity,
        where=where,
        task=task.name,
        entry=entry,
        reads=answer.parsed or Fault.UNKNOWN_FRAME in answer.faults,
        sized=row.image_wh is not None or not task.answer.has_coordinates,
        prediction=None if isinstance(ground, Refusal) else _prediction(row, task, example, ground),
        refusal=ground if isinstance(ground, Refusal) else None,
        unknown_frames=_unknown_frames(row),
        formed=row.form is not None,
    )


def _with_fields(given: Prediction, fields: Mapping[str, object]) -> Prediction:
    """A prediction whose answers are read under other options of its task."""
    rollouts = tuple(
        replace(one, example=replace(one.example, fields={**one.example.fields, **fields}))
        for one in given.rollouts
    )
    example = replace(given.example, fields={**given.example.fields, **fields})
    return replace(given, example=example, rollouts=rollouts)


def _prediction(row: ExternalRow, task: Task, bare: Example, ground: _Ground) -> Prediction:
    target = task.canonical(ground.target, bare)
    words = target.words
    group = row.group if row.group is not None else words[0] if words else ""
    if not group and task.many_parts:
        group = row.question
    media = (replace(bare.image, size_wh=ground.image_wh),)
    example = replace(bare, media=media, target=target, group=group)
    rollouts = tuple(
        recorded(example, ground.frames, Completion(text, finish_reason="stop" if row.finished else "length"))
        for text in (row.text, *row.samples)
    )
    return Prediction(example, rollouts[0].answer, rollouts)


def _ground(row: ExternalRow, task: Task, where: str) -> _Ground | Refusal:
    target, wh = row.target, row.image_wh or ANY_WH
    if task.answer.has_coordinates and row.frame not in FRAMES:
        return Refusal.FRAME
    if target is None or task.answer.kind not in _kinds(target):
        return Refusal.LABEL
    frame = _frame(row, wh)
    if not task.answer.has_coordinates:
        # A name, a number, a text: no coordinates, so no frame is needed.
        named = Label(target.name or "", target.vocabulary) if isinstance(target, ShortTarget) else target
        return _Ground((frame,) if frame and row.image_wh else (), wh, named)
    label_frame = target.frame if isinstance(target, ShortTarget) else "file_pixels"
    if label_frame not in LABEL_FRAMES:
        return Refusal.LABEL_FRAME
    # Shares of the sides on both hands: IoU is the same whatever the sides are.
    if row.image_wh is None and not {row.frame, label_frame} <= _SIZE_FREE:
        return Refusal.SIZE
    if frame is None:
        return Refusal.INPUT_SIZE
    try:
        found = _boxes(target, wh, where) if isinstance(target, ShortTarget) else target
    except BoxError:
        return Refusal.BAD_LABEL
    return _Ground((frame,), wh, found)


def _kinds(target: Value | ShortTarget) -> set[str]:
    """The kinds of value that a label says."""
    if not isinstance(target, ShortTarget):
        return {target.kind}
    named = {Label.kind} if target.name is not None else set()
    return named | ({Boxes.kind} if target.boxes is not None else set())


def _boxes(row: ShortTarget, wh: tuple[int, int], where: str) -> Boxes:
    frame = CoordinateFrame.whole(FRAMES[row.frame], wh, wh)
    width, height = (side / extent for side, extent in zip(wh, frame.extent_wh, strict=True))
    in_pixels = [(x1 * width, y1 * height, x2 * width, y2 * height) for x1, y1, x2, y2 in row.boxes or ()]
    inside = tuple(checked_box(box, wh, where) for box in in_pixels)
    mask, ignore = (Mask(m.size_hw, m.counts) if m else None for m in (row.mask, row.ignore))
    return Boxes(inside, mask=mask, ignore=ignore)


def _frame(row: ExternalRow, wh: tuple[int, int]) -> CoordinateFrame | None:
    """How the text's coordinates are written, where frame and sizes are known."""
    name = FRAMES.get(row.frame or "")
    if name is None or (row.frame == "resized_pixels" and row.input_wh is None):
        return None
    return CoordinateFrame.whole(name, wh, wh if row.frame == "file_pixels" else row.input_wh or wh)


def _unknown_frames(row: ExternalRow) -> tuple[str, ...]:
    words = [row.frame] if row.frame is not None and row.frame not in FRAMES else []
    if isinstance(row.target, ShortTarget) and row.target.frame not in LABEL_FRAMES:
        words.append(row.target.frame)
    return tuple(words)
