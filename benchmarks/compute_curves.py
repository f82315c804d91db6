"""Test-time compute before and after training: `python benchmarks/compute_curves.py`.

Question: does RFT with one answer beat its base with N answers for as many tokens, and does the gain of
further answers shrink after RFT? The demo's own trainings (base, SFT twin, RFT) on three seeds, each with its
own images, split and held-out questions; 16 answers to each held-out question, the greedy one first, the
others drawn at temperature 1; every rule of fusion at N = 1, 2, 4, 8, 16. Nothing here is chosen by looking
at held-out scores.

Trainings and answers are kept under runs/compute and not made twice. The committed result is
results/compute_curves.json, its drawing docs/compute_curves.svg.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from compute_drawing import DRAWING, RESULT, draw
from result_file import ROOT, facts, result_parser, target_of, write_result

from vrft.cli.output import RichReporter
from vrft.config.questions import ask_about, saved_split
from vrft.data.dataset import load_dataset
from vrft.evaluation.ensemble import SIZES, fused, token_cost
from vrft.evaluation.scorecard import plain_json
from vrft.evaluation.seeds import seed_interval
from vrft.evaluation.statistics import Resampled, difference, drawn_values, image_draws, interval
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.load_policy import load_policy
from vrft.run_folder import read_json
from vrft.tasks.registry import load_task
from vrft.types import Form, Prediction, SamplingParams
from vrft.workflows.demo import demo_settings
from vrft.workflows.fit import fit
from vrft.workflows.trained_run import TrainedRun

SYSTEMS = ("base", "sft", "rft")
RESAMPLES = 500
THREADS = 1
"""One, so that no digit depends on the number of cores; seeds may be made in several processes at once."""


def answers(task: str, seed: int, root: Path) -> dict[str, list[Prediction]]:
    """Sixteen answers of base, SFT twin and RFT to every held-out question of one seed's demo."""
    settings = demo_settings(task, seed, root / "demo-data")
    folder, reporter = root / f"demo-{task}-{seed}", RichReporter()
    if not (folder / "comparison.json").exists():
        fit(settings, folder, resume=folder.exists(), reporter=reporter)
    fitted = read_json(folder / "fit.json")
    kind = load_task(task)
    questions = ask_about(kind, load_dataset(settings.data, kind.needs), Form(fitted["form"]))
    heldout = saved_split(questions, folder / "manifest.json").heldout
    params = SamplingParams(max_new_tokens=settings.recipe.max_new_tokens)
    asking = AskOptions(params, samples=max(SIZES), seed=seed)
    found = {}
    for system in SYSTEMS:
        trained = TrainedRun.of(str(folder / fitted["systems"][system])).source
        policy = load_policy(settings.model if system == "base" else trained)
        path = folder / "compute" / f"{system}.jsonl"
        with reporter.task(f"{task}, seed {seed}, {system}", len(heldout)) as update:
            predictor = PolicyPredictor.of(policy, asking)
            found[system] = evaluate(
                predictor, heldout, path=path, progress=lambda done, update=update: update(done, "")
            )
    return found


def seed_rows(task: str, found: dict[str, list[Prediction]]) -> dict[str, Any]:
    """Every system, rule and N on the same draws of images, and the differences that are asked about."""
    kind, first = load_task(task), found["base"]
    metric = kind.metrics[0]
    draws = image_draws([one.example.record_id for one in first], RESAMPLES)
    curves: dict[str, dict[str, list[dict[str, Any]]]] = {}
    drawn: dict[tuple[str, str, int], Resampled] = {}
    for system, predictions in found.items():
        curves[system] = {}
        for name in kind.rules:
            rows = []
            for n in SIZES:
                one = drawn_values([fused(p, name, n) for p in predictions], metric, draws)
                drawn[system, name, n] = one
                tokens = statistics.fmean(token_cost(p, n).total or 0 for p in predictions)
                rows.append({"n": n, "tokens": tokens, **plain_json(interval(*one))})
            curves[system][name] = rows
    rules = list(curves["base"])
    last = max(SIZES)
    return {
        "questions": len(first),
        "images": len({one.example.record_id for one in first}),
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


def _gain(drawn: dict[tuple[str, str, int], Resampled], system: str, rule: str, n: int) -> Resampled:
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
    """Measure, and draw where the result is written."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--tasks", nargs="+", default=["detection", "classification"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "compute")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    began, tasks = time.time(), {}
    for task in options.tasks:
        seeds = {str(s): seed_rows(task, answers(task, s, options.runs)) for s in options.seeds}
        tasks[task] = {"metric": load_task(task).metrics[0].name, "mean": over_seeds(seeds), "seeds": seeds}
    result = {
        **facts(),
        "seconds": round(time.time() - began),
        "resamples": RESAMPLES,
        "tasks": tasks,
    }
    write_result(options, RESULT, result)
    drawing = target_of(options, DRAWING)
    if drawing is not None:
        draw(result, drawing)
    print(json.dumps({task: found["mean"] for task, found in tasks.items()}, indent=1))


if __name__ == "__main__":
    main()
