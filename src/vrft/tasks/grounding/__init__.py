"""Reasoning grounding, as a task."""

from vrft.tasks.grounding.task import TASK

__all__ = ["TASK"]
