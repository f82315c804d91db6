"""Rewards that fail: said when it happens first and when the run ends; one that always fails ends the run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vrft.errors import RunError
from vrft.run_folder import FAILURES, TRACEBACK, RunFolder, write_text
from vrft.types import Failure, RolloutGroup

MOST_FAILED = 3
"""Steps in a row in which a term may fail on every answer; on those of the first step it may not at all."""
_LOGGER = logging.getLogger("vrft.training")


class RewardWatch:
    """Looks at the rewards of each step.

    Args:
        folder: of the run; messages name its file of failures. Only the process that writes says anything.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._file, self._warns = folder.path / FAILURES, folder.writes
        self._answers: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._timed_out: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()
        self._retried = 0

    def see(self, step: int, groups: Sequence[RolloutGroup], retried: int = 0) -> None:
        """Count what failed in a step.

        Args:
            step: counted from 1.
            groups: of the step, scored.
            retried: requests to reward servers that were repeated.

        Raises:
            RunError: a term fails on every answer.
        """
        self._retried += retried
        for term, failures in failures_by_term(groups).items():
            count = sum(term in rollout.terms for group in groups for rollout in group.rollouts)
            is_first, before = not self._answers[term], self._failed[term]
            self._answers[term] += count
            self._failed[term] += len(failures)
            self._timed_out[term] += sum(failure.timed_out for failure in failures)
            self._in_a_row[term] = self._in_a_row[term] + 1 if len(failures) == count else 0
            steps = self._in_a_row[term]
            if steps >= MOST_FAILED or (steps and is_first):
                raise always_failing(term, failures[-1], f"all {count} answers of step {step}", self._file)
            if failures and not before and self._warns:
                _LOGGER.warning(
                    f"Reward term '{term}' failed on {len(failures)} of {count} answers in step {step} "
                    f"({in_words(failures[0])}). They count 0, and {self._file} lists them. Fix the function."
                )

    def close(self) -> None:
        """Say what the failures add up to."""
        for term, count in self._failed.items():
            if count and self._warns:
                _LOGGER.warning(
                    f"Reward term '{term}' failed on {count} of {self._answers[term]} answers in all "
                    f"({self._timed_out[term]} took too long)."
                )
        if self._retried and self._warns:
            _LOGGER.warning(f"{self._retried} requests to reward servers had to be repeated.")


def failures_by_term(groups: Sequence[RolloutGroup]) -> dict[str, list[Failure]]:
    """The failures of every term that scored some groups, in their order; of most terms there are none."""
    found: dict[str, list[Failure]] = {}
    for rollout in (rollout for group in groups for rollout in group.rollouts):
        for term in rollout.terms:
            found.setdefault(term, [])
        for failure in rollout.failures:
            found[failure.term].append(failure)
    return found


def refuse_failing(groups: list[RolloutGroup], folder: Path) -> list[RolloutGroup]:
    """The groups; where a term failed on every answer, RunError before anything is trained on it, and its
    traceback in the folder."""
    for term, failures in failures_by_term(groups).items():
        count = sum(term in rollout.terms for group in groups for rollout in group.rollouts)
        if len(failures) == count:
            file, last = folder / TRACEBACK, failures[-1]
            if last.traceback:
                write_text(file, last.traceback)
            raise always_failing(term, last, f"all {count} answers that were sampled", file)
    return groups


def always_failing(term: str, last: Failure, answers: str, file: Path) -> RunError:
    """What is said of a term that always fails."""
    where = f" {file} has the traceback." if last.traceback else ""
    error = RunError(
        f"Reward term '{term}' failed on {answers}: {in_words(last)}.{where} Fix it and go on with --resume, "
        "or begin another run without it."
    )
    if last.traceback:
        error.add_note(last.traceback)
    return error


def in_words(failure: Failure) -> str:
    """What went wrong, and where."""
    return f"{failure.message} ({failure.where})" if failure.where else failure.message
