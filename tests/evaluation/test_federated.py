"""LVIS's average precision against a slow and simple one written here, and against COCO's."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from predicted import detection, labeled, random_box, random_detections, record_of

from vrft.errors import InputError
from vrft.evaluation.statistics import bootstrap
from vrft.geometry.boxes import iou
from vrft.tasks.detection.federated_precision import federated_metric, federated_precision
from vrft.tasks.metrics import AP, AP50, AP75
from vrft.tasks.registry import load_task
from vrft.types import Boxes, Prediction, Record

A, B, AWAY = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 80.0, 90.0), (20.0, 60.0, 30.0, 70.0)
THRESHOLDS = [(50 + 5 * i) / 100 for i in range(10)]


def records_of(predictions: Sequence[Prediction], rng: np.random.Generator | None = None) -> list[Record]:
    """Records with the labels of the questions; with a generator some do not say everything."""
    by_id: dict[str, Record] = {}
    for j in predictions:
        old = by_id.get(j.example.record_id) or record_of(j.example.record_id, absent=())
        assert isinstance(j.example.target, Boxes) and old.absent is not None
        name, boxes = j.example.question, j.example.target.xyxy_px
        known = rng is None or rng.random() < 0.5
        partly = rng is not None and rng.random() < 0.4
        by_id[old.id] = replace(
            old,
            annotations=(*old.annotations, *(labeled(name, box) for box in boxes)),
            absent=(*old.absent, *([name] if known and not boxes else [])),
            not_exhaustive=(*old.not_exhaustive, *([name] if partly and boxes else [])),
        )
    return list(by_id.values())


def slow_class_ap(
    records: Sequence[Record], predictions: Sequence[Prediction], name: str, threshold: float
) -> float:
    """By the words of the paper: one class, one threshold, plain loops."""
    outcomes, labels = [], 0
    for j in sorted(predictions, key=lambda j: j.example.id):
        record = next(r for r in records if r.id == j.example.record_id)
        boxes = [value.xyxy_px[0] for one, value in record.about("category", Boxes) if one.name == name]
        if j.example.question != name or (not boxes and name not in (record.absent or ())):
            continue
        labels += len(boxes)
        free = list(boxes)
        value = j.answer.as_(Boxes) or Boxes()
        found = list(zip(value.scores, value.xyxy_px, strict=True))
        for confidence, box in sorted(found, key=lambda pair: -pair[0]):
            fits = [label for label in free if iou(box, label) >= threshold]
            if fits:
                # Of labels that fit alike, pycocotools takes the last.
                free.remove(max(reversed(fits), key=lambda label: iou(box, label)))
            if fits or name not in record.not_exhaustive:
                outcomes.append((confidence, bool(fits)))
    if not labels:
        return math.nan
    outcomes.sort(key=lambda pair: -pair[0])
    points = []
    for n in range(1, len(outcomes) + 1):
        hits = sum(hit for _, hit in outcomes[:n])
        points.append((hits / labels, hits / n))
    levels = np.linspace(0, 1, 101)
    return float(np.mean([max((p for r, p in points if r >= level), default=0.0) for level in levels]))


@pytest.mark.parametrize("seed", range(6))
def test_as_the_slow_one_has_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predictions = random_detections(rng, 10, 4)
    records = records_of(predictions, rng)
    names = sorted({j.example.question for j in predictions})
    slow = {name: [slow_class_ap(records, predictions, name, t) for t in THRESHOLDS] for name in names}
    found = federated_precision(records, predictions, {"c00": "r", "c01": "f", "c02": "f"})
    for name in names:
        assert found.by_class[name] == pytest.approx(np.mean(slow[name]), abs=1e-12, nan_ok=True)
    table = np.array(list(slow.values()))
    assert found.ap == pytest.approx(np.nanmean(table), abs=1e-12)
    assert (found.ap50, found.ap75) == pytest.approx(tuple(np.nanmean(table, axis=0)[[0, 5]]), abs=1e-12)
    assert found.by_frequency["r"] == pytest.approx(np.mean(slow["c00"]), abs=1e-12)
    assert found.by_frequency["f"] == pytest.approx(np.nanmean([*slow["c01"], *slow["c02"]]), abs=1e-12)
    assert math.isnan(found.by_frequency["c"])
    assert found.left_out > 0
    assert abs(found.ap - AP.value(predictions)) > 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_where_all_is_known_it_is_cocos(seed: int) -> None:
    predictions = random_detections(np.random.default_rng(seed), 10, 3)
    for absent in ("listed", "by silence"):
        records = [r if absent == "listed" else replace(r, absent=None) for r in records_of(predictions)]
        found = federated_precision(records, predictions, {})
        coco = [metric.value(predictions) for metric in (AP, AP50, AP75)]
        assert [found.ap, found.ap50, found.ap75] == pytest.approx(coco, abs=1e-12)
        assert found.left_out == 0


def test_a_category_that_was_not_looked_for_changes_nothing() -> None:
    predictions = [detection("p", "cat", [A], [(A, 0.5)]), detection("q", "cat", [], [(B, 0.9)])]
    listed = records_of(predictions)
    silent = [replace(record, absent=()) for record in listed]
    assert federated_precision(listed, predictions, {}).ap == pytest.approx(0.5, abs=1e-12)
    unknown = federated_precision(silent, predictions, {})
    assert unknown.ap == pytest.approx(1.0, abs=1e-12)
    assert unknown.left_out == 1


def test_a_box_beside_unlabeled_instances_is_no_mistake_but_a_hit_is_a_hit() -> None:
    predictions = [detection("p", "cat", [A, B], [(AWAY, 0.9), (A, 0.5)])]
    (record,) = records_of(predictions)
    partly = replace(record, not_exhaustive=("cat",))
    assert federated_precision([record], predictions, {}).ap50 == pytest.approx(0.5 * 51 / 101, abs=1e-12)
    assert federated_precision([partly], predictions, {}).ap50 == pytest.approx(51 / 101, abs=1e-12)


def test_three_hundred_boxes_of_an_image_count_over_all_its_categories() -> None:
    hit = detection("p", "cat", [A], [(A, 0.1)])
    rng = np.random.default_rng(0)

    def with_spam(boxes: int) -> float:
        spam = detection("p", "dog", [], [(random_box(rng), 0.2) for _ in range(boxes)])
        return federated_precision(records_of([hit, spam]), [hit, spam], {}).ap

    assert with_spam(299) == pytest.approx(1.0, abs=1e-12)
    assert with_spam(300) == 0.0
    boxes = [detection("p", "cat", [A], [*[(AWAY, 0.9)] * 150, (A, 0.1)])]
    assert federated_precision(records_of(boxes), boxes, {}).ap == pytest.approx(1 / 151, abs=1e-12)


def test_questions_of_images_with_unlabeled_instances_can_be_made() -> None:
    record = record_of("p", labeled("cat", A), absent=(), not_exhaustive=("cat",))
    task = load_task("detection")
    assert list(task.examples([record])) == []
    (asked,) = task.examples([replace(record, not_exhaustive=())])
    answer = detection("p", "cat", [A], [(AWAY, 0.9), (A, 0.8)]).answer
    assert federated_precision([record], [Prediction(asked, answer)], {}).ap == pytest.approx(1.0, abs=1e-12)


def test_it_can_be_resampled() -> None:
    rng = np.random.default_rng(1)
    predictions = random_detections(rng, 12, 2)
    records = records_of(predictions, rng)
    seen = bootstrap(predictions, federated_metric(records), resamples=50)
    assert seen.value == pytest.approx(federated_precision(records, predictions, {}).ap, abs=1e-12)
    assert seen.low is not None and seen.high is not None and seen.low < seen.value < seen.high


def test_records_that_do_not_fit_are_refused() -> None:
    predictions = [detection("p", "cat", [A], [])]
    crowd = record_of("p", labeled("cat", A, crowd=True))
    for records, words in (
        ([], "not among the records"),
        ([record_of("p")], "does not ask for the boxes"),
        ([crowd], "crowd"),
    ):
        with pytest.raises(InputError, match=words):
            federated_precision(records, predictions, {})
