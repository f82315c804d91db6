"""Reading text, as a task."""

from vrft.tasks.ocr.ocr import TASK

__all__ = ["TASK"]
