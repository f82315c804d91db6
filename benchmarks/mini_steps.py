"""How many steps does a trial need? `python benchmarks/mini_steps.py`: validation curves, no held-out answer.

RFT and SFT of `mini.py` for 120 steps, validated every ten, on a seed that is in no table: what the number of
steps of `mini.effort.Effort` was set by. The result goes to results/mini/steps.json.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mini.effort import FULL, Effort
from mini.settings import SETTINGS, questions
from mini.systems import rft, trial, twins

from vrft.run_folder import RunFolder, hardware, versions, write_json
from vrft.training.train import train_run
from vrft.types import Form

ROOT = Path(__file__).resolve().parents[1]
SEED = 11
STEPS = 120
WHICH = {"classification": 1, "detection": 2, "grounding": 16}
EFFORT = replace(FULL, steps=STEPS, rft_rates=(5e-5, 1e-4), sft_rates=(3e-5, 1e-4))


def curves(name: str, shots: int, effort: Effort, work: Path) -> list[dict[str, Any]]:
    """Validation over steps of each trial."""
    setting = SETTINGS[name]
    split = questions(setting, work / "data", shots, SEED).split
    found = []
    for system in (rft(effort, Form.DIRECT), twins(effort, Form.DIRECT)[0]):
        for rate in system.rates:
            folder = RunFolder(work / f"{system.kind}-{rate:.0e}")
            config = trial(system, rate, effort, setting.task, SEED, effort.model, folder.path)
            if not folder.done:
                train_run(config, folder, split.train, split.val, resume=True)
            rows = [row for row in folder.rows("metrics.jsonl") if "validation" in row]
            curve = {str(row["step"]): row["validation"] for row in rows}
            found.append({"system": system.kind, "learning_rate": rate, "validation": curve})
            print(
                name, system.kind, rate, {step: round(value, 3) for step, value in curve.items()}, flush=True
            )
    return found


def main() -> None:
    """Train, and write the curves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "mini_steps")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "mini" / "steps.json")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    found = {name: curves(name, shots, EFFORT, asked.work / name) for name, shots in WHICH.items()}
    about = {"date": time.strftime("%Y-%m-%d"), "hardware": hardware(), "versions": versions()}
    write_json(asked.out, {**about, "seed": SEED, "shots": WHICH, "validation": found})


if __name__ == "__main__":
    main()
