"""Rewards and identities of tracks: closed forms, recorded counts of py-motmetrics, and what always holds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.rewards.papers.onethinker.onethinker_tracking import tracking_parts
from vrft.rewards.track_rewards import agreement, mean_iou, track_iou
from vrft.tasks.tracking import TASK
from vrft.tasks.tracking.identities import Identities, identities, total
from vrft.types import Answer, Example, Image, Prediction, Tracks

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "track_identities.json").read_text("utf-8"))


def sequence(images):
    corners = {
        number: {name: (x, y, x + w, y + h) for name, (x, y, w, h) in boxes.items()}
        for number, boxes in enumerate(images, 1)
    }
    return corners


@pytest.mark.parametrize("row", RECORDED["sequences"])
def test_counts_are_those_of_py_motmetrics(row):
    found, counted = identities(sequence(row["gold"]), sequence(row["said"])), row["counted"]
    assert (found.switches, found.misses, found.false) == (
        counted["num_switches"],
        counted["num_misses"],
        counted["num_false_positives"],
    )
    for name in ("idf1", "idp", "idr", "mota"):
        assert getattr(found, name) == pytest.approx(counted[name], nan_ok=True), name


def test_the_recorded_sequences_have_what_they_are_for():
    assert sum(row["counted"]["num_switches"] > 0 for row in RECORDED["sequences"]) > 8
    assert any(row["counted"]["num_false_positives"] for row in RECORDED["sequences"])


def steps(*names):
    """One thing that moves by 4 pixels an image, under these names."""
    return {n: {name: (10.0 + 4 * n, 10.0, 30.0 + 4 * n, 30.0)} for n, name in enumerate(names, 1)}


def test_a_jump_of_the_name_is_one_switch_and_a_renaming_is_none():
    jumped = identities(steps("1", "1", "1", "1"), steps("7", "7", "9", "9"))
    assert (jumped.switches, jumped.idf1, jumped.mota, jumped.misses) == (1, 0.5, 0.75, 0)
    renamed = identities(steps("1", "1", "1"), steps("x", "x", "x"))
    assert (renamed.switches, renamed.idf1, renamed.mota) == (0, 1.0, 1.0)


def test_sequences_are_added_before_anything_is_divided():
    long, short = identities(steps(*"aaaaaaaa"), {}), identities(steps("a"), steps("a"))
    both = total([long, short])
    assert both.idf1 == pytest.approx(2 / 10) and both.idf1 != (long.idf1 + short.idf1) / 2
    assert math.isnan(total([]).idf1) and identities({}, steps("a")).mota == -math.inf
    assert identities({}, {}) == Identities()


@st.composite
def drawn_tracks(draw):
    names = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
    rows = []
    for number in (1, 2, 3):
        for name in names:
            if draw(st.booleans()):
                x, y = draw(st.integers(0, 8)), draw(st.integers(0, 8))
                rows.append((number, name, float(x), float(y), x + draw(st.integers(1, 9)) + 0.0, y + 6.0))
    return Tracks(tuple(rows))


@settings(max_examples=60, deadline=None)
@given(drawn_tracks(), drawn_tracks())
def test_measures_stay_in_their_range_and_names_do_not_count(one, other):
    found = identities(one.by_image, other.by_image)
    assert math.isnan(found.idf1) or 0 <= found.idf1 <= 1
    assert 0 <= agreement(one, other) <= 1 + 1e-12
    assert agreement(one, other) == pytest.approx(agreement(other, one))
    assert agreement(one, one) == pytest.approx(1)
    called = {"a": "z", "b": "a", "c": "y"}
    renamed = replace(other, boxes=tuple((row[0], called[row[1]], *row[2:]) for row in other.boxes))
    assert agreement(one, renamed) == pytest.approx(agreement(one, other))
    under = identities(one.by_image, renamed.by_image)
    assert (under.true, under.misses, under.false) == (found.true, found.misses, found.false)
    # More boxes than are labelled never help, whatever they are.
    more = Tracks((*one.boxes, (4, "a", 0.0, 0.0, 9.0, 9.0)))
    assert track_iou(Answer(more), one) < 1 and (one.is_empty or mean_iou(Answer(more), one) == 1)


BOX = [0, 0, 100, 100]


@pytest.mark.parametrize(
    ("content", "accuracy", "structure"),
    [
        (f'{{"boxes": {{"1": {BOX}, "2": {BOX}}}}}', 1.0, 0.5),
        (f'{{"boxes": {{"1": {BOX}}}}}', 0.5, 0.375),
        # Boxes anywhere have the whole structure; an image more, or named twice, costs nothing.
        ('{"boxes": {"1": [500, 500, 501, 501], "2": [0, 0, 1, 1]}}', 0.00005, 0.5),
        (f'{{"boxes": {{"1": [0, 0, 1, 1], "1": {BOX}, "2": {BOX}, "3": {BOX}}}}}', 1.0, 0.5),
        (f'{{"boxes": {{"1": {BOX}, "2": [1, 2]}}}}', 0.5, 0.25),
        ('{"boxes": []}', 0.0, 0.0),
        ('{"boxes": {"1": [0, 0, 50, 100], "2": ["0", "0", "100", "50"]}}', 0.5, 0.5),
    ],
)
def test_onethinkers_parts(content, accuracy, structure):
    gold = {"1": BOX, "2": BOX}
    found = tracking_parts(f"<think>So.</think><answer>{content}</answer>", gold)
    assert found["accuracy"] == pytest.approx(accuracy) and found["structure_reward"] == structure
    assert found["overall"] == pytest.approx(0.9 * accuracy + 0.1 + structure)
    bare = tracking_parts(content, gold)
    assert bare["overall"] == pytest.approx(0.9 * accuracy) and bare["format"] == 0


def test_the_scorecards_part_counts_missing_and_further_images():
    media = tuple(Image(Path(f"{n}.png"), (100, 100)) for n in (1, 2, 3))
    gold = Tracks(((1, "", 0.0, 0.0, 9.0, 9.0), (2, "", 0.0, 0.0, 9.0, 9.0)))
    said = Tracks(((1, "", 0.0, 0.0, 9.0, 9.0), (3, "", 0.0, 0.0, 9.0, 9.0)))
    asked = Example("s", "s", "tracking", media, "it", gold, group="track")
    predictions = [Prediction(asked, Answer(said, True)), Prediction(asked, Answer())]
    scored = type("Scored", (), {"predictions": predictions})()
    (section,) = TASK.sections
    found = section.measure(scored)
    assert (found["images_missing"], found["images_extra"], found["gold"], found["said"]) == (3, 1, 4, 2)
    assert found["idf1"] == pytest.approx(2 / 6) and json.dumps(found)
    (table,) = section.tables(found)
    assert len(table.rows[0]) == len(table.head)
    idf1 = TASK.metrics[1].prepare(predictions)
    assert idf1(np.array([0, 0])) == pytest.approx(0.5) and idf1(np.array([1])) == 0.0
