"""TRL: parquet files, a script with its ``GRPOTrainer``, and the settings of ``GRPOConfig`` (1.16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from vrft.errors import InputError
from vrft.training.advantages import Advantage, BatchNormalized, Centered, GroupNormalized
from vrft.training.losses import Bnpo, Cispo, Dapo, DrGrpo, Grpo, Gspo, PolicyLoss, Sapo
from vrft.workflows.trainer_export.trainer_format import HELD_BY_ALL, IMAGE_TAG, TrainerRow, TrainerRun
from vrft.workflows.trainer_export.written_files import python_file, script, write_table

CODE = '''
"""This run with TRL's GRPOTrainer."""

from datasets import Image, List, load_dataset
from transformers import AutoModelForImageTextToText
from trl import GRPOConfig, GRPOTrainer, ModelConfig, TrlParser, get_peft_config

from vrft.integrations.trl import trl_reward

CONSTANTS


def main() -> None:
    """Settings are those of settings.yaml and of the command line."""
    args, model = TrlParser((GRPOConfig, ModelConfig)).parse_args_and_config()
    data = load_dataset("parquet", data_files=FILES).cast_column("images", List(Image()))
    policy = AutoModelForImageTextToText.from_pretrained(model.model_name_or_path, dtype=model.dtype)
    for name, weight in policy.named_parameters():
        weight.requires_grad_(TRAINS_VISION or not name.startswith(VISION))
    trainer = GRPOTrainer(
        model=policy,
        reward_funcs=trl_reward(**REWARD),
        args=args,
        train_dataset=data["train"],
        eval_dataset=data.get("val"),
        peft_config=get_peft_config(model),
    )
    trainer.train()
    trainer.save_model(args.output_dir)


if __name__ == "__main__":
    main()
'''


class TrlFormat:
    """Answers by transformers' own generation: TRL's vLLM shows images wrongly (docs/adapters.md)."""

    name = "trl"
    holds = HELD_BY_ALL | {
        "grpo.mask_truncated",
        "model.lora.dropout",
        "optim.schedule",
        "optim.warmup_steps",
        "rollout.top_k",
    }
    losses: Mapping[type[PolicyLoss], tuple[str, str]] = {
        Grpo: ("grpo", "token"),
        Gspo: ("grpo", "sequence"),
        Dapo: ("dapo", "token"),
        DrGrpo: ("dr_grpo", "token"),
        Bnpo: ("bnpo", "token"),
        Cispo: ("cispo", "token"),
        Sapo: ("sapo", "token"),
    }
    """A loss, and what its ratio is of."""
    advantages: Mapping[type[Advantage], str] = {
        GroupNormalized: "group",
        Centered: "none",
        BatchNormalized: "batch",
    }

    def write_rows(self, folder: Path, part: str, rows: Iterable[TrainerRow]) -> None:
        table = (
            {"prompt": _prompt(row), "images": [{"bytes": i} for i in row.images], "vrft_target": row.target}
            for row in rows
        )
        write_table(folder / f"{part}.parquet", table)

    def files(self, run: TrainerRun) -> dict[str, str]:
        says = ["TRL 1.16: GPUS=8 bash run.sh [--more options]; the model is saved in model."]
        prompts = run.config.optim.prompts_per_step
        command = [
            'exec accelerate launch --num_processes "${GPUS:-8}" train.py --config settings.yaml',
            f'--gradient_accumulation_steps "$((({prompts} - 1) / ${{GPUS:-8}} + 1))"',
        ]
        files = {part: f"{part}.parquet" for part, count in run.rows.items() if count}
        names = {"TRAINS_VISION": run.config.model.train_vision, "VISION": run.vision}
        code = python_file(CODE, FILES=files, REWARD=dict(run.reward), **names)
        settings = yaml.safe_dump(_settings(run), sort_keys=False)
        return {"train.py": code, "settings.yaml": settings, "run.sh": script(says, command, [])}


def _prompt(row: TrainerRow) -> list[dict[str, str]]:
    """TRL puts the images before the first message of the user by itself."""
    chat, marks = row.as_chat, IMAGE_TAG * len(row.images)
    first = next((one for one in chat if one["role"] == "user"), None)
    if first is None or not first["content"].startswith(marks):
        raise InputError(f"Question '{row.id}' shows images behind text, and TRL puts them before all text.")
    first["content"] = first["content"].removeprefix(marks)
    return chat


def _settings(run: TrainerRun) -> dict[str, object]:
    config = run.config
    optim, rollout, grpo, checks = config.optim, config.rollout, config.grpo, config.checks
    loss, level = FORMAT.losses.get(type(grpo.loss), FORMAT.losses[Grpo])
    low, high = run.clip
    found: dict[str, object] = {
        "model_name_or_path": run.model,
        "dtype": "float32",
        "output_dir": "model",
        "seed": config.seed,
        "max_steps": optim.steps,
        "learning_rate": optim.learning_rate,
        "lr_scheduler_type": optim.schedule,
        "warmup_steps": optim.warmup_steps,
        "weight_decay": optim.weight_decay,
        "max_grad_norm": optim.max_grad_norm,
        "per_device_train_batch_size": rollout.group_size,
        "gradient_checkpointing": optim.activation_checkpointing,
        "bf16": True,
        "num_generations": rollout.group_size,
        "num_iterations": grpo.updates,
        "max_completion_length": rollout.max_new_tokens,
        "temperature": rollout.temperature,
        "top_p": rollout.top_p,
        "top_k": rollout.top_k,
        "beta": grpo.kl.beta,
        "epsilon": low,
        "epsilon_high": high,
        "loss_type": loss,
        "importance_sampling_level": level,
        "scale_rewards": FORMAT.advantages.get(type(grpo.advantage), "group"),
        "mask_truncated_completions": grpo.mask_truncated,
        "remove_unused_columns": False,
        "save_steps": checks.checkpoint_every,
        "logging_steps": 1,
        "report_to": "none",
    }
    if run.validates:
        found |= {"eval_strategy": "steps", "eval_steps": checks.validate_every}
        found["per_device_eval_batch_size"] = rollout.group_size
    if run.lora is not None:
        rank, alpha, dropout = run.lora
        found |= {"use_peft": True, "lora_r": rank, "lora_alpha": alpha, "lora_dropout": dropout}
        found["lora_target_modules"] = list(run.adapted)
    return found


FORMAT = TrlFormat()
