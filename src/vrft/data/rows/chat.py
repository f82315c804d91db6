"""Conversations about an image, as ms-swift, LLaMA-Factory and ShareGPT write them.

``{"messages": [{"role": "user", "content": "<image>Find the <ref-object>."}, {"role": "assistant",
"content": "<bbox>"}], "images": ["a.png"], "objects": {"ref": ["cup"], "bbox": [[x1, y1, x2, y2]],
"bbox_type": "real"}}``. ``conversations`` with ``from`` and ``value``, ``query`` and ``response``, and
``instruction``, ``input`` and ``output`` are read too. ``<ref-object>`` and ``<bbox>`` stand for the next of
``objects``, in pixels (``real``) or parts of the image (``norm1``, ``norm1000``). Without ``objects`` boxes
are those that the answer's text gives. An answer without boxes is that to the question or the class of the
image, whichever is needed, or a text where it is long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vrft.data.data_options import Coordinates
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    IMAGE_CLASS,
    PHRASE_BOXES,
    QUESTION_LABEL,
    QUESTION_TEXT,
)
from vrft.data.rows.answer_text import PixelBox, boxes_in
from vrft.data.rows.row_form import (
    IMAGE_COLUMNS,
    LabelRow,
    Reading,
    RowForm,
    of_category,
    of_image,
    of_phrase,
    unpacked,
)
from vrft.data.scalars import numbers
from vrft.errors import LabelError
from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.types import Boxes, BoxXYXY, Form, Label, Provides, Record, Text

_LISTS = ("messages", "conversations", "conversation")
_PAIRS = (("query", "response"), ("instruction", "output"))
_USERS, _MODELS = frozenset({"user", "human"}), frozenset({"assistant", "gpt", "model"})
_TYPES: Mapping[str, Coordinates] = {
    "real": "pixels",
    "norm1": "0-1",
    "norm_1": "0-1",
    "norm1000": "0-1000",
    "norm_1000": "0-1000",
}
_REF, _BBOX = "<ref-object>", "<bbox>"
_MARK = re.compile(f"{_REF}|{_BBOX}")
_SHOWN = re.compile(r"<image>|<img>(.*?)</img>|<\|vision_start\|>.*?<\|vision_end\|>", re.S)
_MOST_OF_A_CLASS = 80
_EXPECTED = 'Expected: "messages" of "user" and "assistant" in turn, and one image.'


@dataclass(frozen=True)
class _Turn:
    """A question and its answer, with the boxes that the answer's marks stand for."""

    question: str
    refs: tuple[str, ...]
    """What its marks stand for."""
    answer: str
    boxes: tuple[PixelBox, ...]
    asks_with_boxes: bool

    @property
    def subject(self) -> str:
        """What is asked for: the one thing that it marks, or its whole text."""
        return self.refs[0] if len(self.refs) == 1 else self.question


class ChatForm(RowForm):
    """Questions about an image with the answers that a model is to give."""

    rank = 1
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'rows of ms-swift or LLaMA-Factory: "messages", "images" and "objects" with boxes',
        PHRASE_BOXES: 'rows of ms-swift or LLaMA-Factory: "messages", "images" and a box for each question',
        IMAGE_CLASS: 'rows of ms-swift or LLaMA-Factory: "messages" with a class name as answer',
        QUESTION_LABEL: 'rows of ms-swift or LLaMA-Factory: "messages" with a word or a number as answer',
        QUESTION_TEXT: 'rows of ms-swift or LLaMA-Factory: "messages" with a text as answer',
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        pairs = list(_pairs(row.entry))
        if not pairs:
            return frozenset()
        answer = pairs[0][1]
        if _BBOX in answer or "objects" in row.entry or boxes_in(answer) is not None:
            return frozenset({CATEGORY_BOXES, PHRASE_BOXES})
        return frozenset({IMAGE_CLASS, QUESTION_LABEL} if _is_class(answer) else {QUESTION_TEXT})

    def image(self, row: LabelRow) -> object:
        if any(row.entry.get(key) for key in IMAGE_COLUMNS):
            return row.image
        inside = list(_images_inside(row.entry))
        if len(inside) == 1:
            return inside[0]
        problem = f"The row shows {len(inside) or 'no'} images, where one is expected."
        raise LabelError(problem, row.where, _EXPECTED)

    def asked(self, row: LabelRow) -> Iterator[tuple[str, str]]:
        for question, answer in _pairs(row.entry):
            yield _plain(question), answer

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        turns = list(_turns(row, record, reading))
        if not turns:
            raise LabelError("The row has no question with an answer.", row.where, _EXPECTED)
        for turn in turns:
            record = _answered(record, turn, pair, row)
        return record


