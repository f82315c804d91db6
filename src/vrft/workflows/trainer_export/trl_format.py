"""TRL: parquet files, a script with its ``GRPOTrainer``, and the settings of ``GRPOConfig`` (1.16)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from vrft.errors import InputError
from vrft.workflows.trainer_export.trainer_format import IMAGE_TAG, TrainerRow, TrainerRun
from vrft.workflows.trainer_export.trl_words import ADVANTAGES, HOLDS, LOSSES, trl_words
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
    holds = HOLDS | {"grpo.mask_truncated"}
    losses, advantages = LOSSES, ADVANTAGES

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
    found = {
        **trl_words(run),
        "model_name_or_path": run.model,
        "dtype": "float32",
        "output_dir": "model",
        "gradient_checkpointing": optim.activation_checkpointing,
        "bf16": True,
        "top_k": rollout.top_k,
        "mask_truncated_completions": grpo.mask_truncated,
        "remove_unused_columns": False,
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
