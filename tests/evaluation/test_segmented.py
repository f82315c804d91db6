"""From answers to gIoU and cIoU: against sums over arrays, and through files as ``vrft eval`` has them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import namings, predicted
from pycocotools import mask as coco_mask

from tiny_sam import save_tiny_sam
from vrft.errors import InputError, ModelError, RunError
from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.evaluation.segmented import (
    MASKS,
    append_region,
    open_answers,
    overlaps,
    read_regions,
    region_key,
    segmentation_metrics,
    segmentation_scores,
)
from vrft.evaluation.statistics import bootstrap, paired_bootstrap
from vrft.geometry.masks import mask_of_region
from vrft.inference.segment_answers import segment_answers, segmentation_card
from vrft.models.segmenter import Segmenter
from vrft.progress import NullReporter
from vrft.types import Answer, Boxes, BoxXYXY, Example, Fault, Image, Mask, Prediction

SILENT = NullReporter()


def answer_of(boxes: tuple[BoxXYXY, ...] | None) -> Answer:
    if boxes is None:
        return Answer(other=Boxes(((0.0, 0.0, 9.0, 9.0),)), text="hm", faults=(Fault.NOT_READABLE,))
    return Answer(Boxes(boxes, (1.0,) * len(boxes)), True, text="boxes")


def answered(
    name: str,
    boxes: tuple[BoxXYXY, ...] | None,
    target: np.ndarray,
    ignore: np.ndarray | None = None,
    image: Path | None = None,
) -> Prediction:
    """An answer to a question 'image#n' whose target is a region; None could not be parsed."""
    (height, width), record = target.shape, name.split("#")[0]
    mask, left_out = mask_of_region(target), None if ignore is None else mask_of_region(ignore)
    shown = Image(image or Path(f"{record}.png"), (width, height))
    label = Boxes(((0.0, 0.0, float(width), float(height)),), mask=mask, ignore=left_out)
    example = Example(name, record, "grounding", (shown,), "it", label)
    return predicted(example, answer_of(boxes), 5)


def drawn(boxes: tuple[BoxXYXY, ...], wh: tuple[int, int]) -> np.ndarray:
    region = np.zeros(wh[::-1], dtype=bool)
    for x1, y1, x2, y2 in boxes:
        region[int(y1) : int(y2), int(x1) : int(x2)] = True
    return region


def whole_boxes(predictions: list[Prediction]) -> dict:
    """Regions that fill their boxes."""
    return {
        region_key(j): mask_of_region(drawn(region_key(j)[1], j.example.image.size_wh))
        for j in predictions
        if region_key(j)[1]
    }


def random_answers(seed: int, count: int = 24) -> list[Prediction]:
    """Two questions an image of 20 x 12 pixels; targets are the same for each seed."""
    fixed, rng = np.random.default_rng(0), np.random.default_rng(seed)
    found = []
    for number in range(count):
        target, ignore = fixed.random((12, 20)) < 0.4, fixed.random((12, 20)) < 0.2
        x, y = (float(n) for n in rng.integers(0, 8, 2))
        boxes = ((x, y, x + 4, y + 3), (x + 2, y + 2, x + 9, y + 4))[: int(rng.integers(0, 3))]
        read = boxes if rng.random() < 0.8 else None
        found.append(answered(f"{number // 2}#{number % 2}", read, target, ignore))
    return found


def plain(mask: Mask | None, wh: tuple[int, int]) -> np.ndarray:
    if mask is None:
        return np.zeros(wh[::-1], dtype=bool)
    return coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode()}).astype(bool)


def by_hand(predictions: list[Prediction], regions: dict) -> tuple[float, float]:
    """gIoU and cIoU over arrays of truth values."""
    ious, intersections, unions = [], 0, 0
    for j in predictions:
        wh = j.example.image.size_wh
        found = plain(regions[region_key(j)] if region_key(j)[1] else None, wh)
        counts = ~plain(j.example.target.ignore, wh)
        target = plain(j.example.target.mask, wh)
        intersection, union = (found & target & counts).sum(), ((found | target) & counts).sum()
        ious.append(intersection / union if union else 1.0)
        intersections, unions = intersections + intersection, unions + union
    return float(np.mean(ious)), float(intersections / unions)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_arrays_on_all_and_on_any_draw(seed):
    predictions = random_answers(seed)
    regions = whole_boxes(predictions)
    metrics = segmentation_metrics(regions)
    draw = np.random.default_rng(seed).integers(0, len(predictions), 30)
    for indices in (np.arange(len(predictions)), draw):
        expected = by_hand([predictions[i] for i in indices], regions)
        found = [metrics[name].prepare(predictions)(indices) for name in ("giou", "ciou")]
        assert found == pytest.approx(expected, abs=1e-12)
    assert 0.0 < by_hand(predictions, regions)[0] < 1.0


def test_an_answer_that_cannot_be_parsed_has_an_empty_region():
    target = np.ones((9, 9), dtype=bool)
    unread, empty = answered("a#0", None, target), answered("a#1", (), target)
    assert [one.intersection_px for one in overlaps([unread, empty], {})] == [0, 0]
    assert open_answers([unread, empty], {}) == []


def test_scores_are_plain_json_with_intervals():
    predictions = random_answers(0)
    regions = whole_boxes(predictions)
    scores = json.loads(json.dumps(segmentation_scores(predictions, regions, 200), allow_nan=False))
    giou, ciou = by_hand(predictions, regions)
    assert (scores["n"], scores["images"]) == (24, 12)
    assert (scores["giou"]["value"], scores["ciou"]["value"]) == pytest.approx((giou, ciou))
    assert scores["giou"]["low"] < giou < scores["giou"]["high"]
    assert segmentation_scores([], {})["ciou"] == {"value": None, "low": None, "high": None}


def test_two_systems_are_compared_on_the_same_questions():
    first, second = random_answers(1), random_answers(2)
    regions = whole_boxes(first) | whole_boxes(second)
    # Both systems answer the same questions with other boxes, so neither may get the other's regions.
    assert {region_key(j)[0] for j in first} & {region_key(j)[0] for j in second}
    for place, name in enumerate(("giou", "ciou")):
        metric = segmentation_metrics(regions)[name]
        seen = paired_bootstrap(first, second, metric, resamples=100)
        assert seen.value == pytest.approx(by_hand(first, regions)[place] - by_hand(second, regions)[place])
        assert bootstrap(first, metric, 100).value == pytest.approx(by_hand(first, regions)[place])


def test_questions_without_regions_are_refused_by_name():
    boxes_only = answered("a#0", (), np.ones((9, 9), dtype=bool))
    example = boxes_only.example
    bare = replace(example, target=Boxes(((0.0, 0.0, 1.0, 1.0),)))
    for predictions in ([Prediction(bare, boxes_only.answer)], namings([True])):
        for refused in (lambda found: overlaps(found, {}), lambda found: open_answers(found, {})):
            with pytest.raises(
                InputError, match=f"'{predictions[0].example.id}' has no region to compare with"
            ):
                refused(predictions)


def test_what_is_open_comes_image_by_image_and_once():
    target, box = np.ones((9, 9), dtype=bool), (1.0, 1.0, 5.0, 5.0)
    names = ("b#0", "a#1", "b#1", "a#0", "c#0", "b#0")
    predictions = [answered(name, (box,), target) for name in names]
    known = {("c#0", (box,)): None}
    assert [one.example.id for one in open_answers(predictions, known)] == ["a#0", "a#1", "b#0", "b#1"]


def test_unknown_regions_are_refused_by_name():
    with pytest.raises(InputError, match="question 'a#0' is missing"):
        overlaps([answered("a#0", ((1.0, 1.0, 5.0, 5.0),), np.ones((9, 9), dtype=bool))], {})


BOX = st.tuples(*[st.floats(0, 100, allow_nan=False)] * 4)
REGION = st.none() | st.just(mask_of_region(np.eye(5, 7, dtype=bool)))


@settings(max_examples=30)
@given(st.dictionaries(st.tuples(st.text(max_size=8), st.lists(BOX, min_size=1).map(tuple)), REGION))
def test_the_file_gives_back_what_was_added(tmp_path_factory, regions):
    path = tmp_path_factory.mktemp("masks") / MASKS
    for key, mask in regions.items():
        append_region(path, "one", key, mask)
    assert read_regions(path) == ("one" if regions else None, regions)
    assert read_regions(path, "one") == ("one", regions)
    assert read_regions(path, "other") == ("other", {})


def test_regions_of_two_models_are_not_mixed(tmp_path):
    path, key = tmp_path / MASKS, ("a#0", ((0.0, 0.0, 2.0, 2.0),))
    append_region(path, "base", key, mask_of_region(np.eye(3, dtype=bool)))
    append_region(path, "huge", key, None)
    assert read_regions(path, "huge")[1] == {key: None}
    assert read_regions(path, "base")[1] == {key: mask_of_region(np.eye(3, dtype=bool))}
    with pytest.raises(InputError, match=r"several models \(base, huge\)"):
        read_regions(path)


def test_a_line_that_is_no_region_is_told_with_its_number(tmp_path):
    append_region(tmp_path / MASKS, "base", ("a", ((0.0, 0.0, 2.0, 2.0),)), None)
    with (tmp_path / MASKS).open("a") as handle:
        handle.write('{"id": "b"}\n')
    with pytest.raises(RunError, match="line 2: this is not a region"):
        read_regions(tmp_path / MASKS)


@pytest.fixture(scope="module")
def sam(tmp_path_factory):
    return str(save_tiny_sam(tmp_path_factory.mktemp("sam")))


@pytest.fixture
def asked(tmp_path):
    """Answers about images on disk, not square, one of them stored lying."""
    rng = np.random.default_rng(5)
    predictions = []
    for number, (width, height) in enumerate([(60, 40), (30, 50), (24, 64)]):
        path = tmp_path / f"{number}.png"
        image = PIL.Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))
        exif = PIL.Image.Exif()
        if number == 2:
            exif[0x0112], image = 8, image.transpose(PIL.Image.Transpose.ROTATE_270)
        image.save(path, exif=exif)
        target, ignore = rng.random((height, width)) < 0.5, rng.random((height, width)) < 0.1
        first, second = (2.0, 3.0, 20.0, 30.0), (10.0, 5.0, 22.5, 38.0)
        for question, boxes in enumerate([(first,), (first, second), None, ()]):
            predictions.append(answered(f"{number}#{question}", boxes, target, ignore, path))
    return predictions


def test_from_answers_to_giou(asked, sam, tmp_path):
    write_predictions(tmp_path / "predictions.jsonl", asked)
    predictions = read_predictions(tmp_path / "predictions.jsonl")
    card = segmentation_card(predictions, segment_answers(predictions, sam, tmp_path, SILENT), 100)
    segmenter = Segmenter.load(sam, device="cpu")
    regions = {}
    for j in asked:
        with PIL.Image.open(j.example.image.path) as stored:
            seen = stored.convert("RGB")
        if seen.size != j.example.image.size_wh:
            seen = seen.transpose(PIL.Image.Transpose.ROTATE_90)
        singles = [plain(segmenter.masks(seen, [box]), seen.size) for box in region_key(j)[1]]
        if singles:
            regions[region_key(j)] = mask_of_region(np.any(singles, axis=0))
    assert (card["sam"], card["n"], card["images"]) == (sam, 12, 3)
    assert (card["giou"]["value"], card["ciou"]["value"]) == pytest.approx(by_hand(asked, regions), abs=1e-3)
    assert 0.05 < card["giou"]["value"] < 0.95


class Stopped(Exception):
    """As a signal would."""


def test_a_stopped_run_goes_on_where_it_was(asked, sam, tmp_path, monkeypatch):
    whole = segment_answers(asked, sam, tmp_path / "whole", SILENT)
    made, in_file = [], Segmenter.in_file

    def counted(self, image, boxes):
        made.append(image)
        if len(made) == 4:
            raise Stopped
        return in_file(self, image, boxes)

    monkeypatch.setattr(Segmenter, "in_file", counted)
    with pytest.raises(Stopped):
        segment_answers(asked, sam, tmp_path / "stopped", SILENT)
    path = tmp_path / "stopped" / MASKS
    path.write_bytes(path.read_bytes() + b'{"id": "2#0", "boxes_xy')
    resumed = segment_answers(asked, sam, tmp_path / "stopped", SILENT)
    assert resumed == whole and len(made) == 4 + 3
    assert path.read_text() == (tmp_path / "whole" / MASKS).read_text()


def test_scoring_again_needs_neither_model_nor_torch(asked, sam, tmp_path):
    write_predictions(tmp_path / "predictions.jsonl", asked)
    card = segmentation_card(asked, segment_answers(asked, sam, tmp_path, SILENT), 50)
    script = f"""
