"""Where a run's numbers and rollouts go: JSONL always, trackers where they are asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from vrft.errors import ConfigError
from vrft.training.batch import Row
from vrft.training.loggers.jsonl import Jsonl
from vrft.training.loggers.logger import Logger, LoggerOptions, RunDescription, logger_table
from vrft.types import RolloutGroup

_LOGGER = logging.getLogger("vrft.training")

__all__ = ["Logger", "LoggerOptions", "RunDescription", "logger_table", "open_loggers"]


def open_loggers(chosen: Sequence[LoggerOptions], run: RunDescription) -> list[Logger]:
    """JSONL first, always, then those that a configuration asks for; none where nothing is written."""
    if not run.folder.writes:
        return []
    others = [one for one in chosen if not isinstance(one, Jsonl)]
    return [Jsonl().open(run), *(GuardedLogger(one.open(run)) for one in others)]


class GuardedLogger:
    """A tracker that fails is reported once and left out: the run's own files hold everything."""

    def __init__(self, logger: Logger) -> None:
        self.logger: Logger | None = logger

    def start(self, step: int) -> None:
        """A tracker that cannot even begin ends the run: nothing is lost yet."""
        assert self.logger is not None
        try:
            self.logger.start(step)
        except Exception as error:
            raise ConfigError(
                f"loggers: {_named(self.logger)} cannot start ({error}). Fix its options, or remove it."
            ) from error

    def log(self, step: int, metrics: Row) -> None:
        """As the tracker does."""
        self._guarded(lambda logger: logger.log(step, metrics))

    def log_groups(self, step: int, groups: Sequence[RolloutGroup]) -> None:
        """As the tracker does."""
        self._guarded(lambda logger: logger.log_groups(step, groups))

    def close(self) -> None:
        """As the tracker does."""
        self._guarded(lambda logger: logger.close())

    def _guarded(self, call: Callable[[Logger], None]) -> None:
        if self.logger is None:
            return
        try:
            call(self.logger)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            _LOGGER.warning(f"{_named(self.logger)} failed and stops logging: {problem}")
            self.logger = None


def _named(logger: Logger) -> str:
    return f"the logger {type(logger).__name__.strip('_')}"
