"""TensorBoard event files in the run's folder (``pip install 'vrft[tensorboard]'``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vrft.training.batch import Row
from vrft.training.loggers.logger import (
    Logger,
    RunDescription,
    TrackerOptions,
    drawn_rollout,
    needs_package,
    rollout_lines,
    scalars,
)
from vrft.types import RolloutGroup


class TensorBoard(TrackerOptions):
    """Scalars, and of some groups the text and the image with the answer drawn in."""

    folder: str = "tensorboard"
    """In the run's folder."""

    def open(self, run: RunDescription) -> Logger:
        """An event file; a resumed run's later steps are purged."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise needs_package("tensorboard") from error
        return _TensorBoardLogger(self, run, SummaryWriter)


class _TensorBoardLogger:
    def __init__(self, options: TensorBoard, run: RunDescription, writer: Any) -> None:
        self._options, self._run, self._make = options, run, writer
        self._writer: Any = None

    def start(self, step: int) -> None:
        purge = step + 1 if self._run.resumes else None
        self._writer = self._make(str(self._run.folder.path / self._options.folder), purge_step=purge)

    def log(self, step: int, metrics: Row) -> None:
        for name, value in scalars(metrics).items():
            self._writer.add_scalar(name, value, step)

    def log_groups(self, step: int, groups: Sequence[RolloutGroup]) -> None:
        for name, group in self._options.shown(step, groups):
            self._writer.add_text(name, "\n\n".join(rollout_lines(group)), step)
            image = drawn_rollout(group.rollouts[0])
            if image is not None:
                self._writer.add_image(name, np.asarray(image), step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()


LOGGER = ("tensorboard", TensorBoard)
