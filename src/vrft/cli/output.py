"""What the verbs print: sentences and tables for people, JSON for programs."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import IO, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

WIDE = 10_000
"""Columns of a table in a log: a line is as long as it needs to be."""
out = Console(highlight=False)
"""The stream for people."""


def print_line(text: str, to: Console = out) -> None:
    """A sentence, as it is."""
    to.print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """A result on stdout, for programs."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False), file=_results[-1] if _results else None)


@contextmanager
def results_alone() -> Iterator[None]:
    """Only ``print_json`` writes to stdout; what anything else prints there goes to the error stream.

    That holds for libraries in C and for started processes too, which write to the descriptor.
    """
    stdout = sys.stdout
    stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace") as kept:
        os.dup2(2, 1)
        _results.append(kept if _is_descriptor(stdout) else stdout)
        try:
            with redirect_stdout(sys.stderr):
                yield
        finally:
            _results.pop().flush()
            stdout.flush()
            if os.name == "posix":
                ctypes.CDLL(None).fflush(None)  # what libraries in C have not written yet
            os.dup2(kept.fileno(), 1)


def _is_descriptor(stdout: IO[str]) -> bool:
    """Whether a stream is the process's own, not one in memory or of a test."""
    try:
        return stdout.fileno() == 1
    except (OSError, ValueError, AttributeError):
        return False


_results: list[IO[str]] = []
"""Where results go while stdout is closed to others; the innermost last."""


def print_table(table: Table, to: Console = out) -> None:
    """A table whose words stay whole: what is too wide for the terminal becomes a list, row by row."""
    if not (to.is_terminal or sys.stdout.isatty()):
        to.print(table, width=WIDE, soft_wrap=True, no_wrap=True, crop=False)
    elif Measurement.get(to, to.options.update(width=WIDE), table).minimum <= to.width:
        to.print(table)
    else:
        _print_rows(table, to)


def text_table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Collection[int] = (0,),
    bold: Collection[int] = (),
) -> Table:
    """Rows of text under headings; columns on the left have words, rows in bold stand out."""
    table = Table(title=escape(title), title_justify="left", show_header=any(head))
    for place, heading in enumerate(head):
        table.add_column(escape(heading), justify="left" if place in left else "right")
    for place, row in enumerate(rows):
        table.add_row(*map(escape, row), style="bold" if place in bold else None)
    return table


def _print_rows(table: Table, to: Console) -> None:
    if table.title:
        to.print(table.title, soft_wrap=True)
    columns = [(str(column.header), list(column.cells)) for column in table.columns]
    for cells in zip(*(cells for _, cells in columns), strict=True):
        for (heading, _), cell in zip(columns, cells, strict=True):
            if str(cell):
                to.print(f"  {heading}: " if heading else "", cell, sep="", soft_wrap=True)
        to.print()
