"""Questions with several right answers or with choices, and the text of an image or of a part of it.

- ``question`` with ``answers`` (DocVQA, TextVQA, VQA v2): a list of texts, or of objects with ``answer``; any
  of them is right, and the most frequent is the label. ``answer`` may be such a list too;
- ``question`` with ``choices`` or ``options``, a list or a mapping of letters to texts, or with the columns
  ``A``, ``B``, ``C`` (MMBench): ``answer`` is a letter, the text of a choice, or, as a number, its place from
  0 (ScienceQA); a list of them, or a text such as "A, C", says that several are right, and so may
  ``several`` where it is one;
- ``text`` (or ``transcription``): all that is written in the image, ``""`` where nothing is; with ``box`` or
  ``bbox`` what is written there. Several rows of an image are several places.

``tolerance`` says how far a number may be off, as a share of it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from vrft.data.data_options import BoxOrder
from vrft.data.label_checks import IMAGE_TEXT, QUESTION_TEXT
from vrft.data.rows.box_orders import read_box
from vrft.data.rows.plain_row import QUESTION, TARGET
from vrft.data.rows.row_form import (
    IMAGE_COLUMNS,
    LabelRow,
    Reading,
    RowForm,
    of_phrase,
    unpacked,
    with_annotations,
)
from vrft.data.scalars import flag, number
from vrft.errors import LabelError
from vrft.tasks.parsing.choices import read_choices
from vrft.types import Annotation, BoxXYXY, Provides, Record, Text
from vrft.types.names import nfc, plain_name
from vrft.types.texts import SEPARATOR

_ANSWERS = ("answers", "direct_answers")
_CHOICES = ("choices", "options")
_PLACES = ("correct_choice_idx", "answer_idx", "answer_index", "correct_idx")
_RIGHT = (*TARGET, "label", *_ANSWERS)
_WRITTEN = ("text", "transcription")
_TOLERANCE, _SEVERAL = "tolerance", "several"
_BOXES: Mapping[str, BoxOrder | None] = {"box": "xyxy", "bbox_2d": "xyxy", "bbox_xywh": "xywh", "bbox": None}
_LEAST = 2
"""Choices that make a question one of choice."""
_EXPECTED = 'Expected: {"image": "a.jpg", "question": "What is on the sign?", "answers": ["Exit", "EXIT"]}.'


class AnswersForm(RowForm):
    """A question with what is right and what there is to choose from; or what is written where."""

    rank = 8
    provides: Mapping[Provides, str] = {
        QUESTION_TEXT: 'an "image", a "question" and "answers", or "choices" with an "answer", on each line',
        IMAGE_TEXT: 'an "image" and the "text" that is written in it on each line',
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        entry = row.entry
        if not any(key in entry for key in IMAGE_COLUMNS):
            return frozenset()
        if any(key in entry for key in QUESTION):
            asks = any(key in entry for key in _ANSWERS) or entry.get(_TOLERANCE) not in (None, "")
            asks = asks or bool(_choices(row)) or _listed(row.first(TARGET))
            return frozenset({QUESTION_TEXT} if asks else ())
        alone = not any(key in entry for key in TARGET)
        return frozenset({IMAGE_TEXT} if alone and isinstance(row.first(_WRITTEN), str) else ())

    def loose_boxes(self, row: LabelRow) -> list[Sequence[float]]:
        found = read_box(unpacked(row.entry.get("bbox"))) if "bbox" in row.entry else None
        return [found[0]] if found is not None and found[1] is None else []

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        if pair == IMAGE_TEXT:
            return _add_text(record, row, reading)
        question = row.first(QUESTION)
        if not isinstance(question, str) or not question.strip():
            raise LabelError("The row asks no question.", row.where, _EXPECTED)
        question, value = nfc(question.strip()), _answer(row)
        asked = (known for one, known in record.about("question", Text) if one.name == question)
        if value.choices and any(known != value and known.same_as(value) for known in asked):
            # The same choices in another order are another question.
            return with_annotations(record, Annotation("question", question, value))
        return of_phrase(record, question, value, row, "question")


def _add_text(record: Record, row: LabelRow, reading: Reading) -> Record:
    # An empty cell says nothing.
    written = row.first(_WRITTEN)
    key = next((key for key in _BOXES if row.entry.get(key) not in (None, "")), None)
    if not isinstance(written, str):
        fix = 'Write what is written there, or "" where nothing is.'
        raise LabelError("The row has no text under 'text'.", row.where, fix)
    box: BoxXYXY | None = None
    if key is not None:
        found = read_box(unpacked(row.entry[key]))
        if found is None:
            raise LabelError(f"The value of '{key}' is no box of four numbers.", row.where, "Fix the row.")
        box = reading.box(found[0], record, row.where, found[1] or _BOXES[key])
    name = "" if box is None else ", ".join(f"{side:g}" for side in box)
    return of_phrase(record, name, Text(written.strip(), box_xyxy_px=box), row, "image")


def _answer(row: LabelRow) -> Text:
    """What is right, and what there is to choose from."""
    # An empty cell says nothing.
    given, choices = row.entry.get(_TOLERANCE), _choices(row)
    tolerance = 0.0 if given in (None, "") else number(given)
    if tolerance is None or not 0 <= tolerance < 1:
        problem = f"The tolerance {given!r} is no share from 0 to below 1."
        raise LabelError(problem, row.where, "Write 0.05 for five per cent.")
    if choices:
        letters = _several(row, choices) or (_letter(row, choices),)
        several = len(letters) > 1 or flag(row.entry.get(_SEVERAL), _SEVERAL, row.where)
        offered = tuple(choices.items())
        return Text(SEPARATOR.join(letters), choices=offered, several=several, tolerance=tolerance)
    answers = _texts(row.first((*_ANSWERS, *TARGET)))
    if not answers:
        raise LabelError("The row has no text under 'answers'.", row.where, _EXPECTED)
    usual = Counter(answers).most_common(1)[0][0]
    return Text(usual, tuple(answers) if len(answers) > 1 else (), tolerance=tolerance)


def _choices(row: LabelRow) -> dict[str, str]:
    """Text by letter; nothing where a row has no choices."""
    given = unpacked(row.first(_CHOICES))
    if isinstance(given, Mapping):
        return {str(letter): str(text) for letter, text in given.items() if text is not None}
    if isinstance(given, list | tuple) and len(given) <= len(ascii_uppercase):
        return dict(zip(ascii_uppercase, map(str, given), strict=False))
    entry = {key.upper(): value for key, value in row.entry.items() if len(key) == 1}
    columns = {letter: str(entry[letter]) for letter in ascii_uppercase if entry.get(letter) is not None}
    return columns if len(columns) >= _LEAST and "A" in columns else {}


def _several(row: LabelRow, choices: Mapping[str, str]) -> tuple[str, ...] | None:
    """The letters of the right choices, where a row names more than one."""
    if row.first(_PLACES) is not None:
        return None
    said = _texts(row.first(_RIGHT))
    each = [_called(choices, [one]) for one in said]
    if len(said) == 1 and not each[0]:
        each = [{letter} for letter in read_choices(said[0], choices) or ()]
    found = {letter for letters in each for letter in letters}
    return tuple(x for x in choices if x in found) if len(found) > 1 == max(map(len, each)) else None


def _called(choices: Mapping[str, str], said: Sequence[str]) -> set[str]:
    """The letters, else the letters of the texts, that are among some names."""
    names = {plain_name(one) for one in said}
    found = {letter for letter in choices if plain_name(letter) in names}
    return found or {letter for letter, text in choices.items() if plain_name(text) in names}


def _letter(row: LabelRow, choices: Mapping[str, str]) -> str:
    """The letter of the right choice."""
    place = number(row.first(_PLACES))
    given = row.first(_RIGHT) if place is None else int(place)
    found = _called(choices, _texts(given))
    by_place = isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(choices)
    if by_place:
        own = list(choices)[given]
        if place is not None or not found:
            return own
        if found != {own}:
            problem = f"The answer {given} may be the choice '{given}' or that at place {given} from 0."
            raise LabelError(problem, row.where, "Write its letter.")
    if len(found) != 1:
        listed = ", ".join(f"{letter} ({text[:30]})" for letter, text in choices.items())
        problem = f"The answer {given!r} is not one of the choices {listed}."
        raise LabelError(problem, row.where, "Write the letter of the right one.")
    return found.pop()


def _texts(given: object) -> list[str]:
    """Right answers as they are given: texts and numbers, or objects that hold them."""
    given = unpacked(given)
    if isinstance(given, Mapping):
        given = next((given[key] for key in ("answer", "text") if key in given), None)
    if isinstance(given, list | tuple):
        return [text for one in given for text in _texts(one)]
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, float) and not math.isfinite(given):
        # How tables of numbers write an empty cell.
        return []
    is_text = isinstance(given, str | int | float) and not isinstance(given, bool)
    return [text] if is_text and (text := str(given).strip()) else []


def _listed(given: object) -> bool:
    """Whether it is a list of texts: no box, and no list of boxes."""
    given = unpacked(given)
    return (
        isinstance(given, list)
        and bool(given)
        and all(isinstance(one, str) for one in given)
        and (read_box(given) is None)
    )


FORM = AnswersForm()
