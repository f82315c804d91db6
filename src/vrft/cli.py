"""The command line: each verb is a typed function that parses, calls one library function and prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from vrft.errors import InputError, Interrupted, RunError
from vrft.types import Form

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Visual reinforcement fine-tuning.",
)
out = Console(highlight=False)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else.")]
ResumeFlag = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stands.")]
SeedOption = Annotated[int, typer.Option(help="Source of every random choice.")]


def main() -> None:
    """Entry point: bad input ends in a sentence and status 2, an interrupted run in status 130."""
    try:
        app(standalone_mode=True)
    except Interrupted as error:
        _fail(str(error), 130)
    except (InputError, RunError) as error:
        _fail(str(error), 2)


def _fail(message: str, status: int) -> None:
    Console(stderr=True, highlight=False).print(message, markup=False, soft_wrap=True)
    sys.exit(status)


@app.command()
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
    from vrft.fit.settings import FitSettings
    from vrft.tasks.base import load_task

    name = load_task(task).name
    settings = FitSettings(
        data, name, model, shots, seed, steps, eval_max, form, subject, open_naming, reward, control, full,
        near_duplicates, tuple(overrides or ()),
    )  # fmt: skip
    stem = Path("runs") / f"fit-{data.resolve().name}-{name}-{seed}"
    _tell([_fit(settings, output or stem, output is not None, resume, as_json)], as_json)


@app.command()
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
    from vrft.fit.demo import DEMO_TASKS, demo_settings
    from vrft.tasks.base import load_task

    names = list(DEMO_TASKS) if every_task else [load_task(task).name]
    fitted = []
    for name in names:
        settings = demo_settings(name, seed, output / "demo-data", control)
        fitted.append(_fit(settings, output / f"demo-{name}-{seed}", False, resume, as_json))
    if every_task:
        from vrft.fit.places import fresh_folder
        from vrft.report.build import build_report

        page = fresh_folder(output / f"demo-all-{seed}") / "report.html"
        build_report([f.folder for f in fitted], page)
        _tell(fitted, as_json, page)
    else:
        _tell(fitted, as_json)


def _fit(settings: Any, stem: Path, exact: bool, resume: bool, quiet: bool) -> Any:
    from vrft.commands.voice import Voice
    from vrft.fit.fit import fit as run_fit
    from vrft.fit.places import fresh_folder, newest_folder

    folder = stem if exact else (newest_folder(stem) if resume else fresh_folder(stem))
    return run_fit(settings, folder, resume=resume, narrator=Voice(quiet))


def _tell(fitted: list[Any], as_json: bool, report: Path | None = None) -> None:
    from vrft.commands.tables import comparison_table
    from vrft.runs.folder import read_json

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


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Labelled pictures, a YAML file, or a recipe's name.")],
    task: Annotated[str | None, typer.Option(help="detection, classification or grounding.")] = None,
    model: Annotated[
        str | None, typer.Option(help="'miniature' by default, or the configuration's own.")
    ] = None,
    shots: Annotated[int | None, typer.Option(min=1, help="Training pictures a class.")] = None,
    seed: Annotated[int | None, typer.Option(help="Source of every random choice.")] = None,
    output: Annotated[Path, typer.Option("--out", help="Where drawn pictures go.")] = Path("check"),
    as_json: JsonFlag = False,
) -> None:
    """Examine labels, pictures, coordinates and lengths; status 1 where something must be mended."""
    from vrft.commands.check import as_json as plain
    from vrft.commands.check import print_report, run_check
    from vrft.commands.voice import Voice

    found = run_check(path, task, model, shots, seed, output, Voice(as_json))
    if as_json:
        typer.echo(json.dumps(plain(found), indent=1))
    else:
        print_report(found, out)
    if not found.passed:
        raise typer.Exit(1)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, or a shipped recipe's name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, as in optim.steps=50.")] = None,
    resume: ResumeFlag = False,
) -> None:
    """Run Visual-RFT from one configuration file."""
    _train(config, ["kind=rft", *(overrides or [])], resume)


@app.command()
def sft(
    config: Annotated[Path, typer.Argument(help="A YAML file or recipe; the one of the RFT run serves.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, as in optim.steps=50.")] = None,
    resume: ResumeFlag = False,
) -> None:
    """Run supervised fine-tuning from one configuration file."""
    _train(config, ["kind=sft", *(overrides or [])], resume)


def _train(path: Path, overrides: list[str], resume: bool) -> None:
    from vrft.commands.voice import Voice
    from vrft.config import load_config
    from vrft.questions import questions_of
    from vrft.recipes import recipe_path
    from vrft.runs.folder import RunFolder
    from vrft.training.train import train_run

    config = load_config(recipe_path(path), overrides)
    voice = Voice()
    questions = questions_of(config, voice)
    last = 0
    with voice.stage(config.kind.upper(), config.optim.steps) as advance:

        def progress(step: int, steps: int, row: dict[str, Any]) -> None:
            nonlocal last
            advance(
                step - last, f"reward {row['reward']:.2f}" if "reward" in row else f"loss {row['loss']:.2f}"
            )
            last = step

        split = questions.split
        folder = RunFolder(Path(config.out))
        trained = train_run(config, folder, split.train, split.val, resume=resume, progress=progress)
    if trained.stopped:
        raise Interrupted(f"Stopped after step {trained.steps}; nothing is lost. Go on with --resume.")
    out.print(f"Best step {trained.best_step}, validation {trained.validation}. Model: {config.out}/model")


@app.command()
def probe(
    config: Annotated[Path, typer.Argument(help="A YAML file, or a shipped recipe's name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, as in data.shots=8.")] = None,
    samples: Annotated[
        int | None, typer.Option(min=2, help="Answers to each question; 32, or the group size.")
    ] = None,
    questions: Annotated[int, typer.Option(min=1, help="Training questions at most.")] = 16,
    temperatures: Annotated[
        str, typer.Option(help="Compared on a few questions; '' leaves that out.")
    ] = "0.7,1.0,1.3",
    output: Annotated[Path | None, typer.Option("--out", help="Folder of probe.json; the run's own.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Sample from the policy before training: will it learn, and what should be changed?"""
    from vrft.commands.probe import print_probe, run_probe
    from vrft.commands.voice import Voice

    found = run_probe(config, overrides or [], samples, questions, temperatures, output, Voice(as_json))
    if as_json:
        typer.echo(json.dumps(found.row(), indent=1, allow_nan=False))
    else:
        print_probe(found, out)


