"""Tracking through the images of a sequence, as a task."""

from vrft.tasks.tracking.tracking import TASK

__all__ = ["TASK"]
