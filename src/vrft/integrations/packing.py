"""A question's target with all that scoring needs, as one text column of a data set.

Other trainers hand a reward the model's text and the columns of its row, and some of them a single string
only. So everything goes into that string: the task, the form, how the model writes coordinates, the sizes of
the picture, and the target in pixels of the original picture.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pycocotools import mask as coco_mask
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vrft.data.label_checks import checked_box
from vrft.errors import InputError
from vrft.geometry.frames import FrameKind, View
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, BoxXYXY, ClassTarget, Example, Form, Mask, Target

COLUMN = "vrft_target"
"""The column's usual name; trainers rename or drop columns called 'target', 'answer' or 'solution'."""

_MOST_ROWS = 16384
_Side = Annotated[int, Field(ge=1)]
_Size = tuple[_Side, _Side]


class _Packed(BaseModel):
    """What the text holds; its keys and their order are the format."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    vrft: Literal[1] = 1
    """Version of the format."""
    task: str
    form: Form
    id: str
    question: str
    frame: FrameKind
    original_wh: _Size
    input_wh: _Size
    boxes_xyxy_px: tuple[BoxXYXY, ...] | None = None
    mask: Mask | None = None
    ignore: Mask | None = None
    name: str | None = None
    names: tuple[str, ...] | None = None

    def target(self) -> Target:
        regions = [region for region in (self.mask, self.ignore) if region is not None]
        if self.boxes_xyxy_px is None and self.name is not None and not regions:
            return ClassTarget(self.name, self.names or ())
        if self.boxes_xyxy_px is None or self.name is not None or self.names is not None:
            raise InputError(
                "A target is either 'boxes_xyxy_px' (with 'mask' and 'ignore', where there are any) or "
                "'name' and 'names'."
            )
        for region in regions:
            _check_mask(region, self.original_wh)
        boxes = (checked_box(box, self.original_wh, f"Target '{self.id}'") for box in self.boxes_xyxy_px)
        return BoxesTarget(tuple(boxes), self.mask, self.ignore)


def pack(example: Example, view: View, form: Form) -> str:
    """Write a question's target and what scoring needs to know of its picture as one line of JSON.

    Args:
        example: the question; its picture's path, its options and its record are left out.
        view: how the model writes coordinates. In the frames 'thousand' and 'unit' the input size is not
            used; for 'input_pixels' it is the size after the trainer's own resize.
        form: how the answer is asked for.

    Returns:
        ASCII text without line breaks.

    Raises:
        InputError: sizes that disagree, a box without area or outside its picture, or a target that is none
            of the task's.

    Example:
        >>> target = BoxesTarget(((64.0, 48.0, 320.0, 240.0),))
        >>> example = Example("a#cat", "a", Path("a.png"), (640, 480), "detection", "cat", target)
        >>> text = pack(example, View("thousand", (640, 480), (640, 480)), Form.DIRECT)
        >>> unpack(text)[0].target == target
        True
    """
    where = f"Example '{example.id}'"
    if example.image_wh != view.original_wh:
        raise InputError(
            f"{where}: its picture is {example.image_wh}, but the view is of {view.original_wh}."
        )
    given = {
        "task": example.task,
        "form": form,
        "id": example.id,
        "question": example.question,
        "frame": view.kind,
        "original_wh": view.original_wh,
        "input_wh": view.input_wh,
        # The fields of either kind of target, by their own names.
        **vars(example.target),
    }
    try:
        packed = _Packed.model_validate(given)
        text = packed.model_dump_json(exclude_none=True, ensure_ascii=True)
        unpack(text)
    except ValidationError as error:
        raise InputError(f"{where}: {_listed(error)}") from error
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return text


def unpack(text: object) -> tuple[Example, View, Form]:
    """Read what ``pack`` wrote.

    Args:
        text: one value of the column.

    Returns:
        The example (with an empty path for its picture, and its own id for its record's), how the model
        writes coordinates, and the form.

    Raises:
        InputError: no text, no such format, a box without area or outside its picture, an unknown task, or
            a target that is none of the task's; says which.
    """
    if not isinstance(text, str):
        raise InputError(f"It holds {type(text).__name__} instead of text. Fill it with vrft's pack().")
    return _unpack(text)


@lru_cache(maxsize=_MOST_ROWS)
def _unpack(text: str) -> tuple[Example, View, Form]:
    # A trainer shows each text once an answer and once an epoch.
    try:
        packed = _Packed.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(f"{_listed(error)}. Fill it with vrft's pack().") from error
    view = View(packed.frame, packed.original_wh, packed.input_wh)
    task = load_task(packed.task)
    example = Example(
        id=packed.id,
        record_id=packed.id,
        image=Path(),
        image_wh=packed.original_wh,
        task=task.name,
        question=packed.question,
        target=packed.target(),
    )
    try:
        task.gold(example, view, packed.form)
    except Exception as error:
        # Else every term would fail, and count 0, without a word about the data.
        kind = "boxes" if isinstance(example.target, BoxesTarget) else "a class name"
        raise InputError(f"{task.name} has no right answer for this target of {kind}.") from error
    return example, view, packed.form


def _check_mask(mask: Mask, original_wh: tuple[int, int]) -> None:
    width, height = original_wh
    if mask.size_hw != (height, width):
        raise InputError(f"The mask is {mask.size_hw} high and wide, the picture {(height, width)}.")
    try:
        pixels = coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode("ascii")})
        # Counts that do not fill the picture decode to whatever lies in memory.
        counts = coco_mask.encode(np.asfortranarray(pixels))["counts"].decode("ascii")
    except ValueError:
        counts = ""
    if counts != mask.counts:
        raise InputError(
            f"The counts of the mask are none of a picture of {width}x{height} pixels. Write them with "
            "pycocotools.mask.encode."
        )


def _listed(error: ValidationError) -> str:
    told = [f"{'.'.join(str(key) for key in e['loc']) or 'text'}: {e['msg']}" for e in error.errors()]
    return "; ".join(told[:3])
