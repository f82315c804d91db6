"""Memory: what a process has held at most, and what a run will need, before its first step.

The forecast adds up what a step keeps, phase by phase, from a policy's ``Sizes``; it runs nothing. Axes: P
prompts of T tokens, G answers a prompt of A tokens.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vrft.models.layer_sizes import Sizes, Stack, patches_of
from vrft.models.policy import Policy
from vrft.rollout.logprobs import CHUNK_LOGITS
from vrft.rollout.shared_prompt.fused_layers import FUSED_BYTES
from vrft.training.training_options import MemoryPlan, OptimOptions
from vrft.types import Prompt

GIB = 2**30
_WIDE = 4
"""Bytes of a number in float32."""


def peak_memory_gib(device: torch.device) -> float:
    """The most memory held so far, in GiB: of the GPU there, of the whole process on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / GIB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def device_memory_gib(device: torch.device) -> float | None:
    """All memory of a device in GiB; None where it is not on this machine, or the system does not tell."""
    if device.type == "cuda":
        there = torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
        return torch.cuda.get_device_properties(device).total_memory / GIB if there else None
    if device.type != "cpu":
        return None
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    except (ValueError, OSError):
        return None


def free_memory_gib(device: torch.device) -> float | None:
    """Memory of a device in GiB that nobody holds; None where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / GIB
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return free[0] / GIB if free else None


@dataclass(frozen=True)
class Load:
    """The largest of a step: tokens of the longest prompt, patches and tokens of the largest image."""

    prompt_tokens: int
    patches: int
    image_tokens: int

    @classmethod
    def of(cls, policy: Policy, prompts: Sequence[Prompt]) -> Load:
        """The largest of each among some prompts."""
        return cls(
            max(len(p.token_ids) for p in prompts),
            max(sum(patches_of(policy, policy.image(m)) for m in p.media) for p in prompts),
            max(p.token_ids.count(policy.image_token_id) for p in prompts),
        )


@dataclass(frozen=True)
class MemoryForecast:
    """GiB at the worst moment of a run, by what holds them."""

    weights: float
    """Of the policy."""
    reference: float
    """Of the frozen twin, where the KL term needs one."""
    optimizer: float
    """AdamW's two moments, float32 copies of narrower weights, and the best weights so far."""
    worst_phase: str
    """'sampling', 'forward', 'reference', 'backward' or 'update'."""
    phases: dict[str, float]
    """What each phase holds beside the above."""
    offloaded: float = 0.0
    """Activations in the computer's own memory; on the CPU the step holds them as ever."""

    @property
    def lasting(self) -> float:
        """What is held all the time, the policy's own weights left out."""
        return self.reference + self.optimizer

    @property
    def total(self) -> float:
        """All of it, without the program itself."""
        return self.weights + self.lasting + self.phases[self.worst_phase]


KEPT_BACK = {(False, False): 1.28, (True, False): 1.72, (False, True): 2.1, (True, True): 3.3}
"""How many times what it holds a process on the CPU becomes, by (LoRA, activation checkpointing).

glibc before 2.38 does not use freed aligned blocks anew. Fitted to ``benchmarks/memory_forecast.py``'s cases.
"""


def resident_gib(forecast: MemoryForecast, plan: MemoryPlan, device: torch.device) -> float:
    """What a run takes of its device's memory, the allocator's habits included."""
    if device.type != "cpu":
        return forecast.total
    name, version = platform.libc_ver()
    number = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    old = name == "glibc" and number < (2, 38)
    times = KEPT_BACK[plan.lora, plan.optim.activation_checkpointing] if old else 1.0
    # The base's weights are laid out once; what comes and goes is kept back.
    return forecast.weights + times * (forecast.total - forecast.weights + forecast.offloaded)


def forecast_memory(
    sizes: Sizes, plan: MemoryPlan, load: Load, shards: int = 1, by_layer: bool = False
) -> MemoryForecast:
    """Memory of a run's worst moment, which ``benchmarks/memory_forecast.py`` holds to measured peaks.

    Args:
        sizes: the policy's.
        plan: what one process does.
        load: the largest of a step.
        shards: processes among which weights, gradients, optimizer and reference are divided as torch's
            ``fully_shard`` does it; a vision tower that does not learn stays whole in each. Arithmetic:
            nothing of it was measured.
        by_layer: whether who samples gathers a layer at a time, not all of them.
    """
    phases, offloaded = _phases(sizes, plan, load)
    divided = sizes.weights_bytes - _whole_bytes(sizes)
    weights = sizes.weights_bytes - divided + divided / shards
    moments = sizes.learned * _WIDE * (3 if sizes.half else 2)
    best = sizes.learned * sizes.number_bytes if plan.keeps_best else 0
    if shards > 1:
        _gather(phases, sizes, divided, shards, by_layer)
    return MemoryForecast(
        weights=weights / GIB,
        reference=weights / GIB if plan.reference and not plan.lora else 0.0,
        optimizer=(moments + best) / shards / GIB,
        worst_phase=max(phases, key=phases.__getitem__),
        phases={name: size / GIB for name, size in phases.items()},
        offloaded=offloaded / GIB,
    )


