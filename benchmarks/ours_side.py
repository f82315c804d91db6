"""vrft's own training step, as ``vrft train`` runs it, for the benchmarks of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from machine import finished
from shapes import LORA_ALPHA, LORA_RANK, Shape

from vrft.config.run_config import RunConfig, make_config
from vrft.data.images import image_size_wh
from vrft.rollout.driver import prompts_for
from vrft.tasks.registry import task_of
from vrft.training.optimizer import Optimizer
from vrft.types import Boxes, Clock, Example, Form, Image
from vrft.workflows.configured import policy_of, train_step_of
from vrft.workflows.method_choice import check_methods

TASK = "detection"


def any_reward(answer: Any, target: Any) -> float:
    """Any number that differs within a group."""
    return (hash(answer.text) % 1000) / 1000


def examples_of(images: list[Path], form: Form = Form.DIRECT) -> list[Example]:
    """One question for each image."""
    target = Boxes(((4.0, 4.0, 30.0, 30.0),))
    return [
        Example(str(i), str(i), TASK, (Image(path, image_size_wh(path)),), "seven", target, form=form)
        for i, path in enumerate(images)
    ]


def config_of(model_folder: Path, shape: Shape, device: str = "cpu", **sections: Any) -> RunConfig:
    """The configuration of one shape, as a user would write it; ``sections`` add to it."""
    tree: dict[str, Any] = {
        "task": TASK,
        "form": Form.DIRECT,
        "model": {
            "path": str(model_folder),
            "device": device,
            "train_vision": not shape.frozen_vision,
            "lora": {"rank": LORA_RANK, "alpha": LORA_ALPHA} if shape.lora else None,
        },
        "data": {"path": "unused"},
        "rollout": {
            "group_size": shape.group,
            "max_new_tokens": shape.new_tokens,
            "min_new_tokens": shape.new_tokens,
        },
        "reward": {"setting": "paper", "custom": {f"{__name__}:any_reward": 1.0}},
        "grpo": {"kl": {"beta": shape.beta}},
        "optim": {"steps": 1000, "prompts_per_step": shape.prompts, "learning_rate": 1e-6},
    }
    for name, section in sections.items():
        tree[name] = tree.get(name, {}) | section
    return make_config(tree)


class Ours:
    """A run under way, step by step."""

    def __init__(self, model_folder: Path, images: list[Path], shape: Shape, device: str = "cpu") -> None:
        self.device = device
        self.config = config_of(model_folder, shape, device)
        self.policy = policy_of(self.config)
        examples = examples_of(images)
        self.parity = check_methods(self.policy, examples, self.config)
        self.train_step = train_step_of(self.config, self.policy, examples, self.parity.method)
        self.optimizer = Optimizer(self.policy.model, self.config.optim)
        self.prompts = prompts_for(self.policy, examples)
        self.question = task_of(examples[0]).question(examples[0], self.prompts[0].frames)
        self.prompt_tokens = len(self.prompts[0].token_ids)
        self.done = 0

    def step(self) -> dict[str, float]:
        """One training step; its seconds by phase, and the length of its answers.

        Sampling and training end in numbers read from the device, so their own clocks are right there too.
        """
        began = finished(self.device)
        self.optimizer.zero_grad()
        row = self.train_step(Clock(self.done, self.config.optim.steps), self.optimizer.backward)
        computed = finished(self.device)
        self.optimizer.step()
        ended = finished(self.device)
        self.done += 1
        return {
            "step": ended - began,
            "sampling": row["seconds_sampling"] + row["seconds_scoring"],
            "training": row["seconds_training"],
            "update": ended - computed,
            "answer_tokens": row["answer_tokens"],
        }
