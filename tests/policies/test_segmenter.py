"""Regions from boxes by a tiny random SAM, beside transformers' own way from box to mask."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, SamModel, SamProcessor

from tiny_sam import SIDE, save_tiny_sam
from vrft.errors import ModelError
from vrft.models.segmenter import BOXES_TOGETHER, Segmenter
from vrft.types import Mask

SIZES_WH = [(100, 48), (40, 90), (64, 64), (31, 7)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_sam(tmp_path_factory.mktemp("sam"))


@pytest.fixture
def segmenter(folder):
    return Segmenter.load(str(folder), device="cpu")


def make_image(wh: tuple[int, int], seed: int = 0) -> Image.Image:
    width, height = wh
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


def some_boxes(wh: tuple[int, int], count: int, seed: int = 0) -> list[tuple[float, float, float, float]]:
    rng = np.random.default_rng(seed)
    xs, ys = (np.sort(rng.uniform(0, side, (count, 2)), axis=1) for side in wh)
    return [(float(x1), float(y1), float(x2), float(y2)) for (x1, x2), (y1, y2) in zip(xs, ys, strict=True)]


def pixels(mask: Mask | None, wh: tuple[int, int]) -> np.ndarray:
    """A region's truth values; of the image's size, or the test fails."""
    if mask is None:
        return np.zeros(wh[::-1], dtype=bool)
    assert mask.size_hw == wh[::-1]
    return coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode()}).astype(bool)


def differ(first: np.ndarray, second: np.ndarray) -> int:
    """Pixels; a few may differ where another order of sums rounds a logit to the other side of zero."""
    return int((first != second).sum())


def by_transformers(folder, image: Image.Image, box) -> np.ndarray:
    """The documented way: SamProcessor scales the box, SamModel sees image and box together."""
    model = SamModel.from_pretrained(folder).eval()
    processor = SamProcessor(AutoImageProcessor.from_pretrained(folder, backend="pil"))
    inputs = processor(images=image, input_boxes=[[list(box)]], return_tensors="pt")
    with torch.no_grad():
        found = model(
            pixel_values=inputs["pixel_values"],
            input_boxes=inputs["input_boxes"].float(),
            multimask_output=False,
        )
    sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
    return processor.post_process_masks(found.pred_masks, *sizes)[0][0, 0].numpy()


@pytest.mark.parametrize("wh", SIZES_WH)
def test_one_box_gives_what_transformers_gives(folder, segmenter, wh):
    image, (box,) = make_image(wh), some_boxes(wh, 1)
    expected = by_transformers(folder, image, box)
    assert differ(pixels(segmenter.masks(image, [box]), wh), expected) <= 2


def test_the_tiny_sam_tells_boxes_and_images_apart(segmenter):
    """Or nothing here could fail."""
    wh = SIZES_WH[0]
    regions = [pixels(segmenter.masks(make_image(wh), [box]), wh) for box in some_boxes(wh, 4)]
    shares = [region.mean() for region in regions]
    assert min(shares) > 0.02 and max(shares) < 0.98
    assert min((a != b).mean() for i, a in enumerate(regions) for b in regions[:i]) > 0.02
    other = pixels(segmenter.masks(make_image(wh, seed=1), some_boxes(wh, 1)), wh)
    assert (other != regions[0]).mean() > 0.02


@pytest.mark.parametrize("count", [2, 5, BOXES_TOGETHER + 3])
def test_many_boxes_give_the_union_of_each_alone(segmenter, count):
    wh = SIZES_WH[1]
    image, boxes = make_image(wh), some_boxes(wh, count)
    union = np.zeros(wh[::-1], dtype=bool)
    for box in boxes:
        union |= pixels(segmenter.masks(image, [box]), wh)
    assert differ(pixels(segmenter.masks(image, boxes), wh), union) <= 2


def test_without_boxes_there_is_no_region_and_no_image_is_read(segmenter, tmp_path):
    assert segmenter.masks(make_image((8, 8)), []) is None
    assert segmenter.in_file(tmp_path / "missing.png", ()) is None


def test_a_image_is_embedded_once(segmenter):
    seen = []
    segmenter._model.vision_encoder.register_forward_hook(lambda *_: seen.append(1))
    first, second = make_image((50, 30)), make_image((50, 30), seed=1)
    for image in (first, first.copy(), second, second, first):
        segmenter.masks(image, some_boxes((50, 30), 2))
    assert len(seen) == 3


def test_a_image_that_was_painted_on_is_embedded_anew(folder, segmenter):
    image, (box,) = make_image((50, 30)), some_boxes((50, 30), 1)
    segmenter.masks(image, [box])
    image.paste((255, 255, 255), (0, 0, 40, 30))
    assert differ(pixels(segmenter.masks(image, [box]), (50, 30)), by_transformers(folder, image, box)) <= 2


def test_a_turned_photo_is_segmented_as_it_is_seen(segmenter, tmp_path):
    stored = make_image((60, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(tmp_path / "turned.png", exif=exif)
    upright = stored.transpose(Image.Transpose.ROTATE_270)
    boxes = some_boxes((20, 60), 3)
    found = segmenter.in_file(tmp_path / "turned.png", boxes)
    assert found == segmenter.masks(upright, boxes) and found is not None and found.size_hw == (60, 20)


def test_half_precision_weights_are_computed_in_float32(folder, tmp_path):
    SamModel.from_pretrained(folder).to(torch.bfloat16).save_pretrained(tmp_path)
    (tmp_path / "processor_config.json").write_bytes((folder / "processor_config.json").read_bytes())
    model = Segmenter.load(str(tmp_path), device="cpu")._model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_older_way_to_save_a_processor_is_read(folder, tmp_path):
    """The hub's folders of 2023 have a preprocessor_config.json."""
    SamModel.from_pretrained(folder).save_pretrained(tmp_path)
    AutoImageProcessor.from_pretrained(folder, backend="pil").save_pretrained(tmp_path)
    assert (tmp_path / "preprocessor_config.json").exists()
    image, boxes = make_image((50, 30)), some_boxes((50, 30), 2)
    both = [Segmenter.load(str(place), device="cpu").masks(image, boxes) for place in (folder, tmp_path)]
    assert both[0] == both[1] is not None


