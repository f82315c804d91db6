"""``vrft tasks``: what can be asked."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from vrft.cli.options import WithJson
from vrft.cli.output import print_json, print_line


class TasksArgs(WithJson):
    """List the tasks, with their options, reward settings, and rules for several answers.

    A task of your own needs no Python: see vrft task new and vrft task check.
    """


def run(args: TasksArgs) -> None:
    """Print what each task is and has."""
    from vrft.tasks.registry import load_task, task_names

    rows = {
        task.name: {
            "help": task.help,
            "options": [field.name for field in fields(task) if field.init] if is_dataclass(task) else [],
            "reward settings": list(task.settings),
            "fusion rules": list(task.rules),
        }
        for task in map(load_task, task_names())
    }
    if args.as_json:
        print_json(rows)
        return
    for name, row in rows.items():
        print_line(f"{name}: {row.pop('help')}")
        for title, names in row.items():
            print_line(f"    {title}: {', '.join(names) or 'none'}")
