"""The parts of one decoder layer that ``fast_decode`` needs, for decoders built like Llama's.

``ModuleLayer`` calls the model's own modules. ``FusedLayer`` keeps copies of their weights, joined and
fused: projections of one input are one product, the norm's weight is inside it, an adapter is added, and
the matrix lies as the product reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import nn

FUSED_BYTES = 2**28
"""A decoder of more weights is not fused: that needs a copy of them."""
_LAYER = ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp")
_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "head_dim", "scaling", "layer_idx")
_MLP = ("gate_proj", "up_proj", "down_proj", "act_fn")
_FOREIGN = ("pre_feedforward_layernorm", "post_feedforward_layernorm", "sinks")
_FULL = (torch.float32, torch.float64)


def is_known(decoder: Any) -> bool:
    """Whether transformers' text model has the parts that are known here, and none that are not."""
    layers = getattr(decoder, "layers", ())
    return bool(len(layers)) and hasattr(decoder, "rotary_emb") and all(map(_is_known_layer, layers))


def _is_known_layer(layer: Any) -> bool:
    if not all(hasattr(layer, name) for name in _LAYER):
        return False
    attention = layer.self_attn
    known = all(hasattr(attention, name) for name in _ATTENTION)
    known = known and all(hasattr(layer.mlp, name) for name in _MLP)
    known = known and hasattr(layer.input_layernorm, "variance_epsilon")
    foreign = any(hasattr(layer, name) or hasattr(attention, name) for name in _FOREIGN)
    return known and not foreign and getattr(attention, "sliding_window", None) is None


class Layer(Protocol):
    """One layer, in three parts; R rows of H hidden features, N heads (keys' included) of D features."""

    index: int
    scale: float
    """Multiplies products of queries and keys."""

    def qkv(self, hidden_RH: torch.Tensor) -> torch.Tensor:
        """Queries, keys and values of the normalized input, side by side."""
        ...

    def head_norm(self, turning_RND: torch.Tensor) -> torch.Tensor:
        """Queries and keys, normalized head by head where the model does that."""
        ...

    def finish(self, hidden_RH: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """The layer's output from its input and what attention gave."""
        ...


def layers_of(decoder: Any) -> list[Layer]:
    """The layers of a known decoder, fused where that is exact and small."""
    size = sum(p.numel() * p.element_size() for p in decoder.layers.parameters())
    full = next(decoder.parameters()).dtype in _FULL
    if size <= FUSED_BYTES and full and all(map(_is_fusable, decoder.layers)):
        return [FusedLayer(layer) for layer in decoder.layers]
    return [ModuleLayer(layer) for layer in decoder.layers]


def normalized(norm: Any, hidden: torch.Tensor) -> torch.Tensor:
    """RMS norm of (..., H); a vector norm is one pass where a mean of squares is two."""
    half = hidden.dtype not in _FULL
    wide = hidden.float() if half else hidden
    scaled = _unit(wide, _edge(norm, wide)) * math.sqrt(wide.shape[-1])
    return norm.weight * (scaled.to(hidden.dtype) if half else scaled)  # type: ignore[no-any-return]


def _unit(x: torch.Tensor, edge: torch.Tensor) -> torch.Tensor:
    """x over its length: RMS norm without the factor that a weight can take in."""
    return x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), edge)


def _edge(norm: Any, like: torch.Tensor) -> torch.Tensor:
    """The norm's epsilon as a length."""
    return like.new_tensor(math.sqrt(norm.weight.numel() * norm.variance_epsilon))


