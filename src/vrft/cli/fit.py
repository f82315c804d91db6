"""``vrft fit``: from labelled images to a verdict."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import typer
from pydantic import Field
from rich.markup import escape
from rich.table import Table

from vrft.cli.options import WithCheck, WithJson, WithQuiet, WithResume
from vrft.cli.output import print_json, print_line, print_table
from vrft.data.data_options import ReadOptions
from vrft.errors import InputError
from vrft.miniature.location import is_miniature
from vrft.report.systems import style_of
from vrft.tasks.number_format import p_sentence
from vrft.types import Form
from vrft.types.options import MAX_SEED
from vrft.workflows.requests import LABELS, SEED, TASK, Names, TaskOptionsRequest, reading_of

if TYPE_CHECKING:
    from vrft.data.dataset import Dataset
    from vrft.progress import ProgressReporter
    from vrft.workflows.fit_folders import FitFolder
    from vrft.workflows.fit_outcome import Fitted
    from vrft.workflows.fit_settings import FitSettings


SYSTEMS = {
    "base": "base",
    "warm_up": "puzzles alone",
    "sft": "SFT twin",
    "rft": "RFT",
    "rejection": "rejection sampling",
    "control": "RFT, shuffled rewards",
    "mixed": "RFT on all folders",
}
DIFFERENCES = {
    "rft_minus_base": "RFT - base",
    "rft_minus_warm_up": "RFT - puzzles",
    "warm_up_minus_base": "puzzles - base",
    "rft_minus_base_given_parsed": "RFT - base, given parsed",
    "rft_minus_sft": "RFT - SFT",
    "rft_minus_rejection": "RFT - rejection",
    "rejection_minus_base": "rejection - base",
    "control_minus_base": "shuffled - base",
    "mixed_minus_base": "all folders - base",
    "mixed_minus_rft": "all folders - RFT",
}


class FitArgs(TaskOptionsRequest, ReadOptions, WithCheck, WithResume, WithJson, WithQuiet):
    """Train RFT and its SFT twin on labelled images and compare them on held-out ones.

    With neither --task nor --model it trains nothing: it says what the folder holds, which task and models
    suit it, and which command to run. Of several folders it trains one policy each, and one on all of them.
    """

    positional = ("data", "overrides")
    examples = (
        "vrft fit photos",
        "vrft fit photos --task detection --model Qwen/Qwen2.5-VL-3B-Instruct --shots 4",
        "vrft fit photos --task my_task.py --model models/qwen --steps 100 --resume",
        "vrft fit photos --task detection --model miniature rollout.max_new_tokens=600",
        "vrft fit photos --task classification --arms sft,rft,rejection --rejection-rounds 2",
        "vrft fit cells signs --task detection --task classification",
    )
    groups: ClassVar = {
        "What": ("task", "task_option", "model", "form", "reward"),
        "Images": ("shots", "val_max", "eval_max", "near_duplicates"),
        "Labels": LABELS,
        "Compared": ("arms", "sft_forms", "rejection_rounds", "rejection_keep", "control"),
        "Training": ("warm_up", "warm_up_steps", "steps", "seed", "full"),
    }
    data: Path = Field(description="A folder of labelled images.")
    overrides: tuple[str, ...] = Field(
        (), description="Further folders, and key=value for every trial: optim.micro_prompts=1."
    )
    task: tuple[str, ...] = Field(
        (),
        description=f"{TASK} Once for all folders, or for each in turn. By default what labels suggest.",
    )
    model: str | None = Field(
        None,
        description="A model folder or hub id; 'miniature' (the default) for images of its own kind alone.",
    )
    shots: int = Field(4, ge=1, description="Training images per class, or in all where there are none.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description=SEED)
    steps: int | None = Field(None, ge=1, description="Training steps of each trial.")
    eval_max: int = Field(200, ge=1, description="Most held-out questions.")
    form: Form | None = Field(
        None, description="Whether the model reasons first. By default the probe decides."
    )
    reward: str = Field("recommended", description="Reward setting of the task; 'vrft rewards' lists them.")
    arms: Names = Field(
        ("sft", "rft"),
        description="What is compared with the base: sft, rft, and rejection (SFT on own right answers).",
    )
    sft_forms: Literal["same", "both"] = Field(
        "same", description="'both' tunes the SFT twin with reasoning and without."
    )
    rejection_rounds: int = Field(1, description="Rounds of rejection sampling, 1 to 3.")
    rejection_keep: int = Field(8, description="Right answers to a question that a round learns at most.")
    warm_up: Names = Field(
        (),
        description="RFT first solves these puzzles of the same images, without labels: puzzles, or names.",
    )
    warm_up_steps: int | None = Field(
        None, ge=1, description="Training steps on puzzles; by default those of a trial."
    )
    val_max: int = Field(
        60, ge=1, description="Most validation questions; more choose rates and steps better."
    )
    full: bool = Field(False, description="Train all weights of a large model, not a LoRA adapter.")
    near_duplicates: bool = Field(True, description="Count images that look nearly the same as one.")
    control: bool = Field(False, description="Also train on shuffled rewards, which must not make it better.")
    out: Path | None = Field(None, description="Folder of the fit; by default a new one in runs/.")


def run(args: FitArgs) -> None:
    """Fit, then print the comparison."""
    from vrft.progress import reporter_for_people
    from vrft.run_folder import chosen_folder
    from vrft.workflows.fit_folders import settings_of
    from vrft.workflows.fit_settings import FitSettings

    asked, overrides = _asked(args)
    if not args.task and args.model is None and len(asked) == 1:
        _suggest(args)
    reporter = reporter_for_people(args.quiet or args.as_json)
    given = {f.name: getattr(args, f.name) for f in fields(FitSettings) if hasattr(args, f.name)}
    settings, datasets = settings_of(
        asked, reading_of(args), args.model, {**given, "overrides": overrides}, reporter.info
    )
    if args.model is None:
        reporter.info(
            "No --model given: these are images of the embedded miniature's own kind, so it is trained."
        )
    if len(settings) > 1:
        _run_several(args, settings, datasets, reporter)
        return
    folder = chosen_folder(args.out, settings[0].stem, args.resume)
    fitted = run_fit(settings[0], folder, reporter, resume=args.resume, check=args.check, dataset=datasets[0])
    if fitted is not None:
        print_fits([fitted], args.as_json)


def _asked(args: FitArgs) -> tuple[list[FitFolder], tuple[str, ...]]:
    """Each folder with its task, and what is for every trial."""
    from vrft.workflows.fit_folders import fit_folders

    overrides = tuple(one for one in args.overrides if "=" in one and not Path(one).exists())
    folders = [args.data, *(Path(one) for one in args.overrides if one not in overrides)]
    for folder in folders[1:]:
        if not folder.exists():
            raise InputError(
                f"{folder}: this is neither a folder nor key=value. Check the path, or write both."
            )
    return fit_folders(folders, args.task, args.task_options), overrides


def _run_several(
    args: FitArgs, settings: list[FitSettings], datasets: list[Dataset], reporter: ProgressReporter
) -> None:
    """A policy for each folder and one for all."""
    from vrft.distributed import init_distributed
    from vrft.run_folder import chosen_folder
    from vrft.workflows.fit_several import fit_several, stem_of

    context = init_distributed()
    folder = context.broadcast_object(chosen_folder(args.out, stem_of(settings), args.resume))
    assert folder is not None
    fitted = fit_several(
        settings,
        folder,
        resume=args.resume,
        check=args.check,
        datasets=datasets,
        reporter=reporter,
        context=context,
    )
    if fitted is not None:
        print_fits(fitted, args.as_json, folder / "report.html")


def _suggest(args: FitArgs) -> None:
    from vrft.workflows.suggest import suggest

    said = args.model_fields_set - {"data", "as_json", "quiet", "debug", *LABELS}
    if said:
        raise InputError(
            "Say what to train: --task and --model. 'vrft fit DATA' alone says which suit the folder."
        )
    found = suggest(args.data, reading_of(args))
    if args.as_json:
        print_json(found.row())
    else:
        for line in found.lines():
            print_line(line)
    raise typer.Exit(2)


def run_fit(
    settings: FitSettings,
    folder: Path,
    reporter: ProgressReporter,
    *,
    resume: bool,
    check: bool = True,
    dataset: Dataset | None = None,
) -> Fitted | None:
    """One fit; None in a process that only helped."""
    from vrft.distributed import init_distributed
    from vrft.workflows.fit import fit

    context = init_distributed()
    folder = context.broadcast_object(folder)
    return fit(
        settings, folder, resume=resume, check=check, dataset=dataset, reporter=reporter, context=context
    )


def print_fits(fitted: Sequence[Fitted], as_json: bool, page: Path | None = None) -> None:
    """The comparison of each fit with its verdict, what to run next, and where the page is (None: the last
    fit's own)."""
    from vrft.run_folder import read_json

    report = (page or fitted[-1].report).resolve()
    compared = {one.folder: one.folder / "comparison.json" for one in fitted}
    found = {folder: read_json(file) for folder, file in compared.items() if file.exists()}
    mixed = next((one.mixed for one in fitted if one.mixed is not None), None)
    if as_json:
        # Of several folders each has its name, as two may have one task.
        names = {one.folder: one.settings.task if mixed is None else one.folder.name for one in fitted}
        print_json(
            {
                "seconds": sum(part["seconds"] for part in found.values()),
                "report": str(report),
                "models": {names[one.folder]: str(one.model) for one in fitted},
                "tasks": {
                    task if mixed is None else folder.name: own
                    for folder, part in found.items()
                    for task, own in part["tasks"].items()
                },
                **({} if mixed is None else {"mixed": str(mixed)}),
            }
        )
        return
    for folder, part in found.items():
        for task, comparison in part["tasks"].items():
            print_table(_comparison_table(folder.name, task, comparison))
    if mixed is not None:
        print_table(_overview_table(found))
        print_line(f"Policy for all folders: {mixed}")
    for one in fitted:
        print_line(one.verdict if mixed is None else f"{one.folder.name}: {one.verdict}")
    for one in fitted:
        _print_next(one)
    print_line(f"Report: {report}")


def _overview_table(found: Mapping[Path, dict[str, Any]]) -> Table:
    """A row for each folder."""
    from vrft.report.comparison import overview

    table = Table(title="One policy for each folder, and one for all", title_justify="left")
    # Both in one column, which alone is folded: in 80 characters two would leave the folder no room.
    table.add_column("folder: metric", overflow="fold")
    for column in ("base", "SFT", "RFT", "all", "all - RFT", "95% interval"):
        table.add_column(column, justify="right", no_wrap=True)
    compared = [("", folder.name, own) for folder, part in found.items() for own in part["tasks"].values()]
    for _, folder, metric, *cells, _ in overview(compared):
        table.add_row(*map(escape, (f"{folder}: {metric}", *cells)))
    return table


def _print_next(one: Fitted) -> None:
    question = next(iter(one.questions), "QUESTION")
    print_line(f"Model: {one.model}" + ("" if is_miniature(one.settings.model) else " (loads without vrft)"))
    print_line(f"Next:  {shlex.join(['vrft', 'predict', str(one.model), 'IMAGE', question])}")
    print_line(
        f"       {shlex.join(['vrft', 'eval', str(one.model), str(one.settings.data), '--samples', '8'])}"
    )


def _comparison_table(title: str, task: str, found: dict[str, Any]) -> Table:
    style = style_of(task, found)
    heading = f"{title}: {style.heading(' x100')} on {found['n']} held-out questions"
    table = Table(title=escape(heading), title_justify="left")
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
            p = p_sentence(row, 3) if row["p"] is not None else ""
            table.add_row(heading, style.value(row["value"], sign=True), style.spread(row, sign=True), p, "")
    return table
