"""What a model's layers keep for the backward pass, read off its modules: enough to forecast memory.

A forward pass that carries gradient keeps, for every token and layer, the output of each projection, of each
norm, of attention and of the activation. Which projections there are is looked up in the modules themselves,
so the same few lines hold for text models and vision towers of every family; ``tests/policies/test_sizes.py``
holds them to what torch really keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vrft.models.load_policy import lora_targets
from vrft.models.model_options import Bits
from vrft.models.policy import Policy, ProcessedImage
from vrft.models.quantized import weight_bytes

_HALF = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Stack:
    """A tower of equal layers; numbers per token."""

    layers: int
    hidden: int
    kept: int
    """Numbers that one layer keeps for backward, its output included."""
    around: int
    """Numbers kept before the first and behind the last layer."""
    passing: int
    """Numbers that exist for a moment while one layer is gone through backwards."""
    held: int = 0
    """Of ``kept``, what stays on the device even where activations are offloaded: inputs of 8-bit weights."""


@dataclass(frozen=True)
class Sizes:
    """A policy in numbers; bytes are those of the weights' precision."""

    text: Stack
    vision: Stack
    vocabulary: int
    key_value: int
    """Numbers of one token's keys and values in one text layer."""
    number_bytes: int
    weights_bytes: int
    learned: int
    """Weights that learn."""
    largest: int
    """Weights of the largest tensor that learns."""
    head_learns: bool
    vision_learns: bool
    half: bool
    quantized: int = 0
    """Weights of the largest projection that is quantized, which is unfolded while it is used; 0 without."""
    tower_bytes: int = 0
    """Of all weights between pixels and image features."""
    layer_bytes: int = 0
    """Of one text layer's weights."""
    ends_bytes: int = 0
    """Of the text model's weights outside its layers: embedding, last norm and head."""


def sizes_of(policy: Policy) -> Sizes:
    """Measure a policy's modules; it may be built without weights, on the meta device."""
    core, decoder = policy.core, policy.core.get_decoder()
    dtype, narrow = core.dtype, _quantized(policy)
    tower = _tower(policy)
    learned = [p for p in policy.model.parameters() if p.requires_grad]
    attention = decoder.layers[0].self_attn
    text_width, tower_width = decoder.config.hidden_size, _width(tower[0])
    vision = policy.family.vision
    tower_bytes = _bytes(p for name, p in core.named_parameters() if name.startswith(vision))
    return Sizes(
        text=_stack(decoder.layers, text_width, 4 * text_width, dtype in _HALF, policy.bits),
        vision=_stack(tower, tower_width, _patch_numbers(policy) + 5 * tower_width, dtype in _HALF),
        vocabulary=policy.vocabulary,
        key_value=attention.k_proj.out_features + attention.v_proj.out_features,
        number_bytes=dtype.itemsize,
        weights_bytes=_bytes(policy.model.parameters(), policy.bits, narrow),
        learned=sum(p.numel() for p in learned),
        largest=max((p.numel() for p in learned), default=0),
        head_learns=core.get_output_embeddings().weight.requires_grad,
        vision_learns=not policy.vision_frozen,
        half=dtype in _HALF,
        quantized=max((m.in_features * m.out_features for m in narrow), default=0),
        tower_bytes=tower_bytes,
        layer_bytes=_bytes(decoder.layers[0].parameters(), policy.bits, narrow),
        ends_bytes=_bytes(core.parameters()) - tower_bytes - _bytes(decoder.layers.parameters()),
    )


def _bytes(parameters: Iterable[nn.Parameter], bits: Bits | None = None, narrow: Sequence[Any] = ()) -> int:
    """Bytes of weights; those of the projections in ``narrow`` in their quantized form."""
    placed = {id(getattr(m, "base_layer", m).weight): m for m in narrow}
    size: float = 0
    for parameter in parameters:
        found = placed.get(id(parameter))
        if found is None or bits is None:
            size += parameter.numel() * parameter.element_size()
        else:
            size += weight_bytes(bits, found.in_features, found.out_features)
    return round(size)


def _quantized(policy: Policy) -> list[Any]:
    """The projections that are quantized, or would be if the policy had weights."""
    if policy.bits is None:
        return []
    pattern = re.compile(lora_targets(policy.family))
    return [m for name, m in policy.core.named_modules() if pattern.fullmatch(name)]


