"""The miniature's gates, as commands; each prints and writes what it measured.

    python dev/miniature_training/gates.py skills            # tower, naming, the box of the only object
    python dev/miniature_training/gates.py upper-bound       # supervised on 2,000 images, against the base
    python dev/miniature_training/gates.py reasoning --model miniature-reasoning   # reading, adding, chains
    python dev/miniature_training/gates.py kinds --model miniature-kinds           # counts, points, ...

The upper bound says how much there is to gain: the base must lie between 15 and 65 per cent of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as PILImage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from miniature_training.architecture import patchify
from miniature_training.corpus import ASK_NAME, ASK_ONE
from miniature_training.kind_gates import kinds, passes
from miniature_training.pool import draw_pool
from miniature_training.sum_gates import MOST_LOST, SUM_GATES, sums
from miniature_training.tower import IGNORE, cell_targets
from vrft.config.questions import ask_about, split_of
from vrft.config.run_config import make_config
from vrft.data.data_options import DataOptions
from vrft.data.dataset import load_dataset
from vrft.evaluation.compare import compare
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.miniature.folders import (
    DEMO_FOLDERS,
    EVAL_MAX,
    write_classification,
    write_detection,
    write_grounding,
)
from vrft.miniature.location import MINIATURE
from vrft.miniature.scenes import BASE, SIZE, draw_scene
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.policy import Policy
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.run_folder import RunFolder, hardware, versions, write_json
from vrft.tasks.metrics.metric import format_rate
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.tasks.registry import load_task
from vrft.types import Boxes, Form, Image, Message, SampleSeed, SamplingParams
from vrft.workflows.train import train_run

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
    """Naming and locating the only object of images with glyphs never seen."""
    sampler, greedy = SharedPromptSampler(policy), SamplingParams(temperature=0, max_new_tokens=40)

    def answers(images: Sequence[Image], texts: Sequence[str]) -> list[str]:
        prompts = [policy.first([Message("user", shown)]) for shown in zip(images, texts, strict=True)]
        return [one.text for (one,) in sampler.generate(prompts, 1, greedy, SampleSeed.whole(len(prompts)))]

    named, ious = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for begin in range(0, n, 50):
            drawn = range(begin, min(begin + 50, n))
            scenes = [draw_scene(np.random.default_rng([9, i, 1]), "val", BASE, (1, 1)) for i in drawn]
            images = [Image(Path(scratch) / f"{i}.png", (SIZE, SIZE)) for i in drawn]
            for scene, image in zip(scenes, images, strict=True):
                PILImage.fromarray(scene.pixels).save(image.path)
            names = answers(images, [ASK_NAME] * len(images))
            named += [name == s.objects[0].category for name, s in zip(names, scenes, strict=True)]
            asked = [ASK_ONE.format(what=f"the {s.objects[0].category}") for s in scenes]
            for text, scene, image in zip(answers(images, asked), scenes, images, strict=True):
                found = parse_boxes_answer(text, policy.frame(image), Form.DIRECT).as_(Boxes) or Boxes()
                truth = as_array([scene.objects[0].box])
                ious.append(float(iou_matrix(as_array(found.xyxy_px[:1]), truth).max(initial=0.0)))
    return {"naming": float(np.mean(named)), "only_box_mean_iou": float(np.mean(ious))}


def skills(model: str) -> dict[str, Any]:
    """The skill gates of a model folder."""
    policy = load_policy(ModelOptions(path=model, device="cpu"))
    measured = {"cell_class": cell_class(policy), **single_objects(policy)}
    return {**measured, "passed": all(value >= GATES[name] for name, value in measured.items())}


def reasoning(model: str) -> dict[str, Any]:
    """The gates of a model that adds: its own skills, and the miniature's, of which it may lose little."""
    policy = load_policy(ModelOptions(path=model, device="cpu"))
    measured = sums(policy)
    passed = all(measured[name] >= least for name, least in SUM_GATES.items())
    return with_old_skills(policy, measured, passed)


