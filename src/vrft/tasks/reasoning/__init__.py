"""Reasoning, as a task."""

from vrft.tasks.reasoning.reasoning import TASK

__all__ = ["TASK"]
