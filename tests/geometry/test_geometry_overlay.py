"""Shapes drawn into images, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageColor

from vrft.geometry.masks import mask_of_boxes, mask_of_region
from vrft.geometry.overlay import OPACITY, PALETTE, draw_shapes
from vrft.types import Boxes, Label, Points, Shape, TimeSpan

RED, BLUE, GREY, WHITE = (255, 0, 0), (0, 0, 255), (128, 128, 128), (255, 255, 255)
COLORS = {"one": "#ff0000", "two": "#0000ff"}


def blank(wh=(200, 100), color="white"):
    return Image.new("RGB", wh, color)


def drawn(layers, image=None, **options):
    return draw_shapes(image or blank(), layers, COLORS, **options)


def box(*numbers):
    return Shape("rectangle", numbers)


def covered(image, color):
    """Where a color is."""
    return (np.asarray(image) == color).all(-1)


def test_boxes_are_drawn_on_a_copy():
    image = blank()
    found = drawn({"one": [box(20, 30, 80, 90)], "two": [box(120, 30, 180, 90)]}, image)
    assert image.getcolors() == [(200 * 100, WHITE)]
    assert found.getpixel((20, 60)) == found.getpixel((50, 90)) == RED
    assert found.getpixel((180, 60)) == BLUE
    assert found.getpixel((50, 60)) == WHITE


def test_no_shapes_leave_an_image_as_it_was_and_odd_ones_do_no_harm():
    image = Image.effect_noise((64, 48), 50).convert("RGB")
    assert ImageChops.difference(drawn({"none": []}, image), image).getbbox() is None
    assert ImageChops.difference(drawn({}, image), image).getbbox() is None
    for mode in ("L", "RGBA", "P", "1"):
        found = drawn({"a name": [box(0, 0, 64, 48), box(63.5, 47.5, 64, 48)]}, image.convert(mode))
        assert (found.mode, found.size) == ("RGB", (64, 48))


def test_a_name_stays_within_the_image():
    plates = [
        draw_shapes(blank((300, 200), GREY), {"a long name": [box(*numbers)]}, {"a long name": "#ff0000"})
        for numbers in ((10, 100, 12, 102), (290, 100, 292, 102))
    ]
    counts = [covered(plate, RED)[:97].sum() for plate in plates]
    assert counts[0] == counts[1] > 100


def test_a_name_is_above_its_box_and_within_where_the_image_ends():
    assert covered(drawn({"one": [box(20, 50, 80, 90)]}), RED)[:50].any()
    found = covered(drawn({"one": [box(20, 0, 80, 90)]}), RED)
    assert found[2:10, 22:30].sum() > 20


def test_what_comes_last_is_in_front():
    same = [box(20, 30, 80, 90)]
    assert drawn({"one": same, "two": same}).getpixel((20, 60)) == BLUE
    assert drawn({"two": same, "one": same}).getpixel((20, 60)) == RED


def test_layers_without_a_color_take_those_of_the_palette_in_turn():
    layers = {str(i): [box(10 + 18 * i, 40, 20 + 18 * i, 90)] for i in range(10)}
    found = draw_shapes(blank(), layers)
    for i in range(10):
        assert found.getpixel((10 + 18 * i, 70)) == ImageColor.getrgb(PALETTE[i % len(PALETTE)])


def test_the_own_text_of_a_shape_follows_the_name_unless_the_name_has_it():
    def width(name, text):
        shape = Shape("rectangle", (5, 60, 6, 61), text)
        return covered(draw_shapes(blank(), {name: [shape]}, {name: "#ff0000"}), RED)[:59].any(0).sum()

    assert width("cat", "") == width("cat", "cat") == width("", "cat") < width("cat", "tabby")
    assert width("", "") == 0


@pytest.mark.parametrize("xy", [(100.0, 50.0), (0.0, 0.0), (199.0, 99.0)])
def test_a_point_is_a_dot(xy):
    found = covered(drawn({"": Points((xy,)).shapes()}), ImageColor.getrgb(PALETTE[0]))
    rows, columns = np.nonzero(found)
    assert found[int(xy[1]), int(xy[0])] and found.sum() < 60
    assert abs(columns - xy[0]).max() <= 3 and abs(rows - xy[1]).max() <= 3


def test_a_polygon_is_outlined():
    found = drawn({"one": [Shape("polygon", (20, 40, 120, 40, 120, 90, 20, 90))]})
    assert found.getpixel((70, 40)) == found.getpixel((120, 60)) == found.getpixel((20, 60)) == RED
    assert found.getpixel((70, 60)) == WHITE


@pytest.mark.parametrize("scale", [1, 2])
def test_a_region_is_tinted_whatever_size_its_mask_has(scale):
    region = np.zeros((100 // scale, 200 // scale), dtype=bool)
    region[40 // scale : 80 // scale, 20 // scale : 60 // scale] = True
    found = np.asarray(drawn({"one": [Shape("region", region=mask_of_region(region))]}))
    tinted = (found[..., 0] == 255) & (abs(found[..., 1].astype(int) - 255 * (1 - OPACITY)) <= 2)
    assert (tinted[44:80, 20:60]).all() and tinted.sum() <= 40 * 40
    assert covered(found, RED)[:40].any()  # its name


def test_a_span_is_a_bar_at_the_lower_edge():
    found = covered(drawn({"one": TimeSpan(2.0, 6.0).shapes()}, duration_s=10.0), RED)
    assert found[99, 40:120].all() and found[99].sum() == 80
    # Without a length the last end is the whole; two spans are above each other.
    two = drawn({"one": TimeSpan(2.0, 5.0).shapes(), "two": TimeSpan(0.0, 10.0).shapes()})
    assert covered(two, RED)[99].sum() == 60 and covered(two, BLUE)[:99].any(0).all()


def test_captions_frame_the_image_one_below_the_other():
    one = Label("pug").shapes()
    found = drawn({"one": one})
    assert found.getpixel((150, 99)) == found.getpixel((199, 50)) == found.getpixel((1, 1)) == RED
    both = drawn({"one": one, "two": Label("cat").shapes()})
    assert covered(both, RED)[2:8, 2:20].any() and covered(both, BLUE)[2:40, 2:20].any()
    rows = [np.nonzero(covered(both, color)[:60, 3:15].any(1))[0] for color in (RED, BLUE)]
    assert rows[0].max() < rows[1].max() and covered(both, RED)[3:12, 3:15].sum() > 30


def test_shapes_of_other_images_are_left_out():
    layers = {"one": [Shape("rectangle", (20, 30, 80, 90), frame=1)]}
    assert not covered(drawn(layers), RED).any()
    assert covered(drawn(layers, frame=1), RED).any()


def test_all_that_a_value_shows_can_be_drawn():
    values = {"boxes": Boxes(((20.0, 30.0, 80.0, 90.0),), (0.5,), ("cat",)), "points": Points(((9.0, 9.0),))}
    found = draw_shapes(blank(), {name: value.shapes() for name, value in values.items()})
    assert ImageChops.difference(found, blank()).getbbox() is not None


def test_box_point_and_pixels_of_one_thing_are_named_once():
    one, other = (10.0, 40.0, 60.0, 90.0), (120.0, 40.0, 170.0, 90.0)
    parts = [
        box(*one),
        Shape("point", (35.0, 65.0)),
        Shape("region", region=mask_of_boxes([one], (100, 200))),
    ]
    click = [Shape("caption", text="click"), Shape("point", (145.0, 65.0), "click"), box(*other)]

    def letters(shapes):
        """Pixels of names, which alone are neither black nor red."""
        found = np.asarray(drawn({"one": shapes}, blank(color="black")))
        return (found[..., 1] > 150).sum()

    assert letters(parts) == letters(parts[:1]) > 0 and letters(parts[1:2])
    assert letters([*parts, box(*other)]) == 2 * letters(parts)
    assert letters(click) == letters(click[:1])
