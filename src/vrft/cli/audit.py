"""``vrft audit``: attack a reward."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import typer
from pydantic import Field

from vrft.cli.options import WithJson, WithQuiet
from vrft.cli.output import out, print_json, print_line, print_table, text_table
from vrft.workflows.requests import AuditRequest

if TYPE_CHECKING:
    from vrft.diagnostics.audit.run_audit import Audit


class AuditArgs(AuditRequest, WithJson, WithQuiet):
    """Attack a reward; status 1 where it rewards what it should not."""

    examples = (
        "vrft audit detection",
        "vrft audit grounding --settings released",
        "vrft audit my_reward.py:reward --task detection",
    )
    positional = ("reward",)
    groups: ClassVar = {
        "Which reward": ("task", "settings", "high"),
        "Questions": ("form", "frame", "targets", "seed"),
    }
    out: Path | None = Field(None, description="A file that keeps the result as JSON.")


def run(args: AuditArgs) -> None:
    """Attack, then print the verdicts."""
    from vrft.diagnostics.audit.run_audit import as_json
    from vrft.progress import reporter_for_people
    from vrft.run_folder import write_json
    from vrft.workflows.audit_reward import audit_reward

    found = audit_reward(args, reporter_for_people(args.quiet or args.as_json))
    if args.out is not None:
        write_json(args.out, as_json(found))
    if args.as_json:
        print_json(as_json(found))
    else:
        _print(found)
    if not found.passed:
        raise typer.Exit(1)


def _print(found: Audit) -> None:
    from vrft.diagnostics.audit.run_audit import HEADINGS, table_rows, verdict_rows

    if found.fails_on_gold:
        (verdict,) = found.verdicts
        print_line(f"{found.reward}: {verdict.says}")
        return
    title = f"{found.reward}: mean reward over {found.targets} targets, range 0 to {found.range[1]:g}"
    rows = table_rows(found)
    references = [place for place, row in enumerate(rows) if row[1] == "reference"]
    print_table(text_table(title, HEADINGS, rows, left=(0, 1), bold=references))
    failed = [place for place, verdict in enumerate(found.verdicts) if not verdict.passed]
    head = ("verdict", "", "measured")
    print_table(text_table("Verdicts", head, verdict_rows(found), left=(0, 1, 2), bold=failed))
    for verdict in (found.verdicts[place] for place in failed):
        out.print(f"{verdict.name}, shown by {verdict.attack}: {verdict.sample!r}", markup=False)
    names = f"{len(failed)} of {len(found.verdicts)} verdicts failed: {', '.join(found.failed)}."
    print_line(names if failed else "Every verdict passed.")
