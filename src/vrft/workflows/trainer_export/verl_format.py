"""verl: parquet files, a reward file, and Hydra overrides for ``verl.trainer.main_ppo`` (0.9)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from vrft.training.advantages import Advantage, Centered, GroupNormalized, LeaveOneOut
from vrft.training.losses import Cispo, Dapo, DrGrpo, Grpo, Gspo, PolicyLoss, Sapo
from vrft.workflows.trainer_export.trainer_format import HELD_BY_ALL, TrainerRow, TrainerRun
from vrft.workflows.trainer_export.written_files import python_file, script, write_table

KL = {"k1": "kl", "k2": "mse", "k3": "low_var_kl"}
"""verl's names of Schulman's estimators."""
REWARDS = '''
"""The rewards of this run for verl."""

from typing import Any

from vrft.integrations import verl

CONSTANTS


def compute_score(*args: Any, **kwargs: Any) -> dict[str, float]:
    return verl.compute_score(*args, **{**kwargs, **ARGUMENTS})
'''


class VerlFormat:
    """FSDP2 for the policy, vLLM for answers."""

    name = "verl"
    holds = HELD_BY_ALL | {"grpo.kl.estimator", "optim.warmup_steps", "rollout.top_k"}
    losses: Mapping[type[PolicyLoss], tuple[str, str]] = {
        Grpo: ("vanilla", "seq-mean-token-mean"),
        Dapo: ("vanilla", "token-mean"),
        DrGrpo: ("vanilla", "seq-mean-token-sum-norm"),
        Gspo: ("gspo", "seq-mean-token-mean"),
        Cispo: ("cispo", "token-mean"),
        Sapo: ("sapo", "seq-mean-token-mean"),
    }
    """A loss and a mean."""
    advantages: Mapping[type[Advantage], tuple[str, bool]] = {
        GroupNormalized: ("grpo", True),
        Centered: ("grpo", False),
        LeaveOneOut: ("rloo", False),
    }
    """An estimator, and whether it divides by the standard deviation."""

    def write_rows(self, folder: Path, part: str, rows: Iterable[TrainerRow]) -> None:
        table = (
            {
                "data_source": "vrft",
                "prompt": row.as_chat,
                "images": [{"bytes": image} for image in row.images],
                "ability": "vision",
                "reward_model": {"style": "rule", "ground_truth": row.target},
                "extra_info": {"index": row.index, "id": row.id},
            }
            for row in rows
        )
        write_table(folder / f"{part}.parquet", table)

    def files(self, run: TrainerRun) -> dict[str, str]:
        says = [
            "verl 0.9 with 8 GPUs of one machine: GPUS=8 NODES=1 TP=1 bash run.sh [more overrides]",
            "(TP: GPUs of one vLLM engine). Then the newest checkpoint as an ordinary model folder:",
            "",
            "  python -m verl.model_merger merge --backend fsdp \\",
            "      --local_dir checkpoints/global_step_N/actor --target_dir merged",
            f"  {run.then}",
        ]
        command = [
            "exec python3 -m verl.trainer.main_ppo",
            '"trainer.n_gpus_per_node=${GPUS:-8}"',
            '"trainer.nnodes=${NODES:-1}"',
            '"actor_rollout_ref.rollout.tensor_model_parallel_size=${TP:-1}"',
        ]
        return {
            "reward.py": python_file(REWARDS, ARGUMENTS=dict(run.reward)),
            "run.sh": script(says, command, _overrides(run)),
        }


def _overrides(run: TrainerRun) -> list[list[str]]:
    config = run.config
    optim, rollout, grpo, checks = config.optim, config.rollout, config.grpo, config.checks
    mode, mean = FORMAT.losses.get(type(grpo.loss), FORMAT.losses[Grpo])
    estimator, divides = FORMAT.advantages.get(type(grpo.advantage), ("grpo", True))
    (low, high), rows = run.clip, run.rows_at_once
    actor, engine, model = (f"actor_rollout_ref.{part}" for part in ("actor", "rollout", "model"))
    words = {
        "data.train_files": "train.parquet",
        "data.val_files": "val.parquet" if run.rows["val"] else "train.parquet",
        "data.image_key": "images",
        "data.train_batch_size": optim.prompts_per_step,
        "data.max_prompt_length": run.prompt_limit,
        "data.max_response_length": rollout.max_new_tokens,
        "data.seed": config.seed,
        "algorithm.adv_estimator": estimator,
        "algorithm.norm_adv_by_std_in_grpo": divides,
        "algorithm.use_kl_in_reward": False,
        f"{model}.path": run.model,
        f"{model}.enable_gradient_checkpointing": True,
        f"{actor}.strategy": "fsdp2",
        f"{actor}.freeze_vision_tower": not config.model.train_vision,
        f"{actor}.ppo_mini_batch_size": optim.prompts_per_step,
        f"{actor}.ppo_micro_batch_size_per_gpu": rows,
        f"{actor}.ppo_epochs": grpo.updates,
        f"{actor}.policy_loss.loss_mode": mode,
        f"{actor}.loss_agg_mode": mean,
        f"{actor}.clip_ratio": low,
        f"{actor}.clip_ratio_low": low,
        f"{actor}.clip_ratio_high": high,
        f"{actor}.use_kl_loss": grpo.kl.beta > 0,
        f"{actor}.kl_loss_coef": grpo.kl.beta,
        f"{actor}.kl_loss_type": KL[grpo.kl.estimator],
        f"{actor}.grad_clip": optim.max_grad_norm,
        f"{actor}.optim.lr": optim.learning_rate,
        f"{actor}.optim.lr_warmup_steps": optim.warmup_steps,
        f"{actor}.optim.lr_scheduler_type": "constant",
        f"{actor}.optim.weight_decay": optim.weight_decay,
        "actor_rollout_ref.ref.strategy": "fsdp2",
        "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu": rows,
        f"{engine}.name": "vllm",
        f"{engine}.n": rollout.group_size,
        f"{engine}.temperature": rollout.temperature,
        f"{engine}.top_p": rollout.top_p,
        f"{engine}.top_k": rollout.top_k or -1,
        f"{engine}.load_format": "auto",
        f"{engine}.gpu_memory_utilization": 0.5,
        f"{engine}.calculate_log_probs": True,
        f"{engine}.log_prob_micro_batch_size_per_gpu": rows,
        "reward.custom_reward_function.path": "reward.py",
        "reward.custom_reward_function.name": "compute_score",
        "trainer.total_epochs": run.epochs,
        "trainer.total_training_steps": optim.steps,
        "trainer.save_freq": checks.checkpoint_every,
        "trainer.test_freq": checks.validate_every if run.validates else -1,
        "trainer.val_before_train": run.validates,
        "trainer.default_local_dir": "checkpoints",
        "trainer.logger": "[console]",
    }
    if run.lora is not None:
        words[f"{model}.lora_rank"], words[f"{model}.lora_alpha"], _ = run.lora
        words[f"{model}.target_modules"] = "all-linear"
        words[f"{model}.exclude_modules"] = run.not_vision
    return [[f"{key}={_hydra(value)}"] for key, value in words.items()]


def _hydra(value: object) -> str:
    """A value as Hydra reads it; what its grammar would split is quoted."""
    text = str(value)
    if not isinstance(value, str) or re.fullmatch(r"[\w./:@%+-]+|\[\w+\]", text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


FORMAT = VerlFormat()
