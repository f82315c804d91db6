"""``vrft predict``: answers about pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vrft.cli.common import JsonFlag, SeedOption, out
from vrft.types import Form


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
