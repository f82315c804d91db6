"""Pictures that look alike are found whatever their files; others are not."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from vrft.data.likeness import MOST_BITS, Look, look_alikes, look_of


def scene(seed: int) -> Image.Image:
    cells = np.random.default_rng([3, seed]).integers(0, 255, (7, 10, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((200, 140), Image.Resampling.BICUBIC)


def saved_again(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=50)
    return Image.open(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize(
    "change",
    [
        saved_again,
        lambda image: image.resize((90, 63)),
        lambda image: image.convert("L"),
        lambda image: ImageEnhance.Brightness(image).enhance(1.03),
    ],
    ids=["saved again", "scaled", "without colour", "a little lighter"],
)
def test_changed_copies_are_found(change):
    pictures = [scene(0), scene(1), change(scene(0)), scene(2)]
    assert look_alikes([look_of(picture) for picture in pictures]) == [(0, 2)]


def test_plain_pictures_are_told_apart_by_their_shade():
    looks = [look_of(Image.new("RGB", (50, 40), (shade,) * 3)) for shade in (10, 60, 10)]
    assert look_alikes(looks) == [(0, 2)]


def test_mirrored_is_another_picture():
    looks = [look_of(scene(4)), look_of(scene(4).transpose(Image.Transpose.FLIP_LEFT_RIGHT))]
    assert look_alikes(looks) == []


def test_the_hash_is_that_of_its_definition():
    # Columns get lighter up to the fifth and darker after it: eight comparisons, four of them rising.
    shades = np.array([0, 50, 100, 150, 200, 150, 100, 50, 0], dtype=np.uint8)
    image = Image.fromarray(np.repeat(np.tile(shades, (8, 1)), 10, axis=1).repeat(10, axis=0))
    assert look_of(image).bits.reshape(8, 8).tolist() == [[True] * 4 + [False] * 4] * 8


def test_every_pair_is_found_among_many():
    rng = np.random.default_rng(0)
    grey = np.zeros((32, 32), np.float32)
    bits = rng.random((1300, 64)) < 0.5
    for copy, original in ((1200, 3), (1299, 1100), (40, 39)):
        bits[copy] = bits[original]
        bits[copy, rng.choice(64, MOST_BITS, replace=False)] ^= True
    looks = [Look(row, grey) for row in bits]
    wanted = [
        (a, b) for a, b in combinations(range(1300), 2) if np.count_nonzero(bits[a] != bits[b]) <= MOST_BITS
    ]
    assert wanted == [(3, 1200), (39, 40), (1100, 1299)] == sorted(look_alikes(looks))
    assert look_alikes([]) == []
