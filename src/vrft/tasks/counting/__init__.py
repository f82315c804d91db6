"""Counting: how many things of a category an image shows."""

from vrft.tasks.counting.counting import TASK

__all__ = ["TASK"]
