"""Answers as JSON lines: what an evaluation keeps, goes on from, and can be scored from again.

A row has all that is needed to read its text anew: text, task, target, frame, picture size.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vrft.errors import RunError
from vrft.evaluation.judged import Gate, Judged, Said
from vrft.geometry.frames import View
from vrft.types import (
    Answer,
    BoxesTarget,
    BoxXYXY,
    ClassTarget,
    Example,
    Fault,
    Form,
    Mask,
    Target,
    Unlabelled,
)

Row = dict[str, Any]
"""One line of an answers file: plain JSON values only."""


def to_row(judged: Judged, group: str | None = None) -> Row:
    """An answer as one flat JSON object; ``from_row`` gives the same answer back.

    Args:
        judged: the answer with its question.
        group: the class it counts for in tables, written for readers of the file only.

    Returns:
        Strings, numbers, lists and None; boxes in pixels of the original picture.

    Example:
        >>> from vrft.types import ClassTarget
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "classification", "pet", ClassTarget("cat"))
        >>> row = to_row(Judged(example, "cat", Answer(True, False, label="cat"), 2))
        >>> row["target"], row["label"], from_row(row).answer.label
        ({'name': 'cat', 'names': []}, 'cat', 'cat')
    """
    example, view = judged.example, judged.view
    return {
        "id": example.id,
        "record_id": example.record_id,
        "group": group,
        "image": example.image.as_posix(),
        "image_wh": list(example.image_wh),
        "task": example.task,
        "question": example.question,
        "options": list(example.options),
        "target": target_row(example.target),
        "form": judged.form,
        "frame": view.kind if view else None,
        "input_wh": list(view.input_wh) if view else None,
        "prompt_tokens": dict(judged.prompt_tokens),
        "text": judged.text,
        **answer_row(judged.answer),
        "tokens": judged.tokens,
        "logprob": judged.logprob,
        "box_logprobs": list(judged.box_logprobs),
        "finished": judged.finished,
        "gate": asdict(judged.gate) if judged.gate else None,
        "others": [_said_row(one) for one in judged.others],
    }


def from_row(row: Row) -> Judged:
    """The answer that ``to_row`` wrote.

    Args:
        row: one object of an evaluation file.

    Returns:
        The answer with its question.

    Raises:
        KeyError, TypeError, ValueError: the row was not written by ``to_row``.
    """
    width, height = row["image_wh"]
    example = Example(
        id=row["id"],
        record_id=row["record_id"],
        image=Path(row["image"]),
        image_wh=(width, height),
        task=row["task"],
        question=row["question"],
        target=target_of(row["target"]),
        options=tuple(row["options"]),
    )
    # Rows of earlier versions end with the tokens.
    view, form, gate = _view(row, (width, height)), row.get("form"), row.get("gate")
    return Judged(
        example,
        row["text"],
        _answer(row, row["text"]),
        row["tokens"],
        row.get("logprob"),
        tuple(row.get("box_logprobs", ())),
        row.get("finished", True),
        view,
        Form(form) if form else None,
        tuple(_said(other) for other in row.get("others", ())),
        row.get("prompt_tokens", {}),
        Gate(**gate) if gate else None,
    )


def write_judged(path: Path, judged: Iterable[Judged], group: Callable[[Example], str] | None = None) -> None:
    """Write answers as JSON lines, the whole file or nothing.

    Args:
        path: the file to write; its folder is made, an older file is replaced in one move.
        judged: answers in the order of their lines.
        group: gives the class each example counts for, such as ``Task.group``.

    Raises:
        RunError: the file cannot be written.
    """
    lines = [
        json.dumps(to_row(j, group(j.example) if group else None), allow_nan=False) + "\n" for j in judged
    ]
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text("".join(lines), encoding="ascii", newline="\n")
        os.replace(unfinished, path)
    except OSError as error:
        raise RunError(
            f"{path}: the answers cannot be written ({error}). Free space or choose another folder."
        ) from error


def read_judged(path: Path) -> list[Judged]:
    """Read the answers of an evaluation file.

    A last line without its line end is what an interrupted writer leaves: it is dropped.

    Args:
        path: a file of JSON lines.

    Returns:
        Answers in the order of their lines.

    Raises:
        RunError: there is no such file, or a line is not an answer; the message has the line's number.
    """
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RunError(f"{path}: the answers cannot be read ({error}). Run the evaluation first.") from error
    return [_read_line(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)]


def _read_line(line: bytes, where: str) -> Judged:
    try:
        return from_row(json.loads(line))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{where}: this is no answer of an evaluation ({type(error).__name__}: {error}). "
            "Delete the line and evaluate again to fill the gap."
        ) from error


def answer_row(answer: Answer) -> Row:
    """What an answer's text says, as a row has it.

    Args:
        answer: any; its text is not among it.
    """
    return {
        "parsed": answer.parsed,
        "formatted": answer.formatted,
        "faults": [fault.value for fault in answer.faults],
        "boxes_xyxy_px": [list(box) for box in answer.boxes_xyxy_px],
        "confidences": list(answer.confidences),
        "labels": list(answer.labels),
        "points_xy_px": [list(point) for point in answer.points_xy_px],
        "label": answer.label,
        "thinking": answer.thinking,
    }


def _answer(row: Row, text: str) -> Answer:
    return Answer(
        parsed=row["parsed"],
        formatted=row["formatted"],
        boxes_xyxy_px=_boxes(row["boxes_xyxy_px"]),
        confidences=tuple(row["confidences"]),
        labels=tuple(row["labels"]),
        points_xy_px=tuple((x, y) for x, y in row["points_xy_px"]),
        label=row["label"],
        thinking=row["thinking"],
        text=text,
        faults=tuple(Fault(name) for name in row["faults"]),
    )


def _said_row(said: Said) -> Row:
    return {
        "text": said.text,
        **answer_row(said.answer),
        "tokens": said.tokens,
        "logprob": said.logprob,
        "box_logprobs": list(said.box_logprobs),
        "finished": said.finished,
        "look": said.look,
    }


def _said(row: Row) -> Said:
    return Said(
        row["text"],
        _answer(row, row["text"]),
        row["tokens"],
        row["logprob"],
        tuple(row["box_logprobs"]),
        row["finished"],
        row["look"],
    )


def _view(row: Row, original_wh: tuple[int, int]) -> View | None:
    if row.get("frame") is None:
        return None
    width, height = row["input_wh"]
    return View(row["frame"], original_wh, (width, height))


def target_row(target: Target) -> Row | None:
    """A target as a row has it; None where there is no label."""
    if isinstance(target, Unlabelled):
        return None
    if isinstance(target, BoxesTarget):
        boxes = [list(box) for box in target.boxes_xyxy_px]
        return {"boxes_xyxy_px": boxes, "mask": mask_row(target.mask), "ignore": mask_row(target.ignore)}
    return {"name": target.name, "names": list(target.names)}


def target_of(row: Row | None) -> Target:
    """The target that ``target_row`` wrote.

    Raises:
        KeyError, TypeError, ValueError: it did not write this.
    """
    if row is None:
        return Unlabelled()
    if "boxes_xyxy_px" in row:
        return BoxesTarget(_boxes(row["boxes_xyxy_px"]), mask_of(row["mask"]), mask_of(row.get("ignore")))
    return ClassTarget(row["name"], tuple(row["names"]))


def mask_row(mask: Mask | None) -> Row | None:
    """A mask as a row has it; None where there is none."""
    return {"size_hw": list(mask.size_hw), "counts": mask.counts} if mask else None


def mask_of(row: Row | None) -> Mask | None:
    """The mask that ``mask_row`` wrote.

    Raises:
        KeyError, TypeError: it did not write this.
    """
    return Mask((row["size_hw"][0], row["size_hw"][1]), row["counts"]) if row else None


def _boxes(rows: list[list[float]]) -> tuple[BoxXYXY, ...]:
    return tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in rows)
