"""Where a run's numbers and rollouts go: JSONL always, trackers where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.training.loggers.jsonl import Jsonl
from vrft.training.loggers.logger import Logger, LoggerOptions, RunDescription, logger_table

__all__ = ["Logger", "LoggerOptions", "RunDescription", "logger_table", "open_loggers"]


def open_loggers(chosen: Sequence[LoggerOptions], run: RunDescription) -> list[Logger]:
    """JSONL first, always, then those that a configuration asks for; none where nothing is written."""
    if not run.folder.writes:
        return []
    others = [one for one in chosen if not isinstance(one, Jsonl)]
    return [one.open(run) for one in (Jsonl(), *others)]
