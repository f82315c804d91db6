"""Visual-RFT's rows: ``image``, ``problem`` and ``solution``.

A solution of detection is ``<answer>[{'Position': [x1, y1, x2, y2], 'Confidence': 1}, ...]</answer>`` or
``<answer>No Objects</answer>``, one of classification or of another question ``<answer>words</answer>``.
A problem of detection names its category and says how coordinates are written; where it does not say 'between
0 and 1000, integer', they are refused. A row asks for one category, so nothing is known of the others. A
solution that is itself ``[x1, y1, x2, y2]`` is a box of what the problem describes, as VLM-R1 has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from vrft.data.label_checks import CATEGORY_BOXES, IMAGE_CLASS, PHRASE_BOXES, QUESTION_LABEL
from vrft.data.rows.row_form import LabelRow, Reading, RowForm, of_category, of_image, of_phrase
from vrft.data.scalars import numbers
from vrft.errors import LabelError
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_label_answer
from vrft.types import Boxes, CoordinateFrame, Form, Label, Points, Provides, Record
from vrft.types.answers import fault_words

_CATEGORY = re.compile(r"belonging to the category '(.+?)' in the image, and provide")
"""The detection prompt of the paper's Table 1 and of the released sets."""
_DESCRIBED = re.compile(r"(?:describes|description|refers to)\s*:\s*(\S.*?)\.?\s*$", re.S)
"""What VLM-R1's prompt asks for."""
_LIST = re.compile(r"\s*<answer>\s*(\[|No Objects)")


class VisualRftForm(RowForm):
    """Rows whose solutions are all lists of boxes, or all class names."""

    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "rows with the columns image, problem and solution, and boxes",
        PHRASE_BOXES: "rows with the columns image, problem and solution, and one box",
        IMAGE_CLASS: "rows with the columns image, problem and solution, and a class name",
        QUESTION_LABEL: "rows with the columns image, problem and solution, and a word or a number",
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        if not {"problem", "solution"} <= row.entry.keys():
            return frozenset()
        if isinstance(row.entry["solution"], list):
            return frozenset({PHRASE_BOXES})
        of_boxes = _LIST.match(str(row.entry["solution"]))
        return frozenset({CATEGORY_BOXES} if of_boxes else {IMAGE_CLASS, QUESTION_LABEL})

    def subject(self, row: LabelRow, about: str) -> str | None:
        found = _CATEGORY.search(str(row.entry.get("problem")))
        return found[1] if found else None

    def asked(self, row: LabelRow) -> Iterator[tuple[str, str]]:
        with suppress(LabelError):
            yield _question(str(row.entry.get("problem"))), _label(str(row.entry.get("solution")), row).name

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        if pair == PHRASE_BOXES:
            return _described(record, row, reading)
        texts = (row.entry.get("problem"), row.entry.get("solution"))
        problem, solution = (text if isinstance(text, str) else "" for text in texts)
        if pair == CATEGORY_BOXES:
            return _boxed(record, problem, solution, row)
        answer = _label(solution, row)
        if pair == IMAGE_CLASS:
            return of_image(record, answer.name, row)
        return of_phrase(record, _question(problem), answer, row, "question")


def _described(record: Record, row: LabelRow, reading: Reading) -> Record:
    problem, four = row.entry.get("problem"), numbers(row.entry.get("solution"))
    if not isinstance(problem, str) or four is None or len(four) != 4:
        raise LabelError("The row has no text under 'problem' and one box as 'solution'.", row.where, row.fix)
    described = _DESCRIBED.search(problem)
    phrase = _question(described[1] if described else problem)
    return of_phrase(record, phrase, Boxes((reading.box(four, record, row.where, "xyxy"),)), row)


def _boxed(record: Record, problem: str, solution: str, row: LabelRow) -> Record:
    found = _CATEGORY.search(problem)
    frame = CoordinateFrame.whole("norm1000", record.image.size_wh)
    if found is None or f"({frame.clause})" not in problem:
        raise LabelError(
            "The text of 'problem' names no category, or not how coordinates are written.",
            row.where,
            f"Ask for one category in the words of Visual-RFT's prompt, with '({frame.clause})', and write "
            "the boxes so; or save boxes in pixels as COCO json.",
        )
    category, answer = found[1], parse_boxes_answer(solution, frame, Form.DIRECT)
    boxes = answer.as_(Boxes)
    if boxes is None or not answer.formatted or answer.find(Points):
        faults = ", ".join(map(fault_words, answer.faults)) or "no boxes"
        raise LabelError(f"The 'solution' is not a list of boxes ({faults}).", row.where, row.fix)
    return of_category(record, category, tuple(dict.fromkeys(boxes.xyxy_px)), row)


def _question(problem: str) -> str:
    return " ".join(problem.replace("<image>", " ").split())


def _label(solution: str, row: LabelRow) -> Label:
    answer = parse_label_answer(solution, Form.DIRECT)
    label = answer.as_(Label)
    if label is None or not answer.formatted or _LIST.match(solution):
        raise LabelError("The 'solution' is not a class name in tags.", row.where, row.fix)
    return label


FORM = VisualRftForm()
