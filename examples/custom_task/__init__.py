"""A task outside of vrft: ``--task examples/custom_task``, or installed by this folder's pyproject."""

from .count_boxes import TASK

__all__ = ["TASK"]
