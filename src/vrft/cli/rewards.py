"""``vrft rewards``: what answers can be rewarded for."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from vrft.cli.options import WithJson
from vrft.cli.output import print_json, print_line


class RewardsArgs(WithJson):
    """List the reward settings of each task with their terms, and further terms that may be added."""

    examples = ("vrft rewards", "vrft rewards --task detection", "vrft rewards --task my_task.py")
    task: str | None = Field(None, description="Of this task alone.")


def run(args: RewardsArgs) -> None:
    """Print the settings and terms."""
    from vrft.tasks.registry import load_task, task_names
    from vrft.tasks.scorer import describe_terms

    names = [args.task] if args.task is not None else task_names()
    rows = {task.name: describe_terms(task) for task in map(load_task, names)}
    if args.as_json:
        print_json(rows)
        return
    for name, row in rows.items():
        print_line(f"{name}:")
        for setting, terms in row["settings"].items():
            print_line(f"    reward.setting: {setting}")
            _print_terms(terms)
        print_line("    further terms, which a weight adds to a setting (reward.weights.TERM=1):")
        _print_terms(row["further"])


def _print_terms(terms: Mapping[str, str]) -> None:
    for term, says in terms.items():
        print_line(f"        {term}: {says}")
