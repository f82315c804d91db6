"""Boxes in space, as a task."""

from vrft.tasks.boxes_3d.boxes_in_space import TASK

__all__ = ["TASK"]
