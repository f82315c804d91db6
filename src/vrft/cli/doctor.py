"""``vrft check`` and ``vrft audit``: what is wrong with data, or with a reward."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vrft.cli.common import JsonFlag, SeedOption, out
from vrft.types import Form


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
    from vrft.commands.audit import print_audit, run_audit
    from vrft.commands.voice import Voice
    from vrft.diagnostics.audit.run_audit import as_json as plain

    found = run_audit(reward, task, settings, high, form, frame, targets, seed, output, Voice(as_json))
    if as_json:
        typer.echo(json.dumps(plain(found), indent=1, allow_nan=False))
    else:
        print_audit(found, out)
    if not found.passed:
        raise typer.Exit(1)
