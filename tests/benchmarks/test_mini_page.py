"""The small benchmark's page: numbers from files alone, what is missing said, claims by their intervals."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
from kinds.files import by_row as kinds_by_row
from kinds.files import read_cells as kinds_cells
from kinds_files import write as write_kinds
from mini import claims as mini_claims
from mini.cell import VERSION, Cell, main_table
from mini.files import grouped, read_cells
from mini.page import write_page
from mini.plan import core_hours, plan_text
from mini.pooled import pooled
from mini.scores import boxed
from mini.settings import FAMILIES, SETTINGS
from mini.statement import plain_statement
from mini.tables import edges
from mini_files import cells_of, text_of, write
from reasoning.cell import CELLS
from reasoning.files import by_row
from reasoning.files import read_cells as reasoning_cells
from reasoning.opening import opening
from reasoning.page import write_page as write_reasoning_page
from reasoning_files import write as write_reasoning

from vrft.errors import RunError
from vrft.types import Answer, Boxes, Example, Image, Prediction

MODULES = ("difficulty", "pooled", "scores", "studies.data", "studies.shared", "tables", "tokens")


def states(out):
    return [claim.holds for claim in mini_claims.claims(cells_of(out))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"mini.{name}")).failed == 0


def test_the_table_has_the_seeds_that_were_asked_for():
    cells = main_table()
    assert len(set(cells)) == len(cells) == 47
    assert sum(c.setting == "classification" and c.shots == 1 for c in cells) == 5
    assert sum(c.setting == "detection" and c.shots == 2 for c in cells) == 5
    assert {s.name: tuple(s.seeds) for s in SETTINGS.values() if "few" in s.family} == {
        "classification": (1, 2, 4, 8, 16),
        "detection": (1, 2, 4, 8, 16),
    }
    assert len(FAMILIES) == 5
    assert all(s.seeds[s.reference] >= 3 for s in SETTINGS.values())


def test_an_empty_page_has_no_numbers_of_results_and_names_every_missing_cell(tmp_path):
    text = text_of(tmp_path)
    assert "0 of 47 cells" in text and all(f"`{cell.name}`" in text for cell in main_table())
    after = text[text.index("## What it was to show") :]
    assert not re.search(r"\d\.\d", after)
    assert states(tmp_path) == [None, None, None, None]


def test_what_is_boxed_is_shown_of_the_cells_that_counted_it(tmp_path):
    cells = [Cell("open_vocabulary", 16, seed) for seed in (0, 1)]
    write(tmp_path, cells)
    assert "## What is boxed" not in text_of(tmp_path)
    path = tmp_path / "cells" / f"{cells[1].name}.json"
    content = json.loads(path.read_text())
    for row in content["scopes"]["novel"]["systems"].values():
        row["boxed"] = {"there": 0.561, "absent": None}
    path.write_text(json.dumps(content))
    section = text_of(tmp_path).split("## What is boxed")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| open")]
    assert len(rows) == 1 and ", novel | 16 | 1 of 3 | 56% / –" in rows[0]


def test_what_is_boxed_counts_answers_by_what_is_there():
    def predicted(labels, boxes):
        target = Boxes(((0.0, 0.0, 9.0, 9.0),) * labels)
        media = (Image(Path("a.png"), (10, 10)),)
        example = Example("a", "a", "detection", media, "seven", target)
        return Prediction(example, Answer(Boxes(((1.0, 1.0, 2.0, 2.0),) * boxes), True))

    counted = [(1, 1), (2, 0), (1, 3), (1, 0), (0, 1), (0, 0), (0, 2), (0, 1)]
    assert boxed([predicted(*pair) for pair in counted]) == {"there": 0.5, "absent": 0.75}
    assert boxed([predicted(1, 1)]) == {"there": 1.0, "absent": None}


def test_a_cell_stands_in_the_tables_as_its_file_says(tmp_path):
    write(tmp_path, [Cell("detection", 2, 0)])
    text = text_of(tmp_path)
    row = next(
        line
        for line in text.splitlines()
        if line.startswith("| few-shot detection") and "/ 229 | 20.0" in line
    )
    assert "| 1 of 5 | 300 / 229 | 20.0 (" in row and "| 40.0 (" in row and "| +20.0 (" in row
    state = text[text.index("## What is there") :]
    assert "`detection-2-0`" not in state and "`detection-2-1`" in state
    assert "1 of 47 cells" in text and "0.2 core-hours" in text
    assert "| 10 | 8 | 0.200 | 0.300 |" in text  # hits of the bins: half of 4 and all of 6


def test_a_choice_at_the_end_of_what_was_tried_is_told(tmp_path):
    write(tmp_path, main_table()[:3])
    said = "RFT's lowest rate in 0, highest in 3, last step in 3."
    assert said in edges(cells_of(tmp_path))


def test_claims_hold_where_every_cell_is_there_and_clear(tmp_path):
    write(tmp_path, main_table())
    assert states(tmp_path) == [True, True, True, True]
    assert "RFT is above base and above SFT, as the paper reports" in text_of(tmp_path)


def test_what_contradicts_a_claim_is_said(tmp_path):
    write(tmp_path, main_table())
    write(tmp_path, [Cell("detection", 8, 0)], rft=0.1, shuffled=0.5)
    assert states(tmp_path) == [False, True, True, False]
    text = text_of(tmp_path)
    assert "six base categories, 8 shots: RFT is below base" in text
    assert "it does in detection at 8" in text


def test_a_twin_that_wins_in_three_settings_settles_the_claim_against_rft(tmp_path):
    write(tmp_path, main_table())
    lost = {"few-shot classification", "few-shot detection", "reasoning grounding"}
    write(tmp_path, [c for c in main_table() if c.of.family in lost], sft=0.5)
    assert states(tmp_path)[1] is False


def test_the_plain_statement_says_where_rft_stands_next_to_its_twin(tmp_path):
    assert plain_statement(cells_of(tmp_path)) == ""
    reference = [cell for cell in main_table() if cell.shots == cell.of.reference]
    write(tmp_path, [cell for cell in reference if cell.setting == "detection"], rft=0.1)
    text = plain_statement(cells_of(tmp_path))
    assert text.startswith("1 of the 5 settings are complete")
    assert "below it in 1 (few-shot detection)" in text and "The paper has +20.5 there" in text
    write(tmp_path, [cell for cell in reference if cell.setting != "detection"])
    text = plain_statement(cells_of(tmp_path))
    assert "above it in 4" in text and "below it in 1" in text and "complete" not in text
    assert "\N{MINUS SIGN}20.0 to +10.0" in text and "+9.3 to +35.0" in text
    assert text.endswith("reaches the paper's figure in 1.")  # grounding: +10.0, the paper's +9.3


def test_a_gain_inside_its_interval_is_no_gain(tmp_path):
    cells = [c for c in main_table() if c.setting == "grounding"]
    write(tmp_path, cells, rft=0.201)
    (seen,) = {
        d.low < 0 < d.high for d in mini_claims.differences(cells_of(tmp_path), "rft", "base").values()
    }
    assert seen
    assert states(tmp_path)[0] is False


def test_seeds_widen_the_interval(tmp_path):
    one, other = Cell("detection", 4, 0), Cell("detection", 4, 1)
    write(tmp_path, [one], rft=0.3)
    write(tmp_path, [other], rft=0.5)
    both = pooled(cells_of(tmp_path)["detection", 4], "rft")
    alone = pooled([read_cells(tmp_path)[one.name]], "rft")
    assert both.value == pytest.approx(0.4)
    assert both.interval.low < 0.31 and both.interval.high > 0.49
    assert alone.interval.high - alone.interval.low < 0.1


def test_seeds_that_move_both_systems_alike_leave_the_difference_sure(tmp_path):
    write(tmp_path, [Cell("detection", 4, 0)], rft=0.3, base=0.2)
    write(tmp_path, [Cell("detection", 4, 1)], rft=0.6, base=0.5)
    cells = cells_of(tmp_path)["detection", 4]
    assert pooled(cells, "rft").minus(pooled(cells, "base")).low > 0.02


def test_files_of_another_version_are_refused(tmp_path):
    cell = Cell("detection", 2, 0)
    write(tmp_path, [cell])
    path = tmp_path / "cells" / f"{cell.name}.json"
    path.write_text(path.read_text().replace(f'"version": {VERSION}', '"version": 0'))
    with pytest.raises(RunError, match="version 0"):
        read_cells(tmp_path)


def test_the_plan_takes_missing_cells_for_as_dear_as_finished_ones(tmp_path):
    assert core_hours(read_cells(tmp_path)) == (0.0, None)
    write(tmp_path, main_table()[:7])
    spent, left = core_hours(read_cells(tmp_path))
    assert spent == pytest.approx(7 / 6) and left == pytest.approx(40 / 6)
    assert "47 cells, 7 done" in plan_text(read_cells(tmp_path))


def test_plots_are_well_formed_and_those_without_numbers_go(tmp_path):
    out, docs = tmp_path / "out", tmp_path / "docs"
    write(out, main_table())
    (docs / "results").mkdir(parents=True)
    (docs / "results" / "data.svg").write_text("of an older study")
    write_page(out, docs)
    names = {path.name for path in (docs / "results").iterdir()}
    assert names == {
        "rft_minus_base.svg",
        "rft_minus_sft.svg",
        "shuffled_minus_base.svg",
        "shots_classification.svg",
        "shots_detection.svg",
        "reliability_base.svg",
        "reliability_rft.svg",
    }
    for name in names:
        ElementTree.parse(docs / "results" / name)
    text = (docs / "results.md").read_text()
    assert {f"(results/{name})" in text for name in names} == {True}


def test_the_committed_page_is_what_the_committed_files_say(tmp_path):
    root = Path(__file__).resolve().parents[2]
    rows = by_row(reasoning_cells(root / "results" / "reasoning"))
    kinds = kinds_by_row(kinds_cells(root / "results" / "kinds"))
    write_page(root / "results" / "mini", tmp_path, partial(opening, rows, kinds))
    assert (root / "docs" / "results.md").read_text() == (tmp_path / "results.md").read_text()
    write_reasoning_page(root / "results" / "reasoning", tmp_path)
    name = "results_reasoning.md"
    assert (root / "docs" / name).read_text() == (tmp_path / name).read_text()
    fresh, there = (plots_in(folder / "results") for folder in (tmp_path, root / "docs"))
    assert there == fresh


def test_the_first_table_sets_what_labels_lack_beside_what_they_hold(tmp_path):
    root = Path(__file__).resolve().parents[2]
    text = opening({}, {}, grouped(read_cells(root / "results" / "mini")))
    assert text.count("| the whole answer | above 0, in at least three of these five |") == 5
    cells = [cell for cell in CELLS if cell.row == ("two", 0.2, "plain")]
    write_reasoning(tmp_path, cells)
    text = opening(by_row(reasoning_cells(tmp_path)), {}, {})
    line = next(row for row in text.splitlines() if row.startswith("| sum of two digits, 20% chains"))
    assert "| the sum, not how it is found | 40 or more | +45.0 (" in line and "| yes | 5 of 5 |" in line
    write_kinds(tmp_path / "kinds", rft=0.6, sft=0.55)
    text = opening({}, kinds_by_row(kinds_cells(tmp_path / "kinds")), {})
    line = next(row for row in text.splitlines() if row.startswith("| counting |"))
    assert "| the whole answer | -10 to 15 | +5.0 (" in line and "| yes | 3 of 3 |" in line


def plots_in(folder):
    """Texts of the plots by name; there is no folder before the first cell."""
    return {p.name: p.read_text() for p in folder.iterdir()} if folder.is_dir() else {}
