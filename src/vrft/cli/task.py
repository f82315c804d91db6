"""``vrft task``: a task from a definition, without Python."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vrft.cli.options import Verbs, WithJson, WithQuiet, verb
from vrft.cli.output import print_json, print_line
from vrft.workflows.requests import TaskCheckRequest, TaskNewRequest


class NewArgs(TaskNewRequest, WithJson):
    """Propose a definition (YAML) from labelled images, with the reason for each choice."""

    labels: Annotated[Path, typer.Option("--from", help="Labelled images.")]
    examples = ("vrft task new --from photos --out cells.yaml", "vrft task new --from photos --type number")


class TaskCheckArgs(TaskCheckRequest, WithJson, WithQuiet):
    """Try a definition: the laws of every task, and the audit of its reward; status 1 where it is refused."""

    positional = ("definition",)
    examples = ("vrft task check cells.yaml", "vrft task check cells.yaml --data photos")


def new(args: NewArgs) -> None:
    """Print the definition, or keep it and print the reasons."""
    from vrft.workflows.check_task import new_task, write_proposal

    proposal = new_task(args)
    if args.out is not None:
        write_proposal(proposal, args.out)
    if args.as_json:
        print_json(asdict(proposal))
        return
    if args.out is None:
        print_line(proposal.text.rstrip())
        return
    for reason in proposal.reasons:
        print_line(reason)
    print_line(f"Kept in {args.out}. Next: vrft task check {args.out} --data {args.labels}")


def check(args: TaskCheckArgs) -> None:
    """Print what was found."""
    from vrft.diagnostics.audit.run_audit import as_json
    from vrft.progress import reporter_for_people
    from vrft.workflows.check_task import check_task

    found = check_task(args, reporter_for_people(args.quiet or args.as_json))
    if args.as_json:
        plain = {**asdict(found), "passed": found.passed, "audit": as_json(found.audit)}
        print_json(plain)
    else:
        for line in (*found.notes, *found.refusals):
            print_line(line)
        tried = (
            f"{found.laws} laws, {len(found.audit.rows)} ways to answer, {len(found.audit.verdicts)} verdicts"
        )
        print_line(f"{found.task}: {'passed' if found.passed else 'refused'} ({tried}).")
    if not found.passed:
        raise typer.Exit(1)


task_app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Define a task in YAML, and try it. 'vrft tasks' lists the tasks that there are.",
)
verb(task_app, "new", NewArgs, run=new)
verb(task_app, "check", TaskCheckArgs, run=check)