def patches_of(policy: Policy, image: ProcessedImage) -> int:
    """Patches that the vision tower sees of an image."""
    return image.inputs["pixel_values"].numel() // _patch_numbers(policy)


def _patch_numbers(policy: Policy) -> int:
    """Numbers of one patch as the tower's first layer takes it."""
    first = next(m for m in _vision_modules(policy) if isinstance(m, nn.Conv2d | nn.Conv3d))
    return first.weight.numel() // first.out_channels


def _stack(layers: Any, hidden: int, around: int, half: bool, bits: Bits | None = None) -> Stack:
    kept = 0
    for module in layers[0].modules():
        weight = getattr(module, "weight", None)
        if weight is not None and weight.ndim == 1 and not isinstance(module, nn.Linear):
            kept += _norm_keeps(module, weight, layers[0], half)
    linears = {name: m for name, m in layers[0].named_modules() if _is_projection(name, m)}
    attention = [m for name, m in linears.items() if _in_attention(name)]
    others = [m for name, m in linears.items() if not _in_attention(name)]
    kept += sum(m.out_features + _adapter_keeps(m, half) for m in linears.values())
    # What attention gives, and its copy laid out for the projection behind it.
    kept += 2 * attention[-1].in_features
    inner = others[-1].in_features
    gated = len(others) > 2
    kept += 2 * inner if gated or _is_product(layers[0]) else inner
    passing = (3 if gated else 2) * inner + 2 * hidden
    # bitsandbytes keeps what goes into weights of 8 bits; an adapter keeps a copy where it is wider.
    inputs = attention[0].in_features + others[0].in_features + inner if bits == 8 else 0
    return Stack(len(layers), hidden, kept + (inputs if half else 0), around, passing, inputs)


def _norm_keeps(norm: nn.Module, weight: torch.Tensor, layer: Any, half: bool) -> int:
    width = _applied_width(norm, weight, layer)
    if isinstance(norm, nn.LayerNorm):
        return width
    # An RMS norm keeps its normalized input for the weight, and computes in float32.
    return width * (1 + int(weight.requires_grad) + 2 * int(half))


def _applied_width(norm: nn.Module, weight: torch.Tensor, layer: Any) -> int:
    """Norms of single heads run over all of them."""
    for module in layer.modules():
        for name, projection in (("q_norm", "q_proj"), ("k_norm", "k_proj")):
            if getattr(module, name, None) is norm and hasattr(module, projection):
                return int(getattr(module, projection).out_features)
    return weight.numel()


def _is_projection(name: str, module: nn.Module) -> bool:
    """A linear layer, or one with an adapter, whose parts are not projections of their own."""
    part = "base_layer" in name or "lora_" in name
    return not part and (isinstance(module, nn.Linear) or hasattr(module, "lora_A"))


def _adapter_keeps(module: Any, half: bool) -> int:
    """An adapter's inner numbers; it computes in float32, so that half precision is copied for it."""
    ranks = [a.out_features for a in getattr(module, "lora_A", {}).values()]
    found: int = sum(ranks) + (int(module.in_features) if ranks and half else 0)
    return found


def _is_product(layer: Any) -> bool:
    """Activations written as x * sigmoid(a x) keep one factor more."""
    return any("QuickGELU" in type(m).__name__ for m in layer.modules())


def _vision_modules(policy: Policy) -> list[nn.Module]:
    names = tuple(prefix.rstrip(".") for prefix in policy.family.vision)
    return [m for name, m in policy.core.named_modules() if name.startswith(names)]


def _tower(policy: Policy) -> Any:
    """The layers of the vision tower: the largest list of modules with attention in it."""
    lists = [m for m in _vision_modules(policy) if isinstance(m, nn.ModuleList) and len(m)]
    lists = [m for m in lists if any(_in_attention(name) for name, _ in m[0].named_modules())]
    return max(lists, key=lambda found: sum(p.numel() for p in found.parameters()))


def _in_attention(name: str) -> bool:
    return "attn" in name or "attention" in name


def _width(layer: Any) -> int:
    """Numbers of one patch between two layers: what the first norm takes."""
    norm = next(m for m in layer.modules() if "Norm" in type(m).__name__)
    return int(norm.weight.numel())
