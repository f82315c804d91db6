"""SAM 3 asked with words, beside transformers' own forward and its rule for scores and masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tiny_sam import SIDE_3, save_tiny_sam2, save_tiny_sam3_detector
from vrft.errors import InputError, ModelError
from vrft.geometry.masks import region_of_mask
from vrft.inference.word_predictor import WordPredictor
from vrft.models.word_segmenter import WordSegmenter
from vrft.types import Boxes, Example, Regions
from vrft.types import Image as ImageFile

WH = (2 * SIDE_3, 80)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_sam3_detector(tmp_path_factory.mktemp("sam3"))


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (SIDE_3, SIDE_3, 3), np.uint8))


def test_words_give_what_transformers_gives(folder, image):
    segmenter = WordSegmenter.load(str(folder), device="cpu")
    colors = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1
    found = {}
    for word, token in (("cat", 2), ("dog", 3)):
        ids, seen = torch.zeros(1, 32, dtype=torch.long), torch.zeros(1, 32, dtype=torch.long)
        ids[0, 0], seen[0, 0] = token, 1
        with torch.no_grad():
            made = segmenter._model(pixel_values=colors, input_ids=ids, attention_mask=seen)
        score_Q = (made.pred_logits.sigmoid() * made.presence_logits.sigmoid())[0]
        middle = float(score_Q.median())
        found[word] = segmenter.find(image, word, middle)
        kept = [q for q in score_Q.argsort(descending=True).tolist() if float(score_Q[q]) > middle]
        full = torch.nn.functional.interpolate(
            made.pred_masks.sigmoid(), (SIDE_3, SIDE_3), mode="bilinear", align_corners=False
        )[0]
        kept = [q for q in kept if (full[q] > 0.5).any()]
        assert kept and len(found[word]) == len(kept)
        for one, q in zip(found[word], kept, strict=True):
            assert one.score == pytest.approx(float(score_Q[q]), abs=1e-5)
            box = (made.pred_boxes[0, q].clamp(0, 1) * SIDE_3).tolist()
            assert one.xyxy_px == pytest.approx(box, abs=0.01)
            assert (region_of_mask(one.mask) != (full[q] > 0.5).numpy()).sum() <= 4
    assert found["cat"] != found["dog"] and segmenter.find(image, "cat", 1.0) == []


def test_questions_are_answered_with_objects_or_boxes_in_pixels_of_the_file(folder, image, tmp_path):
    image.resize(WH).save(tmp_path / "a.png")
    asked = Example("a", "a", "segmentation", (ImageFile(tmp_path / "a.png", WH),), "cat")
    several = replace(asked, task="multi_detection", question="cat, dog", options=("cat", "dog"))
    predictor = WordPredictor(str(folder), threshold=0.0, device="cpu")
    objects, boxes, named = predictor.predict([asked, replace(asked, task="detection"), several])
    value = objects.answer.value
    assert isinstance(value, Regions) and value.objects
    assert all(one.mask.size_hw == WH[::-1] for one in value.objects)
    assert isinstance(boxes.answer.value, Boxes) and boxes.answer.value.xyxy_px == value.boxes_xyxy_px
    assert set(named.answer.value.labels) == {"cat", "dog"}
    with pytest.raises(InputError, match="SAM 3 finds objects and boxes, and no number"):
        list(predictor.predict([replace(asked, task="counting")]))


def test_what_is_not_asked_with_words_is_refused(tmp_path):
    with pytest.raises(ModelError, match="model type 'sam2' is not asked with words"):
        WordSegmenter.load(str(save_tiny_sam2(tmp_path)))
