"""How many steps does a trial need? `python benchmarks/mini_steps.py`: validation curves, no held-out answer.

RFT and SFT of `mini.py` for 120 steps, validated every ten, on a seed that is in no table: what the number of
steps of `mini.effort.Effort` was set by.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mini.effort import FULL, Effort
from mini.settings import SETTINGS, questions
from mini.systems import rft, trial, twins
from result_file import ROOT, facts, result_parser, write_result

from vrft.run_folder import RunFolder
from vrft.types import Form
from vrft.workflows.train import train_run
from vrft.workflows.trials import in_form

RESULT = ROOT / "results" / "mini" / "steps.json"
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
            folder = RunFolder(work / f"{system.method}-{rate:.0e}")
            config = trial(system, rate, effort, setting.task, SEED, effort.model, folder.path)
            if not folder.done:
                train, val = (in_form(part, system.form) for part in (split.train, split.val))
                train_run(config, folder, train, val, resume=True)
            rows = [row for row in folder.rows("metrics.jsonl") if "validation" in row]
            curve = {str(row["step"]): row["validation"] for row in rows}
            found.append({"system": system.method, "learning_rate": rate, "validation": curve})
            print(
                name,
                system.method,
                rate,
                {step: round(value, 3) for step, value in curve.items()},
                flush=True,
            )
    return found


def main() -> None:
    """Train, and report the curves."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "mini_steps")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = {name: curves(name, shots, EFFORT, options.work / name) for name, shots in WHICH.items()}
    write_result(options, RESULT, {**facts(), "seed": SEED, "shots": WHICH, "validation": found})


if __name__ == "__main__":
    main()
