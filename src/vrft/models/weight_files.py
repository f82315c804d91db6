"""A model that is built without its weights, which are read from its files one by one as they are needed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import torch
from accelerate import init_empty_weights
from huggingface_hub import snapshot_download
from safetensors import safe_open
from transformers import AutoModelForImageTextToText, GenerationConfig
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightRenaming, rename_source_key

from vrft.models.adapter_weights import WRAPPER
from vrft.models.divided import fill, own_rows
from vrft.models.model_source import check_weights

_ADAPTED, _FILES = ".base_layer", "model*.safetensors"


class WeightFiles:
    """Weights by the names that a model has for them today, read from safetensors files."""

    def __init__(self, places: dict[str, tuple[Path, str]], device: str) -> None:
        self._places, self._device = places, device

    @classmethod
    def of(cls, model: Any, base: str, source: str, device: str) -> Self | None:
        """Where a model's weights are; None where they cannot be read one by one.

        Raises:
            ModelError: some are missing, are of another shape or have no place, as where all are read.
        """
        rules = get_model_conversion_mapping(model)
        folder = base if Path(base).exists() else snapshot_download(base, allow_patterns=[_FILES])
        files = sorted(Path(folder).glob(_FILES))
        if not files or not all(isinstance(rule, WeightRenaming) for rule in rules):
            return None
        own, places = model.state_dict(), dict[str, tuple[Path, str]]()
        strange, mismatched = list[str](), list[str]()
        for file in files:
            with safe_open(file, "pt") as saved:
                for key in saved.keys():  # noqa: SIM118
                    name, _ = rename_source_key(key, rules, [], model.base_model_prefix, own)
                    name = key if name not in own and key in own else name
                    if name not in own:
                        strange.append(name)
                        continue
                    places[name] = file, key
                    if tuple(saved.get_slice(key).get_shape()) != tuple(own[name].shape):
                        mismatched.append(name)
        named = {name for name, _ in model.named_parameters()}
        loading = {
            "missing_keys": named - places.keys(),
            "mismatched_keys": mismatched,
            "unexpected_keys": strange,
        }
        check_weights(loading, model, source)
        found = cls(places, device)
        for name, buffer in model.named_buffers():
            if name in places:
                buffer.copy_(found._read(name, own_rows(buffer)))
        return found

    def __call__(self, name: str, weight: torch.Tensor) -> torch.Tensor | None:
        """What this process has of a weight, by its name in the model or in an adapter's wrapper; None where
        it is not in the files."""
        if name not in self:
            return None
        return self._read(_plain(name), own_rows(weight)).to(self._device, weight.dtype)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _plain(name) in self._places

    def _read(self, name: str, rows: slice) -> torch.Tensor:
        file, key = self._places[name]
        # What is mapped would count as this process's memory until the file is closed.
        with safe_open(file, "pt", backend="pread") as saved:
            found = saved.get_slice(key)
            shape = found.get_shape()
            if rows == slice(0, shape[0]):
                return saved.get_tensor(key)  # type: ignore[no-any-return]
            empty = rows.start >= rows.stop
            return torch.empty((0, *shape[1:])) if empty else found[rows.start : rows.stop]


def _plain(name: str) -> str:
    """The name of a weight without an adapter."""
    return name.removeprefix(WRAPPER).replace(_ADAPTED, "")


def without_weights(config: Any, base: str, **settings: Any) -> Any:
    """A model whose weights take no memory and are all 0; its buffers are what they must be."""
    with init_empty_weights(include_buffers=False):
        model = AutoModelForImageTextToText.from_config(config, trust_remote_code=False, **settings)
    model.tie_weights()
    with suppress(OSError):  # not every model has one
        model.generation_config = GenerationConfig.from_pretrained(base)
    return model


def place_without_weights(model: Any, device: str) -> None:
    """Let a model that has no weights look as if they were on a device: one number stands for each."""
    fill(model, lambda _, p: torch.zeros((), dtype=p.dtype, device=device).expand(p.shape))
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))
