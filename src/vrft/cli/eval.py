"""``vrft eval``: a policy on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import typer
from pydantic import Field

from vrft.cli.options import WithJson, WithQuiet, WithResume
from vrft.cli.output import out, print_json, print_line
from vrft.errors import InputError
from vrft.workflows.requests import KEPT, LABELS, MODEL, EvaluateRequest


class EvalArgs(EvaluateRequest, WithResume, WithJson, WithQuiet):
    """Score a policy on labelled images: metrics with intervals, every answer kept."""

    positional = ("model", "data")
    examples = (
        "vrft eval runs/fit-photos-detection-0/rft-5e-05 photos",
        "vrft eval miniature digits --task detection --eval-max 50",
        "vrft eval runs/mine photos --samples 16 --fuse wbf",
    )
    groups: ClassVar = {
        "Questions": ("task", "task_option", "part", "manifest", "eval_max", "form", "gate"),
        "Labels": LABELS,
        "Several answers": ("samples", "temperature", "fuse", "flip", "scales", "seed"),
        "Model": ("max_new_tokens", "min_pixels", "max_pixels", "dtype", "batch", "url"),
        "Scoring": ("novel", "sam"),
    }
    model: str | None = Field(None, description=MODEL)
    data: Path | None = Field(None, description="A folder of labelled images.")
    predictions: Annotated[
        tuple[Path, ...], typer.Option("--predictions", hidden=True, help="Is vrft score now.")
    ] = ()
    out: Path | None = Field(None, description=f"Folder that keeps answers, result and page. {KEPT}")


def run(args: EvalArgs) -> None:
    """Evaluate, then print the card."""
    if args.predictions:
        files = " ".join(map(str, args.predictions))
        raise InputError(f"vrft eval no longer scores stored answers. Use: vrft score {files}")
    if args.model is None or args.data is None:
        raise InputError(
            "vrft eval needs MODEL and DATA, as in: vrft eval miniature photos --task detection. Answers in "
            "a file are scored by: vrft score FILE."
        )
    _evaluate(args, args.model, args.data)


def _evaluate(args: EvalArgs, model: str, data: Path) -> None:
    from vrft.cli.card_tables import print_card
    from vrft.distributed import init_distributed
    from vrft.progress import reporter_for_people
    from vrft.run_folder import chosen_folder
    from vrft.workflows.evaluate_model import evaluate_model, evaluation_stem

    if args.out is None and init_distributed().count > 1:
        raise InputError("Several processes need one folder to share. Add --out DIR.")
    folder = chosen_folder(args.out, evaluation_stem(model, data), args.resume)
    reporter = reporter_for_people(args.quiet or args.as_json)
    found = evaluate_model(model, data, args, folder=folder, reporter=reporter)
    if found is None:
        return
    if args.as_json:
        print_json(found.card)
        return
    print_card(found.card, out)
    print_line(f"Report: {found.page.resolve()}")
