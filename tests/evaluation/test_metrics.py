"""Metrics against values worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import detection, naming, namings, random_detections

from vrft.errors import InputError
from vrft.tasks.detection.presence import presence
from vrft.tasks.metrics import ACC50, ACCURACY, AP, AP50, MEAN_IOU
from vrft.tasks.metrics.metric import GroupValue, Metric, better, format_rate, mean_of, parse_rate, per_group
from vrft.tasks.metrics.shared_metrics import ACCURACIES, AVERAGE_PRECISION, FIRST_BOX
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Label, Prediction

A = (0.0, 0.0, 10.0, 10.0)
HALF = (0.0, 0.0, 10.0, 5.0)
AWAY = (50.0, 50.0, 60.0, 60.0)


METRICS = [*AVERAGE_PRECISION, *FIRST_BOX, *ACCURACIES]


def test_every_metric_has_a_name_of_its_own_and_every_task_a_headline() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    headlines = {name: load_task(name).metrics[0] for name in ("detection", "classification", "grounding")}
    assert headlines == {"detection": AP, "classification": ACCURACY, "grounding": MEAN_IOU}


def test_the_better_of_two_values_is_the_lower_one_where_the_metric_says_so() -> None:
    error = Metric("mae", "mean error", mean_of(lambda one: 1.0), "cups", higher_is_better=False)
    assert (better(AP, 0.5, 0.4), better(AP, 0.4, 0.5), better(AP, 0.4, 0.4)) == (True, False, False)
    assert (better(error, 0.4, 0.5), better(error, 0.5, 0.4)) == (True, False)
    assert better(AP, 0.0, None) and better(AP, 0.0, math.nan)
    assert not better(AP, math.nan, None) and not better(AP, None, None)
    assert (AP.gain(0.75, 0.5), error.gain(0.75, 0.5)) == (0.25, -0.25)


@pytest.mark.parametrize(
    ("said", "value"),
    [("cat", 1.0), ("CAT", 1.0), (" cat ", 1.0), ("catfish", 0.0), ("a cat", 0.0), ("", 0.0), (None, 0.0)],
)
def test_accuracy_is_the_exact_name(said: str | None, value: float) -> None:
    assert ACCURACY.value([naming("p", "cat", said)]) == value


def test_a_name_that_was_not_the_answer_counts_as_wrong() -> None:
    example = naming("p", "cat", "cat").example
    for answer in (Answer(other=Label("cat")), Answer(Boxes((A,)), other=Label("cat"))):
        assert ACCURACY.value([Prediction(example, answer)]) == 0.0


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
    assert MEAN_IOU.value([detection("p", "x", [A], found)]) == value


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
    assert ACC50.value([detection("p", "x", [A], found)]) == value


def test_boxes_that_were_not_the_answer_do_not_count() -> None:
    example = detection("p", "x", [A], []).example
    predictions = [Prediction(example, Answer(other=Boxes((A,), (1.0,))))]
    assert MEAN_IOU.value(predictions) == 0.0
    assert AP.value(predictions) == 0.0
    assert presence(predictions).recall == 0.0


@pytest.mark.parametrize("labels", [[], [A, HALF]])
def test_mean_iou_needs_one_label(labels: list) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match="p#x"):
        MEAN_IOU.value([detection("p", "x", labels, [])])


def test_metrics_refuse_targets_of_the_other_kind() -> None:
    boxes, name = [detection("p", "x", [A], [])], [naming("p", "cat", "cat")]
    with pytest.raises(InputError, match="p#x"):
        ACCURACY.value(boxes)
    for measure in (MEAN_IOU.value, AP50.value, presence):
        with pytest.raises(InputError, match="'p'"):
            measure(name)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=20), st.data())
def test_a_resampled_metric_is_the_metric_of_the_sample(hits: list[bool], data: st.DataObject) -> None:
    draw = data.draw(st.lists(st.integers(0, len(hits) - 1), min_size=1, max_size=30))
    expected = sum(hits[i] for i in draw) / len(draw)
    assert ACCURACY.prepare(namings(hits))(np.array(draw)) == pytest.approx(expected, abs=1e-12)


def test_every_metric_is_nan_without_answers() -> None:
    assert all(math.isnan(metric.value([])) for metric in METRICS)
    assert math.isnan(parse_rate([])) and math.isnan(format_rate([]))


def test_rates() -> None:
    loose = Prediction(naming("q", "cat", "cat").example, Answer(Label("cat"), formatted=False))
    predictions = [naming("p", "cat", "cat"), loose, naming("r", "cat", None), naming("s", "cat", None)]
    assert (parse_rate(predictions), format_rate(predictions)) == (0.5, 0.25)


def test_presence() -> None:
    predictions = [
        detection("1", "x", [A], [(AWAY, 0.1)]),
        detection("2", "x", [A], []),
        detection("3", "x", [A], None),
        detection("4", "x", [], [(A, 1.0)]),
        detection("5", "x", [], []),
        detection("6", "x", [A, AWAY], [(A, 1.0)]),
    ]
    seen = presence(predictions)
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
    predictions = [naming("1", "dog", "dog"), naming("2", "cat", "dog"), naming("3", "cat", "cat")]
    found = per_group(predictions, ACCURACY)
    assert list(found.items()) == [("cat", GroupValue(2, 0.5)), ("dog", GroupValue(1, 1.0))]


def test_ap_is_the_mean_of_its_classes() -> None:
    predictions = random_detections(np.random.default_rng(3), 15, 4)
    groups = per_group(predictions, AP)
    mean = np.mean([group.value for group in groups.values()])
    assert AP.value(predictions) == pytest.approx(mean, abs=1e-12)
    assert sum(group.n for group in groups.values()) == len(predictions)
