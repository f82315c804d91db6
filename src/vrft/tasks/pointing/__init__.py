"""Pointing: a point on each thing of a category, or on what a phrase means."""

from vrft.tasks.pointing.pointing import TASK

__all__ = ["TASK"]
