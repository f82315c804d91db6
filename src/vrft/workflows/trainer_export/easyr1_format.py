"""EasyR1: parquet files, a batch reward file, and overrides for ``verl.trainer.main`` of its own fork."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from vrft.training.advantages import Advantage, GroupNormalized, LeaveOneOut
from vrft.training.losses import Cispo, Dapo, Grpo, Gspo, PolicyLoss
from vrft.workflows.trainer_export.trainer_format import HELD_BY_ALL, TrainerRow, TrainerRun
from vrft.workflows.trainer_export.written_files import python_file, script, write_table

KL = {"k1": "kl", "k2": "mse", "k3": "low_var_kl"}
REWARDS = '''
"""The rewards of this run for EasyR1."""

from typing import Any

from vrft.integrations import easyr1

REWARD_NAME, REWARD_TYPE = easyr1.REWARD_NAME, easyr1.REWARD_TYPE
CONSTANTS


def compute_score(reward_inputs: list[dict[str, Any]]) -> list[dict[str, float]]:
    return easyr1.compute_score(reward_inputs, **ARGUMENTS)
'''


class EasyR1Format:
    """One text of the user for each question."""

    name = "easyr1"
    holds = HELD_BY_ALL - {"model.lora.alpha", "model.lora.rank"} | {"grpo.kl.estimator"}
    losses: Mapping[type[PolicyLoss], tuple[str, str]] = {
        Grpo: ("default", "seq"),
        Dapo: ("default", "token"),
        Gspo: ("gspo", "seq"),
        Cispo: ("cispo", "token"),
    }
    """A loss and a mean."""
    advantages: Mapping[type[Advantage], str] = {GroupNormalized: "grpo", LeaveOneOut: "rloo"}

    def write_rows(self, folder: Path, part: str, rows: Iterable[TrainerRow]) -> None:
        table = (
            {
                "problem": row.single_text,
                "images": [{"bytes": image} for image in row.images],
                "answer": row.target,
            }
            for row in rows
        )
        write_table(folder / f"{part}.parquet", table)

    def files(self, run: TrainerRun) -> dict[str, str]:
        says = ["EasyR1, started where it is installed: GPUS=8 NODES=1 TP=1 bash run.sh [more overrides]"]
        command = [
            "exec python3 -m verl.trainer.main",
            '"trainer.n_gpus_per_node=${GPUS:-8}"',
            '"trainer.nnodes=${NODES:-1}"',
            '"worker.rollout.tensor_parallel_size=${TP:-1}"',
        ]
        return {
            "reward.py": python_file(REWARDS, ARGUMENTS=dict(run.reward)),
            "run.sh": script(says, command, _overrides(run)),
        }


def _overrides(run: TrainerRun) -> list[list[str]]:
    config = run.config
    optim, rollout, grpo, checks = config.optim, config.rollout, config.grpo, config.checks
    loss, mean = FORMAT.losses.get(type(grpo.loss), FORMAT.losses[Grpo])
    low, high = run.clip
    words = {
        "data.train_files": "train.parquet",
        "data.val_files": "val.parquet" if run.rows["val"] else "train.parquet",
        "data.prompt_key": "problem",
        "data.answer_key": "answer",
        "data.image_key": "images",
        "data.format_prompt": "null",
        "data.max_prompt_length": run.prompt_limit,
        "data.max_response_length": rollout.max_new_tokens,
        "data.rollout_batch_size": optim.prompts_per_step,
        "data.min_pixels": 1,
        "data.max_pixels": run.most_pixels,
        "data.seed": config.seed,
        "algorithm.adv_estimator": FORMAT.advantages.get(type(grpo.advantage), "grpo"),
        "algorithm.disable_kl": str(grpo.kl.beta == 0).lower(),
        "algorithm.use_kl_loss": str(grpo.kl.beta > 0).lower(),
        "algorithm.kl_penalty": KL[grpo.kl.estimator],
        "algorithm.kl_coef": grpo.kl.beta,
        "worker.actor.global_batch_size": optim.prompts_per_step,
        "worker.actor.micro_batch_size_per_device_for_update": run.rows_at_once,
        "worker.actor.micro_batch_size_per_device_for_experience": run.rows_at_once,
        "worker.actor.max_grad_norm": optim.max_grad_norm,
        "worker.actor.clip_ratio_low": low,
        "worker.actor.clip_ratio_high": high,
        "worker.actor.loss_type": loss,
        "worker.actor.loss_avg_mode": mean,
        "worker.actor.ppo_epochs": grpo.updates,
        "worker.actor.model.model_path": run.model,
        "worker.actor.model.freeze_vision_tower": str(not config.model.train_vision).lower(),
        "worker.actor.optim.lr": optim.learning_rate,
        "worker.actor.optim.weight_decay": optim.weight_decay,
        "worker.rollout.n": rollout.group_size,
        "worker.rollout.temperature": rollout.temperature,
        "worker.rollout.top_p": rollout.top_p,
        "worker.rollout.limit_images": run.most_images,
        "worker.reward.reward_function": "reward.py:compute_score",
        "trainer.total_epochs": run.epochs,
        "trainer.max_steps": optim.steps,
        "trainer.save_freq": checks.checkpoint_every,
        "trainer.val_freq": checks.validate_every if run.validates else -1,
        "trainer.val_before_train": str(run.validates).lower(),
        "trainer.save_checkpoint_path": "checkpoints",
        "trainer.logger": "[console]",
    }
    return [[f"{key}={value}"] for key, value in words.items()]


FORMAT = EasyR1Format()
