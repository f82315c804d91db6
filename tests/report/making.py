"""A made-up fit folder with small generated images: everything that a real one holds."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from vrft.evaluation.compare import compare
from vrft.evaluation.predictor import write_predictions
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.tasks.registry import task_of
from vrft.types import (
    PLAIN,
    Answer,
    Boxes,
    Completion,
    CoordinateFrame,
    Example,
    Label,
    Prediction,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)
from vrft.types import Image as ImageFile
from vrft.types.rows import group_to_row

SKILL = {"base": 0.25, "sft": 0.5, "rft": 0.8}
FOLDERS = {"base": "base", "sft": "sft-3e-05", "rft": "rft-4e-05"}
NAMES = ("seven", "kite", "ring", "star")
SIDE = 120


def make_fit(folder: Path, task: str = "detection", images: int = 24, seed: int = 1) -> Path:
    """Write a finished fit folder with answers of three systems of rising skill."""
    dice = random.Random(seed)
    examples = [example for index in range(images) for example in _examples(folder, task, index, dice)]
    said = {name: [_predicted(one, skill, dice) for one in examples] for name, skill in SKILL.items()}
    for name, below in FOLDERS.items():
        write_predictions(folder / below / "eval" / "heldout.jsonl", said[name])
        write_predictions(folder / below / "eval" / "validation.jsonl", said[name][: len(examples) // 3])
    block = compare(said, resamples=60)
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
    write_json(folder / "base" / "run.json", {"method": "eval", "seed": seed})
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
                f"{images} images in things.",
                "4 classes.",
                f"Asking {len(examples)} held-out questions.",
            ],
            "left_out": {"comet": "only 2 images, 5 are needed"},
            "notes": ["The thinking form gave more readable answers in the probe."],
            "systems": FOLDERS,
            "trials": listed,
            "forecast": {"minutes": 11.0, "memory_gib": 3.2},
            "miniature": True,
            "versions": {"vrft": "0.2.0", "torch": "2.13.0"},
            "hardware": "2 x CPU",
        },
    )
    return folder


def make_evaluation(
    folder: Path, task: str = "detection", images: int = 10, rule: str | None = None, seed: int = 1
) -> Path:
    """Write an evaluation's folder: four answers to each question, and their card."""
    dice = random.Random(seed)
    examples = [example for index in range(images) for example in _examples(folder, task, index, dice)]
    predictions = [_several(one, dice) for one in examples]
    write_predictions(folder / "predictions.jsonl", predictions)
    options = CardOptions(rule=rule, base=NAMES[:2], novel=NAMES[2:], resamples=30, sizes=(1, 2, 4))
    write_json(folder / "result.json", {**scorecard(predictions, options), "model": "small"})
    return folder


def _several(example: Example, dice: random.Random) -> Prediction:
    views = (PLAIN, "flip", PLAIN, PLAIN)
    lengths = {PLAIN: 200, "flip": 201}
    drawn = [_rollout(example, 0.6, dice, view, -dice.random(), lengths[view]) for view in views]
    return Prediction(example, drawn[0].answer, tuple(drawn))


def write_json(path: Path, value: Any) -> None:
    """One JSON file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """One JSONL file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _examples(folder: Path, task: str, index: int, dice: random.Random) -> list[Example]:
    path = folder / "images" / f"p{index:02}.png"
    boxes = {name: _box(dice) for name in dice.sample(NAMES, 2)}
    _draw(path, boxes, dice)
    first, record = next(iter(boxes)), f"p{index:02}"
    media = (ImageFile(path, (SIDE, SIDE)),)
    if task == "classification":
        return [Example(record, record, task, media, "object", Label(first, NAMES), NAMES, group=first)]
    if task == "grounding":
        asked, target = f"the larger of the two things next to the {first}", Boxes((boxes[first],))
        return [Example(f"{record}#0", record, task, media, asked, target, group="expression")]
    return [
        Example(
            f"{record}#{name}",
            record,
            task,
            media,
            name,
            Boxes((boxes[name],) if name in boxes else ()),
            group=name,
        )
        for name in NAMES
    ]


def _box(dice: random.Random) -> tuple[float, float, float, float]:
    x, y, side = dice.randint(0, 60), dice.randint(0, 60), dice.randint(24, 56)
    return (float(x), float(y), float(x + side), float(y + side))


