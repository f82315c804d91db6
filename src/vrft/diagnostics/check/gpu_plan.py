"""What each of several GPUs would hold: all weights or an adapter, replicated or sharded, and vLLM's part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vrft.config.run_config import RunConfig
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.memory_fit import (
    LORA,
    MARGIN,
    STEPS,
    MemoryFit,
    Settings,
    load_of,
    setting_of,
    shown_settings,
    with_settings,
)
from vrft.diagnostics.check.model_case import ModelCase
from vrft.training.memory import GIB, MemoryForecast, forecast_memory
from vrft.training.training_options import Gpus

ENGINE_GIB = 2.0
"""What vLLM takes beside weights and caches (activations, CUDA graphs, buffers): an assumption."""
ENGINE_SHARE = 0.8
"""Of a GPU, what an engine's weights may take before they are divided among more GPUs."""
WHOLE: Settings = {"model.lora": None, "model.bits": None}
SHARD: Settings = {"optim.shard": True}
OFFLOAD = "optim.activation_offload"
"""It does not go together with sharding."""


@dataclass(frozen=True)
class Layout:
    """One way to lay a training out over GPUs."""

    name: str
    settings: Settings
    """Of the model."""
    sharded: bool


LAYOUTS = (
    Layout("all weights, replicated", WHOLE, sharded=False),
    Layout("all weights, sharded", {**WHOLE, **SHARD}, sharded=True),
    Layout("LoRA, replicated", {**LORA, "model.bits": None}, sharded=False),
    Layout("LoRA on 4 bits, replicated", {**LORA, "model.bits": 4}, sharded=False),
    Layout("LoRA, sharded", {**LORA, "model.bits": None, **SHARD}, sharded=True),
)


@dataclass(frozen=True)
class Held:
    """What a GPU holds under a layout, with the settings of a step that it needs."""

    layout: Layout
    settings: Settings
    forecast: MemoryForecast
    gib: float
    """Of the GPU."""
    by_layer: bool = False
    """Whether there is no room to sample with all weights gathered."""

    @property
    def fits(self) -> bool:
        """Also where the forecast is off by a quarter."""
        return self.forecast.total * MARGIN <= self.gib

    def row(self) -> dict[str, object]:
        """For programs; GiB."""
        found = self.forecast
        step = found.phases[found.worst_phase]
        parts = {"weights": found.weights, "optimizer_and_reference": found.lasting, "step": step}
        rounded = {name: round(size, 2) for name, size in {**parts, "total": found.total}.items()}
        names = {"layout": self.layout.name, "sharded": self.layout.sharded}
        rounded |= {"samples_by_layer": self.by_layer} if self.layout.sharded else {}
        return {**names, **rounded, "fits": self.fits, "settings": dict(self.settings)}

    @property
    def says(self) -> str:
        found = self.forecast
        step = found.phases[found.worst_phase]
        under = f" with {shown_settings(self.settings)}" if self.settings else ""
        under += ", sampling a layer at a time" if self.by_layer else ""
        narrowly = "fits, unless the forecast is off by its quarter"
        fits = "fits" if self.fits else narrowly if found.total <= self.gib else "does not fit"
        return (
            f"{self.layout.name}: {found.weights:.1f} + {found.lasting:.1f} + {step:.1f} = {found.total:.1f}"
            f"{under}: {fits}"
        )


@dataclass(frozen=True)
class Engine:
    """vLLM's part of each GPU."""

    tensor_parallel: int
    weights: float
    """GiB."""
    caches: float
    """Keys and values of all answers of a step and of their prompts, each once; GiB."""

    @property
    def total(self) -> float:
        return self.weights + self.caches + ENGINE_GIB

    def row(self) -> dict[str, object]:
        """For programs; GiB."""
        parts = {"weights": self.weights, "caches": self.caches, "total": self.total}
        rounded = {name: round(size, 2) for name, size in parts.items()}
        return {"layout": "vLLM", **rounded, "tensor_parallel_size": self.tensor_parallel}


def held(fit: MemoryFit, layout: Layout, gpus: Gpus) -> Held:
    """What a GPU holds, with as many of the settings that save memory as are needed."""
    prompts = math.ceil(fit.config.optim.prompts_per_step / gpus.count)
    model = {**layout.settings}
    if model["model.lora"] is not None and fit.config.model.lora is not None:
        model["model.lora"] = fit.config.model.lora
    base = with_settings(fit.config, {**model, "optim.prompts_per_step": prompts})
    least, chosen = _least(fit, base, layout, gpus, by_layer=False)
    by_layer = layout.sharded and least.total * MARGIN > gpus.gib
    if by_layer:
        least, chosen = _least(fit, base, layout, gpus, by_layer=True)
    return Held(layout, chosen, least, gpus.gib, by_layer)


