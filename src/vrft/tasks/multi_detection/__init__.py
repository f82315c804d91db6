"""Detection of several categories in one question."""

from vrft.tasks.multi_detection.multi_detection import TASK

__all__ = ["TASK"]
