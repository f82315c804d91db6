"""A made-up fit folder with small generated pictures: everything that a real one holds."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from vrft.evaluation.answers_file import write_judged
from vrft.evaluation.compare import compare
from vrft.evaluation.judged import Judged, Said
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.geometry.frames import View
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, ClassTarget, Example, Form

SKILL = {"base": 0.25, "sft": 0.5, "rft": 0.8}
FOLDERS = {"base": "base", "sft": "sft-3e-05", "rft": "rft-4e-05"}
NAMES = ("seven", "kite", "ring", "star")
SIDE = 120


def make_fit(folder: Path, task: str = "detection", pictures: int = 24, seed: int = 1) -> Path:
    """Write a finished fit folder with answers of three systems of rising skill."""
    dice = random.Random(seed)
    examples = [example for index in range(pictures) for example in _examples(folder, task, index, dice)]
    judged = {name: [_answer(one, skill, dice) for one in examples] for name, skill in SKILL.items()}
    for name, below in FOLDERS.items():
        write_judged(folder / below / "eval" / "heldout.jsonl", judged[name])
        write_judged(folder / below / "eval" / "validation.jsonl", judged[name][: len(examples) // 3])
    block = compare(load_task(task), judged, resamples=60)
    write_json(
        folder / "comparison.json", {"seconds": 760.0, "report": "report.html", "tasks": {task: block}}
    )
    trials = [("sft", 1e-5), ("sft", 3e-5), ("rft", 2e-5), ("rft", 4e-5)]
    listed = []
    for number, (system, rate) in enumerate(trials):
        below = f"{system}-{rate:.0e}"
        best = _make_run(folder / below, system, rate, dice, examples)
        best = min(best, 0.5) + 0.1 * (number % 2)
        listed.append(
            {
                "system": system,
                "folder": below,
                "learning_rate": rate,
                "best_step": 40,
                "validation": round(best, 4),
            }
        )
    write_json(folder / "base" / "run.json", {"kind": "eval", "seed": seed})
    write_json(
        folder / "fit.json",
        {
            "seconds": 760.0,
            "command": f"vrft fit things --task {task} --model small --shots 4",
            "data": "things",
            "task": task,
            "model": "small",
            "shots": 4,
            "seed": seed,
            "form": "think",
            "summary": [
                f"{pictures} pictures in things.",
                "4 classes.",
                f"Asking {len(examples)} held-out questions.",
            ],
            "left_out": {"comet": "only 2 pictures, 5 are needed"},
            "notes": ["The thinking form gave more readable answers in the probe."],
            "systems": FOLDERS,
            "trials": listed,
            "forecast": {"minutes": 11.0, "memory_gib": 3.2},
            "miniature": True,
            "versions": {"vrft": "0.1.0", "torch": "2.13.0"},
            "hardware": "2 x CPU",
        },
    )
    return folder


def make_evaluation(
    folder: Path, task: str = "detection", pictures: int = 10, rule: str | None = None, seed: int = 1
) -> Path:
    """Write an evaluation's folder: four answers to each question, and their card."""
    dice = random.Random(seed)
    examples = [example for index in range(pictures) for example in _examples(folder, task, index, dice)]
    judged = [_several(one, dice) for one in examples]
    write_judged(folder / "answers.jsonl", judged)
    options = CardOptions(rule=rule, base=NAMES[:2], novel=NAMES[2:], resamples=30, sizes=(1, 2, 4))
    write_json(folder / "result.json", {**scorecard(load_task(task), judged, options), "model": "small"})
    return folder


def _several(example: Example, dice: random.Random) -> Judged:
    drawn = [replace(_answer(example, 0.6, dice), logprob=-dice.random()) for _ in range(4)]
    first, *others = drawn
    looks = ("flip", "plain", "plain")
    said = [
        Said(one.text, one.answer, one.tokens, one.logprob, look=look)
        for one, look in zip(others, looks, strict=True)
    ]
    return replace(first, others=tuple(said), prompt_tokens={"plain": 200, "flip": 201})


def write_json(path: Path, value: Any) -> None:
    """One JSON file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """One JSONL file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _examples(folder: Path, task: str, index: int, dice: random.Random) -> list[Example]:
    path = folder / "pictures" / f"p{index:02}.png"
    boxes = {name: _box(dice) for name in dice.sample(NAMES, 2)}
    _draw(path, boxes, dice)
    shared: dict[str, Any] = {
        "record_id": f"p{index:02}",
        "image": path,
        "image_wh": (SIDE, SIDE),
        "task": task,
    }
    first = next(iter(boxes))
    if task == "classification":
        target = ClassTarget(first, NAMES)
        return [Example(id=f"p{index:02}", question="object", target=target, options=NAMES, **shared)]
    if task == "grounding":
        asked = f"the larger of the two things next to the {first}"
        return [Example(id=f"p{index:02}#0", question=asked, target=BoxesTarget((boxes[first],)), **shared)]
    return [
        Example(
            id=f"p{index:02}#{name}",
            question=name,
            target=BoxesTarget((boxes[name],) if name in boxes else ()),
            **shared,
        )
        for name in NAMES
    ]


