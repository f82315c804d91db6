"""Putting a saved LoRA adapter on its base model: every weight must find its place, and change something.

Names of modules have changed (transformers 4.52 moved the text model of many families); transformers knows
the old ones of whole models, and the same rules are applied to an adapter's names here. Which modules are
adapted is read off the weights themselves, since patterns in the settings were written for the old names.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightRenaming, rename_source_key

from vrft.errors import ModelError
from vrft.models.adapter_folder import SETTINGS, AdapterFolder
from vrft.models.divided import everywhere
from vrft.models.model_source import first_line

WRAPPER = "base_model.model."
"""Before the names of a model's own parts in a peft model."""
_PART = re.compile(
    r"\.(lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)|base_layer|token_adapter)(?:\.default)?"
    r"(\.weight|\.bias|\.trainable_tokens_delta)?$"
)
"""What peft adds to the name of an adapted module; a state that was dumped whole has 'default' in it."""
_FACTOR = re.compile(r"lora_(embedding_)?[AB](\.weight)?$")
"""The end of the name of one of the two matrices of a product."""
_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.|$)")
"""Of a layer, in a module's name."""
_BROKEN = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, EOFError)
Tensors = dict[str, torch.Tensor]


def attach_adapter(model: Any, adapter: AdapterFolder, source: str, *, dropout: float | None = None) -> Any:
    """Wrap a model into a peft model with a saved adapter.

    Args:
        model: the base, on its device; on the meta device only names and shapes are checked.
        adapter: the folder.
        source: what the user called it.
        dropout: share of the adapter's inputs that is dropped in train mode; None keeps the adapter's own.

    Raises:
        ModelError: it is broken, belongs to another model, or cannot change anything.
    """
    from peft import LoraConfig, get_peft_model

    try:
        settings = LoraConfig.from_pretrained(str(adapter.path))
        saved = _read(adapter)
    except (*_BROKEN, SafetensorError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"{source}: the adapter cannot be read ({first_line(error)}). Save or download it again."
        ) from error
    tensors, renamed = _placed(saved, model, source)
    modules = {name for name, part in map(_split, tensors) if part.startswith(".lora_")}
    if absent := _absent(settings, {renamed.get(name, name): name for name in modules}, model):
        raise _lacking(source, absent)
    settings.target_modules = sorted(modules)
    settings.base_model_name_or_path = model.name_or_path  # peft warns where it is called otherwise
    settings.layers_to_transform = settings.layers_pattern = settings.exclude_modules = None
    for pattern in (settings.rank_pattern, settings.alpha_pattern):
        old = {was: now for now, was in renamed.items()}
        for name in list(pattern or ()):
            pattern[old.get(name, name)] = pattern.pop(name)
    if dropout is not None:
        settings.lora_dropout = dropout
    try:
        with _silence():
            wrapped = get_peft_model(model, settings)
    except _BROKEN as error:
        raise ModelError(
            f"{source}: the adapter does not fit its base model '{adapter.base}' ({first_line(error)}). "
            f"Write the right one into {SETTINGS}, as base_model_name_or_path."
        ) from error
    _fill(wrapped, tensors, source)
    _check_scales(wrapped, source)
    return wrapped


def merge_adapter(wrapped: Any) -> Any:
    """The base of a peft model with the adapter in its weights; embeddings and head no longer share theirs
    where the adapter changes one of them."""
    core = wrapped.get_base_model()
    ends = core.get_input_embeddings(), core.get_output_embeddings()
    if _shared(*ends) and any(hasattr(end, "lora_A") for end in ends):
        head = getattr(ends[1], "base_layer", ends[1])
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
    with _silence():
        model = wrapped.merge_and_unload()
    if not _shared(model.get_input_embeddings(), model.get_output_embeddings()):
        for config in (model.config, model.config.get_text_config()):
            config.tie_word_embeddings = False
    return model


@contextmanager
def _silence() -> Iterator[None]:
    """Keep peft's advice about shared embeddings off the screen: ``merge_adapter`` takes them apart."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _shared(embeddings: Any, head: Any) -> bool:
    return bool(embeddings.weight.data_ptr() == head.weight.data_ptr())


def adapter_state(model: Any) -> Tensors:
    """The weights of a peft model's adapter as its file has them, not copied."""
    from peft import get_peft_model_state_dict

    return dict(get_peft_model_state_dict(model, save_embedding_layers=False))


def is_initial(model: Any) -> bool:
    """Whether a peft model's adapter changes nothing yet: it consists of products, each with a factor of
    zeros."""
    state = adapter_state(model)
    if not all(map(_FACTOR.search, state)):
        return False
    products: dict[str, list[bool]] = {}
    for name, value in state.items():
        products.setdefault(_FACTOR.sub("", name), []).append(bool(everywhere(value).any()))
    return not any(map(all, products.values()))


def old_name_rules(model: Any) -> list[WeightRenaming]:
    """transformers' own rules that turn names of older releases into those of a model."""
    return [rule for rule in get_model_conversion_mapping(model) if isinstance(rule, WeightRenaming)]


def _read(adapter: AdapterFolder) -> Tensors:
    from peft.utils.save_and_load import load_peft_weights

    found = load_peft_weights(str(adapter.path), device="cpu")
    if not found or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ValueError("the file holds no weights")
    return dict(found)


