"""``killed.py STEP ARGUMENTS``: ``vrft train`` in processes that all vanish in the step after, when its rows
are written and its checkpoint is not."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import count
from unittest.mock import patch

from launch import vrft
from vrft.training.checkpoint import check_together


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


if __name__ == "__main__":
    kept, checkpoints = int(sys.argv[1]), count(1)

    def kill(*arguments):
        if next(checkpoints) > kept:
            raise Killed
        check_together(*arguments)

    with patch("vrft.training.loop.check_together", kill), suppress(Killed):
        vrft("train", *sys.argv[2:], cwd=".")
