"""``vrft eval``: a policy on labelled images, or answers that any model wrote."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vrft.cli.options import WithJson, WithResume, chosen_folder, option_of
from vrft.cli.output import out, print_json, print_line
from vrft.errors import InputError
from vrft.workflows.requests import KEPT, MODEL, EvaluateRequest, FilesRequest


class EvalArgs(FilesRequest, EvaluateRequest, WithResume, WithJson):
    """Score a policy on labelled images: metrics with intervals, every answer kept.

    With --predictions FILE, score answers that are in a file already, without a model.
    """

    positional = ("model", "data")
    model: str | None = Field(None, description=MODEL)
    data: Path | None = Field(None, description="A folder of labelled images.")
    predictions: tuple[Path, ...] = Field((), description="A file of answers to score. Repeat it for seeds.")
    out: Path | None = Field(None, description=f"Folder that keeps answers, result and page. {KEPT}")


OF_FILES = FilesRequest.model_fields.keys() - EvaluateRequest.model_fields.keys()
OF_A_MODEL = {*EvaluateRequest.model_fields, "resume"} - FilesRequest.model_fields.keys()


def run(args: EvalArgs) -> None:
    """Evaluate, then print the card."""
    if args.predictions:
        if args.model is not None:
            raise InputError("--predictions scores answers in a file: leave MODEL and DATA out.")
        _refuse(args, OF_A_MODEL, "is about asking a model, and --predictions asks none")
        _evaluate_files(args)
        return
    if args.model is None or args.data is None:
        raise InputError("vrft eval needs MODEL and DATA, or a file of answers by --predictions FILE.")
    _refuse(args, OF_FILES, "is about a file of answers: add --predictions FILE")
    _evaluate_model(args, args.model, args.data)


def _refuse(args: EvalArgs, names: set[str], why: str) -> None:
    """Options that would be passed over in silence."""
    for name in sorted(args.model_fields_set & names):
        raise InputError(f"{option_of(EvalArgs, name)} {why}.")


def _evaluate_model(args: EvalArgs, model: str, data: Path) -> None:
    from vrft.cli.card_tables import print_card
    from vrft.cli.output import RichReporter
    from vrft.distributed import init_distributed
    from vrft.workflows.evaluate_model import evaluate_model

    if args.out is None and init_distributed().count > 1:
        raise InputError("Several processes need one folder between them: add --out DIR.")
    stem = Path("runs") / f"eval-{Path(model).name}-{data.resolve().name}"
    folder = chosen_folder(args.out, stem, args.resume)
    found = evaluate_model(model, data, args, folder=folder, reporter=RichReporter(args.as_json))
    if found is None:
        return
    if args.as_json:
        print_json(found.card)
        return
    print_card(found.card, out)
    print_line(f"Report: {found.page}")


def _evaluate_files(args: EvalArgs) -> None:
    from vrft.cli.card_tables import print_files
    from vrft.run_folder import write_json
    from vrft.workflows.evaluate_files import evaluate_files

    result = evaluate_files(args.predictions, args)
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        write_json(args.out / "result.json", result)
    if args.as_json:
        print_json(result)
    else:
        print_files(result, out)
