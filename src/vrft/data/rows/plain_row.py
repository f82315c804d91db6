"""The cells of a plain row: its names, texts, numbers and values, whatever they mean together."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vrft.data.rows.numbers import COUNT, UNIT, is_number
from vrft.data.rows.row_form import LabelRow
from vrft.errors import InputError, LabelError
from vrft.types import Record, Value

QUESTION = ("question", "phrase", "expression", "sentence")
TARGET = ("target", "answer")
NAME = ("class", "label", "category", "class_name", "category_name", "labelname")
EXPECTED = 'Expected: {"image": "a.jpg", "question": "the left cup", "target": [x1, y1, x2, y2]}, in pixels.'
EXPECTED_ANSWER = (
    'Expected: {"image": "a.jpg", "question": "How many cups?", "answer": "two"}, or a "target" of four '
    "numbers, in pixels, where the question is for a place."
)


@dataclass(frozen=True)
class PlainRow:
    """A row by its columns."""

    row: LabelRow

    @property
    def where(self) -> str:
        return self.row.where

    @property
    def entry(self) -> Mapping[str, Any]:
        return self.row.entry

    def has(self, keys: tuple[str, ...]) -> bool:
        return any(key in self.entry for key in keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that may hold its class: those of known names, or the only one with a list of names."""
        listed = [key for key in self.row.names if key in self.entry]
        return NAME if self.has(NAME) or len(listed) != 1 else (listed[0],)

    @property
    def short_answer(self) -> tuple[str, ...]:
        """The columns that may hold its class, or the answer to its question."""
        return (*TARGET, *self.names)

    def columns_of(self, about: str) -> tuple[str, ...]:
        """The columns that name what it is about."""
        return self.names if about == "category" and self.has(self.names) else QUESTION

    def text(self, keys: tuple[str, ...]) -> str:
        """The first of these columns, trimmed; LabelError where it is not text."""
        key = next((key for key in keys if key in self.entry), keys[0])
        value = self.entry.get(key)
        # A class may well be called 7.
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        text = self.row.named(value, key) if is_whole else value
        if isinstance(value, float) and math.isfinite(value):
            text = str(int(value) if value.is_integer() else value)
        if not isinstance(text, str) or not text.strip():
            fix = EXPECTED if key in NAME else EXPECTED_ANSWER
            raise LabelError(f"The row has no text under '{key}'.", self.where, fix)
        return text.strip()

    @property
    def target(self) -> object:
        return next((self.entry[key] for key in TARGET if key in self.entry), None)

    @property
    def value_object(self) -> Mapping[str, Any] | None:
        """The target where it is an object with a kind; in CSV as JSON in its cell."""
        value = self.target
        if isinstance(value, str) and value.startswith("{"):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return None
        if not isinstance(value, dict) or "kind" in value:
            return value if isinstance(value, dict) else None
        untyped = next((kind for kind in Value.kinds() if Value.of_kind(kind).matches_untyped(value)), None)
        return None if untyped is None else {"kind": untyped, **value}

    @property
    def is_value(self) -> bool:
        """Its target is a value rather than boxes or a class."""
        return self.value_object is not None

    def value(self, kind: str, record: Record) -> Value:
        """Its target as a value; LabelError where it is none of this kind, or not of these images."""
        try:
            value = Value.decode(self.value_object)
        except InputError as error:
            raise LabelError(str(error), self.where) from error
        if value.kind != kind:
            problem = f"The target is of kind '{value.kind}', where '{kind}' is expected."
            raise LabelError(problem, self.where, "Keep targets of different kinds in different tables.")
        wrong = value.label_error([medium.size_wh for medium in record.media])
        if wrong is not None:
            raise LabelError(wrong, self.where, "Fix it. Coordinates are in pixels.")
        return value

    @property
    def has_unit(self) -> bool:
        return any(self.entry.get(key) not in (None, "") for key in UNIT)

    @property
    def number_column(self) -> str | None:
        """The column that holds a number by itself; None where none does."""
        count = next((key for key in COUNT if key in self.entry), None)
        target = next((key for key in TARGET if key in self.entry), None)
        if count is not None or target is None:
            return count
        value = self.entry[target]
        in_words = self.has_unit and isinstance(value, str) and value[:1] not in ("[", "{")
        return target if in_words or is_number(value) else None

    @property
    def is_number_alone(self) -> bool:
        """A unit, or a count without an answer or a class, says that no word is meant."""
        words = (*TARGET, *(name for name in self.names if name not in ("category", "category_name")))
        return self.has_unit or not self.has(words)
