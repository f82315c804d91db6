"""Measuring: a number with a unit that answers a question about an image."""

from vrft.tasks.measuring.measuring import TASK

__all__ = ["TASK"]