def _answered(record: Record, turn: _Turn, pair: Provides, row: LabelRow) -> Record:
    if pair == QUESTION_TEXT:
        return of_phrase(record, turn.question, Text(turn.answer), row, "question")
    if pair in (IMAGE_CLASS, QUESTION_LABEL):
        label = parse_label_answer(turn.answer, Form.DIRECT).as_(Label)
        if label is None or not _is_class(turn.answer):
            expected = "a class name" if pair == IMAGE_CLASS else "a word or a number"
            raise LabelError(f"The answer is not {expected}.", row.where, row.fix)
        if pair == IMAGE_CLASS:
            return of_image(record, label.name, row)
        return of_phrase(record, turn.question, label, row, "question")
    return _with_boxes(record, turn, pair, row)


def _with_boxes(record: Record, turn: _Turn, pair: Provides, row: LabelRow) -> Record:
    """The boxes of an answer, each under its own name or the question's."""
    if turn.asks_with_boxes:
        raise LabelError("It asks about a given box, which no task does.", row.where, row.fix)
    named: dict[str, list[BoxXYXY]] = {}
    for box in turn.boxes:
        named.setdefault(box.label or turn.subject, []).append(box.xyxy_px)
    if not named:
        named = {ref: [] for ref in turn.refs} or {turn.subject: []}
    for name, boxes in named.items():
        if pair == CATEGORY_BOXES:
            record = of_category(record, name, boxes, row)
        else:
            record = of_phrase(record, name, Boxes(tuple(boxes)), row)
    return record


def _turns(row: LabelRow, record: Record, reading: Reading) -> Iterator[_Turn]:
    """Every question with its answer; marks are replaced by what they stand for, in their order."""
    refs, boxes = _objects(row, record, reading)
    left = (iter(refs), iter(boxes))
    for asked, answer in _pairs(row.entry):
        question, own_refs, given = _filled(asked, *left, row.where)
        if _BBOX in answer or _REF in answer:
            _, labels, shown = _filled(answer, *left, row.where)
            found = _labelled(answer, labels, shown)
        elif boxes:
            found = [PixelBox(box) for box in left[1]]
        else:
            found = boxes_in(answer, record, reading, row.where) or []
        yield _Turn(_plain(question), tuple(own_refs), answer.strip(), tuple(found), bool(given))


def _filled(
    text: str, refs: Iterator[str], boxes: Iterator[BoxXYXY], where: str
) -> tuple[str, list[str], list[BoxXYXY]]:
    """A text with what its marks stand for, and these things."""
    own_refs: list[str] = []
    own_boxes: list[BoxXYXY] = []

    def put(mark: re.Match[str]) -> str:
        try:
            if mark[0] == _REF:
                own_refs.append(next(refs))
                return own_refs[-1]
            own_boxes.append(next(boxes))
            return ""
        except StopIteration:
            problem = f"It has more {mark[0]} than 'objects' has things."
            raise LabelError(problem, where, "Give each mark its entry in 'objects'.") from None

    return _MARK.sub(put, text), own_refs, own_boxes


