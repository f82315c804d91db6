"""CVAT's own XML: shapes become boxes, shapes without a box are unknown, tags are classes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled import BOXES, CLASSES, boxes, class_name
from pycocotools import mask as coco_mask

from vrft.data.dataset import load_dataset
from vrft.data.label_checks import instance_of
from vrft.data.outlines import around_ellipse, around_turned
from vrft.errors import LabelError
from vrft.types import Boxes

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>7</id><name>fruit</name><size>2</size><mode>annotation</mode></task></meta>
"""
SHAPE = 'source="manual" occluded="0" z_order="0"'


def write(folder: Path, *images: str, name: str = "annotations.xml") -> Path:
    (folder / name).write_text(HEAD + "\n".join(images) + "\n</annotations>\n", "utf-8")
    return folder


def image(
    name: str, *shapes: str, number: int = 0, size: str = 'width="40" height="30"', more: str = ""
) -> str:
    return (
        f'  <image id="{number}" name="{name}" {size} {more}>\n    ' + "\n    ".join(shapes) + "\n  </image>"
    )


def test_every_shape_that_has_a_box(tmp_path: Path, make_image: Any) -> None:
    make_image("images/a.png")
    make_image("images/sub/b.png", shade=1)
    rle = "2,3,3,2"  # of a 5x2 part: row one ..###, row two ...## and so on, row by row
    write(
        tmp_path,
        image(
            "a.png",
            f'<box label="cat" {SHAPE} xtl="5.00" ytl="4.00" xbr="30.50" ybr="22.00"><attribute name="old">no'
            "</attribute></box>",
            f'<polygon label="dog" {SHAPE} points="1.00,2.00;9.00,2.00;9.00,8.00"></polygon>',
            f'<ellipse label="cup" {SHAPE} cx="20.00" cy="15.00" rx="6.00" ry="3.00"></ellipse>',
            f'<mask label="leaf" {SHAPE} rle="{rle}" left="10" top="20" width="5" height="2"></mask>',
            f'<cuboid label="crate" {SHAPE} xtl1="1" ytl1="1" xbl1="1" ybl1="9" xtr1="8" ytr1="2" xbr1="8" '
            'ybr1="10" xtl2="5" ytl2="0" xbl2="5" ybl2="7" xtr2="12" ytr2="1" xbr2="12" ybr2="8"></cuboid>',
            '<box label="cat" occluded="1" xtl="1" ytl="1" xbr="4" ybr="4" z_order="0"></box>',
        ),
        image("sub/b.png", number=1),
    )
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.provides, dataset.left_out) == ("cvat", BOXES, ())
    first, second = dataset.records
    assert (first.id, second.id) == ("images/a.png", "images/sub/b.png")
    assert boxes(first) == [
        ("cat", (5.0, 4.0, 30.5, 22.0)),
        ("dog", (1.0, 2.0, 9.0, 8.0)),
        ("cup", (14.0, 12.0, 26.0, 18.0)),
        ("leaf", (12.0, 20.0, 15.0, 22.0)),
        ("crate", (1.0, 0.0, 12.0, 10.0)),
        ("cat", (1.0, 1.0, 4.0, 4.0)),
    ]
    masks = {one.name: value.mask for one, value in first.about("category", Boxes)}
    assert masks["dog"] is not None
    leaf = masks["leaf"]
    assert leaf is not None
    drawn = coco_mask.decode({"size": list(leaf.size_hw), "counts": leaf.counts.encode()})
    expected = np.zeros((30, 40), np.uint8)
    expected[20, 12:15] = 1
    expected[21, 13:15] = 1
    assert (drawn == expected).all()
    assert not second.annotations and second.absent is None


