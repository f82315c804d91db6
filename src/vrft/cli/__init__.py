"""The command line: each verb has one arguments model, calls one library function and prints."""

from __future__ import annotations

import sys
from typing import Annotated, ClassVar

import typer

from vrft.cli import (
    audit,
    check,
    config,
    convert,
    demo,
    export,
    fit,
    models,
    predict,
    probe,
    report,
    rewards,
    score,
    serve,
    task,
    tasks,
    train,
)
from vrft.cli import eval as evaluation
from vrft.cli.endings import DEBUG, plain_endings
from vrft.cli.options import HELP, Verbs, verb


class _Verbs(Verbs):
    headings: ClassVar = {
        "Train and prove": ("demo", "fit", "train", "sft", "export"),
        "Before training": ("check", "probe", "audit", "task", "convert"),
        "Use and measure": ("predict", "eval", "score", "report", "serve"),
        "What there is": ("tasks", "rewards", "models", "config"),
    }


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP)},
)
verb(app, "fit", fit.FitArgs, run=fit.run)
verb(app, "demo", demo.DemoArgs, run=demo.run)
verb(app, "check", check.CheckArgs, run=check.run)
verb(app, "probe", probe.ProbeArgs, run=probe.run)
verb(app, "train", train.TrainArgs, run=train.run)
verb(app, "sft", train.SftArgs, run=train.run_sft)
verb(app, "export", export.ExportArgs, run=export.run)
verb(app, "eval", evaluation.EvalArgs, run=evaluation.run)
verb(app, "score", score.ScoreArgs, run=score.run)
verb(app, "predict", predict.PredictArgs, run=predict.run)
verb(app, "serve", serve.ServeArgs, run=serve.run)
verb(app, "audit", audit.AuditArgs, run=audit.run)
verb(app, "report", report.ReportArgs, run=report.run)
verb(app, "convert", convert.ConvertArgs, run=convert.run)
verb(app, "tasks", tasks.TasksArgs, run=tasks.run)
verb(app, "rewards", rewards.RewardsArgs, run=rewards.run)
verb(app, "models", models.ModelsArgs, run=models.run)
app.add_typer(task.task_app, name="task")
app.add_typer(config.config_app, name="config")


def _version(asked: bool) -> None:
    if asked:
        import vrft

        typer.echo(f"vrft {vrft.__version__}")
        raise typer.Exit


@app.callback()
def _vrft(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Visual reinforcement fine-tuning: labelled images in, a model out that is proved to be better."""


def main() -> None:
    """Entry point: whatever happens, a command ends in a sentence and a status."""
    debug = DEBUG in sys.argv
    with plain_endings(debug):
        app(standalone_mode=True)
