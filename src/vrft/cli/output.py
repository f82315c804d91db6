"""What the verbs print: sentences and tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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
