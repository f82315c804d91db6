"""A question with its target and all that scoring needs, as one text column of a dataset.

Other trainers hand a reward the model's text and the columns of its row, and some of them a single string
only. So everything goes into that string: the task, the question and its form, how the model writes
coordinates in each medium, and the target in pixels of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from pycocotools import mask as coco_mask
from pydantic import BaseModel, ConfigDict, ValidationError

from vrft.errors import InputError, LabelError
from vrft.geometry.boxes import checked_box
from vrft.tasks.registry import task_of
from vrft.types import Answer, CoordinateFrame, Example, Form, Medium, Value

COLUMN = "vrft_target"
"""The column's usual name; trainers rename or drop columns called 'target', 'answer' or 'solution'."""
_MOST_ROWS = 16384
_Unpacked = tuple[Example, tuple[CoordinateFrame, ...]]


class _Packed(BaseModel):
    """What the text holds; its keys and their order are the format."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    vrft: Literal[2]
    """Version of the format."""
    task: str
    form: Form
    id: str
    question: str
    frames: tuple[CoordinateFrame, ...]
    media: tuple[Medium, ...]
    target: Value
    options: tuple[str, ...] = ()
    fields: dict[str, Any] = {}


def pack(example: Example, frames: Sequence[CoordinateFrame]) -> str:
    """Write a question with its target as one line of JSON.

    Args:
        example: the question; the paths of its media and its record are left out.
        frames: how the model writes coordinates, one for each medium. In the frames 'norm1000' and 'norm1'
            the input size is not used; for 'resized_pixels' it is the size after the trainer's own resize.

    Returns:
        ASCII text without line breaks.

    Raises:
        InputError: sizes that disagree, a box without area or outside its image, or a target that is none
            of the task's.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Boxes, Image
        >>> target = Boxes(((64.0, 48.0, 320.0, 240.0),))
        >>> image = Image(Path("a.png"), (640, 480))
        >>> example = Example("a#cat", "a", "detection", (image,), "cat", target, form=Form.DIRECT)
        >>> text = pack(example, [CoordinateFrame.whole("norm1000", (640, 480))])
        >>> unpack(text)[0].target == target
        True
    """
    where = f"Example '{example.id}'"
    if example.target is None:
        raise InputError(
            f"{where} has no target, so its answers cannot be scored. Pack labelled examples only."
        )
    given = {
        "vrft": 2,
        "task": example.task,
        "form": example.form,
        "id": example.id,
        "question": example.question,
        "frames": tuple(frames),
        "media": [{**medium.encode(), "path": "."} for medium in example.media],
        "target": example.target.encode(),
        "options": example.options,
        "fields": dict(example.fields),
    }
    try:
        # Required keys are always there; of the others, those that say something.
        text = _Packed.model_validate(given).model_dump_json(exclude_defaults=True, ensure_ascii=True)
        unpack(text)
    except (ValidationError, InputError) as error:
        listed = _listed(error) if isinstance(error, ValidationError) else error
        raise InputError(f"{where}: {listed}") from error
    return text


def unpack(text: object) -> _Unpacked:
    """Read what ``pack`` wrote.

    Returns:
        The example (with empty paths of its media, and its own id for its record's), and how the model
        writes coordinates in each medium.

    Raises:
        InputError: no text, no such format or one of vrft 0.1, a box without area or outside its image, an
            unknown task, or a target that is none of the task's; says which.
    """
    if not isinstance(text, str):
        raise InputError(f"It holds {type(text).__name__} instead of text. Fill it with vrft's pack().")
    return _unpack(text)


@lru_cache(maxsize=_MOST_ROWS)
def _unpack(text: str) -> _Unpacked:
    # A trainer shows each text once for each answer and each epoch.
    try:
        tree = json.loads(text)
        if isinstance(tree, Mapping) and tree.get("vrft") == 1:
            raise InputError(
                "It was packed by vrft 0.1 (format 1). Fill the column again with vrft's pack()."
            )
        packed = _Packed.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(f"{_listed(error)}. Fill it with vrft's pack().") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"It is not JSON: {error}. Fill it with vrft's pack().") from error
    written = packed.model_dump(mode="json", exclude_defaults=True)
    other = next((key for key in tree.keys() | written.keys() if tree.get(key) != written.get(key)), None)
    if other is not None:
        raise InputError(f"{other} is not as pack() writes it. Fill it with vrft's pack().")
    given = {name: getattr(packed, name) for name in _Packed.model_fields if name not in ("vrft", "frames")}
    example = Example(record_id=packed.id, **given)
    _check_frames(example, packed.frames)
    _check_target(example, packed.target)
    _check_answerable(example, packed.target, packed.frames)
    return example, packed.frames


def _check_frames(example: Example, frames: Sequence[CoordinateFrame]) -> None:
    """Each medium has to have its own, of the same window."""
    if len(frames) != len(example.media):
        raise InputError(
            f"There are {len(example.media)} media and {len(frames)} frames. Give one frame for each medium."
        )
    for medium, frame in zip(example.media, frames, strict=True):
        if min(*medium.size_wh, *frame.input_wh) < 1:
            raise InputError(f"size_wh {medium.size_wh}, input_wh {frame.input_wh}: both must be 1 or more.")
        expected = medium.frame(frame.name, frame.input_wh)
        if expected != frame:
            raise InputError(
                f"The {medium.kind} shows {expected.window_px}, mirrored: {expected.mirrored}, but the "
                f"frame is of {frame.window_px}, mirrored: {frame.mirrored}."
            )


def _check_target(example: Example, target: Value) -> None:
    """Boxes and masks have to lie in media of these sizes."""
    for shape in target.shapes():
        place = shape.frame or 0
        if shape.kind == "rectangle" and place < len(example.media):
            try:
                checked_box(shape.numbers, example.media[place].size_wh, f"Target '{example.id}'")
            except LabelError as error:
                raise InputError(str(error)) from error
    sizes = {medium.size_wh for medium in example.media}
    for (height, width), counts in _regions(target.encode()):
        if (width, height) not in sizes:
            raise InputError(
                f"A mask is {width}x{height} pixels (width x height), the media are {sorted(sizes)}. "
                "Give masks of the size of their image."
            )
        try:
            pixels = coco_mask.decode({"size": [height, width], "counts": counts.encode("ascii")})
            # Counts that do not fill the image decode to whatever lies in memory.
            encoded = coco_mask.encode(np.asfortranarray(pixels))["counts"].decode("ascii")
        except ValueError:
            encoded = ""
        if encoded != counts:
            raise InputError(
                f"The counts of the mask are not of an image of {width}x{height} pixels. Write them with "
                "pycocotools.mask.encode."
            )


def _check_answerable(example: Example, target: Value, frames: Sequence[CoordinateFrame]) -> None:
    """Else every term would fail, and count 0, without a word about the data."""
    task = task_of(example)
    try:
        task.gold(example, frames)
        useless = target.is_empty and not task.score(Answer(target, formatted=True), target)
    except Exception as error:
        raise InputError(
            f"{task.name} cannot write a target of kind '{target.kind}' as an answer. Use another task."
        ) from error
    if useless:
        raise InputError(f"{task.name} has no right answer for an empty target. Leave the example out.")


def _regions(tree: Any) -> Iterator[tuple[Sequence[int], str]]:
    """Size and counts of every mask in a target's JSON."""
    if isinstance(tree, Mapping):
        if tree.keys() >= {"size_hw", "counts"}:
            yield tree["size_hw"], tree["counts"]
        for inner in tree.values():
            yield from _regions(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _regions(inner)


def _listed(error: ValidationError) -> str:
    found = [
        f"{'.'.join(str(key) for key in e['loc']) or 'text'}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors()
    ]
    return "; ".join(found[:3])
