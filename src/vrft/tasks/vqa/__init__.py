"""Visual question answering, as a task."""

from vrft.tasks.vqa.vqa import TASK

__all__ = ["TASK"]
