"""Metrics against values worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_answers import detection, naming, namings, random_detections

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.tasks.metrics.metric import METRICS, GroupValue, format_rate, parse_rate, per_group, presence
from vrft.tasks.task import load_task, task_names
from vrft.types import Answer

A = (0.0, 0.0, 10.0, 10.0)
HALF = (0.0, 0.0, 10.0, 5.0)
AWAY = (50.0, 50.0, 60.0, 60.0)


def test_every_task_has_its_metric() -> None:
    assert {load_task(name).metric for name in task_names()} <= set(METRICS)
    assert all(METRICS[name].name == name for name in METRICS)


@pytest.mark.parametrize(
    ("said", "value"),
    [("cat", 1.0), ("CAT", 1.0), (" cat ", 1.0), ("catfish", 0.0), ("a cat", 0.0), ("", 0.0), (None, 0.0)],
)
def test_accuracy_is_the_exact_name(said: str | None, value: float) -> None:
    assert METRICS["accuracy"].value([naming("p", "cat", said)]) == value


def test_a_label_of_an_unparsed_answer_counts_as_wrong() -> None:
    example = naming("p", "cat", "cat").example
    assert METRICS["accuracy"].value([Judged(example, "cat", Answer(False, False, label="cat"), 1)]) == 0.0


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ([(A, 1.0)], 1.0),
        ([(HALF, 0.1)], 0.5),
        ([(HALF, 0.1), (A, 0.9)], 0.5),
        ([(AWAY, 1.0)], 0.0),
        ([], 0.0),
        (None, 0.0),
    ],
)
def test_mean_iou_is_that_of_the_first_box(found: list | None, value: float) -> None:  # type: ignore[type-arg]
    assert METRICS["mean_iou"].value([detection("p", "x", [A], found)]) == value


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ([(HALF, 0.1)], 1.0),
        ([((0.0, 0.0, 10.0, 4.9), 1.0)], 0.0),
        ([(AWAY, 0.1), (A, 0.9)], 0.0),
        (None, 0.0),
    ],
)
def test_acc50_counts_first_boxes_of_at_least_half_iou(found: list | None, value: float) -> None:  # type: ignore[type-arg]
    assert METRICS["acc50"].value([detection("p", "x", [A], found)]) == value


def test_boxes_of_an_unparsed_answer_do_not_count() -> None:
    example = detection("p", "x", [A], []).example
    judged = [Judged(example, "", Answer(False, False, (A,), (1.0,)), 1)]
    assert METRICS["mean_iou"].value(judged) == 0.0
    assert METRICS["ap"].value(judged) == 0.0
    assert presence(judged).recall == 0.0


@pytest.mark.parametrize("labels", [[], [A, HALF]])
def test_mean_iou_needs_one_label(labels: list) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match="p#x"):
        METRICS["mean_iou"].value([detection("p", "x", labels, [])])


def test_metrics_refuse_targets_of_the_other_kind() -> None:
    boxes, name = [detection("p", "x", [A], [])], [naming("p", "cat", "cat")]
    with pytest.raises(InputError, match="p#x"):
        METRICS["accuracy"].value(boxes)
    for measure in (METRICS["mean_iou"].value, METRICS["ap50"].value, presence):
        with pytest.raises(InputError, match="'p'"):
            measure(name)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=20), st.data())
def test_a_resampled_metric_is_the_metric_of_the_sample(hits: list[bool], data: st.DataObject) -> None:
    draw = data.draw(st.lists(st.integers(0, len(hits) - 1), min_size=1, max_size=30))
    expected = sum(hits[i] for i in draw) / len(draw)
    assert METRICS["accuracy"].resampler(namings(hits))(np.array(draw)) == pytest.approx(expected, abs=1e-12)


def test_every_metric_is_nan_without_answers() -> None:
    assert all(math.isnan(metric.value([])) for metric in METRICS.values())
    assert math.isnan(parse_rate([])) and math.isnan(format_rate([]))


def test_rates() -> None:
    loose = Judged(naming("q", "cat", "cat").example, "cat", Answer(True, False, label="cat"), 1)
    judged = [naming("p", "cat", "cat"), loose, naming("r", "cat", None), naming("s", "cat", None)]
    assert (parse_rate(judged), format_rate(judged)) == (0.5, 0.25)


def test_presence() -> None:
    judged = [
        detection("1", "x", [A], [(AWAY, 0.1)]),
        detection("2", "x", [A], []),
        detection("3", "x", [A], None),
        detection("4", "x", [], [(A, 1.0)]),
        detection("5", "x", [], []),
        detection("6", "x", [A, AWAY], [(A, 1.0)]),
    ]
    seen = presence(judged)
    assert (seen.precision, seen.recall) == (2 / 3, 2 / 4)
    assert seen.f1 == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4), abs=1e-12)
    assert (seen.rejection, seen.positives, seen.negatives) == (1 / 2, 4, 2)


def test_an_unreadable_answer_does_not_say_that_nothing_is_there() -> None:
    seen = presence([detection("1", "x", [], None), detection("2", "x", [], [])])
    assert seen.rejection == 1 / 2
    assert math.isnan(seen.precision) and math.isnan(seen.recall) and math.isnan(seen.f1)


def test_presence_of_no_answers_is_nan() -> None:
    seen = presence([])
    assert all(map(math.isnan, (seen.precision, seen.recall, seen.f1, seen.rejection)))


def test_presence_of_a_detector_that_says_nothing() -> None:
    seen = presence([detection("1", "x", [A], [])])
    assert math.isnan(seen.precision) and seen.recall == 0.0 and seen.f1 == 0.0
    assert math.isnan(seen.rejection)


def test_per_group_measures_each_class_by_itself() -> None:
    judged = [naming("1", "dog", "dog"), naming("2", "cat", "dog"), naming("3", "cat", "cat")]
    found = per_group(judged, load_task("classification").group, METRICS["accuracy"])
    assert list(found.items()) == [("cat", GroupValue(2, 0.5)), ("dog", GroupValue(1, 1.0))]


def test_ap_is_the_mean_of_its_classes() -> None:
    judged = random_detections(np.random.default_rng(3), 15, 4)
    groups = per_group(judged, load_task("detection").group, METRICS["ap"])
    mean = np.mean([group.value for group in groups.values()])
    assert METRICS["ap"].value(judged) == pytest.approx(mean, abs=1e-12)
    assert sum(group.n for group in groups.values()) == len(judged)
