"""TRL's own GRPOTrainer at its fastest on a machine without torchvision, for step_time.py and gpu_step.py."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from machine import finished
from PIL import Image
from shapes import LORA_ALPHA, LORA_RANK, Shape
from transformers import AutoImageProcessor, AutoTokenizer, Qwen2VLForConditionalGeneration, TrainerCallback
from transformers.processing_utils import ProcessorMixin
from trl import GRPOConfig, GRPOTrainer

SETTINGS = {
    "gradient_checkpointing": False,
    "bf16": False,
    "use_cpu": True,
    "report_to": "none",
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
    "loss_type": "grpo",
    "use_bias_correction_kl": False,
    "temperature": 1.0,
    "learning_rate": 1e-6,
    "dataloader_num_workers": 0,
    "shuffle_dataset": False,
}
"""On the CPU, in float32."""
CUDA_SETTINGS = SETTINGS | {"bf16": True, "use_cpu": False}
"""On a GPU: weights, moments and reference in bfloat16, less work and memory than our float32 copies."""


class PlainProcessor(ProcessorMixin):  # type: ignore[misc]
    """What TRL asks of a processor, without the video half that needs torchvision."""

    return_mm_token_type_ids = True

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs):  # type: ignore[no-untyped-def]
        self.image_token = "<|image_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def replace_image_token(self, image_inputs: dict[str, Any], image_idx: int, **_: Any) -> str:
        """As many placeholders as the image has merged tokens."""
        count = image_inputs["image_grid_thw"][image_idx].prod() // self.image_processor.merge_size**2
        return self.image_token * int(count)

    @property
    def model_input_names(self) -> list[str]:
        """Also the kind of each token."""
        return [*super().model_input_names, "mm_token_type_ids"]


def reward(completions: list[Any], **_: Any) -> list[float]:
    """Any number that differs within a group."""
    return [(hash(str(c)) % 1000) / 1000 for c in completions]


def run_trl(
    model_folder: Path,
    images: list[Path],
    question: str,
    shape: Shape,
    steps: int,
    between: Callable[[int], None],
    device: str = "cpu",
) -> dict[str, list[float]]:
    """Train with TRL, timing its steps.

    Args:
        model_folder: where the model is; with beta TRL loads its reference from there.
        images: one for each prompt.
        question: the user's text of every prompt.
        shape: sizes.
        steps: steps in all, warm-up included.
        between: called after every step, with its number.
        device: 'cpu' (float32) or 'cuda' (bfloat16).

    Returns:
        Seconds a step: ``step`` and, of these, ``sampling`` (generation and scoring).
    """
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokenizer.padding_side = "left"
    processor = PlainProcessor(
        AutoImageProcessor.from_pretrained(model_folder, backend="pil"), tokenizer, tokenizer.chat_template
    )
    on_gpu = device == "cuda"
    dtype = torch.bfloat16 if on_gpu else torch.float32
    model = Qwen2VLForConditionalGeneration.from_pretrained(model_folder, dtype=dtype)
    if shape.frozen_vision:
        model.model.visual.requires_grad_(False)
    banned = [model.config.image_token_id, model.config.video_token_id]
    banned += [model.config.vision_start_token_id, model.config.vision_end_token_id]
    arguments = GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        max_steps=steps,
        per_device_train_batch_size=shape.prompts * shape.group,
        num_generations=shape.group,
        max_completion_length=shape.new_tokens,
        beta=shape.beta,
        generation_kwargs={"suppress_tokens": banned, "min_new_tokens": shape.new_tokens},
        **(CUDA_SETTINGS if on_gpu else SETTINGS),
    )
    rows = [
        {"prompt": [{"role": "user", "content": question}], "image": Image.open(p).convert("RGB")}
        for p in images
    ]
    seconds: dict[str, list[float]] = {"step": [], "sampling": []}
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
        peft_config=_lora() if shape.lora else None,
        callbacks=[_Clock(seconds["step"], between, device)],
    )
    generate = trainer._generate_and_score_completions

    def timed(inputs: Any) -> Any:
        began = finished(device)
        found = generate(inputs)
        seconds["sampling"].append(finished(device) - began)
        return found

    trainer._generate_and_score_completions = timed
    trainer.train()
    del trainer, model
    gc.collect()
    return seconds


def _lora() -> Any:
    from peft import LoraConfig

    from vrft.models.families import family_of
    from vrft.models.load_policy import lora_targets

    targets = lora_targets(family_of("qwen2_vl", "benchmark"))
    return LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, target_modules=targets, bias="none")


class _Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds from a step's begin to its end; what is done between steps is not counted."""

    def __init__(self, seconds: list[float], between: Callable[[int], None], device: str) -> None:
        self.seconds, self.between, self.device = seconds, between, device

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = finished(self.device)

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds.append(finished(self.device) - self.began)
        self.between(len(self.seconds))
