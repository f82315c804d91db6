"""The forms of the training pass beside each other, with and without activation checkpointing.

    python benchmarks/forms.py

Forward and backward pass of all answers' log-probabilities on the random Qwen2-VL of ``step_time.py``, forms
taking turns; medians go to ``results/forms.json``. ``vrft.rollout.parity.FORMS`` has their order from here.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, get_args

from models import SMALL, save_pictures, save_random_qwen2_vl
from ours_side import TASK, examples_of
from shapes import Shape

from vrft.models.load_policy import load_policy
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import Path as FormName
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.prompting import prompts_for
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.task import load_task
from vrft.types import Form

SHAPES = {"image_heavy": Shape(400, 2, 8, 96, 0.0), "text_heavy": Shape(36, 4, 8, 64, 0.0)}
PASSES, WARM_UP = 5, 1
OUT = Path(__file__).parent / "results" / "forms.json"


def seconds_of(policy: Policy, shape: Shape, pictures: list[Path]) -> dict[str, float]:
    """Median seconds of each form's pass."""
    prompts = prompts_for(policy, load_task(TASK), examples_of(pictures), Form.DIRECT)
    answers = [tuple(range(20, 20 + shape.new_tokens))] * (shape.prompts * shape.group)
    scorer = AnswerScorer(policy)
    found: dict[str, list[float]] = {form: [] for form in get_args(FormName)}
    with policy.learning():
        for _ in range(WARM_UP + PASSES):
            for form, seconds in found.items():
                began = time.perf_counter()
                logprobs, mask = scorer(prompts, answers, shape.group, 1.0, form)
                logprobs[mask].mean().backward()
                seconds.append(time.perf_counter() - began)
                policy.model.zero_grad(set_to_none=True)
    return {form: statistics.median(seconds[WARM_UP:]) for form, seconds in found.items()}


def main() -> None:
    """Both shapes, both ways; write the file."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = save_random_qwen2_vl(Path(scratch) / "model", SMALL)
        for name, shape in SHAPES.items():
            pictures = save_pictures(Path(scratch) / "pictures", shape.prompts, shape.picture_tokens)
            policy = load_policy(str(folder), device="cpu", train_vision=True)
            found[name] = {"shape": vars(shape), "seconds": seconds_of(policy, shape, pictures)}
            policy.core.activation_checkpointing_enable()
            found[name]["seconds_with_checkpointing"] = seconds_of(policy, shape, pictures)
            print(name, found[name])
    facts = {"hardware": hardware(), "versions": versions()}
    command = "python benchmarks/forms.py"
    write_json(OUT, {"command": command, "date": date.today().isoformat(), **facts, "shapes": found})


if __name__ == "__main__":
    main()
