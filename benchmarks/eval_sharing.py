"""Encoding many questions about few pictures: what a picture's prompts have in common once, or with each.

    python benchmarks/eval_sharing.py

Sixteen questions, as the detection task words them, about each of four pictures, on the random Qwen2-VL of
``step_time.py``. Both ways take turns in one process; picture features are known to both. Medians and their
ratio go to ``results/eval_sharing.json``, beside the tokens that the text model runs over and the largest
difference of the states from which answers begin.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from models import SMALL, save_pictures, save_random_qwen2_vl
from ours_side import TASK

from vrft.models.load_policy import load_policy
from vrft.models.policy import Policy, Prompt
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.image_prefix import Beginning, beginnings_of, prefill_together
from vrft.rollout.shared_prompt.prefill import prefill
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, Example, Form

PICTURES = 4
SHAPES = {
    "image_heavy": {"picture_tokens": 400, "questions": 16},
    "text_heavy": {"picture_tokens": 36, "questions": 16},
    "two_questions": {"picture_tokens": 400, "questions": 2},
}
PASSES, WARM_UP = 7, 1
OUT = Path(__file__).parent / "results" / "eval_sharing.json"


def prompts_of(policy: Policy, pictures: list[Path], questions: int) -> list[Prompt]:
    """All questions about every picture; the categories are written-out numbers of digits."""
    examples = [
        Example(f"{path.stem}-{n}", path.stem, path, (64, 64), TASK, f"seven {n}", BoxesTarget(()))
        for path in pictures
        for n in range(questions)
    ]
    return prompts_for(policy, load_task(TASK), examples, Form.THINK)


def tokens_of(prompts: list[Prompt], beginnings: list[Beginning]) -> dict[str, int]:
    """Tokens that the text model runs over, padding included."""
    rests = sum(len(prompts[row].token_ids) - one.length for one in beginnings for row in one.rows)
    return {
        "together": len(beginnings) * max(one.length for one in beginnings) + rests,
        "apart": len(prompts) * max(len(prompt.token_ids) for prompt in prompts),
    }


@torch.no_grad()
def measured(policy: Policy, prompts: list[Prompt]) -> dict[str, Any]:
    """Median seconds of both ways, and how far apart their results are."""
    beginnings = beginnings_of(policy, prompts)
    if beginnings is None:
        raise RuntimeError("these prompts have too little in common to be encoded together")
    ways = {
        "together": lambda: prefill_together(policy, prompts, beginnings),
        "apart": lambda: prefill(policy, prompts),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    last_PH = {}
    for _ in range(WARM_UP + PASSES):
        for way, run in ways.items():
            began = time.perf_counter()
            # As a decoder takes them: laid out for its steps.
            last_PH[way] = run().detached().last_PH
            seconds[way].append(time.perf_counter() - began)
    medians = {way: statistics.median(found[WARM_UP:]) for way, found in seconds.items()}
    gap = (last_PH["together"] - last_PH["apart"]).abs().max() / last_PH["apart"].abs().max()
    return {
        "prompts": len(prompts),
        "tokens": tokens_of(prompts, beginnings),
        "seconds": medians,
        "times_as_fast": medians["apart"] / medians["together"],
        "largest_difference_of_states": float(gap),
    }


def main() -> None:
    """Every shape; write the file."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = save_random_qwen2_vl(Path(scratch) / "model", SMALL)
        policy = load_policy(str(folder), device="cpu")
        for name, shape in SHAPES.items():
            pictures = save_pictures(Path(scratch) / "pictures", PICTURES, shape["picture_tokens"])
            prompts = prompts_of(policy, pictures, shape["questions"])
            found[name] = {"shape": shape | {"pictures": PICTURES}, **measured(policy, prompts)}
            print(name, found[name])
    facts = {"hardware": hardware(), "versions": versions(), "threads": torch.get_num_threads()}
    command = "python benchmarks/eval_sharing.py"
    write_json(OUT, {"command": command, "date": date.today().isoformat(), **facts, "shapes": found})


if __name__ == "__main__":
    main()
