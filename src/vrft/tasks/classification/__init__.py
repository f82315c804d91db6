"""Classification, as a task."""

from vrft.tasks.classification.task import TASK

__all__ = ["TASK"]
