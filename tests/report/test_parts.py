"""The report's parts by themselves: choice of images, charts, folders."""

from __future__ import annotations

import base64
import io
import json
import math
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import group_row
from PIL import Image

from vrft.data.drawn_media import as_shown
from vrft.report.charts import Series, Whisker, interval_plot, line_chart, moving_mean, thin
from vrft.report.gallery import EACH, pick_cases
from vrft.report.moved_images import MovedImages
from vrft.report.panels import draw_answer, embed, media_symbols
from vrft.report.run_reader import ReadRun, read_run
from vrft.report.setting_summary import selection_of
from vrft.report.svg import ticks
from vrft.tasks.number_format import hundred, interval, number, p_value
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Example, Label, Permutation, Prediction, TileShuffle
from vrft.types import Image as ImageFile

finite = st.floats(-1e6, 1e6, allow_nan=False)


DETECTION, GROUNDING, CLASSIFICATION = map(load_task, ("detection", "grounding", "classification"))


def boxes(labels, said, confidences=None, parsed=True, key="a") -> Prediction:
    media = (ImageFile(Path("a.png"), (100, 100)),)
    example = Example(key, key, "detection", media, "cat", Boxes(tuple(labels)))
    given = tuple(confidences or [1.0] * len(said))
    return Prediction(example, Answer(Boxes(tuple(said), given) if parsed else None, parsed))


def named(name, label, key="a") -> Prediction:
    example = Example(key, key, "classification", (ImageFile(Path("a.png"), (9, 9)),), "pet", Label(name))
    return Prediction(example, Answer(None if label is None else Label(label), True))


def score(task, prediction) -> float:
    return task.score(prediction.answer, prediction.example.target)


def test_a_question_s_score_is_the_closed_form():
    label, half = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 10.0, 8.0)
    other = (50.0, 50.0, 60.0, 60.0)
    assert score(DETECTION, boxes([label], [half])) == pytest.approx(0.8)
    assert score(DETECTION, boxes([label], [half, other])) == pytest.approx(0.4)
    assert score(DETECTION, boxes([label, other], [half])) == pytest.approx(0.4)
    assert score(DETECTION, boxes([], [])) == 1.0
    assert score(DETECTION, boxes([], [half])) == 0.0
    assert score(DETECTION, boxes([], [], parsed=False)) == 0.0
    assert score(GROUNDING, boxes([label], [half, label])) == pytest.approx(0.8)
    assert score(GROUNDING, boxes([label], [])) == 0.0
    said = [score(CLASSIFICATION, named("cat", said)) for said in ("Cat", "dog", None)]
    assert said == [1.0, 0.0, 0.0]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.integers(0, 99))
def test_images_are_chosen_by_the_rule(outcomes, seed):
    before = [named("cat", "cat" if was else "dog", f"q{i}") for i, (was, _) in enumerate(outcomes)]
    after = [named("cat", "cat" if now else "dog", f"q{i}") for i, (_, now) in enumerate(outcomes)]
    cases, tally = pick_cases({"base": before, "rft": after}, CLASSIFICATION, "base", "rft", seed)
    gains = [int(now) - int(was) for was, now in outcomes]
    up, down = gains.count(1), gains.count(-1)
    assert (tally.better, tally.worse, tally.same) == (up, down, gains.count(0))
    kinds = [case.why for case in cases]
    assert kinds.count("gained most") == min(EACH, up)
    assert kinds.count("lost most") == min(EACH, down)
    assert kinds.count("at random") == min(EACH, len(outcomes) - min(EACH, up) - min(EACH, down))
    assert len({case.answers["rft"].example.id for case in cases}) == len(cases)
    for case in cases:
        assert case.gain == gains[int(case.answers["rft"].example.id[1:])]
    assert cases == pick_cases({"base": before, "rft": after}, CLASSIFICATION, "base", "rft", seed)[0]


def test_the_largest_gains_come_first_and_abstentions_do_not_crowd_them_out():
    label = (0.0, 0.0, 100.0, 10.0)
    sizes = [60, 70, 80, 90, 95]
    before = [boxes([label], [], key=f"b{size}") for size in sizes]
    after = [boxes([label], [(0.0, 0.0, float(size), 10.0)], key=f"b{size}") for size in sizes]
    before += [boxes([], [label], key=f"e{i}") for i in range(9)]
    after += [boxes([], [], key=f"e{i}") for i in range(9)]
    cases, _ = pick_cases({"base": before, "rft": after}, DETECTION, "base", "rft", 0)
    most = [case.answers["rft"].example.id for case in cases if case.why == "gained most"]
    assert most[2:] == ["b95", "b90"]
    assert all(key.startswith("e") for key in most[:2])


def test_only_questions_that_all_systems_answered_are_compared():
    base, rft = [named("cat", "dog", "q0"), named("cat", "dog", "q1")], [named("cat", "cat", "q1")]
    cases, tally = pick_cases({"base": base, "rft": rft}, CLASSIFICATION, "base", "rft", 0)
    assert [case.answers["rft"].example.id for case in cases] == ["q1"]
    assert tally.better == 1