@app.command(name="eval")
def evaluate_command(
    model: Annotated[str, typer.Argument(help="A run folder, a model folder, a hub id, or 'miniature'.")],
    data: Annotated[Path, typer.Argument(help="A folder of labelled pictures.")],
    task: Annotated[str, typer.Option(help="detection, classification or grounding.")],
    form: Annotated[Form | None, typer.Option(help="Form of the answer; a run's own by default.")] = None,
    subject: Annotated[str, typer.Option(help="Kind of thing to classify.")] = "object",
    open_naming: Annotated[bool, typer.Option("--open", help="Do not list the class names.")] = False,
    eval_max: Annotated[int, typer.Option(min=1, help="Questions at most.")] = 1000,
    output: Annotated[Path | None, typer.Option("--out", help="Keeps answers; resumable.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Score a policy on labelled pictures, with a confidence interval."""
    from vrft.commands.scoring import score

    result = score(model, data, task, form, subject, open_naming, eval_max, output)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
        return
    interval = f"{100 * (result['low'] or 0):.1f} to {100 * (result['high'] or 0):.1f}"
    out.print(
        f"{result['metric']} x100: {100 * result['value']:.1f} (95% interval {interval}) "
        f"on {result['n']} questions; "
        f"{result['parse_rate']:.0%} of answers could be read."
    )


@app.command()
def predict(
    model: Annotated[str, typer.Argument(help="A run folder, a model folder, a hub id, or 'miniature'.")],
    image: Annotated[Path, typer.Argument(help="A picture.")],
    question: Annotated[str, typer.Argument(help="A category, an expression, or a kind of thing.")],
    task: Annotated[str, typer.Option(help="detection, classification or grounding.")] = "detection",
    form: Annotated[Form | None, typer.Option(help="Form of the answer; a run's own by default.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Sampled answers beside the greedy one.")] = 1,
    seed: SeedOption = 0,
    drawn: Annotated[Path | None, typer.Option(help="Where the drawn picture goes.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer one question about one picture, as text, JSON and a drawn picture."""
    from vrft.commands.prediction import predict as run_prediction

    result = run_prediction(model, image, question, task, form, samples, seed, drawn)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
        return
    out.print(result["text"], markup=False, soft_wrap=True)
    for line in result["lines"]:
        out.print(line, markup=False, soft_wrap=True)


@app.command()
def audit(
    reward: Annotated[str, typer.Argument(help="A task, or your own reward as package.module:function.")],
    task: Annotated[str | None, typer.Option(help="The task of your own reward.")] = None,
    settings: Annotated[
        str | None, typer.Option(help="The task's reward setting; recommended by default.")
    ] = None,
    high: Annotated[
        float | None, typer.Option(help="Largest value of your own reward; 1 by default.")
    ] = None,
    form: Annotated[Form, typer.Option(help="Form of the answer.")] = Form.THINK,
    frame: Annotated[str, typer.Option(help="thousand, input_pixels or unit.")] = "thousand",
    targets: Annotated[int, typer.Option(help="Questions, at least 60.")] = 500,
    seed: SeedOption = 0,
    output: Annotated[Path | None, typer.Option("--out", help="Keeps the result as JSON.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Attack a reward; status 1 where it pays for what it should not."""
    from vrft.audit.run import as_json as plain
    from vrft.commands.audit import print_audit, run_audit
    from vrft.commands.voice import Voice

    found = run_audit(reward, task, settings, high, form, frame, targets, seed, output, Voice(as_json))
    if as_json:
        typer.echo(json.dumps(plain(found), indent=1, allow_nan=False))
    else:
        print_audit(found, out)
    if not found.passed:
        raise typer.Exit(1)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or fit folders.")],
    output: Annotated[Path, typer.Option("--out", help="The page.")] = Path("report.html"),
) -> None:
    """Make one self-contained page from run folders only."""
    from vrft.report.build import build_report

    out.print(f"Report: {build_report(runs, output)}", markup=False, soft_wrap=True)
