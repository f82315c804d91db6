"""Files of cells of the benchmark of kinds with given values, for tests of its page."""

from __future__ import annotations

import json

import numpy as np
from kinds.cell import CELLS, DEVELOPMENT, VERSION
from kinds.measures import CALIBRATION, MASKS
from mini.scores import packed

SPREAD, DRAWS = 0.02, 60
FURTHER = {"segmentation": [MASKS], "confidence": [CALIBRATION]}


def content(cell, values):
    rng = np.random.default_rng([cell.seed, 5])
    row = cell.row
    scopes = {}
    for scope in [*row.tasks, *FURTHER.get(row.name, [])]:
        systems = {}
        for name in row.titles:
            value = values.get(name, 0.3)
            draws = packed((value + SPREAD * rng.standard_normal(DRAWS)).clip(0, 1).round(5))
            systems[name] = {"value": value, "draws": draws, "parse_rate": 0.75}
            systems[name] |= {"value_given_parsed": value, "draws_given_parsed": draws}
        scopes[scope] = {"n": 300, "images": 300, "systems": systems}
    trained = {"learning_rate": 1e-4, "validation": 0.5, "step": 45, "steps": 60}
    trained |= {"sampled": {"answers": 7680, "tokens": 80_000}, "trials": {"3e-05": 0.25, "1e-04": 0.5}}
    arms = {arm.name: dict(trained) for arm in row.arms}
    if "ema" in arms:
        arms["ema"]["distorted_steps"] = dict.fromkeys(row.tasks, 3) | {next(iter(row.tasks)): 30}
    return {
        "version": VERSION,
        "row": row.name,
        "seed": cell.seed,
        "headline": next(iter(row.tasks)),
        "arms": arms,
        **({} if cell.seed == DEVELOPMENT else {"scopes": scopes}),
        "core_seconds": 600.0,
        "hardware": "a machine",
        "threads": 1,
        "weights": "ab" * 20,
    }


def write(out, cells=None, **values):
    (out / "cells").mkdir(parents=True, exist_ok=True)
    for cell in cells or CELLS.values():
        (out / "cells" / f"{cell.name}.json").write_text(json.dumps(content(cell, values)))
