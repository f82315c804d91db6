"""``vrft fit`` and ``vrft demo``: from labelled pictures to a verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vrft.cli.common import JsonFlag, ResumeFlag, SeedOption, one_process, out
from vrft.types import Form


def fit(
    data: Annotated[Path, typer.Argument(help="A folder of labelled pictures.")],
    task: Annotated[str, typer.Option(help="detection, classification or grounding.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key=value for every trial, as in rollout.max_new_tokens=600.")
    ] = None,
    model: Annotated[str, typer.Option(help="'miniature', a model folder, or a hub id.")] = "miniature",
    shots: Annotated[int, typer.Option(min=1, help="Training pictures a class.")] = 4,
    seed: SeedOption = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps of each trial.")] = None,
    eval_max: Annotated[int, typer.Option(min=1, help="Held-out questions at most.")] = 200,
    form: Annotated[
        Form | None, typer.Option(help="Form of the answer; the probe decides by default.")
    ] = None,
    subject: Annotated[
        str, typer.Option(help="Kind of thing to classify ('plant', 'aircraft', ...).")
    ] = "object",
    open_naming: Annotated[
        bool, typer.Option("--open", help="Do not list the class names in the prompt.")
    ] = False,
    reward: Annotated[
        str, typer.Option(help="Reward setting: recommended, paper or mended.")
    ] = "recommended",
    val_max: Annotated[
        int, typer.Option(min=1, help="Validation questions at most; more choose rates and steps better.")
    ] = 60,
    full: Annotated[
        bool, typer.Option("--full", help="Train all weights of a large model, not LoRA.")
    ] = False,
    near_duplicates: Annotated[
        bool, typer.Option(help="Count pictures that look nearly the same as one.")
    ] = True,
    control: Annotated[bool, typer.Option("--control", help="Also train on permuted rewards.")] = False,
    output: Annotated[Path | None, typer.Option("--out", help="The fit's folder.")] = None,
    resume: ResumeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train RFT and its SFT twin on labelled pictures and compare them on held-out ones."""
    from vrft.tasks.task import load_task
    from vrft.workflows.fit_settings import FitSettings

    name = load_task(task).name
    settings = FitSettings(
        data, name, model, shots, seed, steps, eval_max, form, subject, open_naming, reward, control, full,
        val_max, near_duplicates, tuple(overrides or ()),
    )  # fmt: skip
    stem = Path("runs") / f"fit-{data.resolve().name}-{name}-{seed}"
    fitted = _fit(settings, output or stem, output is not None, resume, as_json)
    if fitted is not None:
        _tell([fitted], as_json)


def demo(
    every_task: Annotated[
        bool, typer.Option("--all", help="Detection, classification and grounding.")
    ] = False,
    task: Annotated[str, typer.Option(help="Which task.")] = "detection",
    seed: SeedOption = 0,
    control: Annotated[bool, typer.Option("--control", help="Also train on permuted rewards.")] = False,
    output: Annotated[Path, typer.Option("--out", help="Where runs and pictures go.")] = Path("runs"),
    resume: ResumeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the whole story on the embedded miniature: no network, no GPU."""
    from vrft.tasks.task import load_task
    from vrft.workflows.demo import DEMO_TASKS, demo_settings

    one_process("demo")
    names = list(DEMO_TASKS) if every_task else [load_task(task).name]
    fitted = []
    for name in names:
        settings = demo_settings(name, seed, output / "demo-data", control)
        fitted.append(_fit(settings, output / f"demo-{name}-{seed}", False, resume, as_json))
    if every_task:
        from vrft.report.build_report import build_report
        from vrft.workflows.run_dirs import fresh_folder

        page = fresh_folder(output / f"demo-all-{seed}") / "report.html"
        build_report([f.folder for f in fitted], page)
        _tell(fitted, as_json, page)
    else:
        _tell(fitted, as_json)


def _fit(settings: Any, stem: Path, exact: bool, resume: bool, quiet: bool) -> Any:
    from vrft.commands.voice import Voice
    from vrft.distributed import launched
    from vrft.workflows.fit import fit as run_fit
    from vrft.workflows.run_dirs import fresh_folder, newest_folder

    share = launched()
    folder = stem if exact else (newest_folder(stem) if resume else fresh_folder(stem))
    folder = share.agreed(folder)
    return run_fit(settings, folder, resume=resume, narrator=Voice(quiet), share=share)


def _tell(fitted: list[Any], as_json: bool, report: Path | None = None) -> None:
    from vrft.commands.tables import comparison_table
    from vrft.run_folder import read_json

    page = report or fitted[-1].report
    compared = [f for f in fitted if f.comparison is not None]
    if as_json:
        parts = [read_json(f.folder / "comparison.json") for f in compared]
        tasks = {name: c for part in parts for name, c in part["tasks"].items()}
        seconds = sum(part["seconds"] for part in parts)
        typer.echo(json.dumps({"seconds": seconds, "report": str(page), "tasks": tasks}, indent=1))
        return
    for f in compared:
        out.print(comparison_table(f.folder.name, f.comparison))
    for f in fitted:
        out.print(f.verdict, markup=False, soft_wrap=True)
    out.print(f"Report: {page}", markup=False, soft_wrap=True)