@given(finite, st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_enclose_or_stay_inside(low, span, most):
    inside, around = ticks(low, low + span, most), ticks(low, low + span, most, around=True)
    slack = 1e-6 * (abs(low) + span)
    assert around[0] <= low + slack
    assert around[-1] >= low + span - slack
    assert all(low - slack <= tick <= low + span + slack for tick in inside)
    assert around == sorted(set(around))
    assert len(around) <= most + 2


@given(st.lists(finite, min_size=1, max_size=300), st.integers(1, 50))
def test_thinned_lines_keep_their_mean_and_smooth_ones_their_range(values, most):
    points = [(float(i), value) for i, value in enumerate(values)]
    drawn = thin(points, most)
    assert len(drawn) <= most
    if len(values) % len(drawn) == 0:
        assert math.fsum(v for _, v in drawn) / len(drawn) == pytest.approx(
            math.fsum(values) / len(values), abs=1e-3
        )
    smooth = [v for _, v in moving_mean(points, 3)]
    assert min(values) - 1e-6 <= min(smooth) and max(smooth) <= max(values) + 1e-6


@given(st.lists(finite, min_size=1, max_size=60))
def test_a_line_is_drawn_inside_its_canvas_with_larger_values_higher(values):
    svg = str(line_chart([Series("x", "c0", [(float(i), v) for i, v in enumerate(values)])], "x"))
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    path = re.search(r'points="([^"]+)" class="curve"', svg).group(1)
    places = [tuple(map(float, pair.split(","))) for pair in path.split()]
    assert len(places) == len(values)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)
    highest = places[values.index(max(values))][1]
    assert highest == min(y for _, y in places)


def test_marks_stand_where_the_values_of_an_axis_of_ratios_are():
    shots = [1.0, 2.0, 4.0, 8.0]
    series = [Series("x", "c0", [(s, 1.0) for s in shots], marked=True)]
    svg = str(line_chart(series, "x", log=True, marks=shots))
    dots = [float(x) for x in re.findall(r'<circle cx="(\S+)"', svg)]
    marks = [
        re.search(rf'<text x="(\S+)" y="\S+" class="tick" text-anchor="middle">{s:.0f}<', svg) for s in shots
    ]
    assert [float(m.group(1)) for m in marks] == pytest.approx(dots)
    assert dots[1] - dots[0] == pytest.approx(dots[3] - dots[2], abs=0.2)


def test_equal_lines_with_whiskers_are_seen_apart_each_on_its_own_whiskers():
    points, spread = [(1.0, 2.0), (2.0, 3.0)], [(1.5, 2.5), (2.0, 3.5)]
    plain = Series("exact", "c0", points, marked=True)
    twins = [Series(name, name, points, marked=True, spread=spread) for name in ("sft", "rft")]
    svg = str(line_chart([plain, *twins], "x"))
    exact, *others = (svg[m.start() :] for m in re.finditer(r'<polyline points="\S+ \S+" class="curve"', svg))
    between, *dots = (
        [float(x) for x in re.findall(r'<circle cx="(\S+)"', part)[:2]] for part in (exact, *others)
    )
    whiskers = re.findall(r'<line x1="(\S+)" x2="\1" y1="\S+" y2="\S+" class="spread"', svg)
    assert [float(x) for x in whiskers] == pytest.approx([*dots[0], *dots[1]])
    assert dots[0][0] < between[0] < dots[1][0]
    assert between[0] - dots[0][0] == pytest.approx(dots[1][0] - between[0])


def test_an_interval_is_drawn_to_scale():
    row = Whisker("RFT", "rft", 0.5, 0.25, 1.0)
    svg = str(interval_plot([row, Whisker("Base", "base", 0.0, None, None)], "scores"))
    low, high = map(
        float, re.search(r'<line x1="(\S+)" x2="(\S+)" y1="\S+" y2="\S+" class="whisker"', svg).groups()
    )
    dots = [float(x) for x in re.findall(r'<circle cx="(\S+)"', svg)]
    assert (dots[0] - low) / (high - low) == pytest.approx(1 / 3, abs=1e-3)
    assert (high - dots[1]) / (high - low) == pytest.approx(4 / 3, abs=1e-3)
    assert svg.count('class="whisker"') == 3


@pytest.mark.parametrize("letters", [3, 30, 60])
def test_a_long_name_leaves_an_interval_its_axis(letters):
    svg = str(interval_plot([Whisker("x" * letters, "rft", 0.5, 0.25, 1.0)], "scores"))
    width = float(re.search(r'viewBox="0 0 (\S+) ', svg).group(1))
    marks = [float(x) for x in re.findall(r'<line x1="(\S+)" x2="\1"', svg)]
    assert max(marks) < width and max(marks) - min(marks) > 200


