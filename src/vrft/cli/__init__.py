"""The command line: each verb has one arguments model, calls one library function and prints."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from vrft.cli import audit, check, config, demo, fit, predict, probe, report, tasks, train
from vrft.cli import eval as evaluation
from vrft.cli.options import command
from vrft.errors import InputError, Interrupted, RunError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Visual reinforcement fine-tuning.",
)
app.command("fit")(command(fit.FitArgs, fit.run))
app.command("demo")(command(demo.DemoArgs, demo.run))
app.command("check")(command(check.CheckArgs, check.run))
app.command("probe")(command(probe.ProbeArgs, probe.run))
app.command("train")(command(train.TrainArgs, train.run))
app.command("sft")(command(train.SftArgs, train.run_sft))
app.command("eval")(command(evaluation.EvalArgs, evaluation.run))
app.command("predict")(command(predict.PredictArgs, predict.run))
app.command("audit")(command(audit.AuditArgs, audit.run))
app.command("report")(command(report.ReportArgs, report.run))
app.command("tasks")(command(tasks.TasksArgs, tasks.run))
app.add_typer(config.config_app, name="config")


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