def lose_weights(folder):
    (folder / "model.safetensors").unlink()


def cut_weights(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def lose_one_weight(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def lose_config(folder):
    (folder / "config.json").unlink()


def lose_processor(folder):
    (folder / "processor_config.json").unlink()


def widen(folder):
    settings = json.loads((folder / "config.json").read_text())
    settings["mask_decoder_config"]["mlp_dim"] = 48
    (folder / "config.json").write_text(json.dumps(settings))


def be_another(folder):
    (folder / "config.json").write_text('{"model_type": "sam3"}')


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lose_weights, "cannot be loaded"),
        (cut_weights, "cannot be loaded"),
        (lose_one_weight, r"weights are missing .*mask_decoder\.iou_token"),
        (lose_config, "no config.json"),
        (lose_processor, "cannot be loaded"),
        (widen, "cannot be loaded"),
        (be_another, "'sam3' is not a Segment Anything Model that takes boxes and points"),
    ],
)
def test_a_broken_folder_is_refused_with_its_name(harm, message, tmp_path):
    save_tiny_sam(tmp_path / "sam")
    harm(tmp_path / "sam")
    with pytest.raises(ModelError, match=message) as caught:
        Segmenter.load(str(tmp_path / "sam"), device="cpu")
    assert str(tmp_path / "sam") in str(caught.value)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        Segmenter.load(str(tmp_path / "nowhere"))


def test_a_processor_for_images_of_another_size_is_refused(tmp_path):
    save_tiny_sam(tmp_path, side=2 * SIDE)
    with pytest.raises(ModelError, match=f"128 pixels in a square of 128 x 128, its model takes {SIDE}"):
        Segmenter.load(str(tmp_path))
