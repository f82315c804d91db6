"""The command line: each verb is a typed function that parses, calls one library function and prints."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from vrft.cli.doctor import audit, check
from vrft.cli.pages import report
from vrft.cli.prediction import predict
from vrft.cli.scoring import evaluate
from vrft.cli.story import demo, fit
from vrft.cli.training import probe, sft, train
from vrft.errors import InputError, Interrupted, RunError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Visual reinforcement fine-tuning.",
)
VERBS: dict[str, Callable[..., None]] = {
    "fit": fit,
    "demo": demo,
    "check": check,
    "probe": probe,
    "train": train,
    "sft": sft,
    "eval": evaluate,
    "predict": predict,
    "audit": audit,
    "report": report,
}
for name, verb in VERBS.items():
    app.command(name=name)(verb)


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
