"""JSON lines in the run's folder: ``metrics.jsonl``, ``rollouts.jsonl`` and ``reward_failures.jsonl``."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.run_folder import FAILURES, METRICS, ROLLOUTS
from vrft.training.batch import Row
from vrft.training.loggers.logger import Logger, LoggerOptions, RunDescription
from vrft.types import Failure, RolloutGroup
from vrft.types.rows import group_to_row


class Jsonl(LoggerOptions):
    """Always on; what the report reads."""

    def open(self, run: RunDescription) -> Logger:
        return _JsonlLogger(run)


class _JsonlLogger:
    def __init__(self, run: RunDescription) -> None:
        self._run, self._folder = run, run.folder
        self._tracebacks: set[str] = set()

    def start(self, step: int) -> None:
        for name in (METRICS, ROLLOUTS, FAILURES):
            self._folder.cut(name, step if step else -1)

    def log(self, step: int, metrics: Row) -> None:
        self._folder.append(METRICS, {"step": step, **metrics})

    def log_groups(self, step: int, groups: Sequence[RolloutGroup]) -> None:
        for group in self._run.kept(groups):
            self._folder.append(ROLLOUTS, group_to_row(step, group))
        for group in groups:
            for rollout in group.rollouts:
                for failure in rollout.failures:
                    place = {"step": step, "example_id": group.example.id, "text": rollout.completion.text}
                    self._folder.append(FAILURES, {**place, **self._described(failure)})

    def _described(self, failure: Failure) -> Row:
        """With the traceback where it is another one than before."""
        row = {"term": failure.term, "problem": failure.message, "where": failure.where}
        if failure.traceback and failure.traceback not in self._tracebacks:
            self._tracebacks.add(failure.traceback)
            row["traceback"] = failure.traceback
        return row

    def close(self) -> None:
        pass


LOGGER = ("jsonl", Jsonl)
