"""gIoU and cIoU of answers whose boxes were made into regions, such as by SAM.

A region depends on the picture and the boxes alone. So regions are kept by question and boxes, and one
collection serves several systems and every rule of fusion: with its metrics, bootstrap and paired comparison
work as for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.statistics import RESAMPLES, bootstrap
from vrft.tasks.metrics.mask_iou import Overlap, overlap_with
from vrft.tasks.metrics.metric import Metric, Resampler
from vrft.types import BoxesTarget, BoxXYXY, Mask

Segment = Callable[[Path, Sequence[BoxXYXY]], Mask | None]
"""The region that boxes, in pixels, enclose in a picture file."""
RegionKey = tuple[str, tuple[BoxXYXY, ...]]
"""A question's id and the boxes that answer it."""
Regions = Mapping[RegionKey, Mask | None]
"""What the boxes of answers enclose."""


def region_key(judged: Judged) -> RegionKey:
    """Where an answer's region stands in ``Regions``; an answer that could not be parsed has no boxes."""
    return judged.example.id, judged.answer.boxes_xyxy_px if judged.answer.parsed else ()


def open_answers(judged: Sequence[Judged], known: Regions) -> list[Judged]:
    """Answers with boxes whose region is not known yet, each region once.

    Args:
        judged: answers to questions whose target has a region.
        known: regions there are already.

    Returns:
        Answers sorted by picture, so that each picture need be looked at once only.

    Raises:
        InputError: a question's target has no region to compare with.
    """
    for one in judged:
        _target(one)
    missing = {key: one for one in judged if (key := region_key(one))[1] and key not in known}
    return sorted(missing.values(), key=lambda one: (one.example.image.as_posix(), one.example.id))


def region_of(judged: Judged, segment: Segment) -> Mask | None:
    """Make one answer's boxes into a region.

    Args:
        judged: an answer.
        segment: does the work.

    Raises:
        InputError: the picture has not the size that it had when it was asked about.
    """
    example = judged.example
    mask = segment(example.image, region_key(judged)[1])
    if mask is not None and mask.size_hw != example.image_wh[::-1]:
        (height, width), (asked_width, asked_height) = mask.size_hw, example.image_wh
        raise InputError(
            f"{example.image}: the picture is {width} x {height} pixels and was "
            f"{asked_width} x {asked_height} when question '{example.id}' was asked. "
            "Evaluate again, or put the old picture back."
        )
    return mask


def overlaps(judged: Sequence[Judged], regions: Regions) -> list[Overlap]:
    """How each answer's region lies over its question's, ignored pixels left out.

    Args:
        judged: answers to questions whose target has a region.
        regions: holds those of all answers with boxes.

    Returns:
        One overlap an answer; an answer without boxes, or that could not be parsed, has an empty region.

    Raises:
        InputError: a region is not known, or a question's target has none.
    """
    return [overlap_with(_target(one), _known(one, regions)) for one in judged]


def segmentation_metrics(regions: Regions) -> dict[str, Metric]:
    """gIoU and cIoU as metrics of answers.

    Args:
        regions: holds those of all answers that will be measured; to compare two systems, of both.

    Returns:
        The metrics by name: 'giou' and 'ciou'.
    """

    def g_resampler(judged: Sequence[Judged]) -> Resampler:
        ious = np.array([one.iou for one in overlaps(judged, regions)], dtype=float)
        return lambda indices: float(ious[indices].mean()) if len(indices) else float("nan")

    def c_resampler(judged: Sequence[Judged]) -> Resampler:
        px = np.array([(one.intersection_px, one.union_px) for one in overlaps(judged, regions)], dtype=float)

        def value(indices: np.ndarray) -> float:
            intersection, union = px[indices].sum(axis=0) if len(indices) else (0.0, 0.0)
            return float(intersection / union) if union else float("nan")

        return value

    metrics = (Metric("giou", "gIoU", g_resampler), Metric("ciou", "cIoU", c_resampler))
    return {metric.name: metric for metric in metrics}


def segmentation_scores(
    judged: Sequence[Judged], regions: Regions, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """The scores of segmentation with their bootstrap intervals over pictures.

    Args:
        judged: answers of one system; no question twice.
        regions: holds those of all answers with boxes.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        ``n`` questions, ``pictures``, and ``giou`` and ``ciou`` with value, low and high, in [0, 1] or None:
        plain JSON.

    Raises:
        InputError: as ``overlaps``, or a question occurs twice.
    """
    metrics = segmentation_metrics(regions).values()
    return {
        "n": len(judged),
        "pictures": len({one.example.record_id for one in judged}),
        **{metric.name: asdict(bootstrap(judged, metric, resamples, seed)) for metric in metrics},
    }


def _known(judged: Judged, regions: Regions) -> Mask | None:
    key = region_key(judged)
    if key[1] and key not in regions:
        raise InputError(
            f"The region of the answer to question '{key[0]}' is not known. Name a SAM to make it with."
        )
    return regions.get(key)


def _target(judged: Judged) -> BoxesTarget:
    target = judged.example.target
    if not isinstance(target, BoxesTarget) or (target.boxes_xyxy_px and target.mask is None):
        raise InputError(
            f"Question '{judged.example.id}' has no region to compare with. Use data with masks, or leave "
            "gIoU and cIoU out."
        )
    return target
