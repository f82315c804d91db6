"""Boxes fusion and suppression against what the package ensemble-boxes made of the same boxes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from random_answers import nms, wbf

from vrft.tasks.fusion import Candidate
from vrft.types import Answer, Boxes

RECORDED = json.loads(Path(__file__).with_name("ensemble_boxes.json").read_text("utf-8"))
CASES = RECORDED["cases"]
ROUNDING = {"rel": 0, "abs": 1e-4}
"""The package sums corners in float32, and boxes are written to four decimals."""


def candidates(case: dict) -> list[Candidate]:
    return [
        Candidate(
            Answer(Boxes(tuple(tuple(map(float, box)) for box in a["boxes"]), tuple(a["confidences"])), True),
            None,
            1,
        )
        for a in case["answers"]
    ]


def test_the_recording_is_worth_comparing_with():
    assert RECORDED["version"] == "1.0.9" and len(CASES) >= 40
    boxes = [sum(len(a["boxes"]) for a in case["answers"]) for case in CASES]
    assert sum(len(case["wbf"]["boxes"]) < n for case, n in zip(CASES, boxes, strict=True)) > 30
    assert sum(len(case["wbf"]["boxes"]) > 2 for case in CASES) > 10
    # The two rules and thresholds make different numbers of boxes somewhere.
    assert any(len(case["wbf"]["boxes"]) != len(case["nms"]["boxes"]) for case in CASES)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_weighted_boxes_fusion_is_that_of_the_package(number):
    found, theirs = wbf(candidates(CASES[number])), CASES[number]["wbf"]
    assert found.value.scores == pytest.approx(tuple(theirs["confidences"]), rel=0, abs=1e-6)
    for box, expected in zip(found.value.xyxy_px, theirs["boxes"], strict=True):
        assert box == pytest.approx(expected, **ROUNDING)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_suppression_keeps_the_boxes_that_the_package_keeps(number):
    found = nms(candidates(CASES[number]))
    expected = sorted(CASES[number]["nms"]["boxes"])
    for box, other in zip(sorted(found.value.xyxy_px), expected, strict=True):
        assert box == pytest.approx(other, **ROUNDING)
