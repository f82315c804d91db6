"""What is shown of an image is what was drawn, and labels are where their pixels are."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painting import asking, bright_box, painted_boxes, painted_masks
from PIL import Image as PILImage
from PIL import ImageEnhance, ImageOps

from vrft.data.augment import AugmentOptions, augmented
from vrft.data.images import apply_view, open_image, open_rgb
from vrft.types import ColorShift, Image

KINDS = {name: AugmentOptions(**{name: 1.0}) for name in AugmentOptions.model_fields}
KINDS["all"] = AugmentOptions(**dict.fromkeys(AugmentOptions.model_fields, 1.0))
SEEDS = st.integers(0, 2**31)
FRAMES = ("norm1000", "resized_pixels", "norm1")


def file_box(image, box):
    """A box of what is shown as a box of the file, and the pixels of the file to one of what is shown."""
    frame = image.frame("resized_pixels", image.shown_wh)
    return frame.box_to_px(tuple(map(float, box))), max(frame.step_px)


@pytest.mark.parametrize("options", KINDS.values(), ids=list(KINDS))
@settings(max_examples=60)
@given(painted_boxes(), SEEDS)
def test_boxes_are_where_their_pixels_are(options, painted, seed):
    pixels, example = painted
    changed = augmented(example, options, seed, 0)
    after = apply_view(pixels, changed.image)
    assert changed.target == example.target
    assert after.size == changed.image.shown_wh
    for channel, box in enumerate(example.target.xyxy_px):
        seen, step = file_box(changed.image, bright_box(after, channel))
        assert seen == pytest.approx(box, abs=step * 1.01)


@pytest.mark.parametrize("options", KINDS.values(), ids=list(KINDS))
@settings(max_examples=40)
@given(painted_masks(), SEEDS)
def test_masks_stay_whole_and_are_where_their_pixels_are(options, painted, seed):
    pixels, example = painted
    changed = augmented(example, options, seed, 0)
    assert changed.target == example.target
    seen, step = file_box(changed.image, bright_box(apply_view(pixels, changed.image), 0))
    # Along the rim of an ellipse few pixels are bright, and resizing blurs them.
    assert seen == pytest.approx(example.target.mask.box_xyxy_px, abs=step * 1.5)


VIEWS = [
    {"window_px": window, "resized_wh": resized, "mirrored": mirrored}
    for window, resized, mirrored in product((None, (10, 20, 110, 80)), (None, (57, 43)), (False, True))
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(k for k, v in view.items() if v) or "plain")
@pytest.mark.parametrize("name", FRAMES)
@given(box=st.tuples(*[st.integers(0, 999)] * 4).filter(lambda b: b[0] < b[2] and b[1] < b[3]))
def test_a_written_box_is_the_file_box_again_whatever_is_shown(view, name, box):
    """Numbers that can be written come back unchanged, and a box of the file to within half a step."""
    image = Image(Path("a.png"), (120, 90), **view)
    frame = image.frame(name, (64, 48))
    extent = frame.extent_wh * 2
    written = tuple(
        round(n / 999 * side, 3 if name == "norm1" else 0) for n, side in zip(box, extent, strict=True)
    )
    px = frame.box_to_px(written)
    if px is None:
        assert written[0] == written[2] or written[1] == written[3]
        return
    left, top, right, bottom = view["window_px"] or (0, 0, 120, 90)
    assert left <= px[0] < px[2] <= right and top <= px[1] < px[3] <= bottom
    assert frame.box_from_px(px) == pytest.approx(written, abs=1e-9)
    moved = (px[0], px[1], min(px[2] + 0.3, right), min(px[3] + 0.3, bottom))
    read = frame.box_to_px(frame.box_from_px(moved))
    step = max(frame.step_px)
    assert read is None or read == pytest.approx(moved, abs=step / 2 + 1e-9)


def test_places_by_hand():
    box = (10.0, 20.0, 30.0, 60.0)

    def shown(**view):
        image = Image(Path("a.png"), (100, 80), **view)
        return image.shown_wh, image.frame("resized_pixels", image.shown_wh).box_from_px(box)

    assert shown(mirrored=True) == ((100, 80), (70.0, 20.0, 90.0, 60.0))
    assert shown(window_px=(4, 5, 96, 75)) == ((92, 70), (6.0, 15.0, 26.0, 55.0))
    assert shown(resized_wh=(50, 60)) == ((50, 60), (5.0, 15.0, 15.0, 45.0))
    assert shown(edits=(ColorShift(0.7, 1.3, 0.7),)) == ((100, 80), box)
    assert shown(window_px=(4, 5, 96, 75), resized_wh=(46, 35), mirrored=True) == (
        (46, 35),
        (33.0, 8.0, 43.0, 28.0),
    )


@given(painted_boxes(), SEEDS)
def test_pixels_are_cut_resized_mirrored_and_edited_in_this_order(painted, seed):
    """As version 0.1 made them, by one call of Pillow for each change."""
    pixels, example = painted
    image = augmented(example, KINDS["all"], seed, 0).image
    expected = pixels.crop(image.window_px) if image.window_px else pixels
    if image.resized_wh:
        expected = expected.resize(image.resized_wh, PILImage.Resampling.BICUBIC)
    expected = ImageOps.mirror(expected)
    (shift,) = image.edits
    expected = ImageEnhance.Brightness(expected).enhance(shift.brightness)
    expected = ImageEnhance.Contrast(expected).enhance(shift.contrast)
    expected = ImageEnhance.Color(expected).enhance(shift.saturation)
    assert apply_view(pixels, image).tobytes() == expected.tobytes()


def test_an_image_is_opened_as_it_is_shown(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (100, 140, 3), dtype=np.uint8)
    path = tmp_path / "a.png"
    PILImage.fromarray(noise).save(path)
    plain = Image(path, (140, 100))
    assert np.array_equal(np.asarray(open_image(plain)), noise)
    assert open_image(plain).tobytes() == open_rgb(path).tobytes()
    shown = replace(plain, window_px=(20, 10, 120, 90), mirrored=True)
    assert np.array_equal(np.asarray(open_image(shown)), noise[10:90, 20:120][:, ::-1])


def test_all_kinds_of_change_happen_at_once():
    image = augmented(
        asking(size_wh=(300, 200), boxes=[(100.0, 50.0, 180.0, 120.0)]), KINDS["all"], 0, 0
    ).image
    assert image.window_px and image.resized_wh and image.mirrored
    assert [type(edit) for edit in image.edits] == [ColorShift]


@given(st.tuples(*[st.integers(60, 120)] * 3), SEEDS)
def test_the_hue_of_an_image_stays(rgb, seed):
    # Not so bright that a channel is clipped, and colored enough for a hue to be seen.
    rgb = (rgb[0], rgb[1], max(rgb) + 40)
    image = augmented(asking(size_wh=(64, 64)), KINDS["color"], seed, 0).image
    assert image.edits
    after = apply_view(PILImage.new("RGB", (64, 64), rgb), image).getpixel((5, 5))
    before, now = (colorsys.rgb_to_hsv(*[c / 255 for c in pixel])[0] for pixel in (rgb, after))
    assert now == pytest.approx(before, abs=0.03)


def test_the_light_of_an_image_changes_and_the_given_image_does_not():
    image = PILImage.new("RGB", (8, 8), (120, 80, 40))
    assert ColorShift(brightness=0.7).apply(image).getpixel((0, 0)) == (84, 56, 28)
    gray = ColorShift(saturation=0.0).apply(image).getpixel((0, 0))
    assert len(set(gray)) == 1
    assert image.getpixel((0, 0)) == (120, 80, 40)
