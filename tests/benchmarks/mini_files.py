"""Files of cells and of studies' points with given values, for tests of the page that is made of them."""

from __future__ import annotations

import json

import numpy as np
from mini.cell import VERSION
from mini.files import grouped, read_cells, studies
from mini.page import page
from mini.scores import packed
from mini.systems import MAIN

VALUES = {"base": 0.2, "sft": 0.3, "rft": 0.4, "sft_then_rft": 0.45, "shuffled": 0.15}
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
    scope = {"n": 300, "images": 229, "systems": rows}
    trained = {"chosen": {"learning_rate": 1e-4, "step": 20}, "training_images": 12}
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
        "effort": {"prompts": 16},
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


def study_point(system, shots, seed, value, used):
    rng = np.random.default_rng(seed)
    rows = {name: system_row(v, rng, True) for name, v in (("base", 0.2), (system, value))}
    trained = {
        "chosen": {"learning_rate": 1e-4, "step": 20},
        "trials": [{"learning_rate": 1e-4, "steps": 20}],
    }
    return {
        "x": {"system": system, "shots": shots},
        "seed": seed,
        "shots": shots,
        "setting": "detection",
        "form": "direct",
        "headline": "all",
        "scopes": {"all": {"n": 9, "images": 9, "systems": rows}},
        "systems": {system: trained | {"training_images": used}},
    }


def attempt_point(name, seed, rft, **twins):
    rows = {"rft": system_row(rft, np.random.default_rng(seed), True)}
    rows |= {twin: system_row(value, np.random.default_rng(seed), True) for twin, (value, _) in twins.items()}
    systems = {"rft": {"method": "rft", "training_images": 12}}
    tried = {"learning_rate": 1e-4, "best_step": 20, "steps": 80}
    systems |= {t: {"method": "sft", "trials": [tried | {"validation": v}]} for t, (_, v) in twins.items()}
    return {
        "study": "attempts",
        "questions": {"val": {"questions": 60}},
        "x": {"attempt": name},
        "seed": seed,
        "shots": 2,
        "setting": "detection",
        "headline": "all",
        "scopes": {"all": {"n": 9, "images": 9, "systems": rows}},
        "systems": systems,
    }
