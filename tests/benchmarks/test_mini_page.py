"""The small benchmark's page: numbers from files alone, what is missing said, claims by their intervals."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from mini import claims as mini_claims
from mini.cell import VERSION, Cell, main_table
from mini.files import grouped, read_cells, studies
from mini.page import page, write_page
from mini.plan import core_hours, plan_text
from mini.pooled import pooled
from mini.scores import boxed, packed
from mini.settings import FAMILIES, SETTINGS
from mini.statement import plain_statement
from mini.studies.attempts_table import attempts_sentences, attempts_table
from mini.studies.described import described_table
from mini.studies.size import size_table
from mini.systems import MAIN
from mini.tables import edges

from vrft.errors import RunError
from vrft.evaluation.judged import Judged
from vrft.types import Answer, BoxesTarget, Example

MODULES = ("difficulty", "pooled", "scores", "tables", "tokens")
VALUES = {"base": 0.2, "sft": 0.3, "rft": 0.4, "sft_then_rft": 0.45, "permuted": 0.15}
SPREAD = 0.02


def system_row(value, rng, parsed):
    draws = value + SPREAD * rng.standard_normal(200).clip(-2, 2)
    row = {
        "value": value,
        "low": value - SPREAD,
        "high": value + SPREAD,
        "parse_rate": 0.9,
        "format_rate": 0.9,
    }
    row |= {"value_given_parsed": value + 0.01, "draws": packed(draws)}
    return row | ({"draws_given_parsed": packed(draws + 0.01)} if parsed else {})


def content(cell, values):
    rng = np.random.default_rng([cell.seed, cell.shots])
    names = {**VALUES, **values}
    forms = ("sft_direct", "sft_think", "sft_curated", "sft_equal_steps", "sft_equal_tokens")
    rows = {n: system_row(names.get(n, names["sft"]), rng, n in MAIN) for n in (*names, *forms)}
    scope = {"n": 300, "pictures": 229, "systems": rows}
    trained = {"chosen": {"learning_rate": 1e-4, "step": 20}, "training_pictures": 12}
    trained |= {"trials": [{"learning_rate": rate, "steps": 20} for rate in (1e-5, 1e-4)]}
    trained |= {"tokens": {"steps": 40, "forward": 400, "backward": 200}}
    bins = [[0, None, None]] * 8 + [[4, 0.85, 0.5], [6, 0.95, 1.0]]
    return {
        "version": VERSION,
        "setting": cell.setting,
        "shots": cell.shots,
        "seed": cell.seed,
        "metric": "ap",
        "headline": cell.of.headline,
        "form": "direct",
        "twin": "sft_direct",
        "systems": {name: trained for name in (*names, *forms)},
        "scopes": {name: scope for name in cell.of.scopes},
        "calibration": {n: {"boxes": 10, "ece": 0.2, "brier": 0.3, "bins": bins} for n in MAIN},
        "core_seconds": 600.0,
        "hardware": "a machine",
        "threads": 2,
        "model_sha256": "ab" * 32,
    }


def write(out, cells, **values):
    (out / "cells").mkdir(parents=True, exist_ok=True)
    for cell in cells:
        (out / "cells" / f"{cell.name}.json").write_text(json.dumps(content(cell, values)))


def cells_of(out):
    return grouped(read_cells(out))


def text_of(out):
    return page(read_cells(out), studies(out), {})


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


def test_what_is_boxed_is_told_of_the_cells_that_counted_it(tmp_path):
    cells = [Cell("open_vocabulary", 16, seed) for seed in (0, 1)]
    write(tmp_path, cells)
    assert "## What is boxed" not in text_of(tmp_path)
    path = tmp_path / "cells" / f"{cells[1].name}.json"
    told = json.loads(path.read_text())
    for row in told["scopes"]["novel"]["systems"].values():
        row["boxed"] = {"there": 0.561, "absent": None}
    path.write_text(json.dumps(told))
    section = text_of(tmp_path).split("## What is boxed")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| open")]
    assert len(rows) == 1 and ", novel | 16 | 1 of 3 | 56% / –" in rows[0]


def test_what_is_boxed_counts_answers_by_what_is_there():
    def judged(labels, boxes):
        target = BoxesTarget(((0.0, 0.0, 9.0, 9.0),) * labels)
        example = Example("a", "a", Path("a.png"), (10, 10), "detection", "seven", target)
        return Judged(example, "", Answer(True, True, ((1.0, 1.0, 2.0, 2.0),) * boxes), 1)

    counted = [(1, 1), (2, 0), (1, 3), (1, 0), (0, 1), (0, 0), (0, 2), (0, 1)]
    assert boxed([judged(*pair) for pair in counted]) == {"there": 0.5, "absent": 0.75}
    assert boxed([judged(1, 1)]) == {"there": 1.0, "absent": None}


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
    write(tmp_path, [Cell("detection", 8, 0)], rft=0.1, permuted=0.5)
    assert states(tmp_path) == [False, True, True, False]
    text = text_of(tmp_path)
    assert "six base categories, 8 shots: RFT is below base" in text
    assert "it does in detection at 8" in text


def test_a_twin_that_wins_in_three_settings_settles_the_claim_against_rft(tmp_path):
    write(tmp_path, main_table())
    lost = {"few-shot classification", "few-shot detection", "reasoning grounding"}
    write(tmp_path, [c for c in main_table() if c.of.family in lost], sft=0.5)
    assert states(tmp_path)[1] is False


def test_the_plain_statement_says_where_rft_stands_beside_its_twin(tmp_path):
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
        "permuted_minus_base.svg",
        "shots_classification.svg",
        "shots_detection.svg",
        "reliability_base.svg",
        "reliability_rft.svg",
    }
    for name in names:
        ElementTree.parse(docs / "results" / name)
    text = (docs / "results.md").read_text()
    assert {f"(results/{name})" in text for name in names} == {True}


def study_point(system, shots, seed, value, used):
    rng = np.random.default_rng(seed)
    rows = {name: system_row(v, rng, True) for name, v in (("base", 0.2), (system, value))}
    return {
        "x": {"system": system, "shots": shots},
        "seed": seed,
        "shots": shots,
        "setting": "detection",
        "headline": "all",
        "scopes": {"all": {"n": 9, "pictures": 9, "systems": rows}},
        "systems": {system: {"training_pictures": used}},
    }


def test_the_study_of_data_says_where_sft_catches_up(tmp_path):
    folder = tmp_path / "studies" / "data"
    folder.mkdir(parents=True)
    write(tmp_path, [Cell("detection", 2, 0)])
    values = ((2, 0.3), (8, 0.39), (32, 0.41))
    points = [study_point("sft", shots, 0, value, 6 * shots) for shots, value in values]
    for number, point in enumerate(points):
        (folder / f"{number}.json").write_text(json.dumps(point))
    text = text_of(tmp_path)
    assert "SFT's mean reaches that of RFT from 2 shots at 192 pictures." in text
    assert "--study size`." in text
    assert "| RFT | 2 | 12 | 1 | 40.0" in text and "| SFT | 32 | 192 | 1 | 41.0" in text


def test_the_study_of_size_has_the_shipped_miniature_from_the_main_table(tmp_path):
    write(tmp_path, [Cell("detection", 2, 0)], sft_direct=0.27)
    point = study_point("rft", 2, 0, 0.5, 12) | {"x": {"width": 128}}
    point["scopes"]["all"]["systems"]["sft"] = point["scopes"]["all"]["systems"]["base"]
    rows = [line.split(" | ")[1:6] for line in size_table([point], cells_of(tmp_path)).splitlines()[2:]]
    assert [[cell[:5].strip() for cell in row] for row in rows] == [
        ["192", "1", "20.0", "27.0", "40.0"],
        ["128", "1", "20.0", "20.0", "50.0"],
    ]


def test_attempts_in_a_setting_that_contradicts_the_paper_are_counted(tmp_path):
    write(tmp_path, [Cell("detection", 8, 0)], rft=0.1)
    folder = tmp_path / "studies" / "sensitivity"
    folder.mkdir(parents=True)
    for number in range(3):
        point = study_point("rft", 2, 0, 0.4, 12) | {"x": {"group": 4, "beta": 0.0, "rate": 10.0**-number}}
        point["systems"]["rft"]["chosen"] = {"learning_rate": 1e-4, "step": 10}
        (folder / f"{number}.json").write_text(json.dumps(point))
    text = text_of(tmp_path)
    assert "RFT is below SFT, difference" in text and "Attempts in this setting: 3." in text
    assert "| detection | 4 | 0.0 | 1e-02 | 10 | 40.0" in text


def attempt_point(name, seed, rft, **twins):
    rows = {"rft": system_row(rft, np.random.default_rng(seed), True)}
    rows |= {twin: system_row(value, np.random.default_rng(seed), True) for twin, (value, _) in twins.items()}
    systems = {"rft": {"kind": "rft", "training_pictures": 12}}
    tried = {"learning_rate": 1e-4, "best_step": 20, "steps": 80}
    systems |= {t: {"kind": "sft", "trials": [tried | {"validation": v}]} for t, (_, v) in twins.items()}
    return {
        "study": "attempts",
        "questions": {"val": {"questions": 60}},
        "x": {"attempt": name},
        "seed": seed,
        "shots": 2,
        "setting": "detection",
        "headline": "all",
        "scopes": {"all": {"n": 9, "pictures": 9, "systems": rows}},
        "systems": systems,
    }


def test_attempts_stand_beside_the_protocol_and_the_twin_that_validation_chose():
    # Validation prefers the direct form though thinking scores higher on development questions.
    forms = {"sft_direct": (0.30, 0.5), "sft_think": (0.90, 0.4)}
    points = [attempt_point("protocol", 11, 0.25, **forms), attempt_point("beta 0", 11, 0.35)]
    points += [attempt_point("vision learns", 11, 0.4, sft_direct=(0.45, 0.5))]
    points += [attempt_point("DAPO", 12, 0.99)]
    rows = [line.split(" | ") for line in attempts_table(points, {}).splitlines()[2:]]
    assert [row[1] for row in rows] == ["protocol", "beta 0", "vision learns"]
    assert [row[5][:5] for row in rows] == ["\N{EN DASH}", "+10.0", "+15.0"]
    assert [row[6][:5] for row in rows] == ["\N{MINUS SIGN}5.0 ", "+5.0 ", "+10.0"]
    assert rows[2][7].startswith("\N{MINUS SIGN}5.0") and rows[1][7].startswith("\N{EN DASH}")
    (said,) = attempts_sentences([*points, attempt_point("LoRA", 11, 0.1, sft_direct=(0.2, 0.5))], {})
    assert "interval: beta 0 in detection, vision learns in detection (of 3 " in said
    assert "below: LoRA in detection." in said and "chosen by 60 validation questions" in said


def test_the_described_twin_stands_beside_the_cells_of_its_seeds(tmp_path):
    cells = [Cell("detection", 2, seed) for seed in (0, 1)]
    write(tmp_path, cells)
    points = [
        study_point("sft_as_described", 2, seed, 0.22, 12) | {"x": {"system": "sft_as_described"}}
        for seed in (0, 1)
    ]
    row = described_table(points, cells_of(tmp_path)).splitlines()[-1].split(" | ")
    assert [cell[:5] for cell in row[2:]] == ["2", "20.0 ", "22.0 ", "30.0 ", "40.0 ", "+18.0", "+10.0"]
    alone = [*points, study_point("sft_as_described", 2, 2, 0.22, 12)]
    assert described_table(alone, cells_of(tmp_path)) == ""


def test_the_committed_page_is_what_the_committed_files_say(tmp_path):
    root = Path(__file__).resolve().parents[2]
    write_page(root / "results" / "mini", tmp_path)
    assert (root / "docs" / "results.md").read_text() == (tmp_path / "results.md").read_text()
    fresh, there = (plots_in(folder / "results") for folder in (tmp_path, root / "docs"))
    assert there == fresh


def plots_in(folder):
    """Texts of the plots by name; there is no folder before the first cell."""
    return {p.name: p.read_text() for p in folder.iterdir()} if folder.is_dir() else {}
