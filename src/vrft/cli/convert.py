"""``vrft convert``: labelled images in another format."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from vrft.cli.options import WithJson
from vrft.cli.output import print_json, print_line
from vrft.data.data_options import ReadOptions
from vrft.workflows.requests import reading_of

if TYPE_CHECKING:
    from vrft.data.dataset import Dataset


class ConvertArgs(WithJson, ReadOptions):
    """Write labelled images in another format; the files of the images stay byte for byte."""

    positional = ("data", "out")
    examples = (
        "vrft convert photos photos-coco --to coco",
        "vrft convert photos photos-yolo --to yolo --link",
    )
    data: Path = Field(description="A folder of boxes in any format that vrft reads.")
    out: Path = Field(description="A new or empty folder.")
    to: str = Field("coco", description="coco, voc or yolo.")
    link: bool = Field(False, description="Link the images where the disk can, instead of copying them.")


def _read(args: ConvertArgs) -> Dataset:
    """The boxes of categories; where there are none, whatever else is there, for the format to refuse."""
    from vrft.data.dataset import load_dataset
    from vrft.data.label_checks import CATEGORY_BOXES
    from vrft.errors import LabelError

    reading = reading_of(args)
    try:
        return load_dataset(args.data, [CATEGORY_BOXES], reading)
    except LabelError:
        with suppress(LabelError):
            other = load_dataset(args.data, None, reading)
            if CATEGORY_BOXES not in other.provides:
                return other
        raise


def run(args: ConvertArgs) -> None:
    """Convert, then say what the format cannot hold."""
    from vrft.data.export.export_format import export

    dataset = _read(args)
    left_out = export(dataset, args.out, args.to, link=args.link)
    if args.as_json:
        images = len(dataset.records)
        print_json({"images": images, "format": args.to, "folder": str(args.out), "left_out": list(left_out)})
        return
    for sentence in (*dataset.warnings, *left_out):
        print_line(sentence)
    print_line(f"{len(dataset.records)} images ({dataset.format}) written as {args.to}: {args.out.resolve()}")
