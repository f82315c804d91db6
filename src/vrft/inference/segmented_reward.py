"""Mask IoU with a segmenter inside of the reward, after SAM-R1 (arXiv 2505.22596), as a reward of one's own.

::

    reward:
      custom: {"vrft.inference.segmented_reward:mask_iou": 1.0}
      options:
        "vrft.inference.segmented_reward:mask_iou": {segmenter: facebook/sam2.1-hiera-large}
      time_limit_s: 600  # of one step, with the time to load the segmenter

SAM-R1 gives steps of reward between thresholds of IoU, which are not published; here the IoU is the reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from vrft.data.images import open_rgb
from vrft.errors import InputError
from vrft.models.segmenter import MaskMaker, load_segmenter
from vrft.tasks.metrics.mask_iou import labelled_region, overlap, prompts_of
from vrft.types import Answer, Value


def mask_iou(
    answers: Sequence[Answer],
    targets: Sequence[Value | None],
    image_paths: Sequence[Path | None],
    segmenter: str = "",
    device: str = "auto",
) -> list[float | None]:
    """IoU of what a segmenter makes of each answer's boxes and points with the labelled region, in [0, 1].

    1 where an answer rightly finds nothing, 0 where it could not be read; pixels that do not count are left
    out. Without a label it abstains.

    Args:
        answers: of a whole step: those about one image are segmented together.
        targets: boxes or objects with masks.
        image_paths: the file of each answer's image.
        segmenter: a SAM's folder or hub id, or 'flood_fill', the stand-in for drawn scenes.
        device: 'auto', or a torch device.

    Raises:
        InputError: no segmenter is named, or a label has no mask.
    """
    if not segmenter:
        raise InputError(
            "mask_iou: no segmenter is named. Set reward.options to {segmenter: FOLDER_OR_HUB_ID}, or to "
            "{segmenter: flood_fill} for drawn scenes."
        )
    maker = _loaded(segmenter, device)
    found: list[float | None] = [None] * len(answers)
    for place in sorted(range(len(answers)), key=lambda place: str(image_paths[place])):
        target, path = targets[place], image_paths[place]
        if target is not None and path is not None:
            found[place] = _iou(maker, answers[place], target, path)
    return found


def _iou(maker: MaskMaker, answer: Answer, target: Value, path: Path) -> float:
    region = labelled_region(target)
    if region is None:
        raise InputError("mask_iou: this label has no mask. Use labels with masks, or a term of boxes.")
    if not answer.parsed:
        return 0.0
    prompts = prompts_of(answer)
    return overlap(maker.masks(open_rgb(path), prompts) if prompts else None, *region).iou


@cache
def _loaded(segmenter: str, device: str) -> MaskMaker:
    return load_segmenter(segmenter, device)