def other_kinds(model: str) -> dict[str, Any]:
    """The gates of a model that answers in other kinds: what is new, and the miniature's own skills."""
    policy = load_policy(ModelOptions(path=model, device="cpu"))
    measured = kinds(policy)
    return with_old_skills(policy, measured, passes(measured))


def with_old_skills(policy: Policy, measured: Mapping[str, Any], passed: bool) -> dict[str, Any]:
    """What a continued miniature can do, with the miniature's skills, of which it may lose little."""
    now, before = single_objects(policy), single_objects(load_policy(ModelOptions(path=MINIATURE)))
    lost = {name: before[name] - value for name, value in now.items()}
    passed = passed and max(lost.values()) <= MOST_LOST
    return {**measured, **now, "lost_of_the_miniature": lost, "passed": passed}


def upper_bound(
    model: str, task_name: str, folder: Path, steps: int, rate: float, seed: int = 0
) -> dict[str, Any]:
    """Supervised fine-tuning on about 2,000 images of the demo's setting, against the base."""
    task = load_task(task_name)
    data = WRITERS[task_name](folder / "data", seed)
    options = DataOptions(path=str(data), shots=DEMO_FOLDERS[task_name].shots, eval_max=EVAL_MAX)
    dataset = load_dataset(data, task.needs)
    examples = ask_about(task, dataset, Form.DIRECT)
    split = split_of(options, dataset, examples, seed)
    train = [e for e in examples if dataset.parts[e.record_id] == "train"]
    tree = {
        "method": "sft",
        "task": task_name,
        "seed": seed,
        "form": "direct",
        "model": {"path": model},
        "data": {"path": str(data)},
        "rollout": {"max_new_tokens": 110},
        "optim": {"learning_rate": rate, "steps": steps, "prompts_per_step": 16, "warmup_steps": 10},
        "checks": {"validate_every": 100, "checkpoint_every": 100},
    }
    trained = train_run(make_config(tree), RunFolder(folder / "run"), train, split.val, resume=True)
    asking = AskOptions(SamplingParams(max_new_tokens=110))
    policies = {"base": load_policy(ModelOptions(path=model, device="cpu")), "rft": trained.policy}
    systems = {
        name: evaluate(PolicyPredictor.of(policy, asking), split.heldout) for name, policy in policies.items()
    }
    found = compare(systems)
    base, upper = found["base"], found["rft"]
    result = {
        "metric": found["metric"],
        "n": found["n"],
        "images": len({e.record_id for e in train}),
        "base": base,
        "upper_bound": upper,
        "share_of_upper_bound": base["value"] / upper["value"],
        "format_share": format_rate(systems["base"]) / format_rate(systems["rft"]),
    }
    ap50 = next((metric for metric in task.metrics if metric.name == "ap50"), None)
    if ap50 is not None:
        result["ap50"] = {
            name: ap50.value(systems[key]) for name, key in (("base", "base"), ("upper_bound", "rft"))
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
    parser.add_argument("gate", choices=["skills", "upper-bound", "reasoning", "kinds"])
    parser.add_argument("--model", default=MINIATURE)
    parser.add_argument("--task", default="detection", choices=sorted(WRITERS))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--work", type=Path, default=Path("runs/gates"))
    parser.add_argument("--out", type=Path, default=Path("results/gates"))
    a = parser.parse_args()
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "skills": lambda: skills(a.model),
        "reasoning": lambda: reasoning(a.model),
        "kinds": lambda: other_kinds(a.model),
        "upper-bound": lambda: upper_bound(a.model, a.task, a.work / a.task, a.steps, a.rate),
    }
    name = f"upper_bound_{a.task}" if a.gate == "upper-bound" else a.gate
    result = measures[a.gate]()
    named = f" --model {a.model}" if a.model != MINIATURE else ""
    facts = {
        "command": f"python dev/miniature_training/gates.py {a.gate} --task {a.task}{named}",
        "model": a.model,
    }
    facts |= {"hardware": hardware(), "versions": versions()}
    write_json(a.out / f"{name}.json", {**result, **facts})
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
