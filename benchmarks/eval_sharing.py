"""Encoding many questions about few images: what an image's prompts have in common once, or with each.

    python benchmarks/eval_sharing.py

Sixteen questions, as the detection task words them, about each of four images, on the random Qwen2-VL of
``step_time.py``. Both ways take turns in one process; image features are known to both. The result has
medians and their ratio, the tokens that the text model runs over, and the largest difference of the states
from which answers begin.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from models import SMALL, save_images, save_random_qwen2_vl
from ours_side import TASK
from result_file import RESULTS, facts, result_parser, write_result

from vrft.data.images import image_size_wh
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for
from vrft.rollout.shared_prompt.image_prefix import Beginning, beginnings_of, prefill_together
from vrft.rollout.shared_prompt.prefill import prefill
from vrft.types import Boxes, Example, Image, Prompt

IMAGES = 4
SHAPES = {
    "image_heavy": {"image_tokens": 400, "questions": 16},
    "text_heavy": {"image_tokens": 36, "questions": 16},
    "two_questions": {"image_tokens": 400, "questions": 2},
}
PASSES, WARM_UP = 7, 1
RESULT = RESULTS / "eval_sharing.json"


def prompts_of(policy: Policy, images: list[Path], questions: int) -> list[Prompt]:
    """All questions about every image; the categories are written-out numbers of digits."""
    examples = [
        Example(
            f"{path.stem}-{n}", path.stem, TASK, (Image(path, image_size_wh(path)),), f"seven {n}", Boxes()
        )
        for path in images
        for n in range(questions)
    ]
    return prompts_for(policy, examples)


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
    """Every shape."""
    options = result_parser(__doc__, RESULT).parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = save_random_qwen2_vl(Path(scratch) / "model", SMALL)
        policy = load_policy(ModelOptions(path=str(folder), device="cpu"))
        for name, shape in SHAPES.items():
            images = save_images(Path(scratch) / "images", IMAGES, shape["image_tokens"])
            prompts = prompts_of(policy, images, shape["questions"])
            found[name] = {"shape": shape | {"images": IMAGES}, **measured(policy, prompts)}
            print(name, found[name])
    write_result(options, RESULT, {**facts(), "threads": torch.get_num_threads(), "shapes": found})


if __name__ == "__main__":
    main()
