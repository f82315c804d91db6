"""ms-swift: lines of JSON with image files, a plug-in of rewards, and options for ``swift rlhf`` (4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vrft.workflows.trainer_export.trainer_format import TrainerRow, TrainerRun
from vrft.workflows.trainer_export.trl_words import ADVANTAGES, HOLDS, LOSSES, trl_words
from vrft.workflows.trainer_export.written_files import python_file, script, write_lines

PLUGIN = '''
"""The rewards of this run for ms-swift."""

from swift.rewards import orms

from vrft.integrations.swift import VisualReward, register

CONSTANTS
register(orms, "vrft", type("RunReward", (VisualReward,), ARGUMENTS))
'''


class SwiftFormat:
    """Answers by transformers; ``--use_vllm true`` is ms-swift's own business."""

    name = "swift"
    holds = HOLDS
    losses, advantages = LOSSES, ADVANTAGES

    def write_rows(self, folder: Path, part: str, rows: Iterable[TrainerRow]) -> None:
        lines = ((row, {"messages": row.as_chat, "vrft_target": row.target}) for row in rows)
        write_lines(folder, part, lines)

    def files(self, run: TrainerRun) -> dict[str, str]:
        says = ["ms-swift 4.6: GPUS=8 bash run.sh [--more options]"]
        prompts = run.config.optim.prompts_per_step
        command = [
            'NPROC_PER_NODE="${GPUS:-8}" exec swift rlhf --rlhf_type grpo',
            f'--gradient_accumulation_steps "$((({prompts} - 1) / ${{GPUS:-8}} + 1))"',
        ]
        return {
            "plugin.py": python_file(PLUGIN, ARGUMENTS=dict(run.reward)),
            "run.sh": script(says, command, _options(run)),
        }


def _options(run: TrainerRun) -> list[list[str]]:
    config = run.config
    optim, rollout, checks = config.optim, config.rollout, config.checks
    words = {
        **trl_words(run),
        "model": run.model,
        "dataset": "train.jsonl",
        "split_dataset_ratio": 0,
        "external_plugins": "plugin.py",
        "reward_funcs": "vrft",
        "tuner_type": "full" if run.lora is None else "lora",
        "freeze_vit": str(not config.model.train_vision).lower(),
        "torch_dtype": "float32",
        "bf16": "true",
        "gradient_checkpointing": str(optim.activation_checkpointing).lower(),
        "max_length": run.prompt_limit + rollout.max_new_tokens,
        "max_pixels": run.most_pixels,
        "top_k": rollout.top_k or -1,
        "output_dir": "output",
    }
    if run.validates:
        words |= {"val_dataset": "val.jsonl", "eval_strategy": "steps", "eval_steps": checks.validate_every}
    if run.lora is not None:
        words["lora_rank"], words["lora_alpha"], words["lora_dropout"] = run.lora
    return [[f"--{key}", str(value)] for key, value in words.items()]


FORMAT = SwiftFormat()
