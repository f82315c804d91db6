"""Labels stay where their pixels are, found by looking at the pixels."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painting import asking, bright_box, decoded, edited, painted_boxes, painted_masks
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from vrft.data.augment import DRAWS, augmented
from vrft.data.augment.color import Colour
from vrft.data.augment.crop import Crop
from vrft.data.augment.flip import Flip
from vrft.data.augment.scale import Scale

KINDS = [*({name: 1.0} for name in DRAWS), dict.fromkeys(DRAWS, 1.0)]
SEEDS = st.integers(0, 2**31)


@pytest.mark.parametrize("chances", KINDS, ids="+".join)
@settings(max_examples=60)
@given(painted_boxes(), SEEDS)
def test_boxes_are_where_their_pixels_are(chances, painted, seed):
    image, example = painted
    changed = augmented(example, chances, seed, 0)
    after = edited(image, changed)
    assert after.size == changed.image_wh
    for channel, box in enumerate(changed.target.boxes_xyxy_px):
        assert bright_box(after, channel) == pytest.approx(box, abs=1)


@pytest.mark.parametrize("chances", KINDS, ids="+".join)
@settings(max_examples=40)
@given(painted_masks(), SEEDS)
def test_masks_are_where_their_pixels_are(chances, painted, seed):
    image, example = painted
    changed = augmented(example, chances, seed, 0)
    seen = np.asarray(edited(image, changed))[..., 0] >= 75
    mask = decoded(changed.target.mask)
    assert mask.shape == seen.shape == changed.target.mask.size_hw
    assert changed.target.ignore == changed.target.mask
    if any(isinstance(edit, Scale) for edit in changed.edits):
        around = np.ones((3, 3))
        assert not (binary_erosion(mask, around) & ~seen).any()
        assert not (seen & ~binary_dilation(mask, around)).any()
    else:
        assert np.array_equal(mask, seen)


def test_changes_by_hand():
    box = (10.0, 20.0, 30.0, 60.0)
    assert Flip((100, 80)).box(box) == (70.0, 20.0, 90.0, 60.0)
    assert Crop((4, 5, 96, 75)).box(box) == (6.0, 15.0, 26.0, 55.0)
    assert Crop((4, 5, 96, 75)).size_wh == (92, 70)
    assert Scale((100, 80), (50, 60)).box(box) == (5.0, 15.0, 15.0, 45.0)
    assert Colour((100, 80), 0.7, 1.3, 0.7).box(box) == box


def test_all_kinds_of_change_happen_at_once():
    example = asking(image_wh=(300, 200), boxes=[(100.0, 50.0, 180.0, 120.0)])
    edits = augmented(example, dict.fromkeys(DRAWS, 1.0), 0, 0).edits
    assert [type(edit) for edit in edits] == [Crop, Scale, Flip, Colour]


@given(st.tuples(*[st.integers(60, 120)] * 3), SEEDS)
def test_the_hue_of_a_picture_stays(rgb, seed):
    # Not so bright that a channel is clipped, and coloured enough for a hue to be told.
    rgb = (rgb[0], rgb[1], max(rgb) + 40)
    image = Image.new("RGB", (64, 64), rgb)
    after = edited(image, augmented(asking(image_wh=(64, 64)), {"colour": 1.0}, seed, 0)).getpixel((5, 5))
    before, now = (colorsys.rgb_to_hsv(*[c / 255 for c in pixel])[0] for pixel in (rgb, after))
    assert now == pytest.approx(before, abs=0.03)


def test_the_light_of_a_picture_changes_and_the_given_picture_does_not():
    image = Image.new("RGB", (8, 8), (120, 80, 40))
    dark = Colour((8, 8), 0.7, 1.0, 1.0).pixels(image)
    assert dark.getpixel((0, 0)) == (84, 56, 28)
    grey = Colour((8, 8), 1.0, 1.0, 0.0).pixels(image).getpixel((0, 0))
    assert len(set(grey)) == 1
    assert image.getpixel((0, 0)) == (120, 80, 40)
