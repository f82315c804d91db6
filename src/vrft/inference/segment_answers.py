"""The boxes of answers, with their points, made into regions by a SAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from vrft.data.images import open_rgb
from vrft.errors import InputError
from vrft.evaluation.segmented import (
    MASKS,
    Regions,
    append_region,
    open_answers,
    read_regions,
    region_key,
    region_of,
    segmentation_scores,
)
from vrft.evaluation.statistics import RESAMPLES
from vrft.progress import ProgressReporter
from vrft.tasks.metrics.mask_iou import prompts_of, with_masks
from vrft.types import Prediction


class Segmented(NamedTuple):
    """The regions of answers by question and boxes, and the SAM (None where nothing was to be made)."""

    sam: str | None
    regions: Regions


def segment_answers(
    predictions: Sequence[Prediction], sam: str | None, folder: Path | None, reporter: ProgressReporter
) -> Segmented:
    """Make the boxes of answers into regions by a SAM, but for those that the folder keeps already."""
    path = folder / MASKS if folder is not None else None
    source, known = read_regions(path, sam) if path is not None else (sam, {})
    missing = open_answers(predictions, known)
    if not missing:
        return Segmented(source, known)
    if sam is None:
        raise InputError(
            f"{len(missing)} answers have boxes but no regions yet, such as the one to question "
            f"'{missing[0].example.id}'. Name a SAM with --sam."
        )
    # Only here: scoring what is kept needs no torch.
    from vrft.models.segmenter import load_segmenter

    segmenter = load_segmenter(sam)
    with reporter.task("Segmenting", len(missing)) as update:
        for one in missing:
            key, mask = region_key(one), region_of(one, segmenter.in_file)
            known[key] = mask
            if path is not None:
                append_region(path, sam, key, mask)
            update(1, "")
    return Segmented(sam, known)


def segmented_predictions(
    predictions: Sequence[Prediction], sam: str, reporter: ProgressReporter
) -> list[Prediction]:
    """The same answers with what a SAM makes of them: a mask for each object, or one of all boxes."""
    from vrft.models.segmenter import load_segmenter

    segmenter = load_segmenter(sam)
    found: list[Prediction] = []
    with reporter.task("Segmenting", len(predictions)) as update:
        for one in predictions:
            prompts = prompts_of(one.answer)
            masks = segmenter.objects(open_rgb(one.example.image.path), prompts) if prompts else []
            found.append(replace(one, answer=with_masks(one.answer, masks)))
            update(1, "")
    return found


def segmentation_card(
    predictions: Sequence[Prediction], segmented: Segmented, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """What a result says about segmentation, as plain JSON: gIoU, cIoU, and whose regions they are of."""
    scores = segmentation_scores(predictions, segmented.regions, resamples, seed)
    return {"sam": segmented.sam, **scores}
