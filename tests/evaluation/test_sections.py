"""Parts of a card as people read them, and metrics that are not shares."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from counting import counted, counting  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import (
    detection,
    labeled,
    naming,
    namings,
    random_detections,
    record_of,
    rolled,
    with_others,
    with_prompts,
)

from vrft.evaluation.compare import compare, comparisons, verdict_sentence
from vrft.evaluation.scorecard import CardOptions, scorecard, sections_of
from vrft.tasks.registry import load_task
from vrft.tasks.section import LineChart, Matrix, Table
from vrft.types import Answer, Completion, GateAnswer, Label

A, B = (0.0, 0.0, 20.0, 20.0), (40.0, 40.0, 60.0, 60.0)
FEW = CardOptions(resamples=20, sizes=(1, 2))


def tables_of(card: dict) -> dict[str, Table]:
    sections = sections_of(load_task(card["task"]))
    return {t.name: t for s in sections if s.name in card for t in s.tables(card[s.name])}


def whole_detection_card() -> dict:
    first, *others = (random_detections(np.random.default_rng(seed), 6, 2) for seed in (1, 1))
    predictions = [with_others(a, b.answer) for a, b in zip(first, *others, strict=True)]
    gate = GateAnswer(Completion("yes", (1, 2)), True, 5)
    labels = {}
    for one in predictions:
        own = labels.setdefault(one.example.record_id, [])
        own += [labeled(one.example.question, box) for box in one.example.target.xyxy_px]
    records = [replace(record_of(name, *own), absent=("c00", "c01")) for name, own in labels.items()]
    options = replace(FEW, base=("c00",), novel=("c01",), records=records)
    return scorecard([replace(one, gate=gate) for one in predictions], options)


def test_every_section_of_a_detector_is_read_from_its_json_alone():
    card = json.loads(json.dumps(whole_detection_card()))
    tables = tables_of(card)
    assert list(tables) == [
        "rankings", "calibration", "presence", "gate", "open_vocabulary", "federated", "compute"
    ]  # fmt: skip
    assert all(len(row) == len(t.head) for t in tables.values() for row in t.rows)
    percent = {name: f"{100 * card['open_vocabulary'][name]:.1f}" for name in ("base", "novel", "all")}
    assert tables["open_vocabulary"].rows == tuple((f"{k} classes", v) for k, v in percent.items())
    assert tables["gate"].rows[-1] == ("Tokens of its answer, mean", "2")
    assert tables["presence"].title == "Presence" and tables["rankings"].rows[0][0] == "confidence, as given"
    (reliability,) = tables["calibration"].charts
    assert isinstance(reliability, LineChart) and [c.ideal for c in reliability.curves] == [True, False]
    filled = [b for b in card["calibration"]["bins"] if b["n"]]
    assert reliability.curves[1].points == tuple((b["confidence"], b["hit_share"]) for b in filled)
    assert all(
        low <= b["hit_share"] <= high
        for b, (low, high) in zip(filled, reliability.curves[1].spread, strict=True)
    )


def test_the_curve_against_compute_has_a_row_for_each_rule_and_shows_it():
    answers = [
        with_others(one, Answer(Label("cat"), True, text="cat")) for one in namings([True, False, True])
    ]
    card = scorecard([with_prompts(one, plain=1000) for one in answers], FEW)
    table = tables_of(card)["compute"]
    assert table.title == "Accuracy against compute" and table.head == ("Answers", "1", "2")
    assert table.rows[0] == ("tokens", "1,003", "1,010")
    assert [row[0] for row in table.rows[1:]] == ["vote", "best_logprob", "self_consistency"]
    assert table.rows[1][1].startswith("66.7\n") and "prompts and answers" in table.note
    (chart,) = table.charts
    assert chart.log and chart.curves[0].points[0] == (1003.0, pytest.approx(100 * 2 / 3))
    assert len(chart.curves[0].spread) == 2
    flipped = [
        replace(one, rollouts=(one.rollouts[0], rolled(one.example, one.answer, view="flip")))
        for one in answers
    ]
    shown = tables_of(scorecard(flipped, FEW))["compute"]
    assert shown.rows[1] == ("views", "plain", "plain, flip") and "prompts unknown" in shown.note
    assert "best_logprob is left out: " in shown.note


def test_confusions_are_a_table_and_a_matrix():
    card = scorecard(
        [
            naming("1", "cat", "cat"),
            naming("2", "cat", "dog"),
            naming("3", "dog", None),
            naming("4", "dog", "yak"),
        ],
        FEW,
    )
    tables = tables_of(json.loads(json.dumps(card)))
    assert list(tables) == ["confusions", "only_lenient", "collisions"]
    assert ("dog", "(not readable)", "1") in tables["confusions"].rows
    (matrix,) = tables["confusions"].charts
    assert isinstance(matrix, Matrix)
    assert (matrix.rows, matrix.columns) == (("cat", "dog"), ("cat", "dog", "another name", "not readable"))
    assert matrix.counts == ((1, 1, 0, 0), (0, 0, 1, 1))
    assert tables_of(scorecard(namings([True]), FEW))["confusions"].charts == ()


CARDS = [whole_detection_card(), scorecard(namings([True, False, False]), FEW)]
torn = st.sampled_from([None, 3, "x", [], {}, [1], {"rules": {"vote": [None]}}, True, [["a"]]])


@settings(deadline=None)
@given(st.data())
def test_torn_json_is_read_as_far_as_it_goes(data):
    card = json.loads(json.dumps(data.draw(st.sampled_from(CARDS))))
    for section in sections_of(load_task(card["task"])):
        measured = card.get(section.name)
        if isinstance(measured, dict) and measured and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(measured)))
            measured[key] = data.draw(torn)
        else:
            measured = data.draw(torn)
        for table in section.tables(measured):
            assert all(
                len(row) == len(table.head) and all(isinstance(c, str) for c in row) for row in table.rows
            )


# ---- a metric that is not a share, and better where it is less


def counts(error: float, n: int = 30):
    return [counted(f"{i:02d}", 5, 5 + error) for i in range(n)]


def test_a_lower_error_is_better():
    card = scorecard(counts(2.0))
    assert (card["value"], card["unit"], card["higher_is_better"]) == (2.0, "cups", False)
    assert card["metrics"] == {
        "mae": {"value": 2.0, "low": 2.0, "high": 2.0, "title": "mean error", "unit": "cups"}
    }
    seen = compare({"base": counts(2.0), "sft": counts(0.5), "rft": counts(1.0)})
    assert seen["rft_minus_base"]["value"] == -1.0
    assert (seen["verdict"], seen["versus_sft"]) == ("better", "not better")
    assert [seen[f"rft_minus_{name}"]["p"] for name in ("base", "sft")] == [2 / 1001] * 2
    assert verdict_sentence(seen) == (
        "RFT is better than the base model: mean error 1 against 2 cups on 30 held-out images "
        "(difference -1, 95% interval -1 to -1, p <= 0.002). RFT is not better than its SFT twin: 1 "
        "against 0.5 cups (difference +0.5, 95% interval +0.5 to +0.5, p <= 0.002)."
    )


def test_what_is_negligible_is_the_metrics_own():
    same = {"base": counts(1.0, 200), "rft": counts(1.05, 200)}
    assert compare(same)["verdict"] == "not better"
    near = {"base": counts(1.05, 200), "rft": counts(1.0, 200)}
    assert compare(near)["verdict"] == "better"
    mixed = [counted(f"{i:03d}", 5, 5 + (2 if i % 2 else 1)) for i in range(200)]
    swapped = [counted(f"{i:03d}", 5, 5 + (1 if i % 2 or not i else 2)) for i in range(200)]
    unsure = compare({"base": mixed, "rft": swapped})
    assert unsure["verdict"] == "cannot tell" and unsure["images_needed"] > 200


def test_systems_that_answered_two_tasks_are_compared_task_by_task():
    base, rft = namings([True, False] * 5), namings([True] * 10)
    boxes = [detection(f"p{i}", "cat", [A], [(A if i % 2 else B, 0.9)]) for i in range(8)]
    found = comparisons({"base": [*base, *boxes], "rft": [*rft, *boxes]})
    assert list(found) == ["classification", "detection"]
    assert found["classification"] == compare({"base": base, "rft": rft})
    assert found["detection"]["rft_minus_base"]["value"] == 0.0