def _whole_bytes(sizes: Sizes) -> int:
    """What is never divided."""
    return 0 if sizes.vision_learns else sizes.tower_bytes


def _gather(phases: dict[str, float], sizes: Sizes, divided: float, shards: int, by_layer: bool) -> None:
    """Add what each phase gathers of other processes, and divide the gradient."""
    # One layer is in use while the next one comes; the ends stay from the first use to the last.
    gathered = 2 * sizes.layer_bytes + sizes.ends_bytes
    # A whole gradient, in float32 before it is summed, of a layer or of the ends.
    largest = max(sizes.layer_bytes, sizes.ends_bytes if sizes.head_learns else 0)
    gradient = largest * _WIDE / sizes.number_bytes if sizes.learned else 0.0
    phases["sampling"] += gathered if by_layer else divided
    phases["forward"] += gathered
    phases["backward"] += gathered + min(gradient, sizes.learned * _WIDE) + _gradient(sizes) / shards
    if phases["reference"]:
        phases["reference"] += gathered
    phases["update"] -= _update(sizes) * (1 - 1 / shards)


def _gradient(sizes: Sizes) -> float:
    """Bytes of all gradients, and of their sums in float32 where they are narrower."""
    return sizes.learned * (sizes.number_bytes + (_WIDE if sizes.half else 0))


def _update(sizes: Sizes) -> float:
    """Bytes of an update: gradients, and what AdamW makes of the largest tensor."""
    return _gradient(sizes) + 3 * sizes.largest * _WIDE


def _phases(sizes: Sizes, plan: MemoryPlan, load: Load) -> tuple[dict[str, float], float]:
    """Bytes that each phase holds beside what lasts, and those of activations that are offloaded."""
    rollout, optim = plan.rollout, plan.optim
    number, text, vision = sizes.number_bytes, sizes.text, sizes.vision
    prompts = optim.prompts_per_step
    at_once = min(optim.micro_prompts or prompts, prompts)
    group = rollout.group_size if plan.samples else 1
    key_values = text.layers * sizes.key_value * number
    answers = at_once * group * max(rollout.max_new_tokens - 1, 1)
    asked = at_once * load.prompt_tokens
    seen = at_once * load.patches
    # What answers read of a prompt stays, wherever the rest of its activations is.
    read = asked * key_values if optim.activation_checkpointing or optim.activation_offload else 0
    passes = ((text, asked), (vision, seen if sizes.vision_learns else 0), (text, answers))
    parts = [_kept(stack, tokens, number, optim) for stack, tokens in passes]
    encoding = parts[0][1] + read + parts[1][1]
    forward = encoding + parts[2][1]
    features = prompts * load.image_tokens * text.hidden * number
    chunk = min(answers, max(1, CHUNK_LOGITS // sizes.vocabulary)) * sizes.vocabulary
    logits = chunk * (3 * _WIDE + (number if sizes.half else 0))
    head = sizes.vocabulary * text.hidden * number if sizes.head_learns else 0
    passing = max(asked, answers) * text.passing * number
    rows = prompts * group
    encoded = encoding if at_once == prompts else 0.0
    small = text.layers * text.hidden * text.kept * number <= FUSED_BYTES
    fused = small and not sizes.half and not sizes.quantized
    cache = (prompts * load.prompt_tokens + rows * rollout.max_new_tokens) * key_values
    tower = 0 if sizes.vision_learns else load.patches * (vision.passing + vision.kept) * number
    phases = {
        "sampling": encoded
        + cache
        + rows * sizes.vocabulary * 4 * _WIDE
        + (sizes.weights_bytes / 2 if fused else 0)
        + tower,
        "forward": forward + logits + head,
        "reference": (forward + asked * key_values + passing + logits) if plan.reference else 0.0,
        "backward": forward + passing + head + chunk * _WIDE,
        "update": _update(sizes),
    }
    unfolded = sizes.quantized * number
    offloaded = sum(every - stays for every, stays in parts)
    return {name: size + features + unfolded for name, size in phases.items()}, offloaded


def _kept(stack: Stack, tokens: int, number: int, optim: OptimOptions) -> tuple[float, float]:
    """Bytes that a forward pass of all tokens keeps, and those of them that stay on the device."""
    recomputes = optim.activation_checkpointing
    layer = tokens * stack.kept * number
    each = stack.hidden if recomputes else stack.kept
    every = tokens * (stack.layers * each + stack.around) * number + (layer if recomputes else 0)
    held = 0 if recomputes else tokens * stack.layers * stack.held * number
    return every, layer + held if optim.activation_offload else every
