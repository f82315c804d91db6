"""Classification, as a task."""

from vrft.tasks.classification.classification import TASK

__all__ = ["TASK"]
