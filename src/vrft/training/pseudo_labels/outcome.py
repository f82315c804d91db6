"""What becomes of a question on its way to a pseudo-label."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Outcome(StrEnum):
    """Why a question gives no pseudo-label; the first reason that holds, in this order."""

    HELD_OUT = "held_out"
    """Its picture, or one that looks nearly the same, or one of that name, is for validation or the test."""
    LABELLED = "labelled"
    """Training has a label for the same question about the same picture, or nearly the same."""
    REPEATED = "repeated"
    """The same question about the same picture stands earlier in the answers files."""
    LONE = "lone"
    """There is one answer only, which agrees with nothing: no samples, or a gate has closed the question."""
    UNREADABLE = "unreadable"
    """Fewer than two of its answers could be read, or fewer than half of them."""
    DISAGREE = "disagree"
    """The answers agree less than asked, or are fused to several boxes where one is asked for."""
    ABSTAIN = "abstain"
    """The fused answer is that nothing is there, which was not to become a label."""
    UNSURE = "unsure"
    """No fused box has the confidence that was asked for."""
    NO_OPTION = "no_option"
    """The fused class name is none of those that the question lists."""
    BEYOND_SHARE = "beyond_share"
    """There are more pseudo-labels than the labelled questions allow."""


_TOLD = {
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
    """The counts in words, the most frequent reason first.

    Args:
        labels: pseudo-labels that were made.
        left_out: questions that gave none, by reason.

    Example:
        >>> sentence(84, {Outcome.HELD_OUT: 3, Outcome.DISAGREE: 12, Outcome.LONE: 1})
        '84 pseudo-labels from 100 questions; 12 disagree, 3 are held out, 1 has one answer only.'
    """
    reasons = sorted((kind for kind in Outcome if left_out.get(kind)), key=lambda kind: -left_out[kind])
    told = ", ".join(f"{left_out[kind]} {_TOLD[kind][left_out[kind] > 1]}" for kind in reasons)
    made = f"{_counted(labels, 'pseudo-label')} from {_counted(labels + sum(left_out.values()), 'question')}"
    return f"{made}; {told}." if told else f"{made}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
