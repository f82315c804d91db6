"""The miniature's gates, as commands; each prints and writes what it measured.

    python -m vrft.miniature.gates skills            # tower, naming, the box of the only object
    python -m vrft.miniature.gates upper-bound       # supervised on 2,000 pictures, against the base

The upper bound tells how much there is to gain: the base must lie between 15 and 65 per cent of it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from vrft.config.run_config import make_config
from vrft.data.dataset import load_dataset
from vrft.evaluation.compare import compare
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.miniature.architecture import patchify
from vrft.miniature.corpus import ASK_NAME, ASK_ONE
from vrft.miniature.folders import write_classification, write_detection, write_grounding
from vrft.miniature.location import MINIATURE
from vrft.miniature.pool import draw_pool
from vrft.miniature.scenes import BASE, draw_scene
from vrft.miniature.tower import IGNORE, cell_targets
from vrft.models.load_policy import load_policy
from vrft.models.policy import Policy
from vrft.rollout.shared_prompt.sampling import Sampling, sample
from vrft.run_folder import RunFolder, hardware, versions, write_json
from vrft.tasks.metrics.metric import METRICS, format_rate
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.tasks.task import load_task
from vrft.training.run_questions import ask_about, new_split
from vrft.training.train import train_run
from vrft.types import Form
from vrft.workflows.demo import DEMO_TASKS, EVAL_MAX

PROBE_STEPS = 300
GATES = {"cell_class": 0.9, "naming": 0.8, "only_box_mean_iou": 0.5, "upper_bound_ap50": 0.4}
SHARE_OF_UPPER_BOUND = (0.15, 0.65)
WRITERS: dict[str, Callable[[Path, int], Path]] = {
    "detection": lambda folder, seed: write_detection(folder, seed, train=2000, heldout=480),
    "classification": lambda folder, seed: write_classification(folder, seed, train=200, heldout=60),
    "grounding": lambda folder, seed: write_grounding(folder, seed, train=2000, heldout=300),
}


@torch.no_grad()
def _cells(policy: Policy, size: int, seed: int, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Merged tokens of covered cells of base categories, and their class."""
    pool = draw_pool(size, seed, split)  # type: ignore[arg-type]
    features, classes = [], []
    for begin in range(0, len(pool), 100):
        pixel_values, grid = patchify(pool.pixels[begin : begin + 100])
        features.append(policy.core.model.visual(pixel_values, grid_thw=grid, return_dict=True).pooler_output)
    for objects in pool.objects:
        classes.append(torch.from_numpy(cell_targets(objects)[1]))
    known = torch.cat(classes)
    return torch.cat(features)[known != IGNORE], known[known != IGNORE]


def cell_class(policy: Policy) -> float:
    """Share of covered cells whose class a linear read-out finds, on glyphs the tower has not seen."""
    train_x, train_y = _cells(policy, 4000, 101, "pretrain")
    test_x, test_y = _cells(policy, 1000, 7, "val")
    torch.manual_seed(0)
    head = torch.nn.Linear(train_x.shape[1], len(BASE))
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(PROBE_STEPS):
        optimizer.zero_grad()
        F.cross_entropy(head(train_x), train_y).backward()
        optimizer.step()
    return float((head(test_x).argmax(-1) == test_y).float().mean())


def single_objects(policy: Policy, n: int = 300) -> dict[str, float]:
    """Naming and locating the only object of pictures with glyphs never seen.

    Returns:
        ``naming`` (exact, 0-1) and ``only_box_mean_iou`` (0-1), both on base categories.
    """
    named, ious = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for begin in range(0, n, 50):
            scenes = [
                draw_scene(np.random.default_rng([9, i, 1]), "val", BASE, (1, 1))
                for i in range(begin, begin + 50)
            ]
            pictures = []
            for index, scene in enumerate(scenes, begin):
                path = Path(scratch) / f"{index}.png"
                Image.fromarray(scene.pixels).save(path)
                pictures.append(policy.picture(path))
            greedy = Sampling(temperature=0, max_new_tokens=40)
            asked = [policy.prompt(ASK_NAME, p) for p in pictures]
            names = [policy.decode(g[0].token_ids) for g in sample(policy, asked, 1, greedy)]
            named += [name == s.objects[0].category for name, s in zip(names, scenes, strict=True)]
            asked = [
                policy.prompt(ASK_ONE.format(what=f"the {s.objects[0].category}"), p)
                for s, p in zip(scenes, pictures, strict=True)
            ]
            texts = [policy.decode(g[0].token_ids) for g in sample(policy, asked, 1, greedy)]
            for text, scene, picture in zip(texts, scenes, pictures, strict=True):
                boxes = parse_boxes_answer(text, picture.view, Form.DIRECT).boxes_xyxy_px[:1]
                truth = as_array([tuple(map(float, scene.objects[0].box_xyxy_px))])  # type: ignore[list-item]
                ious.append(float(iou_matrix(as_array(boxes), truth).max(initial=0.0)))
    return {"naming": float(np.mean(named)), "only_box_mean_iou": float(np.mean(ious))}


