"""trackio, the local tracker of Hugging Face (``pip install 'vrft[trackio]'``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vrft.training.batch import Row
from vrft.training.loggers.logger import (
    Logger,
    RunDescription,
    TrackerOptions,
    drawn_rollout,
    needs_package,
    scalars,
)
from vrft.types import RolloutGroup


class Trackio(TrackerOptions):
    """Scalars, and of some groups the image with the answer drawn in."""

    project: str = "vrft"
    """The project that the run is listed in."""

    def open(self, run: RunDescription) -> Logger:
        try:
            import trackio
        except ImportError as error:
            raise needs_package("trackio") from error
        return _TrackioLogger(self, run, trackio)


class _TrackioLogger:
    def __init__(self, options: Trackio, run: RunDescription, trackio: Any) -> None:
        self._options, self._run, self._trackio = options, run, trackio

    def start(self, step: int) -> None:
        self._trackio.init(
            project=self._options.project,
            name=self._run.name,
            config=dict(self._run.config),
            resume="allow" if self._run.resumes else "never",
        )

    def log(self, step: int, metrics: Row) -> None:
        self._trackio.log(scalars(metrics), step=step)

    def log_groups(self, step: int, groups: Sequence[RolloutGroup]) -> None:
        for name, group in self._options.shown(step, groups):
            image = drawn_rollout(group.rollouts[0])
            if image is not None:
                caption = f"{group.example.id}: {group.rollouts[0].reward:g}"
                self._trackio.log({name: self._trackio.Image(image, caption=caption)}, step=step)

    def close(self) -> None:
        self._trackio.finish()


LOGGER = ("trackio", Trackio)
