"""The page of the reasoning benchmark: numbers from files alone, predictions by their limits."""

from __future__ import annotations

import re
from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest
from mini.expected import verdicts_counted
from reasoning import tables
from reasoning.cell import BY_NAME, CELLS, TABLES
from reasoning.files import by_row, read_cells, seeds_of
from reasoning.page import filled, page, write_page
from reasoning.plan import core_hours, plan_text
from reasoning.predictions import PREDICTIONS, Expected, gain, two
from reasoning.takeaways import ABOUT, takeaways
from reasoning_files import write

from vrft.errors import RunError
from vrft.run_folder import read_json, write_json


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    out = tmp_path_factory.mktemp("reasoning")
    write(out, CELLS)
    return out


def test_the_cells_are_those_that_the_protocol_names():
    assert len(CELLS) == sum(map(len, TABLES.values())) == len(BY_NAME)
    assert {seeds_of(cell.row) for cell in TABLES["main"]} == {5}
    assert {seeds_of(cell.row) for name in ("chains", "questions", "threshold") for cell in TABLES[name]} == {
        3
    }
    assert {cell.share for cell in TABLES["chains"]} == {0.0, 0.02, 0.05, 0.1}
    asked = {(cell.question, cell.variant) for cell in TABLES["threshold"]}
    assert asked == {("two", "group32"), ("two", "warm"), ("two", "guess_proof"), ("three", "plain")}
    assert all("rft" in arms for arms in CELLS.values())


def test_a_difference_is_paired_by_seed_and_draw(complete):
    cells = [read_json(complete / "cells" / f"two-0.2-{seed}.json") for seed in range(5)]

    def draws(system):
        texts = [cell["scopes"]["all"]["systems"][system]["draws"] for cell in cells]
        return np.array([[int(word) / 100_000 for word in text.split()] for text in texts])

    chosen = np.random.default_rng(0).integers(5, size=(200, 5))
    lead = draws("rft") - draws("sft")
    means = [np.mean([lead[seed, draw] for seed in seeds]) for draw, seeds in enumerate(chosen)]
    found = gain(two(0.2), "rft", "sft")(by_row(read_cells(complete)))
    assert found.value == pytest.approx(0.45)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=1e-5)
    line = next(
        row for row in tables.summary_table(by_row(read_cells(complete))).splitlines() if "20% chains" in row
    )
    assert "+45.0 (" in line and "5 of 5" in line


def test_every_plot_and_every_table_is_made_of_the_files(complete, tmp_path):
    said = write_page(complete, tmp_path)
    assert f"{len(CELLS)} of {len(CELLS)} cells, 4 plots" in said
    text = (tmp_path / "results_reasoning.md").read_text()
    for name in re.findall(r"!\[.*?\]\((.*?)\)", text):
        ElementTree.parse(tmp_path / name)
    assert len(re.findall(r"^\| --- ", text, re.M)) == 13
    assert "Missing" not in text and "nan" not in text


def test_rejection_samplings_shares_are_of_what_was_drawn_and_learned(complete):
    text = tables.rejection_table(by_row(read_cells(complete)))
    assert "| rejection sampling, rounds: 1 | 1 | 7,680 | 10% | 25% | 50% |" in text
    assert "| rejection sampling, rounds: 1 | 2 | 7,680 | 20% | 12% | 100% |" in text


def test_an_empty_page_names_every_missing_cell_and_claims_nothing(tmp_path):
    text = page(read_cells(tmp_path), {})
    assert all(f"`{cell.name}`" in text for cell in CELLS)
    assert "| yes |" not in text and "**no**" not in text
    assert "{" not in filled("protocol.md") + filled("words.md")


def test_every_prediction_finds_its_row_and_is_decided(complete):
    rows = by_row(read_cells(complete))
    states = [one.holds(rows) for one in PREDICTIONS]
    assert None not in states and {True, False} == set(states)
    assert {one.row for one in PREDICTIONS} == {cell.row for cell in CELLS}
    said = verdicts_counted(tables.verdicts(rows))
    assert f"{states.count(True)} came true and {states.count(False)} did not; 0 are open" in said
    assert said.count("\n- ") == states.count(False)


def pages_takeaways(folder, cells, **values):
    write(folder, cells, **values)
    rows = by_row(read_cells(folder))
    return takeaways(rows), {one: one.holds(rows) for one in PREDICTIONS}


