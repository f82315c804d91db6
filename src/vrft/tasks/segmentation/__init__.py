"""Segmentation, as a task."""

from vrft.tasks.segmentation.segmentation import TASK

__all__ = ["TASK"]
