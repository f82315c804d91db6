"""What training will hold, what its device has, and the settings that help where that is too little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from vrft.config.run_config import RunConfig
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.model_case import EncodedQuestion, ModelCase
from vrft.models.layer_sizes import Sizes, sizes_of
from vrft.models.load_policy import WITHOUT_WEIGHTS, load_policy, natural_device
from vrft.models.model_options import RANK, LoraOptions, ModelOptions
from vrft.models.policy import Policy
from vrft.training.memory import Load, device_memory_gib, forecast_memory, resident_gib

Settings = Mapping[str, object]
LORA: Settings = {"model.lora": LoraOptions(rank=RANK)}
BASES: tuple[Settings, ...] = ({}, LORA, {**LORA, "model.bits": 4})
"""What learns, and from what: as configured, and in less memory."""
STEPS: Settings = {
    "optim.micro_prompts": 1,
    "optim.activation_checkpointing": True,
    "optim.activation_offload": True,
}
"""Settings that need less memory for the same result, the cheapest in time first."""
HELPS = 0.98
"""A setting that leaves more of the need than this share is not worth naming."""
DIVIDED = "optim.shard divides this among processes: --gpus 8x80, or what there is, says what each one holds."
MARGIN = 1.25
"""The forecast may be off by a quarter."""


@dataclass(frozen=True)
class MemoryFit:
    """A configuration on its device."""

    policy: Policy
    config: RunConfig
    load: Load
    device: torch.device
    _sizes: dict[ModelOptions, Sizes] = field(default_factory=dict)

    def needed_gib(self, settings: Settings) -> float:
        """What the device would have to hold under other settings."""
        config = with_settings(self.config, settings)
        forecast = forecast_memory(self.sizes(config.model), config.memory_plan, self.load)
        return resident_gib(forecast, config.memory_plan, self.device)

    def sizes(self, model: ModelOptions) -> Sizes:
        """Those of the policy, or of the one that other options would give."""
        if model == self.config.model:
            return sizes_of(self.policy)
        bare = model.model_copy(update={"device": WITHOUT_WEIGHTS, "dtype": self.policy.precision})
        if bare not in self._sizes:
            self._sizes[bare] = sizes_of(load_policy(bare))
        return self._sizes[bare]

    def savings(self) -> Iterator[tuple[Settings, float]]:
        """Settings that need less and less, with what they need: all that helps, for each base."""
        for base in BASES:
            chosen = {key: value for key, value in base.items() if not setting_of(self.config, key)}
            if base and not chosen:
                continue
            least = self.needed_gib(chosen)
            yield chosen, least
            for key, value in STEPS.items():
                more = {**chosen, key: value}
                if (needs := self.needed_gib(more)) < HELPS * least:
                    chosen, least = more, needs
                    yield chosen, least

    def advice(self, there: float) -> str:
        """The first settings under which it fits with room to spare, or how near all of them come."""
        short: dict[bool, tuple[Settings, float]] = {}
        for settings, needs in self.savings():
            adapted = "model.lora" in settings
            if needs * MARGIN <= there:
                before = short.get(False) if adapted else None
                said = _not_enough(*before) if before else ""
                return f"{said}Set {shown_settings(settings)} (about {needs:.1f} GiB)."
            if adapted not in short or needs < short[adapted][1]:
                short[adapted] = settings, needs
        settings, needs = min(short.values(), key=lambda tried: tried[1])
        larger = "Take a smaller model, a smaller model.max_pixels, or a larger GPU."
        return f"{_not_enough(settings, needs)}{larger}"


def examine_memory(case: ModelCase) -> list[Finding]:
    """What training will hold, and a warning with the settings that help where the device has less."""
    asked, config = case.encoded, case.data.config
    if not asked or case.gpus is not None:
        return []
    where, named = config.model.path, config.model.device
    try:
        device = torch.device(natural_device() if named == "auto" else named)
    except RuntimeError:
        says = f"model.device: torch knows no device '{named}'."
        return [Finding(Severity.ERROR, "device", says, where, "Set model.device: auto, cuda or cpu.")]
    load = load_of(asked)
    fit = MemoryFit(case.policy, config, load, device)
    forecast = forecast_memory(fit.sizes(config.model), config.memory_plan, load)
    learn = "all weights" if config.model.lora is None else "a LoRA adapter"
    learn += f" on weights of {case.policy.bits} bits" if case.policy.bits is not None else ""
    says = (
        f"Training {learn} in {case.policy.precision} holds about {forecast.total:.1f} GiB at its worst "
        f"moment ({forecast.worst_phase}): {forecast.weights:.1f} of weights, {forecast.lasting:.1f} of "
        f"optimizer and reference, {forecast.phases[forecast.worst_phase]:.1f} of the step."
    )
    if forecast.offloaded and device.type != "cpu":
        says += f" The computer's own memory takes {forecast.offloaded:.1f} GiB of activations."
    needed = resident_gib(forecast, config.memory_plan, device)
    if needed > forecast.total:
        says += f" The whole process takes about {needed:.1f} GiB."
    own = device_memory_gib(device)
    there = case.memory_gib if case.memory_gib is not None else own
    if own is None and device.type != "cpu":
        says += f" There is no {device} on this machine"
        says += "." if there is not None else ", so nothing is compared: name its GiB with --gpu-memory."
    if there is None:
        return [Finding(Severity.NOTE, "memory", says, where)]
    whose = f"This machine's {device}" if case.memory_gib is None else "The named GPU"
    if needed > there:
        says += f" {whose} has {there:.1f} GiB."
        fix = DIVIDED if config.optim.shard else fit.advice(there)
        return [Finding(Severity.WARNING, "memory", says, where, fix)]
    narrowly = needed * MARGIN > there
    says += f" {whose} has {there:.1f} GiB: it fits"
    says += ", unless the forecast is off by its quarter." if narrowly else "."
    return [Finding(Severity.NOTE, "memory", says, where)]


def load_of(asked: Sequence[EncodedQuestion]) -> Load:
    """The largest of each among questions."""
    return Load(
        max(one.prompt_tokens for one in asked),
        max(one.patches for one in asked),
        max(one.image_tokens for one in asked),
    )


def with_settings(config: RunConfig, settings: Settings) -> RunConfig:
    """A configuration with other values of ``section.key``."""
    for name, value in settings.items():
        section, key = name.split(".")
        changed = getattr(config, section).model_copy(update={key: value})
        config = config.model_copy(update={section: changed})
    return config


def setting_of(config: RunConfig, name: str) -> object:
    """The value of ``section.key``."""
    section, key = name.split(".")
    return getattr(getattr(config, section), key)


def _not_enough(settings: Settings, needs: float) -> str:
    return f"{shown_settings(settings)} alone would need about {needs:.1f} GiB. " if settings else ""


def shown_settings(settings: Settings) -> str:
    """As a configuration has them, in a sentence."""
    parts = [f"{name}: {_shown(value)}" for name, value in settings.items()]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _shown(value: object) -> str:
    return f"{{rank: {value.rank}}}" if isinstance(value, LoraOptions) else str(value).lower()