class ModuleLayer:
    """The model's own modules, one after the other."""

    def __init__(self, layer: Any) -> None:
        self.index, self.scale = layer.self_attn.layer_idx, layer.self_attn.scaling
        self._layer = layer

    def qkv(self, hidden_RH: torch.Tensor) -> torch.Tensor:
        attention = self._layer.self_attn
        normed = normalized(self._layer.input_layernorm, hidden_RH)
        return torch.cat([attention.q_proj(normed), attention.k_proj(normed), attention.v_proj(normed)], -1)

    def head_norm(self, turning_RND: torch.Tensor) -> torch.Tensor:
        attention = self._layer.self_attn
        if not hasattr(attention, "q_norm"):
            return turning_RND
        heads = attention.q_proj.out_features // attention.head_dim
        query, key = turning_RND[:, :heads], turning_RND[:, heads:]
        return torch.cat([normalized(attention.q_norm, query), normalized(attention.k_norm, key)], 1)

    def finish(self, hidden_RH: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        mlp = self._layer.mlp
        hidden = hidden_RH + self._layer.self_attn.o_proj(attended)
        normed = normalized(self._layer.post_attention_layernorm, hidden)
        return hidden + mlp.down_proj(mlp.act_fn(mlp.gate_proj(normed)) * mlp.up_proj(normed))  # type: ignore[no-any-return]


class FusedLayer:
    """The same with copies of the weights, good until they change."""

    scale = 1.0
    """The model's own is inside the queries."""

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.index = attention.layer_idx
        weight = layer.input_layernorm.weight
        self._edge, self._mlp_edge = (
            _edge(layer.input_layernorm, weight),
            _edge(layer.post_attention_layernorm, weight),
        )
        heads = attention.q_proj.out_features // attention.head_dim
        kv_heads = attention.k_proj.out_features // attention.head_dim
        self._head_edge = self._head_weight = None
        q_scale = attention.scaling
        if hasattr(attention, "q_norm"):
            width = math.sqrt(attention.head_dim)
            rows = [attention.q_norm.weight * (width * q_scale)] * heads
            rows += [attention.k_norm.weight * width] * kv_heads
            self._head_weight, self._head_edge = torch.stack(rows), _edge(attention.q_norm, weight)
            q_scale = 1.0
        three = [attention.q_proj, attention.k_proj, attention.v_proj]
        self._qkv, self._qkv_bias = _joined(three, layer.input_layernorm, [q_scale, 1.0, 1.0])
        self._out, self._out_bias = _joined([attention.o_proj])
        two = [mlp.gate_proj, mlp.up_proj]
        self._gate_up, self._gate_up_bias = _joined(two, layer.post_attention_layernorm)
        self._down, self._down_bias = _joined([mlp.down_proj])
        self._activation = mlp.act_fn

    def qkv(self, hidden_RH: torch.Tensor) -> torch.Tensor:
        return _product(_unit(hidden_RH, self._edge), self._qkv, self._qkv_bias)

    def head_norm(self, turning_RND: torch.Tensor) -> torch.Tensor:
        if self._head_weight is None or self._head_edge is None:
            return turning_RND
        return _unit(turning_RND, self._head_edge) * self._head_weight

    def finish(self, hidden_RH: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = _added(hidden_RH, attended, self._out, self._out_bias)
        unit = _unit(hidden, self._mlp_edge)
        gate, up = _product(unit, self._gate_up, self._gate_up_bias).chunk(2, -1)
        return _added(hidden, self._activation(gate) * up, self._down, self._down_bias)


def _product(x: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return x @ matrix if bias is None else torch.addmm(bias, x, matrix)


def _added(
    hidden: torch.Tensor, x: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    found = torch.addmm(hidden, x, matrix)
    return found if bias is None else found + bias


def _joined(
    modules: Sequence[Any], norm: Any = None, scales: Sequence[float] | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Several projections of one (normalized) input as one matrix, laid out as the product reads it."""
    scales = scales or [1.0] * len(modules)
    found = [_weights(module) for module in modules]
    matrix = torch.cat([w * s if s != 1 else w for (w, _), s in zip(found, scales, strict=True)])
    if norm is not None:
        matrix = matrix * (norm.weight * math.sqrt(norm.weight.numel()))
    if all(b is None for _, b in found):
        return matrix.t().contiguous(), None
    biases = [w.new_zeros(len(w)) if b is None else b * s for (w, b), s in zip(found, scales, strict=True)]
    return matrix.t().contiguous(), torch.cat(biases)


def _is_fusable(layer: Any) -> bool:
    attention, mlp = layer.self_attn, layer.mlp
    modules = [getattr(attention, n) for n in _ATTENTION[:4]] + [getattr(mlp, n) for n in _MLP[:3]]
    return all(_is_plain(m) or _is_adapted(m) for m in modules)


def _is_plain(module: Any) -> bool:
    return type(module) is nn.Linear and not module._forward_hooks and not module._forward_pre_hooks


def _is_adapted(module: Any) -> bool:
    """A plain projection with LoRA adapters of peft that can be added to its weight."""
    adapters = getattr(module, "lora_A", None)
    return adapters is not None and hasattr(module, "get_delta_weight") and _is_plain(module.base_layer)


def _weights(module: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    if not hasattr(module, "lora_A"):
        return module.weight, module.bias
    weight = module.base_layer.weight
    if not module.merged and not module.disable_adapters:
        for name in module.active_adapters:
            weight = weight + module.get_delta_weight(name)
    return weight, module.base_layer.bias
