"""A reward that a lucky guess cannot earn."""

from __future__ import annotations

from vrft.rewards.label_rewards import accuracy
from vrft.tasks.reasoning.reasoning import shows_arithmetic
from vrft.types import Answer, Label


def right_and_worked(answer: Answer, target: Label) -> float:
    """1 for the right answer behind a thought that shows a computation."""
    return float(shows_arithmetic(answer.thinking) and accuracy(answer, target) == 1)
