"""Test-time compute before and after training: `python benchmarks/compute_curves.py`.

Question: does RFT with one answer beat its base with N answers for as many tokens, and does the gain of
further answers shrink after RFT? The demo's own trainings (base, SFT twin, RFT) on three seeds, each with its
own pictures, split and held-out questions; 16 answers to each held-out question, the greedy one first, the
others drawn at temperature 1; every rule of fusion at N = 1, 2, 4, 8, 16. Nothing here is chosen by looking
at held-out scores.

Trainings and answers are kept under runs/compute and not made twice. The result goes to
results/compute_curves.json, its drawing to docs/compute_curves.svg.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from compute_drawing import DRAWING, RESULT, draw

from vrft.commands.locate import model_source
from vrft.commands.voice import Voice
from vrft.data.dataset import load_dataset
from vrft.evaluation.fused import asked_of, fused
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard.scored import plain_json
from vrft.evaluation.seeds import seed_interval
from vrft.evaluation.statistics import difference, drawn_values, interval, picture_draws
from vrft.evaluation.token_cost import SIZES
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.models.load_policy import load_policy
from vrft.run_folder import hardware, read_json, versions
from vrft.tasks.fusion import rules_for
from vrft.tasks.metrics.metric import METRICS
from vrft.tasks.task import load_task
from vrft.training.run_questions import ask_about, saved_split
from vrft.workflows.demo import demo_settings
from vrft.workflows.fit import fit

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = ("base", "sft", "rft")
RESAMPLES = 500
THREADS = 1
"""One, so that no digit depends on the number of cores; seeds may be made in processes beside each other."""
Drawn = tuple[float, np.ndarray]


def answers(task: str, seed: int, root: Path) -> dict[str, list[Judged]]:
    """Sixteen answers of base, SFT twin and RFT to every held-out question of one seed's demo."""
    settings = demo_settings(task, seed, root / "demo-data")
    folder, voice = root / f"demo-{task}-{seed}", Voice()
    if not (folder / "comparison.json").exists():
        fit(settings, folder, resume=folder.exists(), narrator=voice)
    facts = read_json(folder / "fit.json")
    kind = load_task(task)
    questions = ask_about(kind, load_dataset(settings.data, task), settings.subject, settings.open_naming)
    heldout = saved_split(questions, folder / "manifest.json").heldout
    recipe = settings.recipe
    asking = Asking(facts["form"], recipe.max_new_tokens, samples=max(SIZES), seed=seed)
    found = {}
    for system in SYSTEMS:
        source = settings.model if system == "base" else model_source(str(folder / facts["systems"][system]))
        path = folder / "compute" / f"{system}.jsonl"
        with voice.stage(f"{task}, seed {seed}, {system}", len(heldout)) as advance:
            policy = load_policy(source)
            tell = lambda done, advance=advance: advance(done, "")  # noqa: E731
            found[system] = evaluate(policy, kind, heldout, asking, path=path, progress=tell)
    return found


def seed_rows(task: str, found: dict[str, list[Judged]]) -> dict[str, Any]:
    """Every system, rule and N on the same draws of pictures, and the differences that are asked about."""
    metric = METRICS[load_task(task).metric]
    first = found["base"]
    draws = picture_draws([j.example.record_id for j in first], RESAMPLES)
    curves: dict[str, dict[str, list[dict[str, Any]]]] = {}
    drawn: dict[tuple[str, str, int], Drawn] = {}
    for system, judged in found.items():
        curves[system] = {}
        for name, rule in rules_for(first[0].example.target).items():
            rows = []
            for n in SIZES:
                one = drawn_values([fused(j, rule, n) for j in judged], metric, draws)
                drawn[system, name, n] = one
                tokens = statistics.fmean(asked_of(j).spent(n) for j in judged)
                rows.append({"n": n, "tokens": tokens, **plain_json(interval(*one))})
            curves[system][name] = rows
    rules = list(curves["base"])
    last = max(SIZES)
    return {
        "questions": len(first),
        "pictures": len({j.example.record_id for j in first}),
        "curves": curves,
        "rft_at_1_minus_base_at_n": {
            name: [
                {"n": n, **plain_json(difference(drawn["rft", name, 1], drawn["base", name, n]))}
                for n in SIZES
            ]
            for name in rules
        },
        "gain_of_more": {
            name: {
                **{
                    system: plain_json(difference(drawn[system, name, last], drawn[system, name, 1]))
                    for system in SYSTEMS
                },
                "rft_minus_base": plain_json(
                    difference(_gain(drawn, "rft", name, last), _gain(drawn, "base", name, last))
                ),
            }
            for name in rules
        },
    }


def _gain(drawn: dict[tuple[str, str, int], Drawn], system: str, rule: str, n: int) -> Drawn:
    more, one = drawn[system, rule, n], drawn[system, rule, 1]
    return more[0] - one[0], more[1] - one[1]


def over_seeds(seeds: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds with Student's interval."""
    every = list(seeds.values())
    rules = list(every[0]["curves"]["base"])

    def mean(*path: Any) -> dict[str, Any]:
        values = []
        for one in every:
            for key in path:
                one = one[key]
            values.append(one["value"])
        return {**plain_json(seed_interval(values)), "seeds": values}

    def tokens(system: str, rule: str, place: int) -> float:
        return statistics.fmean(one["curves"][system][rule][place]["tokens"] for one in every)

    curves = {
        system: {
            rule: [
                {"n": n, "tokens": tokens(system, rule, i), **mean("curves", system, rule, i)}
                for i, n in enumerate(SIZES)
            ]
            for rule in rules
        }
        for system in SYSTEMS
    }
    return {
        "curves": curves,
        "rft_at_1_minus_base_at_n": {
            rule: [{"n": n, **mean("rft_at_1_minus_base_at_n", rule, i)} for i, n in enumerate(SIZES)]
            for rule in rules
        },
        "gain_of_more": {
            rule: {key: mean("gain_of_more", rule, key) for key in (*SYSTEMS, "rft_minus_base")}
            for rule in rules
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["detection", "classification"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "compute")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--drawing", type=Path, default=DRAWING)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    began, tasks = time.time(), {}
    for task in options.tasks:
        seeds = {str(s): seed_rows(task, answers(task, s, options.runs)) for s in options.seeds}
        tasks[task] = {"metric": load_task(task).metric, "mean": over_seeds(seeds), "seeds": seeds}
    result = {
        "command": "python benchmarks/compute_curves.py",
        "date": time.strftime("%Y-%m-%d"),
        "hardware": hardware(),
        "versions": versions(),
        "seconds": round(time.time() - began),
        "resamples": RESAMPLES,
        "tasks": tasks,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    draw(result, options.drawing)
    print(f"{options.out}, {options.drawing}")


if __name__ == "__main__":
    main()