def _labelled(answer: str, labels: Sequence[str], boxes: Sequence[BoxXYXY]) -> list[PixelBox]:
    """Each box of an answer with the thing that is named before it, if any is."""
    found: list[PixelBox] = []
    label: str | None = None
    left_labels, left_boxes = iter(labels), iter(boxes)
    for mark in _MARK.findall(answer):
        if mark == _REF:
            label = next(left_labels)
        else:
            found.append(PixelBox(next(left_boxes), label))
    return found


def _objects(row: LabelRow, record: Record, reading: Reading) -> tuple[list[str], list[BoxXYXY]]:
    """What ``objects`` lists: names, and boxes in pixels."""
    given = unpacked(row.entry.get("objects"))
    if isinstance(given, list):  # as ms-swift 2 wrote them
        kinds = {str(one.get("bbox_type", "real")) for one in given if isinstance(one, Mapping)}
        given = {
            "ref": [one.get("caption") for one in given if isinstance(one, Mapping)],
            "bbox": [one.get("bbox") for one in given if isinstance(one, Mapping)],
            "bbox_type": kinds.pop() if len(kinds) == 1 else "real" if not kinds else "several",
        }
    if not isinstance(given, Mapping):
        return [], []
    kind = str(given.get("bbox_type") or "real")
    if kind not in _TYPES:
        problem = f"The bbox_type '{kind}' is not one of {', '.join(_TYPES)}."
        raise LabelError(problem, row.where, "Correct it.")
    stated = _TYPES[kind] if given.get("bbox_type") else None
    refs = [row.named(name, "objects.ref") for name in given.get("ref") or ()]
    boxes = []
    for number, box in enumerate(given.get("bbox") or (), 1):
        where, four = f"{row.where}, box {number}", numbers(box) or ()
        if len(four) != 4:
            says = "is a point" if len(four) == 2 else "is not four numbers"
            raise LabelError(f"The bbox {box} {says}.", where, "Write [x1, y1, x2, y2].")
        boxes.append(reading.box(four, record, where, "xyxy", stated))
    return refs, boxes


def _pairs(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Questions with their answers as they are written."""
    listed = next((unpacked(entry[key]) for key in _LISTS if key in entry), None)
    if isinstance(listed, list):
        asked = None
        for message in listed:
            role, text = _said(message)
            if role in _USERS:
                asked = text
            elif role in _MODELS and asked is not None:
                yield asked, text
                asked = None
        target = entry.get("solution", entry.get("answer"))
        if asked is not None and isinstance(target, str):
            yield asked, target
        return
    for question, answer in _PAIRS:
        if isinstance(entry.get(question), str) and isinstance(entry.get(answer), str):
            yield " ".join(filter(None, (entry[question], entry.get("input")))), entry[answer]


def _said(message: object) -> tuple[str, str]:
    """Who says what."""
    given = message if isinstance(message, Mapping) else {}
    role = str(given.get("role", given.get("from", "")))
    content = given.get("content", given.get("value", ""))
    if isinstance(content, list):
        content = "".join(
            str(part.get("text") or "") if isinstance(part, Mapping) else str(part) for part in content
        )
    return role, content if isinstance(content, str) else ""


def _images_inside(entry: Mapping[str, Any]) -> Iterator[object]:
    """Images that messages name themselves."""
    listed = next((unpacked(entry[key]) for key in _LISTS if key in entry), ())
    for message in listed if isinstance(listed, list) else ():
        content = message.get("content", message.get("value")) if isinstance(message, Mapping) else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, Mapping) and (image := part.get("image") or part.get("image_url")):
                yield image.get("url") if isinstance(image, Mapping) and "url" in image else image
        for found in _SHOWN.finditer(content) if isinstance(content, str) else ():
            if found[1]:
                yield found[1]


def _plain(question: str) -> str:
    return " ".join(_SHOWN.sub(" ", question).split())


def _is_class(answer: str) -> bool:
    return len(answer) <= _MOST_OF_A_CLASS and "\n" not in answer.strip()


FORM = ChatForm()