def _split(key: str) -> tuple[str, str]:
    """The module that an adapter's key belongs to, and the part of the adapter; '' for a whole weight."""
    found = _PART.search(key)
    return (key[: found.start()], f".{found[1]}{found[2] or ''}") if found else (key, "")


def _placed(saved: Mapping[str, torch.Tensor], model: Any, source: str) -> tuple[Tensors, dict[str, str]]:
    """Weights by the names that the model has today, and the old name of each module that was renamed."""
    rules, modules = old_name_rules(model), {name for name, _ in model.named_modules()}
    shapes = model.state_dict()
    tensors: Tensors = {}
    renamed: dict[str, str] = {}
    unplaced: list[str] = []
    twice: list[str] = []
    for key, value in saved.items():
        module, part = _split(key.removeprefix(WRAPPER))
        if not part:
            module, _, part = module.rpartition(".")
            part = f".{part}"
        today = module
        if module not in modules:
            name, _ = rename_source_key(f"{module}.weight", rules, [], model.base_model_prefix, shapes)
            today = name.removesuffix(".weight")
        if today in modules:
            twice += [key] if today + part in tensors else []
            tensors[today + part] = value
            if today != module:
                renamed[today] = module
        else:
            unplaced.append(key)
    if unplaced:
        raise ModelError(
            f"{source}: {len(unplaced)} of the adapter's {len(saved)} weights have no place in its base "
            f"model ({_some(unplaced)}). It was trained on another model: write that one into {SETTINGS}, "
            "as base_model_name_or_path."
        )
    if twice:
        raise ModelError(
            f"{source}: {len(twice)} of the adapter's {len(saved)} weights are there twice, under names of "
            f"several versions ({_some(twice)}). Save or download it again."
        )
    return tensors, renamed


def _absent(settings: Any, adapted: Mapping[str, str], model: Any) -> list[str]:
    """Modules that the settings name and that have no weights.

    Of a projection that is adapted in some layers all layers are expected, unless the settings choose among
    them; of the listed targets each. ``adapted`` has today's name by the one in the file.
    """
    targets = settings.target_modules
    listed = [] if isinstance(targets, str) or targets is None else sorted(targets)
    absent = [t for t in listed if not any(name == t or name.endswith(f".{t}") for name in adapted)]
    chooses = re.search(r"\d", targets) if isinstance(targets, str) else any(map(_NUMBER.search, listed))
    if chooses or settings.layers_to_transform is not None or settings.exclude_modules is not None:
        return absent
    there = set(adapted.values())
    kinds = {_NUMBER.sub("*", name) for name in there}
    every = [name for name, _ in model.named_modules()]
    return absent + [name for name in every if _NUMBER.sub("*", name) in kinds and name not in there]


def _fill(wrapped: Any, tensors: Tensors, source: str) -> None:
    """Put the weights into their places, and see that they are there."""
    from peft import set_peft_model_state_dict

    own = adapter_state(wrapped)
    given = {WRAPPER + name: value for name, value in tensors.items()}
    if absent := sorted(own.keys() - given.keys()):
        raise _lacking(source, [name.removeprefix(WRAPPER) for name in absent])
    whole = dict(wrapped.named_parameters())
    for name, value in given.items():
        place = own[name] if name in own else whole.get(name)
        if place is None or place.shape != value.shape:
            there = "no such weight" if place is None else f"{tuple(place.shape)}"
            raise ModelError(
                f"{source}: the adapter's weight '{name.removeprefix(WRAPPER)}' is {tuple(value.shape)}, and "
                f"its base model and settings make it {there}. Check base_model_name_or_path and r in "
                f"{SETTINGS}."
            )
    if any(value.is_meta for value in own.values()):
        return
    set_peft_model_state_dict(wrapped, given)
    for name, value in adapter_state(wrapped).items():
        if not torch.equal(value, given[name].to(value)) and not given[name].isnan().any():
            raise ModelError(
                f"{source}: the adapter's weight '{name.removeprefix(WRAPPER)}' did not reach its place. "
                "Update peft and transformers."
            )


def _check_scales(wrapped: Any, source: str) -> None:
    """ModelError where the settings multiply the adapter by 0, as a merger writes them that does not know."""
    scales = [scale for module in wrapped.modules() for scale in _scales(module)]
    if scales and not any(scales):
        raise ModelError(
            f"{source}: lora_alpha is 0 in {SETTINGS}, so that the adapter changes nothing. Write the value "
            "that it was trained with."
        )


def _scales(module: Any) -> list[float]:
    found = getattr(module, "scaling", None)
    return list(found.values()) if isinstance(found, dict) else []


def report_initial(model: Any, source: str) -> None:
    """Say where an adapter changes nothing: one that was saved before its first step is legal."""
    if is_initial(model):
        warnings.warn(
            f"{source}: the adapter has not learned anything (its second factors are zero): the model is its "
            "base.",
            RuntimeWarning,
            stacklevel=2,
        )


def _lacking(source: str, names: Iterable[str]) -> ModelError:
    return ModelError(
        f"{source}: the adapter lacks weights ({_some(list(names))}). Copy its whole file, or save or "
        "download it again."
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
