"""How long work reports its progress: the library calls a reporter, and the caller decides what is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

EVERY_S = 10.0
"""Seconds between two lines of progress where no terminal is there to show bars."""
Update = Callable[[int, str], None]
"""Called with how many steps were done since the last call, and a short note."""


def counted(update: Update) -> Callable[[int], None]:
    """The same without a note."""
    return lambda count: update(count, "")


class ProgressReporter(Protocol):
    """Where progress goes."""

    def info(self, text: str) -> None:
        """One sentence."""
        ...

    def task(self, title: str, total: int) -> AbstractContextManager[Update]:
        """A stretch of work of so many steps."""
        ...


class NullReporter:
    """Shows nothing."""

    def info(self, text: str) -> None:
        """Drop a sentence."""

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Update]:
        """Work without showing it."""
        yield lambda count, note: None


class LineReporter:
    """Plain lines for a log: sentences, and about every ten seconds how far the work is.

    Args:
        stream: where lines go; None takes the error stream of the moment.
        clock: seconds; they only ever rise.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock

    def info(self, text: str) -> None:
        stream = self._stream or sys.stderr
        stream.write(f"{text}\n")
        stream.flush()

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Update]:
        """Lines with the count, the note and the time left; the last one says how long it took."""
        began = said = self._clock()
        done, latest = 0, ""

        def update(count: int, note: str) -> None:
            nonlocal done, latest, said
            done, latest, now = done + count, note or latest, self._clock()
            if now - said >= EVERY_S and 0 < done < total:
                said, left = now, (now - began) / done * (total - done)
                self.info(_line(title, done, total, latest, f"{_duration(left)} left"))

        yield update
        if done:  # a resumed run may find all of it done already
            self.info(_line(title, done, total, latest, f"took {_duration(self._clock() - began)}"))


class BarReporter:
    """Sentences and progress bars on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def info(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Update]:
        """A progress bar with an estimate of the time left."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console, transient=False) as progress:
            bar = progress.add_task(f"{title:<34}", total=total, note="")
            yield lambda count, note: progress.update(bar, advance=count, note=note)


def reporter_for_people(quiet: bool = False) -> ProgressReporter:
    """Bars on a terminal, plain lines in a log, nothing where quiet was asked for."""
    if quiet:
        return NullReporter()
    return BarReporter() if sys.stderr.isatty() else LineReporter()


def _line(title: str, done: int, total: int, note: str, time_said: str) -> str:
    return f"{title} {done}/{total}: " + ", ".join(part for part in (note, time_said) if part)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
