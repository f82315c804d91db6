"""``vrft eval``: one policy on labelled pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vrft.cli.common import JsonFlag, ResumeFlag, SeedOption, numbers, out
from vrft.errors import InputError
from vrft.types import Form

OF_A_MODEL = (
    *("task", "part", "manifest", "form", "subject", "open_naming", "eval_max", "samples", "temperature"),
    *("flip", "scales", "gate", "sam", "max_new_tokens", "min_pixels", "max_pixels", "batch", "seed"),
    "resume",
)
OF_STORED_TEXTS = ("against", "fields", "defaults", "values", "by")


def evaluate(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="A run folder, a model folder, a hub id, or 'miniature'.")
    ] = None,
    data: Annotated[Path | None, typer.Argument(help="A folder of labelled pictures.")] = None,
    task: Annotated[
        str | None, typer.Option(help="detection, classification or grounding; a run's own by default.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="all, train, val or heldout; heldout where a run knows it or DATA has a test part."
        ),
    ] = None,
    manifest: Annotated[Path | None, typer.Option(help="A saved split (manifest.json).")] = None,
    form: Annotated[Form | None, typer.Option(help="Form of the answer; a run's own by default.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Kind of thing to classify; a run's own, or 'object'.")
    ] = None,
    open_naming: Annotated[
        bool | None, typer.Option("--open/--closed", help="Leave the class names out of the prompt.")
    ] = None,
    eval_max: Annotated[int, typer.Option(min=1, help="Questions at most, evenly spaced.")] = 1000,
    samples: Annotated[int, typer.Option(min=1, help="Answers to each question; the first is greedy.")] = 1,
    temperature: Annotated[float, typer.Option(help="Of the further answers.")] = 1.0,
    fuse: Annotated[
        str | None,
        typer.Option(
            help="Score one answer made of all: vote, wbf, nms, medoid, best_logprob, self_consistency."
        ),
    ] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Also look at the mirrored picture.")] = False,
    scales: Annotated[str, typer.Option(help="Also look at it scaled, as in 0.75,1.5.")] = "",
    gate: Annotated[
        bool, typer.Option("--gate", help="Two steps: first ask whether the category is there.")
    ] = False,
    novel: Annotated[
        str, typer.Option(help="Categories that training has not seen, with commas between.")
    ] = "",
    sam: Annotated[
        str | None, typer.Option(help="A SAM folder or hub id: boxes become masks, for gIoU and cIoU.")
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Length of an answer; a run's own, or 512.")
    ] = None,
    min_pixels: Annotated[int | None, typer.Option(min=1, help="Least pixels after the resize.")] = None,
    max_pixels: Annotated[int | None, typer.Option(min=1, help="Most pixels after the resize.")] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Questions encoded together; fewer take less memory.")
    ] = 64,
    predictions: Annotated[
        list[Path] | None, typer.Option(help="Score stored texts instead; several are seeds of one system.")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="With --predictions: a second system's, to the same questions.")
    ] = None,
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="With --predictions: ours=theirs, as in text=output.")
    ] = None,
    defaults: Annotated[
        list[str] | None, typer.Option("--default", help="... a constant, as in task=grounding.")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--value", help="... what a word means: frame:0-1000=thousand.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="... a field whose values make groups.")] = None,
    seed: SeedOption = 0,
    output: Annotated[
        Path | None, typer.Option("--out", help="Keeps answers, result and page; goes on where it stands.")
    ] = None,
    resume: ResumeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Score a policy on labelled pictures: metrics with intervals, every answer kept."""
    if predictions:
        if model is not None:
            raise InputError("--predictions scores stored texts: leave MODEL and DATA out.")
        _refuse(context, OF_A_MODEL, "is about asking a model, and --predictions asks none")
        _stored(
            predictions,
            against or [],
            (tuple(fields or ()), tuple(defaults or ()), tuple(values or ())),
            by,
            fuse,
            _names(novel),
            output,
            as_json,
        )
        return
    if model is None or data is None:
        raise InputError("vrft eval needs MODEL and DATA, or stored texts by --predictions FILE.")
    _refuse(context, OF_STORED_TEXTS, "is about stored texts: add --predictions FILE")
    from vrft.commands.scorecard import print_card
    from vrft.commands.scoring import EvalSettings, run_eval
    from vrft.commands.voice import Voice
    from vrft.distributed import launched
    from vrft.workflows.run_dirs import fresh_folder, newest_folder

    settings = EvalSettings(
        model, data, task, form, subject, open_naming, part, manifest, eval_max, max_new_tokens, min_pixels,
        max_pixels, samples, temperature, seed, flip, numbers(scales, "--scales"), gate, fuse, _names(novel),
        sam,
        batch,
    )  # fmt: skip
    if output is None and launched().count > 1:
        raise InputError("Several processes need one folder between them: add --out DIR.")
    stem = Path("runs") / f"eval-{Path(model).name}-{data.resolve().name}"
    folder = output or (newest_folder(stem) if resume else fresh_folder(stem))
    scored = run_eval(settings, folder, Voice(as_json))
    if scored is None:
        return
    if as_json:
        typer.echo(json.dumps(scored.card, indent=1))
        return
    print_card(scored.card, out)
    out.print(f"Report: {scored.page}", markup=False, soft_wrap=True)


def _refuse(context: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Options that would be passed over in silence."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            raise InputError(f"{parameter.opts[0]} {why}.")


def _stored(
    predictions: list[Path],
    against: list[Path],
    reading: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    by: str | None,
    rule: str | None,
    novel: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    from vrft.commands.stored import Reading, print_predictions, score_predictions
    from vrft.run_folder import write_json

    result = score_predictions(predictions, against, Reading(*reading), by, rule, novel)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / "result.json", result)
    if as_json:
        typer.echo(json.dumps(result, indent=1, allow_nan=False))
    else:
        print_predictions(result, out)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
