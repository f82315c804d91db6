"""Detection, as a task."""

from vrft.tasks.detection.detection import TASK

__all__ = ["TASK"]
