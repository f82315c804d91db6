"""The page of the benchmark of kinds: numbers from files alone, predictions by their limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kinds.cell import CELLS, DEVELOPMENTS, ROWS, TABLES
from kinds.files import by_row, rates_for, read_cells, read_developments
from kinds.page import page, protocol, write_page
from kinds.plan import BUDGET_CORE_HOURS, core_hours, plan_text
from kinds.predictions import PREDICTIONS, as_interval, gain, mean
from kinds_files import write
from mini.expected import Limited

from vrft.errors import ConfigError
from vrft.evaluation.statistics import Interval

ALL = [one for expected in PREDICTIONS.values() for one in expected]


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    out = tmp_path_factory.mktemp("kinds")
    write(out, base=0.2, rft=0.6, sft=0.55, control=0.2, warmed=0.5)
    return out


def test_every_prediction_is_decided_by_complete_rows_and_by_no_others(complete, tmp_path):
    rows = by_row(read_cells(complete))
    states = [one.verdict(rows).holds for one in ALL]
    assert None not in states and {True, False} == set(states)
    assert {row for one in ALL for row in one.rows} == set(ROWS.values())
    assert all(one.why for one in ALL)
    write(tmp_path, [cell for cell in CELLS.values() if cell.seed < 2])
    assert {one.verdict(by_row(read_cells(tmp_path))).holds for one in ALL} == {None}


def test_what_a_prediction_says_is_measured_on_its_systems(complete):
    rows = by_row(read_cells(complete))
    found = {
        (one.rows[0].name, one.what): verdict.found.value
        for one in ALL
        if (verdict := one.verdict(rows)).found is not None
    }
    assert len(found) == len(ALL)
    assert found["pointing", "RFT - base"] == pytest.approx(0.4)
    assert found["segmentation", "masks by flood fill, RFT - base"] == pytest.approx(0.4)
    assert found["jigsaw", "RFT - base"] == pytest.approx(0.4)
    assert found["counting", "RFT - SFT"] == pytest.approx(0.05)
    equal_tokens = "puzzles, then labels - labels alone, equal tokens"
    assert found["counting_warm_up", equal_tokens] == pytest.approx(0.2)
    assert found["mixture", "share of steps in which EMA's σ is off, worst task"] == 0.5
    row, tasks = ROWS["mixture"], ROWS["mixture"].tasks
    each = [gain(row, "ema", "group", task)(rows).value for task in tasks]
    assert mean([gain(row, "ema", "group", task) for task in tasks])(rows).value == pytest.approx(
        sum(each) / 3
    )


def test_a_gain_needs_its_whole_interval_above_zero(tmp_path):
    limited = Limited()
    limited.above = True
    assert [limited.holds_of(Interval(0.1, low, 0.2)) for low in (0.01, 0.0, -0.01)] == [True, False, False]
    write(tmp_path, rft=0.31, base=0.3)
    found = as_interval(gain(ROWS["pointing"], "rft", "base"), by_row(read_cells(tmp_path)))
    assert found.low < 0 < found.value < found.high


def test_every_table_is_made_of_the_files(complete, tmp_path):
    assert f"{len(CELLS)} of {len(CELLS)} cells" in write_page(complete, tmp_path)
    text = (tmp_path / "results_kinds.md").read_text()
    # Two of systems in three sections, arms in five, distorted steps, predictions and cells.
    assert len(re.findall(r"^\| --- ", text, re.M)) == 2 * 3 + 5 + 1 + 2
    assert "Not run yet" not in text and "nan" not in text
    line = next(one for one in text.splitlines() if one.startswith("| segmentation | gIoU of masks by flood"))
    assert "| 3 of 3 | 20.0 (" in line and "+40.0 (" in line
    # The three single runs of a mixture are counted together.
    assert re.search(r"pointing \| .* \| three single runs \| .* \| 240,000 \|", text)


def test_an_empty_page_says_so_and_claims_nothing(tmp_path):
    text = page(read_cells(tmp_path), read_developments(tmp_path))
    assert f"0 of {len(CELLS)} cells, and the rates of 0 of {len(ROWS)} rows" in text
    assert f"0 came true and 0 did not; {len(ALL)} are open" in text
    assert text.count("Not run yet.") == len(TABLES) and "| yes |" not in text and "**no**" not in text
    assert "{" not in protocol()


def test_rates_come_from_the_development_seed_and_from_nowhere_else(tmp_path):
    row = ROWS["counting"]
    with pytest.raises(ConfigError, match="--cell counting-9"):
        rates_for(row, tmp_path)
    write(tmp_path, [DEVELOPMENTS["counting-9"]])
    assert rates_for(row, tmp_path)["sft"] == 1e-4
    text = page(read_cells(tmp_path), read_developments(tmp_path))
    assert "| `counting` | SFT | 25.0 | 50.0 | – | 1e-04 |" in text and f"0 of {len(CELLS)} cells" in text


def test_the_plan_counts_what_is_left_at_the_price_of_what_is_there(tmp_path):
    assert core_hours({}, {})[1] < BUDGET_CORE_HOURS
    write(tmp_path, [*CELLS.values(), *DEVELOPMENTS.values()])
    spent, left = core_hours(read_cells(tmp_path), read_developments(tmp_path))
    assert (spent, left) == pytest.approx(((len(CELLS) + len(ROWS)) / 6, 0))
    assert "rates set, 3 seeds, 3 done, 10.0 core-minutes each" in plan_text(
        read_cells(tmp_path), read_developments(tmp_path)
    )


def test_the_committed_page_is_what_the_committed_files_say(tmp_path):
    root = Path(__file__).resolve().parents[2]
    write_page(root / "results" / "kinds", tmp_path)
    name = "results_kinds.md"
    assert (root / "docs" / name).read_text() == (tmp_path / name).read_text()
