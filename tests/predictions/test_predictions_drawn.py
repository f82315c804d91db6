"""Pictures with answers on them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageColor
from saying import NOTHING, POINTED, found, predicted

from vrft.inference.render import PALETTE, draw_answers
from vrft.report.box_overlay import draw_boxes
from vrft.types import Answer

GREY = (128, 128, 128)


def drawn(root, answers, wh=(300, 200), task="detection"):
    Image.new("RGB", wh, GREY).save(root / "a.png")
    made = [predicted("a.png", wh, question, answer, task, root=root) for question, answer in answers]
    return np.asarray(draw_answers(made))


def at(picture, x, y):
    return "#{:02x}{:02x}{:02x}".format(*picture[y, x])


def test_each_question_has_its_colour_and_nothing_leaves_the_picture_as_it_is(tmp_path):
    dogs, cats = found(((20.0, 60.0, 100.0, 150.0), 0.9)), found(((150.0, 60.0, 250.0, 150.0), 0.8))
    picture = drawn(tmp_path, [("dog", dogs), ("cat", cats), ("cow", NOTHING)])
    assert (at(picture, 60, 150), at(picture, 200, 150)) == PALETTE[:2]
    assert (drawn(tmp_path, [("cow", NOTHING)]) == GREY).all()


def test_the_surest_box_stands_in_front_in_whatever_order_the_boxes_come(tmp_path):
    sure, unsure = ((20.0, 60.0, 100.0, 150.0), 0.9), ((20.0, 60.0, 100.0, 170.0), 0.1)
    pictures = [drawn(tmp_path, [("dog", found(*order))]) for order in ((sure, unsure), (unsure, sure))]
    assert (pictures[0] == pictures[1]).all()
    # Over the plates of both stands that of the surest alone.
    alone = drawn(tmp_path, [("dog", found(sure))])
    assert (pictures[0][40:59, 20:60] == alone[40:59, 20:60]).all()


def test_classes_frame_the_picture_and_points_are_marked(tmp_path):
    picture = drawn(tmp_path, [("pet", Answer(True, True, label="pug"))], task="classification")
    assert at(picture, 150, 199) == at(picture, 299, 150) == PALETTE[0]
    marked = drawn(tmp_path, [("dog", POINTED)])
    assert PALETTE[0] in {at(marked, x, 9) for x in range(2, 9)}


def test_a_name_stays_within_the_picture():
    colour = "#ff0000"
    plates = [
        draw_boxes(Image.new("RGB", (300, 200), GREY), {"a long name": [box]}, {"a long name": colour})
        for box in ((10, 100, 12, 102), (290, 100, 292, 102))
    ]
    covered = [(np.asarray(p) == ImageColor.getrgb(colour)).all(-1)[:97].sum() for p in plates]
    assert covered[0] == covered[1] > 100
