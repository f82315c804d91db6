"""``vrft fit``: from labelled images to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field
from rich.table import Table

from vrft.cli.options import WithJson, WithResume, chosen_folder
from vrft.cli.output import out, print_json, print_line
from vrft.miniature.location import MINIATURE
from vrft.report.systems import style_of
from vrft.types import Form
from vrft.workflows.requests import SEED, TASK, TaskRequest

if TYPE_CHECKING:
    from vrft.workflows.fit import Fitted
    from vrft.workflows.fit_settings import FitSettings


SYSTEMS = {"base": "base", "sft": "SFT twin", "rft": "RFT", "control": "RFT, shuffled rewards"}
DIFFERENCES = {
    "rft_minus_base": "RFT - base",
    "rft_minus_base_given_parsed": "RFT - base, given parsed",
    "rft_minus_sft": "RFT - SFT",
    "control_minus_base": "shuffled - base",
}


class FitArgs(TaskRequest, WithResume, WithJson):
    """Train RFT and its SFT twin on labelled images and compare them on held-out ones."""

    positional = ("data", "overrides")
    data: Path = Field(description="A folder of labelled images.")
    overrides: tuple[str, ...] = Field((), description="key=value for every trial: optim.micro_prompts=1.")
    task: str = Field(description=TASK)
    model: str = Field(MINIATURE, description="'miniature', a model folder, or a hub id.")
    shots: int = Field(4, ge=1, description="Training images per class.")
    seed: int = Field(0, description=SEED)
    steps: int | None = Field(None, ge=1, description="Training steps of each trial.")
    eval_max: int = Field(200, ge=1, description="Most held-out questions.")
    form: Form | None = Field(
        None, description="Whether the model reasons first. By default the probe decides."
    )
    reward: str = Field("recommended", description="Reward setting of the task; 'vrft tasks' lists them.")
    val_max: int = Field(
        60, ge=1, description="Most validation questions; more choose rates and steps better."
    )
    full: bool = Field(False, description="Train all weights of a large model, not a LoRA adapter.")
    near_duplicates: bool = Field(True, description="Count images that look nearly the same as one.")
    control: bool = Field(False, description="Also train on shuffled rewards, which must not make it better.")
    out: Path | None = Field(None, description="Folder of the fit; by default a new one in runs/.")


def run(args: FitArgs) -> None:
    """Fit, then print the comparison."""
    from vrft.tasks.registry import load_task
    from vrft.workflows.fit_settings import FitSettings

    settings = FitSettings(**{f.name: getattr(args, f.name) for f in fields(FitSettings)})
    stem = Path("runs") / f"fit-{args.data.resolve().name}-{load_task(args.task).name}-{args.seed}"
    fitted = run_fit(
        settings, chosen_folder(args.out, stem, args.resume), resume=args.resume, quiet=args.as_json
    )
    if fitted is not None:
        print_fits([fitted], args.as_json)


def run_fit(settings: FitSettings, folder: Path, *, resume: bool, quiet: bool) -> Fitted | None:
    """One fit; None in a process that only helped."""
    from vrft.cli.output import RichReporter
    from vrft.distributed import init_distributed
    from vrft.workflows.fit import fit

    context = init_distributed()
    folder = context.broadcast_object(folder)
    return fit(settings, folder, resume=resume, reporter=RichReporter(quiet), context=context)


def print_fits(fitted: Sequence[Fitted], as_json: bool, page: Path | None = None) -> None:
    """The comparison of each fit with its verdict, and where the page is (None: the last fit's own)."""
    from vrft.run_folder import read_json

    report = page or fitted[-1].report
    compared = {one.folder: one.folder / "comparison.json" for one in fitted}
    found = {folder: read_json(file) for folder, file in compared.items() if file.exists()}
    if as_json:
        print_json(
            {
                "seconds": sum(part["seconds"] for part in found.values()),
                "report": str(report),
                "tasks": {task: own for part in found.values() for task, own in part["tasks"].items()},
            }
        )
        return
    for folder, part in found.items():
        for task, comparison in part["tasks"].items():
            out.print(_comparison_table(folder.name, task, comparison))
    for one in fitted:
        print_line(one.verdict)
    print_line(f"Report: {report}")


def _comparison_table(title: str, task: str, found: dict[str, Any]) -> Table:
    style = style_of(task, found)
    table = Table(title=f"{title}: {style.heading(' x100')} on {found['n']} held-out questions")
    table.title_justify = "left"
    for column in ("policy", "score", "95% interval", "parse rate", "score given parsed"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, heading in SYSTEMS.items():
        if name in found:
            row = found[name]
            parsed = f"{row['parse_rate']:.0%}", style.value(row["value_given_parsed"])
            table.add_row(heading, style.value(row["value"]), style.spread(row), *parsed)
    table.add_section()
    for key, heading in DIFFERENCES.items():
        if key in found:
            row = found[key]
            p = f"p = {row['p']:.3f}" if row["p"] is not None else ""
            table.add_row(heading, style.value(row["value"], sign=True), style.spread(row, sign=True), p, "")
    return table
