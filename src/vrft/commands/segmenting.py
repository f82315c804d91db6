"""``vrft eval --sam``: the boxes of answers made into regions, and their gIoU and cIoU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.masks_file import MASKS, append_region, read_regions
from vrft.evaluation.segmented import Regions, open_answers, region_key, region_of, segmentation_scores
from vrft.evaluation.statistics import RESAMPLES
from vrft.progress import Narrator


@dataclass(frozen=True)
class Segmented:
    """The regions of answers, and whose they are."""

    sam: str | None
    """Folder or hub id of the SAM; None where no answer has boxes and none was named."""
    regions: Regions


def segment_answers(
    judged: Sequence[Judged], sam: str | None, folder: Path | None, narrator: Narrator
) -> Segmented:
    """Make the boxes of answers into regions, but for those that the folder keeps already.

    Args:
        judged: answers to questions whose targets have masks, of one system or of several, fused or not.
        sam: folder or hub id of a SAM, loaded only where a region is missing; None scores with what is kept.
        folder: keeps the regions, beside ``answers.jsonl``; None keeps nothing.
        narrator: is told of progress.

    Returns:
        The regions of all answers with boxes.

    Raises:
        InputError: a target has no mask, regions are missing and no SAM is named, or a picture has changed.
        ModelError: the SAM cannot be loaded.
        LabelError: a picture cannot be read.
    """
    path = folder / MASKS if folder is not None else None
    source, known = read_regions(path, sam) if path is not None else (sam, {})
    missing = open_answers(judged, known)
    if not missing:
        return Segmented(source, known)
    if sam is None:
        raise InputError(
            f"{len(missing)} answers have boxes whose regions are not known, such as the one to question "
            f"'{missing[0].example.id}'. Name a SAM with --sam."
        )
    # Only here: scoring what is kept needs no torch.
    from vrft.models.segmenter import Segmenter

    segmenter = Segmenter.load(sam)
    with narrator.stage("Segmenting", len(missing)) as advance:
        for one in missing:
            key, mask = region_key(one), region_of(one, segmenter.in_file)
            known[key] = mask
            if path is not None:
                append_region(path, sam, key, mask)
            advance(1, "")
    return Segmented(sam, known)


def segmentation_card(
    judged: Sequence[Judged], segmented: Segmented, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """What a result says about segmentation.

    Args:
        judged: answers of one system.
        segmented: their regions.
        resamples: number of bootstrap draws.
        seed: of the draws.

    Returns:
        ``sam`` and ``segmentation_scores``: plain JSON.
    """
    return {"sam": segmented.sam, **segmentation_scores(judged, segmented.regions, resamples, seed)}
