"""An answer beside its question, as every metric reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vrft.geometry.frames import View
from vrft.tasks.fusion.candidate import Candidate
from vrft.types import Answer, Example, Form

PLAIN = "plain"
"""The look at a picture as it is; other looks are those of ``vrft.inference.test_time_views``."""


@dataclass(frozen=True)
class Said:
    """One of several texts that a model wrote to a question."""

    text: str
    answer: Answer
    """What the text says, boxes in pixels of the original picture whatever the look."""
    tokens: int
    """Sampled tokens, end token included."""
    logprob: float | None = None
    """Mean log-probability of its tokens; None where it is not known."""
    box_logprobs: tuple[float | None, ...] = ()
    """Mean log-probability of the tokens that write each box, None where they could not be told; empty where
    nothing is known."""
    finished: bool = True
    """The model ended it before the length limit."""
    look: str = PLAIN
    """How the picture was shown."""

    @property
    def candidate(self) -> Candidate:
        """As the rules of fusion take it."""
        return Candidate(self.answer, self.logprob, self.tokens)


@dataclass(frozen=True)
class Gate:
    """What a model said when it was asked first whether a category is there at all."""

    text: str
    present: bool | None
    """None where neither yes nor no could be read: the second question is asked then."""
    tokens: int
    prompt_tokens: int = 0
    """Length of the first question's prompt; 0 where it is not known."""

    @property
    def spent(self) -> int:
        """All its tokens."""
        return self.prompt_tokens + self.tokens


@dataclass(frozen=True)
class Judged:
    """One example and what a model answered to it."""

    example: Example
    text: str
    """What the model wrote, whole; empty where a gate said that nothing is there."""
    answer: Answer
    """What the text says, by the task's parser."""
    tokens: int
    """Sampled tokens, end token included."""
    logprob: float | None = None
    """As in ``Said``."""
    box_logprobs: tuple[float | None, ...] = ()
    """As in ``Said``."""
    finished: bool = True
    """As in ``Said``."""
    view: View | None = None
    """How coordinates are written in the text; None where it is not known."""
    form: Form | None = None
    """How the answer was asked for; None where it is not known."""
    others: tuple[Said, ...] = ()
    """Further answers, in the order of drawing."""
    prompt_tokens: Mapping[str, int] = field(default_factory=dict)
    """Length of the prompt by look, the picture's tokens included; empty where it is not known."""
    gate: Gate | None = None
    """The first question's answer, where a gate was asked."""

    @property
    def said(self) -> tuple[Said, ...]:
        """All answers; the first is the plain one."""
        first = Said(self.text, self.answer, self.tokens, self.logprob, self.box_logprobs, self.finished)
        return (first, *self.others)
