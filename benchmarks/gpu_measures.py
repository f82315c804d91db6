"""What gpu_step.py measures on one shape: our steps next to the device's peaks, and TRL's steps."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from machine import GIB, median_seconds
from models import Architecture, save_images, save_random_qwen2_vl
from ours_side import Ours
from shapes import Shape
from step_arithmetic import decode_bytes, encoding_flops, sizes_of, training_flops

from vrft.rollout.shared_prompt.prefill import prefill
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.training.memory import peak_memory_gib
from vrft.types import SampleSeed, SamplingParams

WARM_UP = 2
PHASES = ("step", "sampling", "training", "update")


@dataclass(frozen=True)
class Setting:
    """Where and on what the same code runs."""

    device: str
    architecture: Architecture
    shapes: dict[str, Shape]


@dataclass(frozen=True)
class Peaks:
    """What the device was measured to do, a second."""

    matrix_product_flops: float
    memory_bytes: float


def measure(setting: Setting, shape: Shape, steps: int, peaks: Peaks, work: Path) -> dict[str, Any]:
    """Our steps on one shape; model and images go to ``work``."""
    device = setting.device
    model, images = prepared(setting, shape, work)
    ours = Ours(model, images, shape, device)
    count = ours.prompts[0].token_ids.count(ours.policy.image_token_id)
    if count != shape.image_tokens:
        raise RuntimeError(f"an image has {count} tokens, not {shape.image_tokens}")
    for _ in range(WARM_UP):
        ours.step()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    rows = [ours.step() for _ in range(steps)]
    lengths = {row["answer_tokens"] for row in rows}
    if lengths != {shape.new_tokens}:
        raise RuntimeError(f"the answers have {lengths} tokens, not {shape.new_tokens}")
    peak_memory = peak_memory_gib(ours.policy.device)
    seconds = {phase: statistics.median(row[phase] for row in rows) for phase in PHASES}
    answer_tokens = shape.prompts * shape.group * shape.new_tokens
    return {
        "shape": asdict(shape),
        "question": ours.question,
        "weights": sum(p.numel() for p in ours.policy.core.parameters()),
        "prompt_tokens": ours.prompt_tokens,
        "counted_steps": steps,
        "median_seconds": seconds,
        "all_seconds": {phase: [row[phase] for row in rows] for phase in PHASES},
        "answer_tokens_a_second": {p: answer_tokens / seconds[p] for p in ("sampling", "training")},
        "decoding_step": decoding(ours, shape, steps, peaks),
        "encoding": encoding(ours, shape, steps, peaks),
        "training_pass": training(ours, shape, seconds["training"], peaks),
        "peak_memory_gib": peak_memory,
        "parity": asdict(ours.parity),
    }


def prepared(setting: Setting, shape: Shape, work: Path) -> tuple[Path, list[Path]]:
    """The model's folder and one image a prompt."""
    model = save_random_qwen2_vl(work / "model", setting.architecture, setting.device)
    folder = work / "images"
    return model, save_images(folder, shape.prompts, shape.image_tokens, setting.architecture)


def decoding(ours: Ours, shape: Shape, repeats: int, peaks: Peaks) -> dict[str, Any]:
    """One decoding step, drawing included, next to the time to read what it needs.

    Answers of one token need no step behind the encoded prompts and answers of n need n - 1, so that the
    difference holds nothing else.
    """
    with torch.no_grad():
        encoded = prefill(ours.policy, ours.prompts)
    sampler = SharedPromptSampler(ours.policy, share_images=False)

    def drawn(tokens: int) -> Callable[[], object]:
        params = SamplingParams(max_new_tokens=tokens, min_new_tokens=tokens)
        seed = SampleSeed.whole(len(ours.prompts))
        return lambda: sampler.generate(ours.prompts, shape.group, params, seed, encoded)

    whole, first = (median_seconds(ours.device, repeats, drawn(n)) for n in (shape.new_tokens, 1))
    seconds = (whole - first) / (shape.new_tokens - 1)
    size = ours.policy.core.dtype.itemsize
    read = decode_bytes(sizes_of(ours.policy.core.config), shape, ours.prompt_tokens, size)
    floor = read / peaks.memory_bytes
    return {
        "seconds": seconds,
        "own_step": ours.policy.fast_decode,
        "bytes_read": read,
        "floor_seconds": floor,
        "times_the_floor": seconds / floor,
    }


def encoding(ours: Ours, shape: Shape, repeats: int, peaks: Peaks) -> dict[str, Any]:
    """Encoding images and prompts, with gradient as in a step, next to the matrix-product peak."""
    seconds = median_seconds(ours.device, repeats, lambda: prefill(ours.policy, ours.prompts))
    flops = encoding_flops(sizes_of(ours.policy.core.config), shape, ours.prompt_tokens)
    return share_of_peak(flops, seconds, peaks)


def training(ours: Ours, shape: Shape, seconds: float, peaks: Peaks) -> dict[str, Any]:
    """The training pass next to the matrix-product peak."""
    sizes, method = sizes_of(ours.policy.core.config), ours.parity.method
    return share_of_peak(training_flops(sizes, shape, ours.prompt_tokens, method), seconds, peaks)


def share_of_peak(flops: int, seconds: float, peaks: Peaks) -> dict[str, float]:
    """Operations, the least time in which the device could do them, and the share of its peak."""
    floor = flops / peaks.matrix_product_flops
    return {
        "seconds": seconds,
        "flops": flops,
        "floor_seconds": floor,
        "share_of_matmul_peak": floor / seconds,
    }


def measure_trl(setting: Setting, shape: Shape, steps: int, question: str, work: Path) -> dict[str, Any]:
    """TRL's steps on the same shape; where they do not fit into memory, that is the finding."""
    from trl_side import CUDA_SETTINGS, SETTINGS, run_trl

    model, images = prepared(setting, shape, work)
    settings = CUDA_SETTINGS if setting.device == "cuda" else SETTINGS
    try:
        taken = run_trl(
            model, images, question, shape, WARM_UP + steps, lambda _: None, device=setting.device
        )
    except torch.OutOfMemoryError as error:
        return {"settings": settings, "out_of_memory": str(error).splitlines()[0]}
    counted = {phase: values[WARM_UP:] for phase, values in taken.items()}
    counted["training"] = [a - b for a, b in zip(counted["step"], counted["sampling"], strict=True)]
    seconds = {phase: statistics.median(values) for phase, values in counted.items()}
    found = {"settings": settings, "median_seconds": seconds, "all_seconds": counted}
    if setting.device == "cuda":
        found["peak_memory_gib"] = torch.cuda.max_memory_allocated() / GIB
    return found


def emptied(device: str) -> None:
    """Give back what the last engine held, so that the next one's peak is its own."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