@pytest.mark.parametrize(
    ("rejection", "said"),
    [
        (0.64, "level with it at 2% (+1.0), 5% (+1.0), 10% (+1.0), 20% (+1.0)"),
        (0.3, "ahead of it at 2% (+35.0), 5% (+35.0), 10% (+35.0), 20% (+35.0)"),
        (0.8, "behind it at 2% (−15.0), 5% (−15.0), 10% (−15.0), 20% (−15.0)"),
    ],
)
def test_takeaways_say_where_rft_stands_to_rejection_sampling(tmp_path, rejection, said):
    text, _ = pages_takeaways(tmp_path, CELLS, rejection_1=rejection)
    assert f"with one round RFT is {said}; with three rounds RFT is level with it" in text
    assert "reaches 20.0 and RFT 65.0: +45.0 (" in text
    assert "| 2% | 60% | 20.0 | " in text


@pytest.mark.parametrize("rft", [0.2, 0.65])
def test_takeaways_name_what_does_not_work_and_every_wrong_prediction(tmp_path, rft):
    text, held = pages_takeaways(tmp_path, CELLS, rft=rft)
    missed = [one for one, holds in held.items() if holds is False]
    named = text[text.index("**Which predictions") :].split("\n\n")[0].splitlines()
    assert f"{len(held)} can be judged by now, and {len(missed)} of these were wrong" in named[0]
    for row in {one.row for one in missed}:
        line = next(one for one in named if one.startswith(f"  - {tables.titled(row)}: "))
        assert line.count("(more)") + line.count("(less)") == sum(one.row == row for one in missed)
    fails = "sum of two digits, 20% chains: 0.0 (" in text.replace("+0.0", "0.0")
    assert fails is (rft == 0.2) is ("What does not work" in text)


def test_takeaways_name_the_rows_in_which_runs_did_not_learn_to_show_their_work(tmp_path):
    text, _ = pages_takeaways(tmp_path, CELLS)
    assert "show work after every run of RFT." in text
    for name in ("three-0.02-0", "three-0.02-1", "two-0-0", "two-0-1", "two-0-2"):
        path = tmp_path / "cells" / f"{name}.json"
        cell = read_json(path)
        cell["scopes"][cell["headline"]]["systems"]["rft"]["shows_work"] = 0.4
        write_json(path, cell)
    text = takeaways(by_row(read_cells(tmp_path)))
    lines = text[text.index("**Where the threshold") :].split("\n- ")[0].splitlines()[1:]
    assert lines == ["  - sum of three digits, 2% chains: 1 of 3 runs"]


def test_takeaways_of_a_few_cells_claim_nothing_of_the_others(tmp_path):
    text, _ = pages_takeaways(tmp_path, [BY_NAME["two-0.05-0"]])
    assert "A verifier teaches" not in text and "Which predictions" not in text
    assert "at 5% (" in text and "20% (" not in text and "| 1 of 3 |" in text
    assert takeaways({}).count("\n") == ABOUT.count("\n")


@pytest.mark.parametrize(("rft", "sft"), [*product((0.2, 0.23, 0.3, 0.7), (0.2, 0.6))])
def test_a_prediction_holds_between_its_limits_alone(tmp_path, rft, sft):
    write(tmp_path, [BY_NAME[f"two-0-{seed}"] for seed in range(3)], rft=rft, sft=sft)
    rows, row = by_row(read_cells(tmp_path)), two(0.0)
    lead = 100 * (rft - sft)
    measure = gain(row, "rft", "sft")
    for low, high in ((None, 5), (5, None), (-45, 15)):
        expected = (low is None or lead >= low) and (high is None or lead <= high)
        assert Expected(row, "lead", measure, low, high).holds(rows) is expected
    found = measure(rows)
    assert Expected(row, "lead", measure, no_gain=True).holds(rows) is (
        found.low <= 0 <= found.high or lead < 5
    )


def test_a_prediction_is_open_until_all_seeds_are_there(tmp_path):
    write(tmp_path, [BY_NAME["two-0-0"], BY_NAME["two-0-1"]])
    assert {one.holds(by_row(read_cells(tmp_path))) for one in PREDICTIONS} == {None}


def test_the_plan_counts_what_is_left_at_the_price_of_what_is_there(tmp_path):
    write(tmp_path, TABLES["main"])
    spent, left = core_hours(read_cells(tmp_path))
    assert spent == pytest.approx(5 * 600 / 3600)
    assert left > 0 and "5 seeds, 5 done, 10.0 core-minutes each" in plan_text(read_cells(tmp_path))
    write(tmp_path, CELLS)
    assert core_hours(read_cells(tmp_path)) == pytest.approx((len(CELLS) / 6, 0))


def test_a_file_of_another_version_is_refused(tmp_path):
    write(tmp_path, [BY_NAME["two-0-0"]])
    path = tmp_path / "cells" / "two-0-0.json"
    write_json(path, read_json(path) | {"version": 0})
    with pytest.raises(RunError, match="version 0, not"):
        read_cells(tmp_path)
