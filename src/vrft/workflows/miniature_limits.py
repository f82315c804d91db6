"""What the embedded miniature is for: images of its own kind, and nothing else."""

from __future__ import annotations

from collections.abc import Collection

from vrft.data.dataset import Dataset
from vrft.errors import InputError
from vrft.miniature.location import MINIATURE, is_miniature
from vrft.miniature.scenes import CATEGORIES, SIZE
from vrft.models.model_options import ModelOptions
from vrft.progress import ProgressReporter

LIMITS = (
    f"The miniature knows {len(CATEGORIES)} digits and shapes, drawn on images of {SIZE}x{SIZE} pixels, and "
    "nothing of photographs. What it says or scores here shows that vrft works, and means nothing for these "
    "images or for what a real model would learn from them. For that, name a vision-language model."
)


def model_for(named: str | None, dataset: Dataset, option: str = "--model") -> str:
    """The model that a user named; the miniature where none was, and the images are of its own kind.

    Raises:
        InputError: none was named for other images.
    """
    if named is not None:
        return named
    if _is_known(_sizes(dataset), dataset.categories):
        return MINIATURE
    raise InputError(
        f"{dataset.root}: say which model is to be trained, with {option}. The embedded miniature is for "
        "drawn digits and shapes, not for such images; 'vrft models' lists what there is. Nothing was "
        "trained."
    )


def limits_of(
    model: str, sizes_wh: Collection[tuple[int, int]], categories: Collection[str] = ()
) -> str | None:
    """What a user should know who gives the miniature images that it cannot understand.

    Args:
        model: any model's name.
        sizes_wh: of the images, in pixels.
        categories: that label them.
    """
    return LIMITS if is_miniature(model) and not _is_known(sizes_wh, categories) else None


def limits_on(model: str, dataset: Dataset) -> str | None:
    """The same of labelled images."""
    return limits_of(model, _sizes(dataset), dataset.categories)


def check_model(options: ModelOptions, dataset: Dataset, reporter: ProgressReporter) -> None:
    """See that a configuration names a model, or needs none."""
    named = options.path if "path" in options.model_fields_set else None
    if says := limits_on(model_for(named, dataset, "model.path"), dataset):
        reporter.info(says)


def _is_known(sizes_wh: Collection[tuple[int, int]], categories: Collection[str]) -> bool:
    return set(sizes_wh) == {(SIZE, SIZE)} and set(categories) <= set(CATEGORIES)


def _sizes(dataset: Dataset) -> set[tuple[int, int]]:
    return {medium.size_wh for record in dataset.records for medium in record.media}
