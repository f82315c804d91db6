"""Whether a run's worst moment fits into the memory of this machine."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from vrft.config.run_config import RunConfig
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.on_model.model_case import ModelCase
from vrft.models.layer_sizes import Sizes, sizes_of
from vrft.models.load_policy import natural_device
from vrft.training.memory import (
    Load,
    device_memory_gib,
    forecast_memory,
    resident_gib,
)

SAVINGS: tuple[Mapping[str, object], ...] = (
    {"micro_prompts": 1},
    {"micro_prompts": 1, "activation_checkpointing": True},
)
"""Settings of ``optim`` that need less memory, the cheapest in time first."""
MARGIN = 1.25
"""The forecast may be off by a quarter."""


def examine_memory(case: ModelCase) -> list[Finding]:
    """What training will hold, and a warning with the setting that mends it where the device has less."""
    asked, config = case.asked, case.data.config
    if not asked:
        return []
    load = Load(
        max(one.prompt_tokens for one in asked),
        max(one.patches for one in asked),
        max(one.picture_tokens for one in asked),
    )
    sizes = sizes_of(case.policy)
    forecast = forecast_memory(sizes, config, load)
    learn = "all weights" if config.model.lora is None else "a LoRA adapter"
    precision = str(next(case.policy.model.parameters()).dtype).removeprefix("torch.")
    told = (
        f"Training {learn} in {precision} holds about {forecast.total:.1f} GiB at its worst moment "
        f"({forecast.worst_phase}): {forecast.weights:.1f} of weights, {forecast.lasting:.1f} of optimiser "
        f"and reference, {forecast.phases[forecast.worst_phase]:.1f} of the step."
    )
    device = torch.device(natural_device() if config.model.device == "auto" else config.model.device)
    needed = resident_gib(forecast, config, device)
    if needed > forecast.total:
        told += f" With what the C library keeps back the process becomes about {needed:.1f} GiB."
    there = device_memory_gib(device)
    if there is None or needed <= there:
        return [Finding(Severity.NOTE, "memory", told, config.model.path)]
    told += f" This machine's {device} has {there:.1f} GiB."
    return [
        Finding(
            Severity.WARNING, "memory", told, config.model.path, _mend(sizes, config, load, device, there)
        )
    ]


def _mend(sizes: Sizes, config: RunConfig, load: Load, device: torch.device, there: float) -> str:
    """The first saving that fits."""
    for saving in SAVINGS:
        smaller = config.model_copy(update={"optim": config.optim.model_copy(update=dict(saving))})
        needs = resident_gib(forecast_memory(sizes, smaller, load), smaller, device)
        if needs * MARGIN <= there:
            settings = " and ".join(f"optim.{key}: {str(value).lower()}" for key, value in saving.items())
            return f"Set {settings} (about {needs:.1f} GiB)."
    lora = "" if config.model.lora is not None else "Set model.lora: {rank: 16}, or "
    smaller_model = "a smaller model, a smaller model.max_pixels, or a larger GPU"
    return f"{lora}take {smaller_model}." if lora else f"Take {smaller_model}."


EXAMINE = examine_memory
