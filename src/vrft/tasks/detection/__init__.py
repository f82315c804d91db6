"""Detection, as a task."""

from vrft.tasks.detection.task import TASK

__all__ = ["TASK"]
