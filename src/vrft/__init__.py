"""Visual reinforcement fine-tuning: labelled images in, a model out that is proved to be better.

Names are loaded when they are first used, so that what needs no torch works where there is none.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "vrft.types": "Answer Completion CoordinateFrame Example Form Image Prediction Record Rollout "
    "RolloutGroup SamplingParams Video Boxes Label Mask Number Points Text TimeSpan",
    "vrft.data.dataset": "load_dataset",
    "vrft.data.splits.few_shot": "few_shot_split",
    "vrft.rewards.reward_term": "RewardTerm",
    "vrft.tasks.task": "Task",
    "vrft.tasks.registry": "load_task task_names",
    "vrft.tasks.scorer": "RewardOptions Scorer",
    "vrft.models.model_options": "ModelOptions",
    "vrft.models.load_policy": "load_policy save_policy",
    "vrft.rollout.sampler": "load_sampler",
    "vrft.rollout.driver": "roll_out",
    "vrft.evaluation.scorecard": "scorecard",
    "vrft.evaluation.compare": "compare",
    "vrft.inference.policy_predictor": "PolicyPredictor",
    "vrft.config.run_config": "load_config make_config",
    "vrft.workflows.train": "train_run",
    "vrft.report.build_report": "build_report",
}
_MODULE = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = ["__version__", *sorted(_MODULE)]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("vrft")
    if name not in _MODULE:
        raise AttributeError(f"module 'vrft' has no attribute '{name}'")
    return getattr(import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