def _draw(path: Path, boxes: dict[str, Any], dice: random.Random) -> None:
    canvas = Image.new("RGB", (SIDE, SIDE), (dice.randint(150, 220), dice.randint(150, 220), 190))
    pen = ImageDraw.Draw(canvas)
    shapes = {"seven": pen.rectangle, "kite": pen.ellipse, "ring": pen.ellipse, "star": pen.rectangle}
    for name, box in boxes.items():
        color = tuple(dice.randint(20, 120) for _ in range(3))
        shapes[name](box, **({"outline": color, "width": 5} if name == "ring" else {"fill": color}))
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(path)


def _predicted(example: Example, skill: float, dice: random.Random) -> Prediction:
    rollout = _rollout(example, skill, dice)
    return Prediction(example, rollout.answer, (rollout,))


def _rollout(
    example: Example,
    skill: float,
    dice: random.Random,
    view: str = PLAIN,
    logprob: float | None = None,
    prompt_tokens: int | None = None,
) -> Rollout:
    task, frames = task_of(example), (CoordinateFrame.whole("norm1000", (SIDE, SIDE)),)
    good, slip = dice.random() < skill, dice.randint(-8, 8) * (1 - skill)
    text = task.gold(_moved(example, slip) if good else _wrong(example, dice), frames)
    text = text if dice.random() < 0.6 + skill / 2 else "I am not sure what you mean."
    ids = tuple(range(len(text) // 4))
    said = Completion(text, ids, () if logprob is None else (logprob,) * len(ids))
    turns = (Turn(Prompt(frames=frames, n_tokens=prompt_tokens), said),)
    return Rollout(example, turns, task.parse_turns(example, turns), view)


def _moved(example: Example, by: float) -> Example:
    if not isinstance(example.target, Boxes):
        return example
    boxes = tuple(
        (max(0.0, x1 + by), max(0.0, y1), min(SIDE, x2 + by), y2 - 2)
        for x1, y1, x2, y2 in example.target.xyxy_px
    )
    return replace(example, target=Boxes(boxes))


def _wrong(example: Example, dice: random.Random) -> Example:
    if isinstance(example.target, Label):
        others = [name for name in NAMES if name != example.target.name]
        return replace(example, target=Label(dice.choice(others)))
    return replace(example, target=Boxes(tuple(_box(dice) for _ in range(dice.randint(1, 2)))))


def _make_run(path: Path, method: str, rate: float, dice: random.Random, examples: list[Example]) -> float:
    """Write a run's files and give its best validation."""
    write_json(
        path / "run.json",
        {
            "method": method,
            "seed": 1,
            "parity": {"logprob_max_abs_diff": 2.4e-6, "threshold": 1e-3, "method": "shared"},
            "hardware": "2 x CPU",
            "versions": {"torch": "2.13.0"},
        },
    )
    (path / "config.yaml").write_text(f"method: {method}\nlearning_rate: {rate}\n", encoding="utf-8")
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
        rows.append({**base, **(rft if method == "rft" else {})})
        if step % 10 == 0:
            value = 0.2 + 0.35 * up + dice.gauss(0, 0.02)
            best = max(best, value)
            rows.append({"step": step, "validation": value})
    write_rows(path / "metrics.jsonl", rows)
    if method == "rft":
        write_rows(path / "rollouts.jsonl", [group_row(step, examples[0], dice) for step in (1, 40, 80)])
    return best


def group_row(step: int, example: Example, dice: random.Random) -> dict[str, Any]:
    """One line of ``rollouts.jsonl``: four rollouts of a question."""
    rewards = [round(dice.choice([0.0, 1.0, 1.8, 2.4, 2.8]) + step / 400, 3) for _ in range(4)]
    mean = sum(rewards) / len(rewards)
    text = (
        f"<think> Step {step}: I look for it. </think> <answer>"
        f"[{{'Position': [100, 20, {400 + step}, 380], 'Confidence': 0.90}}]</answer>"
    )
    rollouts = [
        Rollout(
            example,
            (Turn(Prompt(), Completion(text)),),
            Answer(text=text),
            terms={"iou": reward / 4, "confidence": 0.5, "format": 1.0},
            reward=reward,
            advantages=((reward - mean,),),
        )
        for reward in rewards
    ]
    return group_to_row(step, RolloutGroup(example, tuple(rollouts)))
