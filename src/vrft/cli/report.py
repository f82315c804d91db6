"""``vrft report``: a page from what runs left."""

from __future__ import annotations

from pathlib import Path

import typer
from pydantic import Field

from vrft.cli.options import Args
from vrft.cli.output import print_line
from vrft.errors import InputError


class ReportArgs(Args):
    """Make one self-contained page from run folders only.

    Status 1 where some images are not found; the page has all else.
    """

    positional = ("runs",)
    examples = (
        "vrft report runs/fit-photos-detection-0",
        "vrft report runs/a runs/b --out both.html",
        "vrft report archive/fit-photos-detection-0 --data archive/photos",
    )
    runs: tuple[Path, ...] = Field(min_length=1, description="Folders of runs, of fits, or of evaluations.")
    data: Path | None = Field(None, description="Where the images lie now, if they or the runs were moved.")
    out: Path = Field(Path("report.html"), description="The file that the page is written to.")


def run(args: ReportArgs) -> None:
    """Write the page."""
    from vrft.report.build_report import build_report

    if args.data is not None and not args.data.exists():
        raise InputError(f"--data {args.data}: there is no such folder. Check the path.")
    lost: list[str] = []
    print_line(f"Report: {build_report(args.runs, args.out, args.data, lost).resolve()}")
    for sentence in lost:
        typer.echo(sentence, err=True)
    if lost:
        raise typer.Exit(1)
