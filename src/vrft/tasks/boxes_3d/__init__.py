"""Boxes in space, as a task."""

from vrft.tasks.boxes_3d.boxes_3d import TASK

__all__ = ["TASK"]