def test_shapes_without_a_box_are_not_absent(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    write(
        tmp_path,
        image(
            "a.png",
            f'<polyline label="lane" {SHAPE} points="1,2;30,20"></polyline>',
            f'<points label="eye" {SHAPE} points="3,4"></points>',
            f'<skeleton label="person" {SHAPE}><points label="1" {SHAPE} points="1,2"></points></skeleton>',
            f'<box label="cat" {SHAPE} xtl="5" ytl="4" xbr="5" ybr="22"></box>',
            f'<box label="cup" outside="1" {SHAPE} xtl="5" ytl="4" xbr="9" ybr="22"></box>',
        ),
        image(
            "b.png",
            *(
                f'<box label="{n}" xtl="1" ytl="1" xbr="9" ybr="9"></box>'
                for n in ("cat", "lane", "cup", "eye", "person")
            ),
        ),
    )
    dataset = load_dataset(tmp_path, BOXES)
    bare = dataset.records[0]
    assert set(bare.unknown) == {"lane", "eye", "person", "cat"}
    assert bare.known({"lane", "cat", "cup", "eye"}) == {"cup"}
    assert len(dataset.left_out) == 1 and "annotations.xml, line" in dataset.left_out[0].where
    assert any("polyline 'lane' on a.png" in says for says in dataset.warnings)


def test_tags_are_classes_and_subsets_are_parts(tmp_path: Path, make_image: Any) -> None:
    for number, name in enumerate(("a", "b", "c")):
        make_image(f"{name}.png", shade=number)
    write(
        tmp_path,
        image("a.png", '<tag label="cat" source="manual"></tag>', more='subset="Train"'),
        image("b.png", '<tag label="dog" source="manual"></tag>', more='subset="Validation"'),
        image("c.png", '<tag label="dog" source="manual"></tag>'),
    )
    dataset = load_dataset(tmp_path)
    assert dataset.provides == CLASSES
    assert [class_name(record) for record in dataset.records] == ["cat", "dog", "dog"]
    assert dict(dataset.parts) == {"a.png": "train", "b.png": "val"}


def test_a_video_has_no_boxes_for_images(tmp_path: Path, make_image: Any) -> None:
    make_image("frame_000000.png")
    write(
        tmp_path,
        '<track id="0" label="car"><box frame="0" outside="0" xtl="1" ytl="1" xbr="9" ybr="9"/></track>',
    )
    with pytest.raises(LabelError, match=r"no labels for boxes.*reads as cvat_video.*CVAT for images"):
        load_dataset(tmp_path, BOXES)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            image("zz.png", '<box label="a" xtl="1" ytl="1" xbr="9" ybr="9"/>'),
            "line 5: The image 'zz.png' is missing",
        ),
        (
            image("a.png", '<box label="a" xtl="1" ytl="1" xbr="9" ybr="9"/>', size='width="30" height="40"'),
            "swapped",
        ),
    ],
)
def test_what_cannot_be_used_is_named_by_line(tmp_path: Path, make_image: Any, entry: str, said: str) -> None:
    make_image("a.png")
    with pytest.raises(LabelError, match=said):
        load_dataset(write(tmp_path, entry))


@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 135, 250])
def test_turned_shapes_are_boxed_like_their_outlines(degrees: float) -> None:
    turn = math.radians(degrees)
    angles = np.linspace(0, 2 * math.pi, 20001)
    x, y = 7 * np.cos(angles), 3 * np.sin(angles)
    xs, ys = 20 + x * math.cos(turn) - y * math.sin(turn), 10 + x * math.sin(turn) + y * math.cos(turn)
    assert around_ellipse((20, 10), (7, 3), degrees) == pytest.approx(
        (xs.min(), ys.min(), xs.max(), ys.max()), abs=1e-4
    )
    ends = np.asarray([(-7, -3), (7, -3), (7, 3), (-7, 3)]) @ np.asarray(
        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
    ) + (20, 10)
    assert around_turned((13, 7, 27, 13), degrees) == pytest.approx((*ends.min(0), *ends.max(0)), abs=1e-5)


def test_cvats_xml_is_not_taken_for_vocs(tmp_path: Path, make_image: Any) -> None:
    make_image("annotations.png")
    write(tmp_path, image("annotations.png", '<box label="cat" xtl="5" ytl="4" xbr="9" ybr="8"/>'))
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.records[0].annotations) == (
        "cvat",
        (instance_of("cat", (5.0, 4.0, 9.0, 8.0)),),
    )


def test_a_shape_of_another_kind_is_not_absent(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    box = f'<box label="cat" xtl="1" ytl="2" xbr="9" ybr="8" {SHAPE}/>'
    (record,) = load_dataset(
        write(tmp_path, image("a.png", box, '<spline label="dog" points="1,1"/>'))
    ).records
    assert boxes(record) == [("cat", (1, 2, 9, 8))] and record.unknown == ("dog",)