def _box(dice: random.Random) -> tuple[float, float, float, float]:
    x, y, side = dice.randint(0, 60), dice.randint(0, 60), dice.randint(24, 56)
    return (float(x), float(y), float(x + side), float(y + side))


def _draw(path: Path, boxes: dict[str, Any], dice: random.Random) -> None:
    picture = Image.new("RGB", (SIDE, SIDE), (dice.randint(150, 220), dice.randint(150, 220), 190))
    pen = ImageDraw.Draw(picture)
    shapes = {"seven": pen.rectangle, "kite": pen.ellipse, "ring": pen.ellipse, "star": pen.rectangle}
    for name, box in boxes.items():
        colour = tuple(dice.randint(20, 120) for _ in range(3))
        shapes[name](box, **({"outline": colour, "width": 5} if name == "ring" else {"fill": colour}))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def _answer(example: Example, skill: float, dice: random.Random) -> Judged:
    task, view = load_task(example.task), View("thousand", example.image_wh, example.image_wh)
    good, slip = dice.random() < skill, dice.randint(-8, 8) * (1 - skill)
    text = task.gold(_moved(example, slip) if good else _wrong(example, dice), view, Form.THINK)
    text = text if dice.random() < 0.6 + skill / 2 else "I am not sure what you mean."
    return Judged(example, text, task.parse(text, view, Form.THINK), len(text) // 4)


def _moved(example: Example, by: float) -> Example:
    target = example.target
    if isinstance(target, ClassTarget):
        return example
    boxes = tuple(
        (max(0.0, x1 + by), max(0.0, y1), min(SIDE, x2 + by), y2 - 2)
        for x1, y1, x2, y2 in target.boxes_xyxy_px
    )
    return _with(example, BoxesTarget(boxes))


def _wrong(example: Example, dice: random.Random) -> Example:
    if isinstance(example.target, ClassTarget):
        others = [name for name in NAMES if name != example.target.name]
        return _with(example, ClassTarget(dice.choice(others)))
    return _with(example, BoxesTarget(tuple(_box(dice) for _ in range(dice.randint(1, 2)))))


def _with(example: Example, target: Any) -> Example:
    return Example(
        example.id,
        example.record_id,
        example.image,
        example.image_wh,
        example.task,
        example.question,
        target,
        example.options,
    )


def _make_run(path: Path, kind: str, rate: float, dice: random.Random, examples: list[Example]) -> float:
    """Write a run's files and give its best validation."""
    write_json(
        path / "run.json",
        {
            "kind": kind,
            "seed": 1,
            "parity": {"logprob_max_abs_diff": 2.4e-6, "threshold": 1e-3, "path": "shared"},
            "hardware": "2 x CPU",
            "versions": {"torch": "2.13.0"},
        },
    )
    (path / "config.yaml").write_text(f"kind: {kind}\nlearning_rate: {rate}\n", encoding="utf-8")
    write_json(path / "done.json", {"steps": 80})
    rows: list[dict[str, Any]] = []
    best = 0.0
    for step in range(1, 81):
        up = 1 - 2.718 ** (-step / 30)
        base = {"step": step, "seconds": 3.1, "lr": rate, "loss": 1.2 * (1 - 0.8 * up) + dice.gauss(0, 0.04)}
        rft = {
            "reward": 1.0 + up + dice.gauss(0, 0.12),
            "terms": {
                "iou": 0.2 + 0.4 * up + dice.gauss(0, 0.05),
                "confidence": 0.4 + 0.3 * up + dice.gauss(0, 0.05),
                "format": min(1.0, 0.6 + 0.5 * up),
            },
            "kl": 0.08 * up + abs(dice.gauss(0, 0.005)),
            "signal_share": 0.9 - 0.3 * up + dice.gauss(0, 0.04),
            "truncated_share": 0.1 * (1 - up),
            "answer_tokens": 60 + 20 * up + dice.gauss(0, 3),
        }
        rows.append({**base, **(rft if kind == "rft" else {})})
        if step % 10 == 0:
            value = 0.2 + 0.35 * up + dice.gauss(0, 0.02)
            best = max(best, value)
            rows.append({"step": step, "validation": value})
    write_rows(path / "metrics.jsonl", rows)
    if kind == "rft":
        write_rows(path / "rollouts.jsonl", [_group(step, examples[0].id, dice) for step in (1, 40, 80)])
    return best


def _group(step: int, example_id: str, dice: random.Random) -> dict[str, Any]:
    rewards = [round(dice.choice([0.0, 1.0, 1.8, 2.4, 2.8]) + step / 400, 3) for _ in range(4)]
    mean = sum(rewards) / len(rewards)
    return {
        "step": step,
        "example_id": example_id,
        "group": [
            {
                "text": f"<think> Step {step}: I look for it. </think> <answer>"
                f"[{{'Position': [100, 20, {400 + step}, 380], 'Confidence': 0.90}}]</answer>",
                "reward": reward,
                "terms": {"iou": reward / 4, "confidence": 0.5, "format": 1.0},
                "advantage": reward - mean,
            }
            for reward in rewards
        ],
    }
