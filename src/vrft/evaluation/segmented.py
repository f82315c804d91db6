"""gIoU and cIoU of answers whose boxes were made into regions, such as by SAM.

A region depends on the image, the boxes and their points alone. So regions are kept by these, and one
collection serves several systems and every fusion rule: with its metrics, bootstrap and paired comparison
work as for all others.

The file next to the predictions has a row for each region: ``id`` of the question, ``boxes_xyxy_px`` of the
answer (each followed by x and y of its points), ``mask`` (null where the boxes enclose nothing), ``sam`` that
made it. A stopped run goes on from it, and scoring again needs no SAM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vrft.errors import InputError, RunError
from vrft.evaluation.statistics import RESAMPLES, bootstrap
from vrft.run_folder import append_row, read_rows
from vrft.tasks.metrics.mask_iou import Overlap, c_iou, g_iou, overlap_with, prompts_of, region_target
from vrft.tasks.metrics.metric import Metric, Resampler
from vrft.types import Mask, ObjectRegion, Prediction, RegionPrompt

MASKS = "masks.jsonl"
"""The file's name."""
Segment = Callable[[Path, Sequence[RegionPrompt]], Mask | None]
"""The region that boxes with their points, in pixels, enclose in an image file."""
RegionKey = tuple[str, tuple[RegionPrompt, ...]]
"""A question's id and the boxes, with their points, that answer it."""
Regions = Mapping[RegionKey, Mask | None]
"""What the boxes of answers enclose."""


def region_key(prediction: Prediction) -> RegionKey:
    """Where an answer's region is in ``Regions``; an answer that could not be parsed has no boxes."""
    return prediction.example.id, prompts_of(prediction.answer)


def open_answers(predictions: Sequence[Prediction], known: Regions) -> list[Prediction]:
    """Answers with boxes whose region is not known yet, each region once, sorted by image."""
    for one in predictions:
        region_target(one.example)
    missing = {key: one for one in predictions if (key := region_key(one))[1] and key not in known}
    return sorted(missing.values(), key=lambda one: (one.example.image.path.as_posix(), one.example.id))


def region_of(prediction: Prediction, segment: Segment) -> Mask | None:
    """Make one answer's boxes into a region; an InputError where the image has changed its size."""
    image = prediction.example.image
    mask = segment(image.path, region_key(prediction)[1])
    if mask is not None and mask.size_hw != image.size_wh[::-1]:
        (height, width), (asked_width, asked_height) = mask.size_hw, image.size_wh
        raise InputError(
            f"{image.path}: the image is {width} x {height} pixels and was {asked_width} x {asked_height} "
            f"when question '{prediction.example.id}' was asked. Evaluate again, or put the old image back."
        )
    return mask


def overlaps(predictions: Sequence[Prediction], regions: Regions) -> list[Overlap]:
    """How each answer's region lies over its question's; without boxes it is empty."""
    for one in predictions:
        if (key := region_key(one))[1] and key not in regions:
            raise InputError(
                f"The region of the answer to question '{key[0]}' is missing. Name a SAM with --sam."
            )
    return [
        replace(overlap_with(one.example, regions.get(region_key(one))), was_read=one.answer.parsed)
        for one in predictions
    ]


def segmentation_metrics(regions: Regions) -> dict[str, Metric]:
    """gIoU and cIoU as metrics by name, from the regions of all answers that will be measured."""

    def metric(title: str, measure: Callable[[Sequence[Overlap]], float]) -> Metric:
        def prepare(predictions: Sequence[Prediction]) -> Resampler:
            found = overlaps(predictions, regions)
            return lambda indices: measure([found[i] for i in indices])

        return Metric(title.lower(), title, prepare)

    return {"giou": metric("gIoU", g_iou), "ciou": metric("cIoU", c_iou)}


def segmentation_scores(
    predictions: Sequence[Prediction], regions: Regions, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Plain JSON: ``n`` questions, ``images``, ``giou`` and ``ciou`` with their intervals over images."""
    metrics = segmentation_metrics(regions).values()
    return {
        "n": len(predictions),
        "images": len({one.example.record_id for one in predictions}),
        **{metric.name: asdict(bootstrap(predictions, metric, resamples, seed)) for metric in metrics},
    }


def read_regions(path: Path, sam: str | None = None) -> tuple[str | None, dict[RegionKey, Mask | None]]:
    """The name of one SAM, by default the only one there is, and its regions; a missing file is empty."""
    found: dict[str, dict[RegionKey, Mask | None]] = {}
    for number, row in enumerate(read_rows(path), start=1):
        try:
            boxes = tuple(ObjectRegion.of(tuple(numbers)).prompt for numbers in row["boxes_xyxy_px"])
            mask = None if row["mask"] is None else Mask.decode(row["mask"])
            found.setdefault(row["sam"], {})[row["id"], boxes] = mask
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise RunError(
                f"{path}, line {number}: this is not a region of an answer ({type(error).__name__}: "
                f"{error}). Delete the line; the region is computed again."
            ) from error
    if sam is None and len(found) > 1:
        raise InputError(
            f"{path} holds regions of several models ({', '.join(sorted(found))}). "
            "Name one of them with --sam."
        )
    source = sam or next(iter(found), None)
    return source, found.get(source, {}) if source else {}


def append_region(path: Path, sam: str, key: RegionKey, mask: Mask | None) -> None:
    """Add one region, None where the boxes enclose nothing, to a file, which is made where it is missing."""
    encoded = None if mask is None else mask.encode()
    row = {"id": key[0], "boxes_xyxy_px": [list(box) for box in key[1]], "mask": encoded, "sam": sam}
    append_row(path, row)
