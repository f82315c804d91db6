"""Texts and names: what is written in an image, or answers a question, with all that may be said as well."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from vrft.types.frames import BoxXYXY
from vrft.types.names import nfc
from vrft.types.value_kinds import without_spelling
from vrft.types.values import Finite, Shape, Value

SEPARATOR = ", "
"""Of letters."""


@dataclass(frozen=True, slots=True)
class Text(Value):
    """Free text; where there are choices the letter of one, or of all that are taken: ``A, C``."""

    kind: ClassVar[str] = "text"
    text: str
    """Empty where the right answer is that nothing is written there."""
    accepted: tuple[str, ...] = ()
    """Of a target: all right answers as they were given, repeats included; empty where ``text`` is the only
    one."""
    choices: tuple[tuple[str, str], ...] = ()
    """What there is to choose from: letter and text of each."""
    several: bool = False
    """Any number of the choices may be right, and an answer names them all."""
    tolerance: Finite = 0.0
    """Of a target that is a number: the share of it by which an answer may be off."""
    ignore_case: bool = False
    """Of a target: capitals make no difference where texts are compared letter by letter."""
    box_xyxy_px: tuple[Finite, Finite, Finite, Finite] | None = None
    """Where it is written, in pixels of the file; None: anywhere in the image."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", nfc(self.text))
        if self.accepted:
            object.__setattr__(self, "accepted", tuple(map(nfc, self.accepted)))
        if self.choices:
            choices = tuple((nfc(letter), nfc(text)) for letter, text in self.choices)
            object.__setattr__(self, "choices", choices)

    @property
    def right(self) -> tuple[str, ...]:
        """All that is right, each once, the text first."""
        return tuple(dict.fromkeys((self.text, *self.accepted)))

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the choices that are taken."""
        return tuple(self.text.split(SEPARATOR)) if self.several else (self.text,)

    @property
    def chosen(self) -> str | None:
        """The text of the choice, or of all with ``;`` between them; None where it takes none of them."""
        offered = dict(self.choices)
        texts = [offered[letter] for letter in self.letters if letter in offered]
        return "; ".join(texts) if len(texts) == len(self.letters) else None

    @property
    def is_empty(self) -> bool:
        return not self.text

    def same_as(self, other: Value) -> bool:
        """One right answer is common to both, case, gaps and how a number is written aside; choices may be
        listed in another order.

        Example:
            >>> Text("Exit", ("Exit", "way out")).same_as(Text("WAY OUT")), Text("7").same_as(Text("7.0"))
            (True, True)
        """
        if not isinstance(other, Text) or self.choices or other.choices:
            return Value.same_as(self, other)
        return not {*map(without_spelling, self.right)}.isdisjoint(map(without_spelling, other.right))

    @property
    def _compared(self) -> Hashable:
        offered = dict(self.choices)
        taken = frozenset(" ".join(offered.get(letter, letter).split()) for letter in self.letters)
        return bool(self.choices), taken

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY] | None:
        """The place; where it is not known, a crop could cut the text off."""
        return None if self.box_xyxy_px is None else (self.box_xyxy_px,)

    @property
    def words(self) -> tuple[str, ...]:
        return (self.text, *(text for _, text in self.choices))

    @property
    def size(self) -> int:
        return len(self.text)

    def shapes(self) -> Sequence[Shape]:
        """A caption, with its place where that is known."""
        if self.is_empty:
            return ()
        if self.box_xyxy_px is not None:
            return [Shape("rectangle", self.box_xyxy_px, self.text)]
        return [Shape("caption", text=self.describe())]

    def describe(self) -> str:
        if self.is_empty:
            return "No text."
        return f"{self.text}: {self.chosen}" if self.chosen is not None else self.text


@dataclass(frozen=True, slots=True)
class Names(Value):
    """Several names in no order, such as the kinds of things that an image shows; none where none apply."""

    kind: ClassVar[str] = "names"
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(map(nfc, self.names)))

    @property
    def is_empty(self) -> bool:
        return not self.names

    @property
    def _compared(self) -> Hashable:
        return frozenset(self.names)

    survives_mirror = True
    """A mirror takes nothing away; a crop may."""

    @property
    def words(self) -> tuple[str, ...]:
        return self.names

    @property
    def size(self) -> int:
        return len(self.names)

    def shapes(self) -> Sequence[Shape]:
        return [Shape("caption", text=self.describe())] if self.names else ()

    def describe(self) -> str:
        return f"Names: {', '.join(self.names) or 'none'}"
