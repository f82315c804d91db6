"""Images with answers on them."""

from __future__ import annotations

import numpy as np
from making_predictions import NOTHING, POINTED, found, predicted
from PIL import Image, ImageColor

from vrft.geometry.overlay import PALETTE, draw_shapes
from vrft.inference.drawn_images import draw_predictions, drawn_name, name_beside
from vrft.types import Answer, Label, Shape

GREY = (128, 128, 128)


def drawn(root, answers, wh=(300, 200), task="detection"):
    Image.new("RGB", wh, GREY).save(root / "a.png")
    made = [predicted("a.png", wh, question, answer, task, root=root) for question, answer in answers]
    return np.asarray(draw_predictions(made))


def at(image, x, y):
    return "#{:02x}{:02x}{:02x}".format(*image[y, x])


def test_each_question_has_its_color_and_nothing_leaves_the_image_as_it_is(tmp_path):
    dogs, cats = found(((20.0, 60.0, 100.0, 150.0), 0.9)), found(((150.0, 60.0, 250.0, 150.0), 0.8))
    image = drawn(tmp_path, [("dog", dogs), ("cat", cats), ("cow", NOTHING)])
    assert (at(image, 60, 150), at(image, 200, 150)) == PALETTE[:2]
    assert (drawn(tmp_path, [("cow", NOTHING)]) == GREY).all()


def test_the_surest_box_stands_in_front_in_whatever_order_the_boxes_come(tmp_path):
    sure, unsure = ((20.0, 60.0, 100.0, 150.0), 0.9), ((20.0, 60.0, 100.0, 170.0), 0.1)
    images = [drawn(tmp_path, [("dog", found(*order))]) for order in ((sure, unsure), (unsure, sure))]
    assert (images[0] == images[1]).all()
    # Over the plates of both stands that of the surest alone.
    alone = drawn(tmp_path, [("dog", found(sure))])
    assert (images[0][40:59, 20:60] == alone[40:59, 20:60]).all()


def test_classes_frame_the_image_and_points_are_marked(tmp_path):
    image = drawn(tmp_path, [("pet", Answer(Label("pug"), True))], task="classification")
    assert at(image, 150, 199) == at(image, 299, 150) == PALETTE[0]
    marked = drawn(tmp_path, [("dog", POINTED)])
    assert PALETTE[0] in {at(marked, x, 9) for x in range(2, 9)}


def test_a_name_stays_within_the_image():
    color = "#ff0000"
    shapes = [Shape("rectangle", box) for box in ((10, 100, 12, 102), (290, 100, 292, 102))]
    plates = [
        draw_shapes(Image.new("RGB", (300, 200), GREY), {"a long name": [shape]}, {"a long name": color})
        for shape in shapes
    ]
    covered = [(np.asarray(p) == ImageColor.getrgb(color)).all(-1)[:97].sum() for p in plates]
    assert covered[0] == covered[1] > 100


def test_drawn_images_are_named_after_the_image_in_a_format_that_everything_shows():
    assert [drawn_name(name) for name in ("cats/a.jpg", "cats/a.webp")] == ["cats/a.jpg", "cats/a.webp.png"]
    assert [name_beside(name) for name in ("a.jpg", "a.webp")] == ["a.answer.jpg", "a.webp.answer.png"]
