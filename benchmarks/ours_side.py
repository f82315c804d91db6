"""vrft's own training step, as ``vrft train`` runs it, for the benchmarks of a step."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from machine import finished
from shapes import LORA_ALPHA, LORA_RANK, Shape

from vrft.config.run_config import RunConfig, make_config
from vrft.models.load_policy import LoraSettings, load_policy
from vrft.rollout.prompting import prompts_for
from vrft.run_folder import RunFolder
from vrft.tasks.task import load_task
from vrft.training.optimizer import Optimiser
from vrft.training.reference import Reference
from vrft.training.rft import RftStep
from vrft.training.rollouts import RolloutMaker
from vrft.training.train import check_paths
from vrft.types import BoxesTarget, Example, Form

TASK = "detection"


def any_reward(answer: Any, target: Any) -> float:
    """Any number that differs within a group."""
    return (hash(answer.text) % 1000) / 1000


def examples_of(pictures: list[Path]) -> list[Example]:
    """One question a picture."""
    side = 64
    return [
        Example(str(i), str(i), path, (side, side), TASK, "seven", BoxesTarget(((4.0, 4.0, 30.0, 30.0),)))
        for i, path in enumerate(pictures)
    ]


def config_of(model_folder: Path, shape: Shape, form: Form = Form.DIRECT, path: str = "auto") -> RunConfig:
    """The configuration of one shape."""
    return make_config(
        {
            "task": TASK,
            "model": {
                "path": str(model_folder),
                "train_vision": not shape.frozen_vision,
                "lora": {"rank": LORA_RANK, "alpha": LORA_ALPHA} if shape.lora else None,
            },
            "data": {"path": "unused"},
            "prompt": {"form": form},
            "rollout": {
                "group_size": shape.group,
                "max_new_tokens": shape.new_tokens,
                "min_new_tokens": shape.new_tokens,
            },
            "reward": {"setting": "paper", "custom": {f"{__name__}:any_reward": 1.0}},
            "grpo": {"beta": shape.beta, "path": path},
            "optim": {"steps": 1000, "prompts_per_step": shape.prompts, "learning_rate": 1e-6},
        }
    )


class Ours:
    """A run under way, step by step."""

    def __init__(self, model_folder: Path, pictures: list[Path], shape: Shape, device: str = "cpu") -> None:
        """Load, compare the forms, and stand ready.

        Args:
            model_folder: the random model.
            pictures: one a prompt.
            shape: sizes.
            device: 'cpu' (float32) or 'cuda' (bfloat16).
        """
        self.device = device
        self.config = config_of(model_folder, shape)
        m = self.config.model
        lora = LoraSettings(m.lora.rank, m.lora.alpha) if m.lora else None
        self.policy = load_policy(m.path, device=device, train_vision=m.train_vision, lora=lora)
        task, examples = load_task(TASK), examples_of(pictures)
        self.parity = check_paths(self.policy, task, examples, self.config)
        folder = RunFolder(Path(tempfile.mkdtemp()))
        reference = Reference(self.policy, shape.beta)
        rollouts = RolloutMaker(self.policy, task, examples, self.config, folder)
        self.step_function = RftStep(rollouts, reference, self.parity.path)
        self.optimiser = Optimiser(self.policy.model, self.config.optim)
        self.prompts = prompts_for(self.policy, task, examples, self.config.prompt.form)
        view = self.prompts[0].picture.view
        self.question = task.ask(examples[0], view, self.config.prompt.form)
        self.prompt_tokens = len(self.prompts[0].token_ids)
        self.done = 0

    def step(self) -> dict[str, float]:
        """One training step; its seconds by phase, and the length of its answers.

        Sampling and training end in numbers read from the device, so their own clocks are right there too.
        """
        began = finished(self.device)
        self.optimiser.zero_grad()
        row = self.step_function(self.done)
        computed = finished(self.device)
        self.optimiser.step()
        ended = finished(self.device)
        self.done += 1
        return {
            "step": ended - began,
            "sampling": row["seconds_sampling"] + row["seconds_scoring"],
            "training": row["seconds_training"],
            "update": ended - computed,
            "answer_tokens": row["answer_tokens"],
        }
