"""``vrft report``: pages from what runs left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vrft.cli.common import out


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or fit folders.")],
    output: Annotated[Path, typer.Option("--out", help="The page.")] = Path("report.html"),
) -> None:
    """Make one self-contained page from run folders only."""
    from vrft.report.build_report import build_report

    out.print(f"Report: {build_report(runs, output)}", markup=False, soft_wrap=True)
