"""Clicking: the next action on a screen."""

from vrft.tasks.clicking.clicking import TASK

__all__ = ["TASK"]
