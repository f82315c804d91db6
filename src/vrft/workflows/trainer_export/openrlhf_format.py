"""OpenRLHF: lines of JSON with image files, a reward file, and options for ``train_ppo_ray`` (0.11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from vrft.training.advantages import Advantage, Centered, GroupNormalized, LeaveOneOut
from vrft.training.losses import Dapo, Grpo, Gspo, PolicyLoss
from vrft.workflows.trainer_export.trainer_format import HELD_BY_ALL, TrainerRow, TrainerRun
from vrft.workflows.trainer_export.written_files import python_file, script, write_lines

REWARDS = '''
"""The rewards of this run for OpenRLHF."""

from functools import partial

from vrft.integrations.openrlhf import reward_func as scored

CONSTANTS
reward_func = partial(scored, **ARGUMENTS)
'''


class OpenRlhfFormat:
    """Ray, DeepSpeed's ZeRO-3 and vLLM on the same GPUs."""

    name = "openrlhf"
    holds = HELD_BY_ALL | {
        "grpo.kl.estimator",
        "model.lora.dropout",
        "optim.schedule",
        "optim.warmup_steps",
    }
    losses: Mapping[type[PolicyLoss], tuple[str, str]] = {
        Grpo: ("ppo", "seq-mean-token-mean"),
        Dapo: ("ppo", "token-mean"),
        Gspo: ("gspo", "seq-mean-token-mean"),
    }
    """A loss and a mean."""
    advantages: Mapping[type[Advantage], str] = {
        GroupNormalized: "group_norm",
        Centered: "dr_grpo",
        LeaveOneOut: "rloo",
    }

    def write_rows(self, folder: Path, part: str, rows: Iterable[TrainerRow]) -> None:
        lines = ((row, {"prompt": row.as_chat, "label": row.target}) for row in rows)
        write_lines(folder, part, lines)

    def files(self, run: TrainerRun) -> dict[str, str]:
        says = ["OpenRLHF 0.11: GPUS=8 TP=1 bash run.sh [--more options]; the model is saved in model."]
        command = [
            "exec python3 -m openrlhf.cli.train_ppo_ray",
            '--actor.num_gpus_per_node "${GPUS:-8}" --ref.num_gpus_per_node "${GPUS:-8}"',
            '--vllm.num_engines "$((${GPUS:-8} / ${TP:-1}))" --vllm.tensor_parallel_size "${TP:-1}"',
        ]
        return {
            "reward.py": python_file(REWARDS, ARGUMENTS=dict(run.reward)),
            "run.sh": script(says, command, _options(run)),
        }


def _options(run: TrainerRun) -> list[list[str]]:
    config = run.config
    optim, rollout, grpo, checks = config.optim, config.rollout, config.grpo, config.checks
    loss, mean = FORMAT.losses.get(type(grpo.loss), FORMAT.losses[Grpo])
    words: dict[str, object] = {
        "actor.model_name_or_path": run.model,
        "data.prompt_dataset": "train.jsonl",
        "data.input_key": "prompt",
        "data.label_key": "label",
        "data.image_key": "images",
        "data.max_images_per_prompt": run.most_images,
        "data.max_len": run.prompt_limit + rollout.max_new_tokens,
        "reward.remote_url": "reward.py",
        "rollout.batch_size": optim.prompts_per_step,
        "rollout.n_samples_per_prompt": rollout.group_size,
        "rollout.micro_batch_size": run.rows_at_once,
        "rollout.max_new_tokens": rollout.max_new_tokens,
        "rollout.temperature": rollout.temperature,
        "rollout.top_p": rollout.top_p,
        "train.batch_size": optim.prompts_per_step * rollout.group_size,
        "train.micro_batch_size": run.rows_at_once,
        "train.max_epochs": grpo.updates,
        "train.num_episodes": run.epochs,
        "train.seed": config.seed,
        "algo.advantage.estimator": FORMAT.advantages.get(type(grpo.advantage), "group_norm"),
        "algo.kl.init_coef": grpo.kl.beta,
        "algo.kl.estimator": grpo.kl.estimator,
        "actor.policy_loss_type": loss,
        "actor.loss_agg_mode": mean,
        "actor.eps_clip_low_high": run.clip,
        "actor.lr_scheduler": optim.schedule,
        "actor.lr_warmup_ratio": optim.warmup_steps / optim.steps,
        "actor.adam.lr": optim.learning_rate,
        "actor.adam.weight_decay": optim.weight_decay,
        "actor.max_norm": optim.max_grad_norm,
        "ds.zero_stage": 3,
        "vllm.gpu_memory_utilization": 0.5,
        "vllm.sync_backend": "nccl",
        "ckpt.output_dir": "model",
        "ckpt.path": "checkpoints",
        "ckpt.save_steps": checks.checkpoint_every,
    }
    if run.validates:
        words |= {"eval.dataset": "val.jsonl", "eval.steps": checks.validate_every}
    if run.lora is not None:
        words["ds.lora.rank"], words["ds.lora.alpha"], words["ds.lora.dropout"] = run.lora
    flags = ["data.apply_chat_template", "train.colocate_all", "vllm.enable_sleep", "ds.enable_sleep"]
    flags += ["ckpt.save_hf"]
    flags += ["algo.kl.use_loss"] if grpo.kl.beta else []
    flags += ["actor.gradient_checkpointing_enable"] if optim.activation_checkpointing else []
    flags += [] if config.model.train_vision else ["actor.freeze_visual_encoder"]
    words |= dict.fromkeys(flags, ())
    return [[f"--{key}", *_several(value)] for key, value in words.items()]


def _several(value: object) -> list[str]:
    return [str(one) for one in (value if isinstance(value, tuple) else (value,))]


FORMAT = OpenRlhfFormat()
