"""Means over base and novel classes."""

import math

import numpy as np
import pytest
from predicted import random_detections

from vrft.errors import InputError
from vrft.tasks.detection.detection_sections import open_vocabulary
from vrft.tasks.metrics import AP
from vrft.tasks.metrics.metric import per_group

FIGURES = {"a": 0.1, "b": 0.2, "c": 0.9, "d": math.nan, "other": 0.0}


def test_the_mean_of_all_is_over_classes_and_leaves_out_the_unmeasured() -> None:
    means = open_vocabulary(FIGURES, ["a", "b", "d"], ["c"])
    assert (means.base, means.novel, means.all) == pytest.approx((0.15, 0.9, 0.4), abs=1e-12)
    assert means.unmeasured == ("d",)


def test_a_part_without_figures_is_nan() -> None:
    means = open_vocabulary(FIGURES, ["a"], ["d"])
    assert math.isnan(means.novel) and means.all == 0.1
    assert math.isnan(open_vocabulary({}, [], []).all)


def test_over_all_classes_it_is_the_ap_itself() -> None:
    predictions = random_detections(np.random.default_rng(2), 10, 4)
    groups = per_group(predictions, AP)
    means = open_vocabulary({name: g.value for name, g in groups.items()}, ["c00", "c01"], ["c02", "c03"])
    assert means.all == pytest.approx(AP.value(predictions), abs=1e-12)
    novel = [j for j in predictions if j.example.question in ("c02", "c03")]
    assert means.novel == pytest.approx(AP.value(novel), abs=1e-12)


@pytest.mark.parametrize(
    ("base", "novel", "words"), [(["a", "x"], [], "'x'"), (["a"], ["a"], "'a' is listed twice")]
)
def test_lists_that_do_not_fit_are_refused(base: list[str], novel: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_vocabulary(FIGURES, base, novel)
