"""``vrft report``: a page from what runs left."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vrft.cli.options import Args
from vrft.cli.output import print_line


class ReportArgs(Args):
    """Make one self-contained page from run folders only."""

    positional = ("runs",)
    examples = ("vrft report runs/fit-photos-detection-0", "vrft report runs/a runs/b --out both.html")
    runs: tuple[Path, ...] = Field(min_length=1, description="Folders of runs, of fits, or of evaluations.")
    out: Path = Field(Path("report.html"), description="The file that the page is written to.")


def run(args: ReportArgs) -> None:
    """Write the page."""
    from vrft.report.build_report import build_report

    print_line(f"Report: {build_report(args.runs, args.out).resolve()}")
