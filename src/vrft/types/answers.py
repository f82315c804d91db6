"""What a model's text says, read once and judged everywhere by the same rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from vrft.types.values import Value

V = TypeVar("V", bound=Value)

Span = tuple[int, int]
"""Part of a text: its first character, and the one after its last."""
NOWHERE: Span = (0, 0)
"""A place that is not known."""


class Fault(StrEnum):
    """What was wrong with an answer's text; an answer may have several."""

    EMPTY = "empty"
    NO_THINK = "no_think"
    NO_ANSWER_TAG = "no_answer_tag"
    REPEATED_TAG = "repeated_tag"
    OUTSIDE_TAGS = "outside_tags"
    NOT_READABLE = "not_readable"
    TRUNCATED = "truncated"
    BAD_BOX = "bad_box"
    BAD_POINT = "bad_point"
    """A point outside of what is shown, one of which a number is missing, or none where one is needed."""
    BAD_CONFIDENCE = "bad_confidence"
    SEVERAL_BOXES = "several_boxes"
    SEVERAL_ACTIONS = "several_actions"
    REPEATED_BOX = "repeated_box"
    """An equal box of the same name comes before; both count, as in COCO's AP."""
    OTHER_CLASS = "other_class"
    """A box is called by another name than the class, or those of several, that was asked for."""
    NO_LABEL = "no_label"
    """A box has no name where several classes were asked for."""
    OTHER_NOTATION = "other_notation"
    """Readable, but not in the notation that was asked for."""
    UNKNOWN_IMAGE = "unknown_image"
    """It says something of an image that was not shown: a number that no image has."""
    REPEATED_NAME = "repeated_name"
    """An image has two boxes of one name: none of them counts."""
    UNKNOWN_FRAME = "unknown_frame"
    """How coordinates are written, or the image's size, is not known: nothing was converted."""
    SEVERAL_NUMBERS = "several_numbers"
    """Different numbers where one was asked for: none of them is taken."""
    RANGE = "range"
    """From one number to another, where one number was asked for."""
    HEDGED = "hedged"
    """A number that is said to be unsure, a bound, or denied: 'at least 3', 'not 6', 'a few'."""
    COMMA_DECIMAL = "comma_decimal"
    """A comma that is no group of three: '1,5' may be 1.5 or 15."""
    OTHER_UNIT = "other_unit"
    """A unit that cannot be converted to the one that was asked for."""
    NOT_A_COUNT = "not_a_count"
    """A number below 0, or not a whole one, where things were counted."""
    OUT_OF_RANGE = "out_of_range"
    """A number outside the range that the question gives."""


def fault_words(code: str) -> str:
    """A fault as people read it.

    Example:
        >>> fault_words(Fault.NO_ANSWER_TAG)
        'no answer tag'
    """
    return code.replace("_", " ")


FAULTS_OF_CONTENT = frozenset({Fault.REPEATED_BOX, Fault.OTHER_CLASS})
"""They are about what an answer says, and not about how it is written: they keep the form."""


@dataclass(frozen=True)
class Answer:
    """What a text says.

    Args:
        value: of the kind that was asked for; None where none could be read; an empty value where the text
            says that nothing is there.
        formatted: the text has exactly the demanded form, tags included, and its content reads without a
            fault but those of ``FAULTS_OF_CONTENT``.
        other: a value of another kind that the text gives as well or instead, such as points where boxes
            were asked for.
        thinking: the reasoning before the answer.
        text: the whole text as the model wrote it.
        n_tokens: its length in tokens, where it was sampled and not read from a file.
        faults: what was wrong with the text.
        spans: where in ``text`` each item of the value stands (of a box from the first of its numbers to the
            last); ``NOWHERE`` for one whose place is not known, empty where none is.
    """

    value: Value | None = None
    formatted: bool = False
    other: Value | None = None
    thinking: str = ""
    text: str = ""
    n_tokens: int | None = None
    faults: tuple[Fault, ...] = ()
    spans: tuple[Span, ...] = field(default=(), compare=False)

    @property
    def parsed(self) -> bool:
        """An answer could be read."""
        return self.value is not None

    @property
    def abstained(self) -> bool:
        """The answer was read and says that nothing is there."""
        return self.value is not None and self.value.is_empty

    def as_(self, kind: type[V]) -> V | None:
        """The value, where it is of a kind."""
        return self.value if isinstance(self.value, kind) else None

    def find(self, kind: type[V]) -> V | None:
        """The value or ``other``, whichever is of a kind."""
        return next((one for one in (self.value, self.other) if isinstance(one, kind)), None)
