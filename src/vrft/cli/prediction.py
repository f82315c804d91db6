"""``vrft predict``: answers about pictures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from vrft.cli.common import JsonFlag, SeedOption, numbers, one_process, out
from vrft.types import Form


def predict(
    model: Annotated[
        str, typer.Argument(help="A run folder, a model or adapter folder, a hub id, or 'miniature'.")
    ],
    image: Annotated[str, typer.Argument(help="A picture, a folder of pictures, or - for one on stdin.")],
    questions: Annotated[
        list[str], typer.Argument(help="Categories, expressions, or a kind of thing to classify.")
    ],
    task: Annotated[
        str | None,
        typer.Option(help="detection, classification or grounding; a run's own, or detection."),
    ] = None,
    form: Annotated[Form | None, typer.Option(help="Form of the answer; a run's own by default.")] = None,
    options: Annotated[
        list[str] | None, typer.Option(help="A class name to choose from; repeat it for each name.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Answers to each question; the first is greedy.")] = 1,
    temperature: Annotated[float, typer.Option(help="Of the further answers.")] = 1.0,
    fuse: Annotated[
        str | None,
        typer.Option(
            help="How several answers become one: vote (classes), wbf (detection), medoid (grounding), nms, "
            "best_logprob, self_consistency."
        ),
    ] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Also look at the mirrored picture.")] = False,
    scales: Annotated[str, typer.Option(help="Also look at it scaled, as in 0.75,1.5.")] = "",
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Length of an answer; a run's own, or 512.")
    ] = None,
    min_pixels: Annotated[int | None, typer.Option(min=1, help="Least pixels after the resize.")] = None,
    max_pixels: Annotated[int | None, typer.Option(min=1, help="Most pixels after the resize.")] = None,
    seed: SeedOption = 0,
    written: Annotated[
        str | None,
        typer.Option("--format", help="Print json, coco, supervision or labelstudio on stdout, only that."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="A COCO json: --format coco prints results with its ids.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", help="Keeps answers and drawn pictures; goes on where it stands.")
    ] = None,
    drawn: Annotated[Path | None, typer.Option(help="Where the drawn picture of a single one goes.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer questions about pictures, as text, JSON in original pixels, and drawn pictures.

    Status 1 where some pictures of a folder cannot be read; all others are answered.
    """
    from vrft.commands.prediction import run_predict
    from vrft.commands.sentences import told
    from vrft.commands.voice import Voice
    from vrft.commands.wish import Wish
    from vrft.inference.formats.prediction_format import DEFAULT

    one_process("predict")
    wish = Wish(
        model, image, tuple(questions), task, form, tuple(options or ()), samples, temperature, seed, flip,
        numbers(scales, "--scales"), fuse, max_new_tokens, min_pixels, max_pixels, written or DEFAULT,
        against, output, drawn,
    )  # fmt: skip
    voice = Voice()
    found = run_predict(wish, voice, sys.stdin.buffer)
    if as_json or written is not None:
        typer.echo(json.dumps(found.document, indent=1, allow_nan=False))
    else:
        for prediction in found.predictions:
            for line in told(prediction, whole=found.one):
                out.print(line, markup=False, soft_wrap=True)
    for line in (*found.notes, *map(str, found.unreadable)):
        voice.say(line)
    if found.unreadable:
        raise typer.Exit(1)
