"""What the verbs share: the stream for people, and options that mean the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

out = Console(highlight=False)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else.")]
ResumeFlag = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stands.")]
SeedOption = Annotated[int, typer.Option(help="Source of every random choice.")]
