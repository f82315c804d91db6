"""``vrft demo``: the whole story on the embedded miniature."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vrft.cli.options import WithJson, WithQuiet, WithResume, one_process
from vrft.errors import ConfigError
from vrft.run_folder import chosen_folder
from vrft.types.options import MAX_SEED


class DemoArgs(WithResume, WithJson, WithQuiet):
    """Show the whole story on the embedded miniature: no network, no GPU."""

    examples = ("vrft demo", "vrft demo --reasoning", "vrft demo --all --out runs")
    task: str | None = Field(None, description="Which of the demo's tasks; by default the first.")
    reasoning: bool = Field(
        False, description="A sum that has to be worked out: what labels alone do not teach."
    )
    all: bool = Field(False, description="Every task of the demo.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Decides every random choice.")
    control: bool = Field(
        False, description="Also train on shuffled rewards, from which nothing can be learned."
    )
    out: Path = Field(Path("runs"), description="Where runs and images go.")


def run(args: DemoArgs) -> None:
    """Fit on the miniature's own images."""
    from vrft.cli.fit import print_fits, run_fit
    from vrft.miniature.location import REASONING
    from vrft.progress import reporter_for_people
    from vrft.tasks.registry import load_task
    from vrft.workflows.demo import DEMO_TASKS, demo_settings

    one_process("demo")
    sums = next(name for name, one in DEMO_TASKS.items() if one.model == REASONING)
    task = sums if args.reasoning else args.task
    named = [
        option
        for option, given in (("--task", args.task), ("--reasoning", args.reasoning), ("--all", args.all))
        if given
    ]
    if len(named) > 1:
        raise ConfigError(f"{' and '.join(named)} name different tasks of the demo. Give one of them.")
    first = load_task(task).name if task is not None else next(iter(DEMO_TASKS))
    fitted, reporter = [], reporter_for_people(args.quiet or args.as_json)
    for name in DEMO_TASKS if args.all else [first]:
        settings = demo_settings(name, args.seed, args.out / "demo-data", control=args.control)
        folder = chosen_folder(None, args.out / f"demo-{name}-{args.seed}", args.resume)
        one = run_fit(settings, folder, reporter, resume=args.resume)
        assert one is not None  # there is one process
        fitted.append(one)
    page = None
    if args.all:
        from vrft.report.build_report import build_report

        page = chosen_folder(None, args.out / f"demo-all-{args.seed}", False) / "report.html"
        build_report([one.folder for one in fitted], page)
    print_fits(fitted, args.as_json, page)
