"""The methods of the training pass next to each other, with and without activation checkpointing.

    python benchmarks/logprob_methods.py

Forward and backward pass of all answers' log-probabilities on the random Qwen2-VL of ``step_time.py``, the
methods taking turns; medians. ``vrft.rollout.hidden_states.HIDDEN`` has their order from here.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

from models import SMALL, save_images, save_random_qwen2_vl
from ours_side import examples_of
from result_file import RESULTS, facts, result_parser, write_result
from shapes import Shape

from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer

SHAPES = {"image_heavy": Shape(400, 2, 8, 96, 0.0), "text_heavy": Shape(36, 4, 8, 64, 0.0)}
WARM_UP = 1
RESULT = RESULTS / "logprob_methods.json"


def seconds_of(policy: Policy, shape: Shape, images: list[Path], passes: int) -> dict[str, float]:
    """Median seconds of each method's pass."""
    prompts = prompts_for(policy, examples_of(images))
    answers = [tuple(range(20, 20 + shape.new_tokens))] * (shape.prompts * shape.group)
    scorer = AnswerScorer(policy)
    found: dict[str, list[float]] = {method: [] for method in get_args(LogprobMethod)}
    with policy.learning():
        for _ in range(WARM_UP + passes):
            for method, seconds in found.items():
                began = time.perf_counter()
                logprobs, mask = scorer(prompts, answers, shape.group, 1.0, method)
                logprobs[mask].mean().backward()
                seconds.append(time.perf_counter() - began)
                policy.model.zero_grad(set_to_none=True)
    return {method: statistics.median(seconds[WARM_UP:]) for method, seconds in found.items()}


def main() -> None:
    """Both shapes, both ways."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--passes", type=int, default=5, help="counted passes of each method")
    options = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = save_random_qwen2_vl(Path(scratch) / "model", SMALL)
        for name, shape in SHAPES.items():
            images = save_images(Path(scratch) / "images", shape.prompts, shape.image_tokens)
            policy = load_policy(ModelOptions(path=str(folder), device="cpu", train_vision=True))
            found[name] = {"shape": vars(shape), "seconds": seconds_of(policy, shape, images, options.passes)}
            policy.core.activation_checkpointing_enable()
            found[name]["seconds_with_checkpointing"] = seconds_of(policy, shape, images, options.passes)
            print(name, found[name])
    write_result(options, RESULT, {**facts(), "shapes": found})


if __name__ == "__main__":
    main()
