"""Labels as objects with masks: instances of a category, the region of a phrase, or objects as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vrft.geometry.masks import mask_of_boxes, merge_masks
from vrft.types import Annotation, Boxes, Image, Mask, ObjectRegion, Record, Regions


@dataclass(frozen=True)
class MaskedLabels:
    """Which labels of some images have masks that fit them."""

    records: tuple[Record, ...]
    """Of single images; a category of which an instance has no mask counts as not labelled in full there."""
    categories: frozenset[str]
    """Those of which some instance has one."""
    without: int
    """Boxes of categories and phrases without a mask."""
    misfits: int
    """Labels whose mask has another size than their image."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> MaskedLabels:
        """Look at the labels of all records."""
        kept: list[Record] = []
        categories: set[str] = set()
        without = misfits = 0
        for record in records:
            if len(record.media) != 1 or not isinstance(record.media[0], Image):
                continue
            bare: set[str] = set()
            for one in record.annotations:
                if not one.counts or not isinstance(one.value, Boxes | Regions):
                    continue
                if not fits(one.value, record):
                    misfits += 1
                elif isinstance(one.value, Boxes) and one.value.mask is None and one.value.xyxy_px:
                    without += one.value.size
                else:
                    categories |= {one.name} if one.about == "category" else set()
                    continue
                bare |= {one.name} if one.about == "category" else set()
            unclear = tuple(sorted({*record.not_exhaustive, *bare}))
            kept.append(replace(record, not_exhaustive=unclear) if bare else record)
        return cls(tuple(kept), frozenset(categories), without, misfits)


def fits(value: Boxes | Regions, record: Record) -> bool:
    """Whether every mask has the size of its image, and every box has an area."""
    (width, height) = record.image.size_wh
    objects = value.objects if isinstance(value, Regions) else ()
    masks = (value.mask if isinstance(value, Boxes) else None, value.ignore, *(one.mask for one in objects))
    sized = all(mask is None or mask.size_hw == (height, width) for mask in masks)
    return sized and all(
        one.xyxy_px[0] < one.xyxy_px[2] and one.xyxy_px[1] < one.xyxy_px[3] for one in objects
    )


def instances(record: Record, category: str) -> Regions:
    """All counted instances of a category, each with its mask."""
    masks = [
        value.mask
        for one, value in record.about("category", Boxes)
        if one.name == category and one.counts and value.mask is not None
    ]
    return Regions(tuple(region for mask in masks for region in _region(mask)))


def of_phrase(value: Boxes) -> Regions | None:
    """What a phrase means; None where it has boxes and no mask.

    Of several boxes with one mask, each has the pixels of the mask inside of it.
    """
    if not value.xyxy_px:
        return Regions(ignore=value.ignore)
    if value.mask is None:
        return None
    parts = [value.mask]
    if value.size > 1:
        size = value.mask.size_hw
        parts = [merge_masks([value.mask, mask_of_boxes([box], size)], True) for box in value.xyxy_px]
    return Regions(tuple(region for mask in parts for region in _region(mask)), value.ignore)


def asked_directly(records: Sequence[Record]) -> Iterator[tuple[Record, int, Annotation, Regions]]:
    """Annotations that are objects already, as plain rows have them, each with its place in the record."""
    for record in records:
        for place, one in enumerate(record.annotations):
            if isinstance(one.value, Regions) and one.name and one.counts and fits(one.value, record):
                yield record, place, one, one.value


def _region(mask: Mask) -> list[ObjectRegion]:
    """The object of a mask: box, points and pixels come from one source."""
    box = mask.box_xyxy_px
    return [ObjectRegion(box, mask=mask)] if box is not None else []