def skills(model: str) -> dict[str, Any]:
    """The skill gates of a model folder."""
    policy = load_policy(model, device="cpu")
    measured = {"cell_class": cell_class(policy), **single_objects(policy)}
    return {**measured, "passed": all(value >= GATES[name] for name, value in measured.items())}


def upper_bound(
    model: str, task_name: str, folder: Path, steps: int, rate: float, seed: int = 0
) -> dict[str, Any]:
    """Supervised fine-tuning on about 2,000 pictures of the demo's setting, against the base.

    Args:
        model: where it starts.
        task_name: task.
        folder: where data and run go; a finished or interrupted run is found again.
        steps: training steps of 16 pictures.
        rate: learning rate.
        seed: the demo's seed whose held-out pictures are asked.
    """
    task = load_task(task_name)
    data = WRITERS[task_name](folder / "data", seed)
    dataset = load_dataset(data, task.name)
    examples = ask_about(task, dataset)
    split = new_split(task, dataset, examples, DEMO_TASKS[task_name].shots, seed, EVAL_MAX)
    parts = dataset.parts
    train = [e for e in examples if parts[e.record_id] == "train"]
    tree = {
        "kind": "sft",
        "task": task_name,
        "seed": seed,
        "model": {"path": model},
        "data": {"path": str(data)},
        "prompt": {"form": "direct"},
        "rollout": {"max_new_tokens": 110},
        "optim": {"learning_rate": rate, "steps": steps, "prompts_per_step": 16, "warmup_steps": 10},
        "checks": {"validate_every": 100, "checkpoint_every": 100},
    }
    run = RunFolder(folder / "run")
    trained = train_run(make_config(tree), run, train, split.val, resume=True)
    asking = Asking(Form.DIRECT, 110)
    systems = {
        "base": evaluate(load_policy(model, device="cpu"), task, split.heldout, asking),
        "rft": evaluate(trained.policy, task, split.heldout, asking),
    }
    found = compare(task, systems)
    base, upper = found["base"], found["rft"]
    result = {
        "metric": task.metric,
        "n": found["n"],
        "pictures": len({e.record_id for e in train}),
        "base": base,
        "upper_bound": upper,
        "share_of_upper_bound": base["value"] / upper["value"],
        "format_share": format_rate(systems["base"]) / format_rate(systems["rft"]),
    }
    if task.metric == "ap":
        result["ap50"] = {
            name: METRICS["ap50"].value(systems[key])
            for name, key in (("base", "base"), ("upper_bound", "rft"))
        }
        result["passed_ap50"] = result["ap50"]["upper_bound"] >= GATES["upper_bound_ap50"]
    low, high = SHARE_OF_UPPER_BOUND
    result["middling"] = (
        low <= result["share_of_upper_bound"] <= high and low <= result["format_share"] <= high
    )
    return result


def main() -> None:
    """Command line of the gates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gate", choices=["skills", "upper-bound"])
    parser.add_argument("--model", default=MINIATURE)
    parser.add_argument("--task", default="detection", choices=sorted(WRITERS))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--work", type=Path, default=Path("runs/gates"))
    parser.add_argument("--out", type=Path, default=Path("results/gates"))
    a = parser.parse_args()
    if a.gate == "skills":
        name, result = "skills", skills(a.model)
    else:
        name = f"upper_bound_{a.task}"
        result = upper_bound(a.model, a.task, a.work / a.task, a.steps, a.rate)
    named = f" --model {a.model}" if a.model != MINIATURE else ""
    facts = {"command": f"python -m vrft.miniature.gates {a.gate} --task {a.task}{named}", "model": a.model}
    facts |= {"hardware": hardware(), "versions": versions()}
    write_json(a.out / f"{name}.json", {**result, **facts})
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
