"""``vrft score``: answers that any model wrote, scored without the model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from vrft.cli.options import WithJson
from vrft.cli.output import out, print_json
from vrft.workflows.requests import FilesRequest


class ScoreArgs(FilesRequest, WithJson):
    """Score answers that are in a file already: texts of any model, or COCO results of any detector."""

    positional = ("files",)
    examples = (
        "vrft score said.jsonl",
        "vrft score seed0.jsonl seed1.jsonl --against base.jsonl",
        "vrft score results.json --labels instances.json",
        "vrft score said.txt --reader my_reader.py:rows",
        "vrft score said.jsonl --task-option ignore_other_classes=true",
    )
    groups: ClassVar = {
        "Reading": ("reader", "labels", "task_option"),
        "Scoring": ("against", "by", "fuse", "novel"),
    }
    files: tuple[Path, ...] = Field(min_length=1, description="Files of answers; several are seeds.")
    out: Path | None = Field(None, description="Folder that keeps result.json.")


def run(args: ScoreArgs) -> None:
    """Score, then print the cards."""
    from vrft.cli.card_tables import print_files
    from vrft.run_folder import write_json
    from vrft.workflows.evaluate_files import evaluate_files

    result = evaluate_files(args.files, args)
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        write_json(args.out / "result.json", result)
    if args.as_json:
        print_json(result)
    else:
        print_files(result, out)
