"""What the verbs share: the stream for people, and options that mean the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from vrft.errors import InputError

out = Console(highlight=False)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else.")]
ResumeFlag = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stands.")]
SeedOption = Annotated[int, typer.Option(help="Source of every random choice.")]


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers with commas between.

    Args:
        text: as the user wrote them; empty where there are none.
        option: whose they are, for messages.

    Raises:
        InputError: something else is written there.

    Example:
        >>> numbers("0.75, 1.25", "--scales")
        (0.75, 1.25)
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"{option} '{text}': write numbers as in 0.75,1.25.") from error


def one_process(verb: str) -> None:
    """Refuse to do a job several times over.

    Args:
        verb: that was started.

    Raises:
        InputError: a launcher started several processes.
    """
    from vrft.distributed import launched

    if launched().count > 1:
        raise InputError(
            f"vrft {verb} works in one process: start it without a launcher. fit, train, sft and eval share."
        )
