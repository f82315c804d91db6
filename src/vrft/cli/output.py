"""What the verbs print: sentences and tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from vrft.progress import Update

out = Console(highlight=False)
"""The stream for people."""


def print_line(text: str, to: Console = out) -> None:
    """A sentence, as it is."""
    to.print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """A result on stdout, for programs."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))


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
        # A rule's name is one word: it is folded rather than cut off.
        table.add_column(escape(heading), justify="left" if place in left else "right", overflow="fold")
    for place, row in enumerate(rows):
        table.add_row(*map(escape, row), style="bold" if place in bold else None)
    return table


class RichReporter:
    """A reporter that prints sentences and progress bars through rich."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)

    def info(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Update]:
        """A progress bar with an estimate of the time left."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console, transient=False) as progress:
            bar = progress.add_task(f"{title:<34}", total=total, note="")
            yield lambda count, note: progress.update(bar, advance=count, note=note)
