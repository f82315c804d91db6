"""Boxes that are no pixels are refused with the option that says what they are, which then reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import values

from vrft.data.conventions import likely_coordinates
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.errors import LabelError


def random_shares(seed: int, n: int) -> np.ndarray:
    """(n, 4): boxes anywhere in an image, as shares of its sides."""
    draw = np.random.default_rng(seed)
    ends = np.sort(draw.uniform(0, 1, (n, 2, 2)), axis=1)
    return np.concatenate([ends[:, 0], ends[:, 1]], axis=1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    wide=st.sampled_from([(1920, 1080), (4000, 3000), (320, 240), (64, 48)]),
    kind=st.sampled_from(["pixels", "0-1", "0-1000"]),
)
def test_random_boxes_of_each_kind_are_not_mixed_up(seed: int, wide: tuple[int, int], kind: str) -> None:
    """Boxes all over an image of a size that is not about 1000; in pixels they are never suspected."""
    shares = random_shares(seed, 30)
    extent = {"pixels": (*wide, *wide), "0-1": (1, 1, 1, 1), "0-1000": (1000,) * 4}[kind]
    numbers = shares * np.asarray(extent)
    numbers = numbers if kind == "0-1" else numbers.round()
    sizes = np.tile(np.asarray(wide, dtype=float), (30, 1))
    assert likely_coordinates(numbers, sizes) == (None if kind == "pixels" else kind)


def write(folder: Path, boxes: np.ndarray, form: str) -> None:
    if form == "rows":
        rows = [
            {"image": f"{n}.png", "question": f"cup {n}", "box": list(box)} for n, box in enumerate(boxes)
        ]
        (folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return
    sheet = {
        "images": [{"id": n, "file_name": f"{n}.png"} for n in range(len(boxes))],
        "categories": [{"id": 1, "name": "cup"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [a, b, c - a, d - b]}
            for n, (a, b, c, d) in enumerate(boxes)
        ],
    }
    (folder / "x.json").write_text(json.dumps(sheet))


@pytest.mark.parametrize("form", ["rows", "coco"])
@pytest.mark.parametrize("wide", [(1920, 1080), (320, 240)])
@pytest.mark.parametrize(("kind", "extent"), [("0-1", 1), ("0-1000", 1000)])
def test_the_error_names_the_option_that_reads_them(
    tmp_path: Path, make_image: Any, form: str, wide: tuple[int, int], kind: Any, extent: int
) -> None:
    shares = random_shares(1, 6)
    numbers = shares if kind == "0-1" else (shares * extent).round()
    for number in range(6):
        make_image(f"{number}.png", wide, shade=number)
    write(tmp_path, numbers, form)
    with pytest.raises(LabelError, match=rf"All boxes are between 0 and {extent},.*--coordinates {kind} "):
        load_dataset(tmp_path)
    read = load_dataset(tmp_path, options=ReadOptions(coordinates=kind))
    (found,) = [value.xyxy_px[0] for value in values(read.records[0])]
    assert found == pytest.approx(tuple(numbers[0] / extent * (*wide, *wide)), abs=1e-3)
    if kind == "0-1" or wide[0] > 1000:
        as_pixels = load_dataset(tmp_path, options=ReadOptions(coordinates="pixels"))
        (found,) = [value.xyxy_px[0] for value in values(as_pixels.records[0])]
        assert found == pytest.approx(tuple(numbers[0]), abs=1e-3)


def test_a_few_small_boxes_show_nothing() -> None:
    sizes = np.asarray([(1920.0, 1080.0)] * 3)
    assert likely_coordinates(np.asarray([(10.0, 10, 900, 900)] * 2), sizes[:2]) is None
    assert likely_coordinates(np.asarray([(10.0, 10, 400, 400)] * 3), sizes) is None
    assert (
        likely_coordinates(np.asarray([(10.5, 10, 900, 900)] * 30), np.asarray([(1920.0, 1080.0)] * 30))
        is None
    )


@pytest.mark.parametrize("n_odd", [1, 2, 3])
def test_a_few_boxes_far_outside_their_small_images_are_mistakes(n_odd: int) -> None:
    inside, odd = [(4.0, 5, 30, 20), (9.0, 8, 50, 40)] * 4, [(500.0, 5, 900, 30)] * n_odd
    assert likely_coordinates(np.asarray(inside + odd), np.asarray([(64.0, 48.0)] * (8 + n_odd))) is None


@pytest.mark.parametrize(("wide", "n"), [((1024, 1024), 200), ((1000, 1000), 40), ((1920, 1080), 3)])
def test_ordinary_boxes_are_no_parts_of_a_thousand(wide: tuple[int, int], n: int) -> None:
    sizes = np.asarray([wide] * n, dtype=float)
    assert (
        likely_coordinates(np.asarray([(300.0, 150, 890, 700)] * (n - 1) + [(9, 9, 950, 980)]), sizes) is None
    )


def test_many_small_boxes_at_the_upper_left_are_pixels() -> None:
    corners = np.random.default_rng(0).integers(0, 560, (80, 2))
    boxes = np.concatenate([corners, corners + 60], 1).astype(float)
    assert likely_coordinates(boxes, np.asarray([(1600.0, 1200.0)] * 80)) is None
