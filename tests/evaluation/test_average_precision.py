"""Average precision equals what pycocotools gives on the same data, for any draw of the questions."""

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import ScoredBox, detection, naming, random_detections
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vrft.errors import InputError
from vrft.tasks.metrics import AP, AP50, AP75, AP_BY_SIZE
from vrft.tasks.metrics.average_precision import match_questions
from vrft.types import Boxes, Prediction

A, B = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 80.0, 90.0)


def pycocotools_precision(predictions: Sequence[Prediction], size: str = "all") -> np.ndarray:
    """(T,) by the ordinary way: a COCO of real categories, one image an entry, `loadRes`, `accumulate`."""
    ordered = sorted(predictions, key=lambda j: j.example.id)
    names = sorted({j.example.question for j in ordered})
    annotations: list[dict[str, object]] = []
    truth = {
        "info": {},
        "images": [{"id": i} for i in range(len(ordered))],
        "categories": [{"id": c, "name": name} for c, name in enumerate(names)],
        "annotations": annotations,
    }
    results = []
    for i, j in enumerate(ordered):
        assert isinstance(j.example.target, Boxes)
        shared = {"image_id": i, "category_id": names.index(j.example.question)}
        for x1, y1, x2, y2 in j.example.target.xyxy_px:
            number = len(annotations) + 1
            box = {
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
                "id": number,
            }
            annotations.append(shared | box)
        if isinstance(j.answer.value, Boxes):
            for (x1, y1, x2, y2), score in zip(j.answer.value.xyxy_px, j.answer.value.scores, strict=True):
                results.append(shared | {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    with redirect_stdout(StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results) if results else COCO(), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    area = evaluation.params.areaRngLbl.index(size)
    precision = evaluation.eval["precision"][:, :, :, area, -1]
    found = precision[:, :, (precision > -1).all(axis=(0, 1))]
    return found.mean(axis=(1, 2)) if found.size else np.full(10, np.nan)


@pytest.mark.parametrize("coarse_scores", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_all_questions_as_pycocotools_has_them(seed: int, coarse_scores: bool) -> None:
    predictions = random_detections(np.random.default_rng(seed), 12, 3, coarse_scores)
    ours = match_questions(predictions).precision(np.arange(len(predictions)))
    np.testing.assert_allclose(ours, pycocotools_precision(predictions), rtol=0, atol=1e-12)
    assert 0.05 < ours.mean() < 0.95


@pytest.mark.parametrize("seed", range(8))
def test_a_draw_with_repeats_is_a_data_set_with_doubled_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predictions = random_detections(rng, 6, 3)
    matches = match_questions(predictions)
    for size in (1, 5, len(predictions), 40):
        draw = rng.integers(len(predictions), size=size)
        expected = pycocotools_precision([predictions[i] for i in draw])
        np.testing.assert_allclose(matches.precision(draw), expected, rtol=0, atol=1e-12)


def plain_precision(predictions: Sequence[Prediction]) -> np.ndarray:
    """(T,) from the definition alone, in plain loops: no library, nothing that is tested here."""
    by_threshold = []
    for t in np.linspace(0.5, 0.95, 10):
        values = []
        for name in sorted({j.example.question for j in predictions}):
            asked = [j for j in predictions if j.example.question == name]
            labels = sum(len(j.example.target.xyxy_px) for j in asked)  # type: ignore[union-attr]
            ranked = sorted((pair for j in asked for pair in plain_hits(j, t)), key=lambda pair: -pair[0])
            if labels:
                values.append(plain_average([hit for _, hit in ranked], labels))
        by_threshold.append(np.mean(values) if values else np.nan)
    return np.array(by_threshold)


def plain_hits(one: Prediction, threshold: float) -> list[tuple[float, bool]]:
    """Score and hit of each box: the most confident takes the free label that it overlaps most."""
    if not isinstance(one.answer.value, Boxes):
        return []
    assert isinstance(one.example.target, Boxes)
    free = list(one.example.target.xyxy_px)
    pairs = zip(one.answer.value.xyxy_px, one.answer.value.scores, strict=True)
    found = []
    for box, score in sorted(pairs, key=lambda pair: -pair[1]):
        ious = [plain_iou(box, label) for label in free]
        hit = bool(ious) and max(ious) >= threshold
        if hit:
            del free[ious.index(max(ious))]
        found.append((score, hit))
    return found


def plain_iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b)]
    return width * height / (sum(areas) - width * height)


def plain_average(hits: list[bool], labels: int) -> float:
    """Precision at 101 recall levels, at each the best that is reached there or beyond."""
    curve = [(sum(hits[: i + 1]) / labels, sum(hits[: i + 1]) / (i + 1)) for i in range(len(hits))]
    levels = np.linspace(0, 1, 101)
    return float(np.mean([max((p for r, p in curve if r >= level), default=0.0) for level in levels]))


def test_500_random_cases_as_pycocotools_and_as_plain_loops_have_them() -> None:
    for seed in range(500):
        predictions = random_detections(np.random.default_rng([5, seed]), 2, 2)
        ours = match_questions(predictions).precision(np.arange(len(predictions)))
        np.testing.assert_allclose(ours, pycocotools_precision(predictions), rtol=0, atol=1e-12)
        np.testing.assert_allclose(ours, plain_precision(predictions), rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_small_cases_and_any_order(seed: int, images: int, categories: int, shuffler) -> None:  # type: ignore[no-untyped-def]
    predictions = random_detections(np.random.default_rng(seed), images, categories)
    expected = pycocotools_precision(predictions)
    np.testing.assert_allclose(
        match_questions(predictions).precision(np.arange(len(predictions))), expected, rtol=0, atol=1e-12
    )
    shuffler.shuffle(predictions)
    once_more = match_questions(predictions).precision(np.arange(len(predictions)))
    np.testing.assert_allclose(once_more, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", ["small", "medium", "large"])
@pytest.mark.parametrize("seed", range(4))
def test_by_size_as_pycocotools_has_it(seed: int, size: str) -> None:
    predictions = random_detections(np.random.default_rng(seed), 40, 2)
    large = (0.0, 0.0, 100.0, 98.0)
    predictions += [detection(f"big{i}", "c00", [large], [(large, i / 4), (A, 0.5)]) for i in range(3)]
    expected = pycocotools_precision(predictions, size).mean()
    assert AP_BY_SIZE[size].value(predictions) == pytest.approx(expected, abs=1e-12)
    assert abs(expected - AP.value(predictions)) > 1e-3


def test_more_than_a_hundred_boxes_are_cut_as_coco_cuts_them() -> None:
    spam: list[ScoredBox] = [((x, 0.0, x + 5.0, 5.0), 1 - x / 1000) for x in map(float, range(20, 170))]
    predictions = [detection("p", "cat", [A, B], [*spam, (A, 0.01)]), detection("q", "cat", [A], [(A, 0.02)])]
    np.testing.assert_allclose(
        match_questions(predictions).precision(np.arange(2)),
        pycocotools_precision(predictions),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("found", "ap50"),
    [
        ([(A, 0.9), (B, 0.8)], 1.0),
        ([(B, 0.1), (A, 0.1)], 1.0),
        ([(A, 0.9)], 51 / 101),
        ([(B, 0.9), (B, 0.8)], 51 / 101),
        ([((20.0, 20.0, 30.0, 30.0), 0.9), (A, 0.5), (B, 0.4)], 2 / 3),
        # Hit, miss, hit: precision 1 at 51 recall levels and 2/3 at the other 50, 0.834983.
        ([(A, 0.9), ((20.0, 20.0, 30.0, 30.0), 0.8), (B, 0.7)], (51 + 50 * 2 / 3) / 101),
        ([], 0.0),
        (None, 0.0),
    ],
)
def test_worked_by_hand(found: list[ScoredBox] | None, ap50: float) -> None:
    predictions = [detection("p", "cat", [A, B], found)]
    assert AP50.value(predictions) == pytest.approx(ap50, abs=1e-12)


def test_strictness_of_the_three_metrics() -> None:
    three_quarters = (0.0, 0.0, 10.0, 7.6)
    predictions = [detection("p", "cat", [A], [(three_quarters, 1.0)])]
    values = {metric.name: metric.value(predictions) for metric in (AP, AP50, AP75)}
    assert values == pytest.approx({"ap50": 1.0, "ap75": 1.0, "ap": 0.6}, abs=1e-12)


def test_an_image_that_was_not_asked_about_a_category_does_not_count_for_it() -> None:
    asked = [detection("p", "cat", [A], [(A, 0.9)]), detection("q", "dog", [B], [])]
    also_asked = [*asked, detection("q", "cat", [], [(B, 1.0)])]
    assert AP.value(asked) == pytest.approx(0.5, abs=1e-12)
    assert AP.value(also_asked) == pytest.approx(0.25, abs=1e-12)


def test_a_category_without_labels_is_left_out_of_the_mean() -> None:
    predictions = [detection("p", "cat", [A], [(A, 0.9)]), detection("p", "dog", [], [(A, 0.9)])]
    assert AP.value(predictions) == pytest.approx(1.0, abs=1e-12)
    assert np.isnan(AP.prepare(predictions)(np.array([1, 1])))


@pytest.mark.parametrize(
    "predictions", [[], [detection("p", "cat", [], [])], [detection("p", "cat", [], [(A, 1.0)])]]
)
def test_nothing_to_find_is_nan(predictions: list[Prediction]) -> None:
    assert np.isnan(AP.value(predictions))


def test_an_empty_draw_is_nan() -> None:
    predictions = [detection("p", "cat", [A], [(A, 1.0)])]
    assert np.isnan(AP.prepare(predictions)(np.array([], dtype=int)))


def test_class_names_have_no_average_precision() -> None:
    with pytest.raises(InputError, match="image7"):
        AP.value([naming("image7", "cat", "cat")])


def test_pycocotools_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    AP.value([detection("p", "cat", [A], [(A, 1.0)])])
    assert capsys.readouterr() == ("", "")
