"""``vrft check``: examine labelled images, or the data and model of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from vrft.cli.options import WithJson, WithQuiet
from vrft.cli.output import out, print_json, print_line, print_table
from vrft.diagnostics.check.finding import Finding, Report, Severity
from vrft.workflows.requests import CheckRequest

SHOWN = 5
"""Findings of one kind that the table shows."""
CLASSES = 12
"""Classes whose images are counted in the first sentence."""
STYLES = {"error": "bold red", "warning": "yellow"}


class CheckArgs(CheckRequest, WithJson, WithQuiet):
    """Examine labels, images, coordinates and lengths; status 1 where something must be fixed."""

    examples = (
        "vrft check photos",
        "vrft check photos --task detection --model Qwen/Qwen2.5-VL-3B-Instruct",
        "vrft check photos model.max_pixels=200704",
        "vrft check mine.yaml --json",
    )
    positional = ("path", "overrides")


def run(args: CheckArgs) -> None:
    """Examine, then print what was found."""
    from vrft.progress import reporter_for_people
    from vrft.workflows.check_data import check_data

    reporter = reporter_for_people(args.quiet or args.as_json)
    if args.model is None and args.path.is_dir():
        reporter.info("No --model given: lengths and sizes are those of the embedded miniature.")
    found = check_data(args, reporter)
    if args.as_json:
        print_json(_row(found))
    else:
        _print(found)
    if not found.passed:
        raise typer.Exit(1)


def _print(found: Report) -> None:
    if found.format is not None:
        counted = [f"{name} {count.images}" for name, count in list(found.classes.items())[:CLASSES]]
        more = ", ..." if len(found.classes) > CLASSES else ""
        classes = f" Images per class: {', '.join(counted)}{more}." if counted else ""
        sentence = f"{found.images} images ({found.format}), task {found.task}.{classes}"
        print_line(sentence)
    if found.findings:
        table = Table("", "what was found, where, and what fixes it", show_lines=True)
        for finding in _shortened(found.findings):
            lines = (finding.message, finding.where, finding.fix)
            cell = Text("\n".join(line for line in lines if line), overflow="fold")
            table.add_row(finding.severity, cell, style=STYLES.get(finding.severity))
        print_table(table)
    counts = {severity: len(found.of(severity)) for severity in Severity}
    numbers = ", ".join(f"{n} {severity}" + ("s" if n != 1 else "") for severity, n in counts.items())
    out.print(f"{numbers}." + ("" if found.passed else " Fix the errors first."), markup=False)


def _row(found: Report) -> dict[str, Any]:
    return {
        "path": str(found.path),
        "task": found.task,
        "format": found.format,
        "images": found.images,
        "classes": {name: asdict(count) for name, count in found.classes.items()},
        "passed": found.passed,
        **{f"{severity}s": len(found.of(severity)) for severity in Severity},
        "findings": [asdict(finding) for finding in found.findings],
    }


def _shortened(findings: Sequence[Finding]) -> list[Finding]:
    """The first of each kind, and one that counts the others."""
    kept: list[Finding] = []
    for severity, code in dict.fromkeys((finding.severity, finding.code) for finding in findings):
        own = [finding for finding in findings if (finding.severity, finding.code) == (severity, code)]
        kept += own[:SHOWN]
        if len(own) > SHOWN:
            more = f"And {len(own) - SHOWN} more of this kind ({code}); --json lists all."
            kept.append(Finding(severity, code, message=more, where=""))
    return kept
