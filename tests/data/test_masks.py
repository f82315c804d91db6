"""Segmentations of every form become the masks that pycocotools makes of the same pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from labelled import STRICT, instances, values
from pycocotools import mask as coco_mask

from vrft.data.dataset import load_dataset
from vrft.data.formats.segmentation_fields import mask_of
from vrft.errors import LabelError
from vrft.types import Mask

pixels = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda hw: arrays(np.uint8, hw, elements=st.integers(0, 1))
)


def encoded(region: np.ndarray) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(region))
    return {"size": list(region.shape), "counts": rle["counts"].decode()}


def decoded(mask: Mask | None) -> np.ndarray:
    assert mask is not None
    return coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode()})


def runs(region: np.ndarray) -> list[int]:
    """Lengths of equal pixels, column by column, zeros first."""
    flat = region.flatten(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


@given(pixels)
def test_both_run_length_forms_give_the_pixels(region: np.ndarray) -> None:
    height, width = region.shape
    for counts in (encoded(region)["counts"], runs(region), [*runs(region), 0, 0]):
        mask = mask_of({"size": [height, width], "counts": counts}, (width, height), "here")
        if not region.any():
            assert mask is None
        else:
            assert np.array_equal(decoded(mask), region)
            assert mask == Mask((height, width), encoded(region)["counts"])


def test_long_runs_are_read() -> None:
    region = np.zeros((700, 900), np.uint8)
    region[100:600, 3:890] = 1
    assert mask_of(encoded(region), (900, 700), "here") == Mask((700, 900), encoded(region)["counts"])


@given(st.text(max_size=12) | st.text([chr(48 + n) for n in range(64)], max_size=40))
def test_no_text_crashes_or_gives_half_a_mask(counts: str) -> None:
    try:
        mask = mask_of({"size": [5, 7], "counts": counts}, (7, 5), "here")
    except LabelError:
        return
    assert mask is None or mask.counts == encoded(decoded(mask))["counts"]


@pytest.mark.parametrize("flat", [False, True])
def test_polygons_cover_their_inside(flat: bool) -> None:
    square = [2, 1, 6, 1, 6, 4, 2, 4]
    expected = np.zeros((8, 10), np.uint8)
    expected[1:4, 2:6] = 1
    assert np.array_equal(decoded(mask_of(square if flat else [square], (10, 8), "here")), expected)


def test_several_polygons_are_one_mask() -> None:
    parts = [[0, 0, 2, 0, 2, 2, 0, 2], [6, 4, 9, 4, 9, 8, 6, 8], [1, 1, 2, 2]]
    assert decoded(mask_of(parts, (10, 8), "here")).sum() == 4 + 12


@pytest.mark.parametrize("nothing", [None, [], {}, [[1, 1, 2, 2]], [1, 1, 5, 5], [[3, 3, 3, 3, 3, 3]]])
def test_no_pixels_are_no_mask(nothing: object) -> None:
    assert mask_of(nothing, (10, 8), "here") is None


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ({"size": [10, 8], "counts": [80]}, r"size \[10, 8\], the image is 8 pixels high and 10 wide"),
        ({"size": [8, 10], "counts": [79]}, "79 pixels, the image has 80"),
        ({"size": [8, 10], "counts": [90, -10]}, "not run lengths"),
        ({"size": [8, 10], "counts": [80.0]}, "not run lengths"),
        ({"size": [8, 10], "counts": None}, "not run lengths"),
        ({"size": [8, 10], "counts": "P"}, "not run lengths"),
        ({"counts": [80]}, "size None"),
        ([[1, 2, 3, 4, 5]], "not pairs"),
        ([[1, 2, 3, 4, 5, "6"]], "not pairs"),
        ([[1, 2, 3, 4, 5, float("nan")]], "not pairs"),
        ([[1, 2], 3], "not pairs"),
        ([[0, 0, 12, 0, 5, 5]], "outside its image"),
        ([[0, -2, 5, 0, 5, 5]], "outside its image"),
        ("1 2 3", "neither polygons nor"),
    ],
)
def test_wrong_segmentations_are_refused(segmentation: object, said: str) -> None:
    with pytest.raises(LabelError, match=rf"^a\.json, annotation 1: .*{said}"):
        mask_of(segmentation, (10, 8), "a.json, annotation 1")


def test_coco_keeps_masks_of_objects_and_crowds(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("p.png")
    crowd = {"size": [30, 40], "counts": [30 * 20, 30 * 5, 30 * 15]}
    place = [(1, 1, [20, 0, 5, 30]), (1, 2, [0, 0, 5, 5])]
    file = make_coco("a.json", [("p.png", 40, 30)], place, segmentation=crowd, iscrowd=1)
    sheet = json.loads(file.read_text())
    # Where all masks are crowds they are read as objects.
    sheet["annotations"][1] |= {"segmentation": [[0, 0, 5, 0, 5, 5]], "iscrowd": 0}
    file.write_text(json.dumps(sheet))
    record = load_dataset(tmp_path).records[0]
    expected = np.zeros((30, 40), np.uint8)
    expected[:, 20:25] = 1
    assert not instances(record)[0].counts
    assert np.array_equal(decoded(values(record)[0].mask), expected)


def test_coco_names_annotations_with_a_mask_of_another_size_or_none(
    tmp_path: Path, make_image: Any, make_coco: Any
) -> None:
    make_image("p.png")
    place = [("p.png", 40, 30)], [(1, 1, [20, 0, 5, 30]), (1, 2, [0, 0, 5, 5])]
    make_coco("a.json", *place, segmentation={"size": [40, 30], "counts": [1200]})
    with pytest.raises(LabelError, match=r"a\.json, annotation 1 \(image p\.png\): The mask has the size"):
        load_dataset(tmp_path, options=STRICT)
    make_coco("a.json", *place, segmentation=[[1, 1, 2, 2]])
    dataset = load_dataset(tmp_path)
    assert [value.mask for value in values(dataset.records[0])] == [None, None]
    assert dataset.warnings == (
        "a.json: segmentations without a pixel, or of two points, were not read: annotations 1, 2.",
    )
