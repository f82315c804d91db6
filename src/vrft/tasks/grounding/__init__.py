"""Reasoning grounding, as a task."""

from vrft.tasks.grounding.grounding import TASK

__all__ = ["TASK"]
