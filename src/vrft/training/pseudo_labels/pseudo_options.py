"""Which answers become pseudo-labels, and why others do not."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, field_validator

from vrft.types.options import Options


class PseudoOptions(Options):
    """Pseudo-labels: fused answers of a policy to images without labels, where its samples agree."""

    predictions: tuple[str, ...] = Field(min_length=1)
    """Predictions files, with several answers to each question; a single one needs no brackets."""
    rule: str | None = None
    """The fusion rule by which the answers to a question become one; null takes the task's usual one."""
    min_agreement: float = Field(0.7, ge=0, le=1)
    """Least mean similarity of two answers to a question."""
    min_confidence: float = Field(0.5, ge=0, le=1)
    """Least confidence, as the rule gives it, of a part that stays in the label, such as a box."""
    abstentions: bool = False
    """Whether 'nothing is there' may become a label."""
    share: float | None = Field(None, gt=0)
    """At most so many pseudo-labels per labelled training question, the most agreed first; null takes all."""

    @field_validator("predictions", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Outcome(StrEnum):
    """Why a question gives no pseudo-label; the first reason that holds, in this order."""

    HELD_OUT = "held_out"
    """Its image, or one that looks nearly the same, or one of that name, is for validation or the test."""
    LABELLED = "labelled"
    """Training has a label for the same question about the same image, or nearly the same."""
    REPEATED = "repeated"
    """The same question about the same image is earlier in the predictions files."""
    LONE = "lone"
    """There is one answer only, which agrees with nothing: no samples, or a gate has closed the question."""
    UNREADABLE = "unreadable"
    """Fewer than two of its answers could be read, or fewer than half of them."""
    DISAGREE = "disagree"
    """The answers agree less than asked, or are fused to several parts where one is asked for."""
    ABSTAIN = "abstain"
    """The fused answer is that nothing is there, which was not to become a label."""
    UNSURE = "unsure"
    """No part of the fused answer has the confidence that was asked for."""
    NO_OPTION = "no_option"
    """The fused class name is none of those that the question lists."""
    BEYOND_SHARE = "beyond_share"
    """There are more pseudo-labels than the labelled questions allow."""


_WORDS = {
    Outcome.HELD_OUT: ("is held out", "are held out"),
    Outcome.LABELLED: ("has a label already", "have labels already"),
    Outcome.REPEATED: ("is a repetition", "are repetitions"),
    Outcome.LONE: ("has one answer only", "have one answer only"),
    Outcome.UNREADABLE: ("unreadable", "unreadable"),
    Outcome.DISAGREE: ("disagrees", "disagree"),
    Outcome.ABSTAIN: ("abstains", "abstain"),
    Outcome.UNSURE: ("is unsure", "are unsure"),
    Outcome.NO_OPTION: ("names no option", "name no option"),
    Outcome.BEYOND_SHARE: ("is beyond the share", "are beyond the share"),
}


def sentence(labels: int, left_out: Mapping[Outcome, int]) -> str:
    """The counts in words, the most frequent reason first."""
    reasons = sorted((kind for kind in Outcome if left_out.get(kind)), key=lambda kind: -left_out[kind])
    words = ", ".join(f"{left_out[kind]} {_WORDS[kind][left_out[kind] > 1]}" for kind in reasons)
    questions = labels + sum(left_out.values())
    made = f"{labels} pseudo-label{'s' * (labels != 1)} from {questions} question{'s' * (questions != 1)}"
    return f"{made}; {words}." if words else f"{made}."
