"""Files of cells of the reasoning benchmark with given values, for tests of its page."""

from __future__ import annotations

import json

import numpy as np
from mini.scores import packed
from reasoning.cell import CELLS
from reasoning.run_cell import VERSION

VALUES = {"base": 0.08, "sft": 0.2, "rft": 0.65, "oracle": 0.68, "shuffled": 0.09, "rft_direct": 0.1}
VALUES |= {f"rejection_{rounds}": 0.64 for rounds in (1, 2, 3)}
SPREAD, DRAWS = 0.02, 200


def content(cell, values):
    rng = np.random.default_rng([cell.seed, 5])
    known = {**VALUES, **values}
    arms = CELLS[cell]
    names = ["base", "base_direct", *arms, *(["sft"] if "sft_direct" in arms else [])]
    rows = {}
    for name in names:
        value = known.get(name, known["base"] if "base" in name else known["sft"])
        draws = (value + SPREAD * rng.standard_normal(DRAWS)).clip(0, 1).round(5)
        rows[name] = {"value": value, "draws": packed(draws), "shows_work": float(name == "rft")}
    chosen = {"learning_rate": 1e-4, "step": 20, "validation": 0.5, "steps": 60, "run": "a"}
    trained = {"form": "think", "trials": [chosen] * 2, "chosen": chosen, "core_seconds": 120.0}
    drawn = {"answers": 7680, "right": 768, "learned": 192, "learned_with_work": 96}
    rounds = [drawn, {**drawn, "right": 1536, "learned_with_work": 192}]
    counts = {
        "rejection": {"answers": 7680, "tokens": 90_000, "rounds": rounds},
        "rft": {"answers": 7680, "tokens": 80_000},
    }
    pairs = [(arm, trained | {"sampled": counts if "rejection" in arm else None}) for arm in arms]
    shares = {"right": 1.0, "digit": 0.9, "statement": 0.8}
    skills = {"naming": 0.9, "only_box_mean_iou": 0.6}
    found = {
        "version": VERSION,
        "question": cell.question,
        "share": cell.share,
        "seed": cell.seed,
        "variant": cell.variant,
        "headline": "all",
        "scopes": {"all": {"n": 300, "images": 300, "systems": rows}},
        "labels": "sft_direct" if "sft_direct" in arms else None,
        "systems": dict(pairs),
        "steps": [{"step": step, "shows_work": step / 60} for step in (1, 30, 60)],
        "core_seconds": 600.0,
        "hardware": "a machine",
        "threads": 1,
        "weights": f"{cell.share}" + "ab" * 20,
    }
    if cell.variant == "plain":
        thoughts = {"carried": 0.5}
        found["base"] = {"pass_at": {"1": 0.2, "8": 0.7}, "probe": {"thoughts": thoughts}}
        found["base"] |= {"shows_work": 0.2, "right_shows_work": 0.6, "group_has_right_chain": 0.75}
        found["follows"] = {"base": shares, "rft": shares} if cell.question != "box" else {}
        found["skills"] = {name: skills for name in ("base", "sft", "rft") if name in rows}
    return found


def write(out, cells, **values):
    (out / "cells").mkdir(parents=True, exist_ok=True)
    for cell in cells:
        (out / "cells" / f"{cell.name}.json").write_text(json.dumps(content(cell, values)))
