"""The memory forecast beside measured peaks: a fresh process for every configuration.

    python benchmarks/memory_forecast.py [--json]

A process loads a random Qwen2-VL and forecasts; then it trains three steps as ``vrft train`` does, and the
most resident memory is compared with the level after loading. The C library is told to give freed tensors
back at once, so that what is resident is what is held: glibc before 2.38 keeps up to several times as much,
because it does not use freed aligned blocks anew. ``--default`` also measures with its own habits, beside
the forecast of what the process becomes. Goes to ``results/memory_forecast.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from models import MIDDLE, save_pictures, save_random_qwen2_vl
from ours_side import any_reward, examples_of
from step_memory import GIB, Watch

from vrft.config.run_config import RunConfig, make_config
from vrft.models.layer_sizes import patches_of, sizes_of
from vrft.rollout.prompting import prompts_for
from vrft.run_folder import RunFolder, hardware, versions, write_json
from vrft.tasks.task import load_task
from vrft.training.loop import run_loop
from vrft.training.memory import KEPT_BACK, Load, forecast_memory
from vrft.training.reference import Reference
from vrft.training.rft import RftStep
from vrft.training.rollouts import RolloutMaker
from vrft.training.train import check_paths, policy_of

ALLOWED = 0.25
STEPS = 3
RETURNING = {"MALLOC_MMAP_THRESHOLD_": str(2**18)}


@dataclass(frozen=True)
class Case:
    """One configuration."""

    picture_tokens: int = 400
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
    "full_short": Case(picture_tokens=36, prompts=8, group=4, new_tokens=64),
    "full_group_16": Case(group=16, new_tokens=128),
    "full_micro": Case(prompts=8, micro=2),
    "lora": Case(lora=True),
    "lora_kl": Case(lora=True, beta=0.04),
    "lora_kl_checkpointing": Case(lora=True, beta=0.04, checkpointing=True),
    "lora_large_picture": Case(lora=True, picture_tokens=1024, prompts=2),
}


def config_of(folder: Path, case: Case) -> RunConfig:
    """The configuration of one case, as a user would write it."""
    return make_config(
        {
            "model": {
                "path": str(folder),
                "train_vision": case.vision,
                "lora": {"rank": 16, "alpha": 32} if case.lora else None,
            },
            "data": {"path": "unused"},
            "prompt": {"form": "direct"},
            "rollout": {
                "group_size": case.group,
                "max_new_tokens": case.new_tokens,
                "min_new_tokens": case.new_tokens,
            },
            "reward": {"custom": {f"{any_reward.__module__}:any_reward": 1.0}},
            "grpo": {"beta": case.beta},
            "optim": {
                "steps": STEPS,
                "prompts_per_step": case.prompts,
                "micro_prompts": case.micro,
                "activation_checkpointing": case.checkpointing,
            },
            "checks": {"validate_every": 0},
        }
    )


def child(name: str, work: Path) -> None:
    """One fresh process: load, forecast, train."""
    case = CASES[name]
    folder = save_random_qwen2_vl(work / "model", MIDDLE)
    pictures = save_pictures(work / "pictures", case.prompts, case.picture_tokens)
    config = config_of(folder, case)
    policy = policy_of(config)
    task, examples = load_task("detection"), examples_of(pictures)
    (prompt,) = prompts_for(policy, task, examples[:1], config.prompt.form)
    load = Load(len(prompt.token_ids), patches_of(policy, prompt.picture), case.picture_tokens)
    forecast = forecast_memory(sizes_of(policy), config, load)
    level = psutil.Process().memory_info().rss / GIB
    with Watch() as watch:
        parity = check_paths(policy, task, examples, config)
        run = RunFolder(Path(tempfile.mkdtemp()))
        reference = Reference(policy, case.beta)
        step = RftStep(RolloutMaker(policy, task, examples, config, run), reference, parity.path)
        run_loop(policy, config, run, step, None)
    more = forecast.total - forecast.weights
    row = {
        "case": asdict(case),
        "form": parity.path,
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
    """The forecast of what the process becomes, beside what it became."""
    told = row["forecast_gib"] * KEPT_BACK[case.lora, case.checkpointing]
    return {"resident_forecast_gib": told, "resident_off": told / row["with_default_allocator_gib"] - 1}


def measured(name: str, work: str, environment: dict[str, str]) -> dict[str, Any]:
    """One case in a process of its own."""
    command = [sys.executable, __file__, "--child", name, work]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    """Every case in a process of its own; write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=list(CASES), help="Some cases; writes no file.")
    parser.add_argument("--default", action="store_true", help="Also measure with the allocator as it is.")
    parser.add_argument("--child", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "memory_forecast.json"
    )
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
                told = f"measured {row['measured_gib']:.2f} GiB, forecast {row['forecast_gib']:.2f}"
                print(f"{name:30s} {told}, {100 * row['off']:+.0f} % ({row['worst_phase']})", flush=True)
    if a.only:
        return
    result = {
        "command": "python benchmarks/memory_forecast.py",
        "date": date.today().isoformat(),
        "hardware": hardware(),
        "versions": versions(),
        "model": MIDDLE.text,
        "steps": STEPS,
        "allowed": ALLOWED,
        "worst": max(abs(row["off"]) for row in found.values()),
        "worst_resident": max((abs(row.get("resident_off", 0.0)) for row in found.values()), default=0.0),
        "cases": found,
    }
    write_json(a.out, result)
    if a.json:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