import json, sys
sys.modules["torch"] = sys.modules["transformers"] = None
from pathlib import Path
from vrft.inference.segment_answers import segment_answers, segmentation_card
from vrft.evaluation.predictor import read_predictions
from vrft.progress import NullReporter

folder = Path({str(tmp_path)!r})
predictions = read_predictions(folder / "predictions.jsonl")
segmented = segment_answers(predictions, None, folder, NullReporter())
print(json.dumps(segmentation_card(predictions, segmented, 50)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == card


def test_answers_that_changed_are_segmented_anew(asked, sam, tmp_path):
    segment_answers(asked, sam, tmp_path, SILENT)
    moved = answered("0#0", ((1.0, 1.0, 9.0, 9.0),), np.ones((40, 60), dtype=bool), image=tmp_path / "0.png")
    with pytest.raises(InputError, match=r"1 answers .* '0#0'.* --sam"):
        segment_answers([moved], None, tmp_path, SILENT)
    second = segment_answers([moved], sam, tmp_path, SILENT)
    assert region_key(moved) in second.regions and region_key(asked[0]) in second.regions


def test_without_a_folder_nothing_is_kept(asked, sam, tmp_path):
    before = sorted(tmp_path.iterdir())
    kept = segment_answers(asked, sam, tmp_path / "kept", SILENT)
    assert segment_answers(asked, sam, None, SILENT) == kept
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "kept"])


def test_an_image_that_was_exchanged_is_told(asked, sam, tmp_path):
    PIL.Image.new("RGB", (40, 60)).save(tmp_path / "0.png")
    with pytest.raises(InputError, match=r"0\.png: the image is 40 x 60 pixels and was 60 x 40"):
        segment_answers(asked, sam, tmp_path, SILENT)


def test_a_model_that_is_none_is_told(asked, tmp_path):
    with pytest.raises(ModelError, match="no config"):
        segment_answers(asked, str(tmp_path), tmp_path, SILENT)
