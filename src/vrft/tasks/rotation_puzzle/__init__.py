"""Rotation puzzle, as a task."""

from vrft.tasks.rotation_puzzle.rotation_puzzle import TASK

__all__ = ["TASK"]