def test_nothing_to_draw_is_nothing():
    assert line_chart([Series("x", "c0", [])], "x") == ""
    assert interval_plot([], "x") == ""
    full = str(interval_plot([Whisker("RFT", "rft", 1.0, 1.0, 1.0)], "scores"))
    assert {">0<", ">100<"} <= set(re.findall(">[0-9.]+<", full)) and ">120<" not in full


@given(st.floats(-1, 1))
def test_numbers_read_back(value):
    assert float(hundred(value).replace("−", "-")) == pytest.approx(100 * value, abs=0.0501)


@pytest.mark.parametrize("nothing", [None, "x", math.nan, math.inf, True, [], {}])
def test_what_is_not_a_number_is_a_dash(nothing):
    assert number(nothing) is None
    assert {hundred(nothing), interval(nothing, 0.5), p_value(nothing)} == {"–"}


def test_an_image_is_embedded_upright_and_within_its_budget(tmp_path):
    turned = Image.effect_noise((400, 200), 90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "a.jpg", exif=exif)
    file = ImageFile(tmp_path / "a.jpg", (200, 400))
    for budget in (200_000, 9_000):
        uri = embed(as_shown(file, placed=True), budget)
        content = base64.b64decode(uri.split(",")[1])
        shown = Image.open(io.BytesIO(content))
        assert shown.height == 2 * shown.width
        assert len(content) <= budget


def test_a_card_shows_a_puzzle_as_the_model_saw_it_and_an_empty_sheet_for_what_is_no_image(tmp_path):
    left_right = Image.new("RGB", (81, 40), "red")
    left_right.paste("blue", (40, 0, 80, 40))
    left_right.save(tmp_path / "a.png")
    whole = ImageFile(tmp_path / "a.png", (81, 40))
    shuffled = replace(whole, window_px=(0, 0, 80, 40), edits=(TileShuffle(1, 2, (2, 1)),))
    for medium, target, size_wh, first in [
        (whole, Permutation((2, 1)), (81, 40), (255, 0, 0)),
        (shuffled, Permutation((2, 1)), (80, 40), (0, 0, 255)),
        (shuffled, Boxes(((1.0, 1.0, 9.0, 9.0),)), (81, 40), (255, 0, 0)),
    ]:
        example = Example("a", "a", "jigsaw", (medium,), "tiles", target)
        symbol = str(media_symbols(example, "s", MovedImages(tmp_path, {}), 10_000))
        shown = Image.open(io.BytesIO(base64.b64decode(symbol.partition("base64,")[2].partition('"')[0])))
        assert (shown.size, shown.getpixel((5, 5))) == (size_wh, first)
        assert f'viewBox="0 0 {size_wh[0]} {size_wh[1]}"' in str(draw_answer(example, "s", {}))
    (tmp_path / "a.png").write_bytes(b"no image")
    assert "image not found" in str(media_symbols(example, "s", MovedImages(tmp_path, {}), 10_000))


def test_the_rollouts_shown_are_the_furthest_apart_of_one_question(tmp_path):
    rows = [(1, "a"), (2, "b"), (3, "a"), (9, "b"), (9, "c")]
    dice = random.Random(0)
    lines = [json.dumps(group_row(step, boxes([], [], key=name).example, dice)) for step, name in rows]
    (tmp_path / "rollouts.jsonl").write_text("\n".join([*lines, '{"step": 10, "rollo']))
    shown = read_run(tmp_path, [], samples=True).groups
    assert [(step, group.example.id) for step, group in shown] == [(2, "b"), (9, "b")]
    assert [len(group.rollouts) for _, group in shown] == [4, 4]


def test_values_that_are_not_numbers_leave_a_gap(tmp_path):
    rows = ['{"step": 1, "reward": NaN}', '{"step": 2, "reward": 0.5}', '{"step": "x"}', "3", '{"step": 4}']
    rows += ['{"step": 4, "validation": 0.25}', '{"step": 5, "validation": NaN}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    run = read_run(tmp_path, [])
    assert run.validations == [(4.0, 0.25)]
    assert [row["step"] for row in run.steps] == [1, 2, 4]


def test_the_page_says_what_was_left_out_and_what_it_took():
    first = {"step": 1, "selection": {"kept": 5, "of": 14, "solved": 9}, "selection_answers": 112}
    rows = [
        {**first, "selection_tokens": 2240},
        {"step": 2, "selection": {"kept": 4, "of": 14, "solved": 10}},
    ]
    assert selection_of(ReadRun(Path("run"), steps=rows)) == (
        "5 of 14 questions (solved 9) at first, 4 of 14 questions (solved 10) at the end; 112 answers "
        "(2,240 tokens) were drawn first for it"
    )
    several = [{"step": 1, "selection": {"cells": {"kept": 2, "of": 3}, "signs": {"kept": 1, "of": 4}}}]
    both = "cells: 2 of 3 questions, signs: 1 of 4 questions"
    assert selection_of(ReadRun(Path("run"), steps=several)) == f"{both} at first, {both} at the end"
    assert selection_of(ReadRun(Path("run"), steps=[{"step": 1, "reward": 1.0}])) == selection_of(None) == ""