def _least(
    fit: MemoryFit, base: RunConfig, layout: Layout, gpus: Gpus, by_layer: bool
) -> tuple[MemoryForecast, Settings]:
    """The forecast that fits, or the least, with the settings that it needs."""
    shards = gpus.count if layout.sharded else 1

    def forecast(settings: Settings) -> MemoryForecast:
        config = with_settings(base, settings)
        return forecast_memory(fit.sizes(config.model), config.memory_plan, fit.load, shards, by_layer)

    chosen: Settings = {}
    least = forecast(chosen)
    for key, value in STEPS.items():
        if least.total * MARGIN <= gpus.gib:
            break
        if setting_of(base, key) == value or (layout.sharded and key == OFFLOAD):
            continue
        found = forecast({**chosen, key: value})
        if found.total < least.total:
            chosen, least = {**chosen, key: value}, found
    return least, chosen


def engine_of(fit: MemoryFit, gpus: Gpus) -> Engine:
    """vLLM's part where it answers for the same step on the same number of GPUs."""
    config = with_settings(fit.config, WHOLE)
    sizes, rollout, prompts = fit.sizes(config.model), config.rollout, config.optim.prompts_per_step
    splits = [n for n in range(1, gpus.count + 1) if gpus.count % n == 0 and n & (n - 1) == 0]
    whole = sizes.weights_bytes / GIB
    parallel = next((n for n in splits if whole / n <= ENGINE_SHARE * gpus.gib), splits[-1])
    tokens = prompts * (fit.load.prompt_tokens + rollout.group_size * rollout.max_new_tokens)
    caches = tokens * sizes.text.layers * sizes.key_value * sizes.number_bytes / GIB
    return Engine(parallel, whole / parallel, caches / gpus.count)


def recommendation(found: Sequence[Held], gpus: Gpus, adapts: bool) -> str:
    """What to do, in one sentence.

    Args:
        found: one for each layout.
        gpus: that train.
        adapts: whether the configuration trains an adapter.
    """
    own = [one for one in found if (one.layout.settings["model.lora"] is not None) == adapts]
    # Replicated ones come first: nothing is gathered there.
    order = sorted(found, key=lambda one: (one not in own, one.layout.sharded))
    best = next((one for one in order if one.fits), None)
    if best is None:
        least = min(found, key=lambda one: one.forecast.total)
        return (
            f"Nothing fits on {gpus.count} GPUs of {gpus.gib:g} GiB (least: {_size(least)}): take more or "
            "larger GPUs, a smaller model, or a smaller model.max_pixels."
        )
    slow = (
        "; there is no room to gather all weights, so each token gathers every layer, which is slow, and "
        "vrft export verl takes the run to a trainer that samples by vLLM"
    )
    does = f"Start {gpus.count} processes with torchrun{_under(best, adapts)}: {_size(best)}"
    return f"{does}{slow if best.by_layer else ''}."


def _under(one: Held, adapts: bool) -> str:
    """The settings that a configuration lacks for it."""
    lacks = {key: value for key, value in one.layout.settings.items() if value is not None}
    if adapts:
        lacks.pop("model.lora", None)
    settings = {**lacks, **one.settings}
    return f" under {shown_settings(settings)}" if settings else ""


def _size(one: Held) -> str:
    return f"{one.layout.name}, {one.forecast.total:.1f} GiB a GPU"


def examine_gpus(case: ModelCase) -> list[Finding]:
    """A table of layouts for the GPUs that were named, with a recommendation."""
    asked, config, gpus = case.encoded, case.data.config, case.gpus
    if gpus is None or not asked:
        return []
    fit = MemoryFit(case.policy, config, load_of(asked), torch.device("cuda"))
    found, engine = [held(fit, layout, gpus) for layout in LAYOUTS], engine_of(fit, gpus)
    prompts = config.optim.prompts_per_step
    lines = [
        f"On {gpus.count} GPUs of {gpus.gib:g} GiB, {prompts} questions a step of at most "
        f"{fit.load.prompt_tokens} tokens each, in {case.policy.precision}. GiB of a GPU, as weights + "
        "optimizer and reference + step, by arithmetic:",
        *(one.says for one in found),
        f"vLLM beside them: {engine.weights:.1f} + {engine.caches:.1f} of caches + {ENGINE_GIB:.1f} of its "
        f"own = {engine.total:.1f} (tensor_parallel_size {engine.tensor_parallel}, gpu_memory_utilization "
        f"{engine.total / gpus.gib:.2f})",
    ]
    if prompts < gpus.count:
        lines.append(
            f"optim.prompts_per_step: {prompts} are fewer than the GPUs, and each needs a question of a step."
        )
    fix = recommendation(found, gpus, adapts=config.model.lora is not None)
    severity = Severity.NOTE if any(one.fits for one in found) else Severity.WARNING
    rows = (*(one.row() for one in found), engine.row())
    return [Finding(severity, "gpus", "\n".join(lines), config.model.path, fix, rows)]
