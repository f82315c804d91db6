"""Patch fit, as a task."""

from vrft.tasks.patch_fit.patch_fit import TASK

__all__ = ["TASK"]
