"""One stored answer, read anew and judged as far as its file allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vrft.data.label_checks import checked_box
from vrft.errors import BoxError, InputError
from vrft.evaluation.external.fields import FRAMES, LABEL_FRAMES
from vrft.evaluation.external.row_schema import AnswerRow, MaskRow, PredictionRow, SaidRow, TargetRow
from vrft.evaluation.judged import PLAIN, Gate, Judged, Said
from vrft.geometry.frames import View
from vrft.tasks.task import Task, load_task
from vrft.types import Answer, BoxesTarget, BoxXYXY, ClassTarget, Example, Fault, Form, Mask

ANY_WH = (1000, 1000)
"""Stands for a size that is not known where none is needed."""
_SIZE_FREE = frozenset({"thousand", "unit"})
_ONE_BOX = frozenset({"grounding"})


class Refusal(StrEnum):
    """Why an answer is not compared with a label."""

    FRAME = "frame unknown"
    LABEL = "no label"
    LABEL_FRAME = "frame of the label unknown"
    SIZE = "picture size unknown"
    INPUT_SIZE = "size of the model's picture unknown"
    BAD_LABEL = "label box without area or outside its picture"
    SEVERAL = "label is not one box"


@dataclass(frozen=True)
class StoredAnswer:
    """A row of a file, and what became of it."""

    id: str
    where: str
    """File and line."""
    task: str
    entry: Mapping[str, Any]
    """The row as the file has it."""
    reads: bool
    """An answer stands in the text, whatever its frame."""
    sized: bool
    """The picture's size is known, or none is needed for a name. Where it is False beside a ``judged``, boxes
    and labels are those of a picture of ``ANY_WH``: shares of the sides, good for IoU, not for areas."""
    judged: Judged | None
    """None where it was refused."""
    refusal: Refusal | None
    strange: Mapping[str, str]
    """Words for frames that nobody has explained, by our name."""


@dataclass(frozen=True)
class _Ground:
    """What an answer is compared on."""

    view: View | None
    image_wh: tuple[int, int]
    target: BoxesTarget | ClassTarget


def judge(
    row: PredictionRow, entry: Mapping[str, Any], where: str, strange: Mapping[str, str]
) -> StoredAnswer:
    """Read the text anew and find what it is to be compared with.

    Args:
        row: the stored answer.
        entry: the same as its file has it.
        where: file and line.
        strange: words for frames that are not known.

    Raises:
        InputError: there is no such task, or a label is no box at all.
    """
    try:
        task = load_task(row.task)
    except InputError as error:
        raise InputError(f"{error} What the file means by it is said by --value task:WORD=TASK.") from None
    ground = _LABELS.get(task.name, _boxes)(row, task, where)
    refusal = ground if isinstance(ground, Refusal) else None
    identity = row.id if row.id is not None else where.rpartition(", ")[2]
    return StoredAnswer(
        id=identity,
        where=where,
        task=task.name,
        entry=entry,
        reads=_reads(row, task),
        sized=row.image_wh is not None or task.name in _LABELS,
        judged=None if isinstance(ground, Refusal) else _judged(row, task, ground, identity),
        refusal=refusal,
        strange=strange,
    )


def _reads(row: PredictionRow, task: Task) -> bool:
    answer = task.parse(row.text, None, row.form or Form.DIRECT)
    return answer.parsed or Fault.UNKNOWN_FRAME in answer.faults or row.denied


def _judged(row: PredictionRow, task: Task, ground: _Ground, identity: str) -> Judged:
    def read(text: str) -> Answer:
        return task.parse(text, ground.view, row.form or Form.DIRECT)

    answer = _stored(row.stored, "") if row.denied else read(row.text)
    # Other looks have other views, which no row keeps, nor is there one behind a closed gate: what was read
    # then stands.
    again = None if row.denied else PLAIN
    example = Example(
        id=identity,
        record_id=next((r for r in (row.record_id, row.image) if r is not None), identity),
        image=Path(row.image or ""),
        image_wh=ground.image_wh,
        task=task.name,
        question=row.question,
        target=ground.target,
        options=row.options,
    )
    return Judged(
        example,
        row.text,
        answer,
        row.tokens,
        row.logprob,
        _of_boxes(row.box_logprobs, answer),
        row.finished,
        ground.view,
        row.form,
        tuple(_said(o, read(o.text) if o.look == again else _stored(o, o.text)) for o in row.others),
        dict(row.prompt_tokens),
        Gate(**row.gate.model_dump()) if row.gate else None,
    )


def _said(row: SaidRow, answer: Answer) -> Said:
    logprobs = _of_boxes(row.box_logprobs, answer)
    return Said(row.text, answer, row.tokens, row.logprob, logprobs, row.finished, row.look)


def _of_boxes(logprobs: tuple[float | None, ...], answer: Answer) -> tuple[float | None, ...]:
    """A parser that finds other boxes than the one before leaves them without an owner."""
    return logprobs if len(logprobs) == len(answer.boxes_xyxy_px) else ()


def _stored(row: AnswerRow, text: str) -> Answer:
    return Answer(
        parsed=row.parsed,
        formatted=row.formatted,
        boxes_xyxy_px=row.boxes_xyxy_px,
        confidences=row.confidences,
        labels=row.labels,
        points_xy_px=row.points_xy_px,
        label=row.label,
        thinking=row.thinking,
        text=text,
        faults=row.faults,
    )


def _name(row: PredictionRow, task: Task, where: str) -> _Ground | Refusal:
    if row.target is None or row.target.name is None:
        return Refusal.LABEL
    wh = row.image_wh or ANY_WH
    view = _view(row, wh) if row.image_wh else None
    return _Ground(view, wh, ClassTarget(row.target.name, row.target.names))


def _boxes(row: PredictionRow, task: Task, where: str) -> _Ground | Refusal:
    written = _written(row.target)
    # A text that was never written has no coordinates.
    frames = set() if row.denied else {row.frame}
    if not frames <= FRAMES.keys():
        return Refusal.FRAME
    if row.target is None or written is None:
        return Refusal.LABEL
    boxes, label_frame = written
    if label_frame not in LABEL_FRAMES:
        return Refusal.LABEL_FRAME
    # Shares of the sides on both hands: IoU is the same whatever the sides are.
    if row.image_wh is None and not {*frames, label_frame} <= _SIZE_FREE:
        return Refusal.SIZE
    wh = row.image_wh or ANY_WH
    view = _view(row, wh)
    if view is None and frames:
        return Refusal.INPUT_SIZE
    try:
        target = _target(row.target, boxes, View(FRAMES[label_frame], wh, wh), where)
    except BoxError:
        return Refusal.BAD_LABEL
    if task.name in _ONE_BOX and len(target.boxes_xyxy_px) != 1:
        return Refusal.SEVERAL
    return _Ground(view, wh, target)


def _written(target: TargetRow | None) -> tuple[tuple[BoxXYXY, ...], str | None] | None:
    if target is None:
        return None
    if target.boxes_xyxy_px is not None:
        return target.boxes_xyxy_px, "pixels"
    return None if target.boxes_xyxy is None else (target.boxes_xyxy, target.frame)


def _target(row: TargetRow, boxes: tuple[BoxXYXY, ...], view: View, where: str) -> BoxesTarget:
    width, height = (side / extent for side, extent in zip(view.original_wh, view.extent_wh, strict=True))
    in_pixels = [(x1 * width, y1 * height, x2 * width, y2 * height) for x1, y1, x2, y2 in boxes]
    inside = tuple(checked_box(box, view.original_wh, where) for box in in_pixels)
    return BoxesTarget(inside, _mask(row.mask), _mask(row.ignore))


def _mask(row: MaskRow | None) -> Mask | None:
    return Mask(row.size_hw, row.counts) if row else None


def _view(row: PredictionRow, original_wh: tuple[int, int]) -> View | None:
    """How the text's coordinates are written, where frame and sizes are known."""
    kind = FRAMES.get(row.frame or "")
    if kind is None:
        return None
    if row.frame != "input_pixels":
        return View(kind, original_wh, original_wh if row.frame == "pixels" else row.input_wh or original_wh)
    return View(kind, original_wh, row.input_wh) if row.input_wh else None


_LABELS = {"classification": _name}
"""How the label of a task is found, where it is not boxes."""
