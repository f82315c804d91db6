"""One question about media, with its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vrft.types.media import Image, Medium
from vrft.types.names import nfc
from vrft.types.records import only_image
from vrft.types.values import Value


class Form(StrEnum):
    """How a model is asked to answer."""

    THINK = "think"
    """``<think>`` reasoning ``</think>`` then ``<answer>``, as in the paper."""
    DIRECT = "direct"
    """``<answer>`` alone."""


@dataclass(frozen=True)
class Example:
    """One question, its media and its target.

    Args:
        id: unique within its list: the record's id and what is asked.
        record_id: the record it is about.
        task: name of its task; whoever needs the task looks it up by this name.
        media: what is shown, and how.
        question: what the task asks about: a category, a kind of thing ('plant'), an expression.
        target: the right answer; None where nobody has said it: such a question can be asked, not scored.
        options: class names listed in the prompt.
        group: the class that it counts for in few-shot splits and per-class tables.
        form: how the answer is asked for.
        fields: understood by its task only, as plain JSON.
        source: name of the entry that it comes from, in a run with several tasks; empty elsewhere.
    """

    id: str
    record_id: str
    task: str
    media: tuple[Medium, ...]
    question: str
    target: Value | None = None
    options: tuple[str, ...] = ()
    group: str = ""
    form: Form = Form.THINK
    fields: Mapping[str, object] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "question", nfc(self.question))
        object.__setattr__(self, "group", nfc(self.group))
        if self.options:
            object.__setattr__(self, "options", tuple(map(nfc, self.options)))

    @property
    def entry(self) -> str:
        """What is scored and measured by itself: the entry of a run with several tasks, else the task."""
        return self.source or self.task

    @property
    def image(self) -> Image:
        """The one image."""
        return only_image(self.media, self.id)

    @property
    def is_positive(self) -> bool:
        """The right answer names something, rather than 'No Objects'."""
        return self.target is None or not self.target.is_empty
