"""SAM 2 and SAM 3 without torchvision, beside transformers' own forward; boxes with points; the stand-in."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from test_segmenter import differ, make_image, pixels, some_boxes

from tiny_sam import SIDE, SIDE_3, save_tiny_sam, save_tiny_sam2, save_tiny_sam3
from vrft.models.segmenter import HALVES, IMAGENET, FloodFill, Segmenter, load_segmenter

SAVED = {"sam": save_tiny_sam, "sam2": save_tiny_sam2, "sam3": save_tiny_sam3}
SQUARES = {"sam2": (SIDE, IMAGENET), "sam3": (SIDE_3, HALVES)}


@pytest.fixture(scope="module")
def segmenters(tmp_path_factory):
    folders = {name: save(tmp_path_factory.mktemp(name)) for name, save in SAVED.items()}
    return {name: Segmenter.load(str(folder), device="cpu") for name, folder in folders.items()}


def by_forward(segmenter, square, colors, boxes, points=None, wh=None):
    """One forward of the model on an image that has its side already; masks of the size that is asked for."""
    array = np.asarray(square, dtype=np.float32) / 255
    array = (array - np.array(colors[0], dtype=np.float32)) / np.array(colors[1], dtype=np.float32)
    asked = {"input_boxes": torch.tensor([boxes], dtype=torch.float32)}
    if points is not None:
        labels = torch.ones(1, len(points), len(points[0]), dtype=torch.int)
        asked |= {"input_points": torch.tensor([points]), "input_labels": labels}
    with torch.no_grad():
        seen = torch.from_numpy(array).permute(2, 0, 1)[None]
        found = segmenter._model(pixel_values=seen, multimask_output=False, **asked).pred_masks
        full = torch.nn.functional.interpolate(found[0], (wh or square.size)[::-1], mode="bilinear")
    return (full[:, 0] > 0).numpy()


@pytest.mark.parametrize("name", SQUARES)
@pytest.mark.parametrize("pointed", [False, True])
def test_boxes_with_and_without_points_give_what_transformers_gives(segmenters, name, pointed):
    side, colors = SQUARES[name]
    image, boxes = make_image((side, side)), some_boxes((side, side), 3)
    points = [[[(x1 + x2) / 2, (y1 + y2) / 2]] for x1, y1, x2, y2 in boxes] if pointed else None
    prompts = [(*box, *(points[i][0] if points else ())) for i, box in enumerate(boxes)]
    expected = by_forward(segmenters[name], image, colors, [list(box) for box in boxes], points)
    assert any(0.02 < region.mean() < 0.98 for region in expected), "or nothing here could fail"
    found = segmenters[name].objects(image, prompts)
    for mask, region in zip(found, expected, strict=True):
        assert differ(pixels(mask, (side, side)), region) <= 4


@pytest.mark.parametrize("name", SAVED)
def test_two_objects_are_two_prompts_and_a_point_matters(segmenters, name):
    wh = (60, 48)
    image, boxes = make_image(wh), some_boxes(wh, 4)
    plain = segmenters[name].objects(image, boxes)
    assert [segmenters[name].objects(image, [box])[0] for box in boxes] == plain
    mixed = [boxes[0], (*boxes[1], 20.0, 20.0), (*boxes[2], 20.0, 20.0, 40.0, 30.0), boxes[3]]
    found = segmenters[name].objects(image, mixed)
    assert (found[0], found[3]) == (plain[0], plain[3])
    assert found[1] != plain[1] or found[2] != plain[2]
    union = np.any([pixels(mask, wh) for mask in found], axis=0)
    assert differ(pixels(segmenters[name].masks(image, mixed), wh), union) == 0


@pytest.mark.parametrize("name", SQUARES)
def test_a_wide_image_is_squeezed_and_its_boxes_with_it(segmenters, name):
    side, colors = SQUARES[name]
    wh, boxes = (side // 2, side), some_boxes((side // 2, side), 4)  # twice as high as wide
    # Rows of one color each are the same at any width.
    rows = np.random.default_rng(0).integers(0, 255, (side, 1, 3), dtype=np.uint8)
    high, square = (Image.fromarray(np.repeat(rows, width, axis=1)) for width in (side // 2, side))
    doubled = [[2 * x1, y1, 2 * x2, y2] for x1, y1, x2, y2 in boxes]
    expected = by_forward(segmenters[name], square, colors, doubled, wh=wh)
    found = [pixels(mask, wh) for mask in segmenters[name].objects(high, boxes)]
    assert sum(differ(a, b) for a, b in zip(found, expected, strict=True)) <= 8
    # With the shape kept, boxes would be elsewhere.
    kept = by_forward(segmenters[name], square, colors, [list(box) for box in boxes], wh=wh)
    assert sum(differ(a, b) for a, b in zip(found, kept, strict=True)) > 40


@pytest.mark.parametrize("kind", ["sam2_video", "sam2"])
def test_the_hubs_folders_are_those_of_the_video_models(kind, tmp_path):
    save_tiny_sam2(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": kind}))
    image, boxes = make_image((40, 30)), some_boxes((40, 30), 2)
    assert Segmenter.load(str(tmp_path), device="cpu").masks(image, boxes) is not None


def test_the_stand_in_is_loaded_by_its_name_and_fills_like_colors():
    image = Image.new("RGB", (40, 30), "white")
    image.paste((200, 0, 0), (5, 5, 15, 25))
    maker = load_segmenter("flood_fill")
    assert isinstance(maker, FloodFill)
    found = pixels(maker.masks(image, [(0.0, 0.0, 40.0, 30.0, 7.0, 7.0)]), image.size)
    assert found.sum() == 200 and found[5:25, 5:15].all()
    assert maker.masks(image, []) is None
