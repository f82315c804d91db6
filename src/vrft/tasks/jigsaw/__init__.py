"""Jigsaw, as a task."""

from vrft.tasks.jigsaw.jigsaw import TASK

__all__ = ["TASK"]
