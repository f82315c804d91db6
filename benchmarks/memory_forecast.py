"""The memory forecast next to measured peaks: a fresh process for every configuration.

    python benchmarks/memory_forecast.py [--default] [--json] [--out FOLDER | --save]

A process loads a random Qwen2-VL and forecasts; then it trains three steps as ``vrft train`` does, and the
most resident memory is compared with the level after loading. The C library is set to give freed tensors
back at once, so that what is resident is what is held: glibc before 2.38 keeps up to several times as much,
because it does not use freed aligned blocks anew. ``--default`` also measures with its own habits, and
forecasts what the process becomes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from machine import GIB
from models import MIDDLE, save_images, save_random_qwen2_vl
from ours_side import config_of, examples_of
from result_file import RESULTS, facts, result_parser, write_result
from shapes import Shape
from step_memory import Watch

from vrft.config.run_config import RunConfig
from vrft.models.layer_sizes import sizes_of
from vrft.rollout.driver import prompts_for
from vrft.run_folder import RunFolder
from vrft.training.loop import run_loop
from vrft.training.memory import KEPT_BACK, Load, forecast_memory
from vrft.workflows.configured import policy_of, train_step_of
from vrft.workflows.method_choice import check_methods

ALLOWED = 0.25
STEPS = 3
RETURNING = {"MALLOC_MMAP_THRESHOLD_": str(2**18)}
RESULT = RESULTS / "memory_forecast.json"


@dataclass(frozen=True)
class Case:
    """One configuration."""

    image_tokens: int = 400
    prompts: int = 4
    group: int = 8
    new_tokens: int = 96
    beta: float = 0.0
    lora: bool = False
    vision: bool = False
    checkpointing: bool = False
    micro: int = 0


CASES = {
    "full": Case(),
    "full_kl": Case(beta=0.04),
    "full_vision": Case(vision=True),
    "full_checkpointing": Case(checkpointing=True),
    "full_kl_vision_checkpointing": Case(beta=0.04, vision=True, checkpointing=True),
    "full_short": Case(image_tokens=36, prompts=8, group=4, new_tokens=64),
    "full_group_16": Case(group=16, new_tokens=128),
    "full_micro": Case(prompts=8, micro=2),
    "lora": Case(lora=True),
    "lora_kl": Case(lora=True, beta=0.04),
    "lora_kl_checkpointing": Case(lora=True, beta=0.04, checkpointing=True),
    "lora_large_image": Case(lora=True, image_tokens=1024, prompts=2),
}


def case_config(folder: Path, case: Case) -> RunConfig:
    """The configuration of one case, as a user would write it."""
    shape = Shape(
        case.image_tokens, case.prompts, case.group, case.new_tokens, case.beta, not case.vision, case.lora
    )
    optim = {"steps": STEPS, "micro_prompts": case.micro, "activation_checkpointing": case.checkpointing}
    return config_of(
        folder, shape, reward={"setting": "recommended"}, optim=optim, checks={"validate_every": 0}
    )


def child(name: str, work: Path) -> None:
    """One fresh process: load, forecast, train."""
    case = CASES[name]
    folder = save_random_qwen2_vl(work / "model", MIDDLE)
    images = save_images(work / "images", case.prompts, case.image_tokens)
    config = case_config(folder, case)
    policy, examples = policy_of(config), examples_of(images)
    load = Load.of(policy, prompts_for(policy, examples[:1]))
    forecast = forecast_memory(sizes_of(policy), config.memory_plan, load)
    level = psutil.Process().memory_info().rss / GIB
    with Watch() as watch:
        parity = check_methods(policy, examples, config)
        step = train_step_of(config, policy, examples, parity.method)
        run = RunFolder(Path(tempfile.mkdtemp()))
        run_loop(policy, step, run, (), optim=config.optim, checks=config.checks, seed=config.seed)
    more = forecast.total - forecast.weights
    row = {
        "case": asdict(case),
        "method": parity.method,
        "level_gib": level,
        "measured_gib": watch.peak - level,
        "forecast_gib": more,
        "off": more / (watch.peak - level) - 1,
        "off_whole_process": (level + more) / watch.peak - 1,
        "worst_phase": forecast.worst_phase,
        "phases_gib": forecast.phases,
    }
    print(json.dumps(row))


def resident(case: Case, row: dict[str, Any]) -> dict[str, float]:
    """The forecast of what the process becomes, and how far it was off."""
    forecast = row["forecast_gib"] * KEPT_BACK[case.lora, case.checkpointing]
    return {
        "resident_forecast_gib": forecast,
        "resident_off": forecast / row["with_default_allocator_gib"] - 1,
    }


def measured(name: str, work: str, environment: dict[str, str]) -> dict[str, Any]:
    """One case in a process of its own."""
    command = [sys.executable, __file__, "--child", name, work]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    """Every case in a process of its own."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(CASES), help="Some cases; nothing is written.")
    parser.add_argument("--default", action="store_true", help="Also measure with the allocator as it is.")
    parser.add_argument("--child", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.child:
        child(a.child[0], Path(a.child[1]))
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in a.only or CASES:
            row = found[name] = measured(name, scratch, RETURNING)
            if a.default:
                row["with_default_allocator_gib"] = measured(name, scratch, {})["measured_gib"]
                row |= resident(CASES[name], row)
            if not a.json:
                seen = f"measured {row['measured_gib']:.2f} GiB, forecast {row['forecast_gib']:.2f}"
                print(f"{name:30s} {seen}, {100 * row['off']:+.0f} % ({row['worst_phase']})", flush=True)
    if a.only:
        return
    result = {
        **facts(),
        "model": MIDDLE.text,
        "steps": STEPS,
        "allowed": ALLOWED,
        "worst": max(abs(row["off"]) for row in found.values()),
        "worst_resident": max((abs(row.get("resident_off", 0.0)) for row in found.values()), default=0.0),
        "cases": found,
    }
    write_result(a, RESULT, result)


if __name__ == "__main__":
    main()
