"""Regions of answers as JSON lines beside the answers: a stopped run goes on, and scoring again needs no SAM.

A row: ``id`` of the question, ``boxes_xyxy_px`` of the answer, ``mask`` (size_hw and COCO's compressed
counts, null where the boxes enclose nothing), ``sam`` that made it.
"""

from __future__ import annotations

from pathlib import Path

from vrft.errors import InputError, RunError
from vrft.evaluation.answers_file import mask_of, mask_row
from vrft.evaluation.segmented import RegionKey
from vrft.run_folder import append_row, read_rows
from vrft.types import Mask

MASKS = "masks.jsonl"
"""The file's name, in the folder of ``answers.jsonl``."""


def read_regions(path: Path, sam: str | None = None) -> tuple[str | None, dict[RegionKey, Mask | None]]:
    """Read the regions of one SAM.

    A last line that is torn, as an interrupted writer leaves it, is dropped; a missing file is empty.

    Args:
        path: a file of JSON lines.
        sam: whose regions, by folder or hub id; None takes the only one there is.

    Returns:
        The SAM's name, None where nothing is known, and its regions.

    Raises:
        InputError: no SAM is named and the file has regions of several.
        RunError: a line is no region; the message has its number.
    """
    found: dict[str, dict[RegionKey, Mask | None]] = {}
    for number, row in enumerate(read_rows(path), start=1):
        try:
            boxes = tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in row["boxes_xyxy_px"])
            found.setdefault(row["sam"], {})[row["id"], boxes] = mask_of(row["mask"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{path}, line {number}: this is no region of an answer ({type(error).__name__}: {error}). "
                "Delete the line; its region is made again."
            ) from error
    if sam is None and len(found) > 1:
        raise InputError(
            f"{path} holds regions of several models ({', '.join(sorted(found))}). "
            "Name the one to score with."
        )
    source = sam or next(iter(found), None)
    return source, found.get(source, {}) if source else {}


def append_region(path: Path, sam: str, key: RegionKey, mask: Mask | None) -> None:
    """Add one region to a file.

    Args:
        path: the file; it is made with its folder where it is missing.
        sam: the model that made it, by folder or hub id.
        key: the question and the boxes.
        mask: the region; None where the boxes enclose nothing.
    """
    question, boxes = key
    row = {"id": question, "boxes_xyxy_px": [list(box) for box in boxes], "mask": mask_row(mask), "sam": sam}
    append_row(path, row)
