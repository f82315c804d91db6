"""A decoding step without the framework around it, for decoders built like Llama's.

A step of a small batch costs little arithmetic; most of its time goes into module calls, masks and position
embeddings that are the same at every step. Here a layer is its own products and nothing else, products of the
same input are one, and the rotations of all steps are computed at once. What a model's layers are called is
looked up, never assumed: a model that is built otherwise keeps the framework's step, and so does one whose
first steps differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from vrft.attention.shared import AnswerCache, SharedPrompt, decode
from vrft.policies.policy import Policy

FUSED_BYTES = 2**28
"""A decoder of more weights keeps its products apart: joining them needs a copy of their weights."""
_LAYER = ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp")
_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "head_dim", "scaling", "layer_idx")
_MLP = ("gate_proj", "up_proj", "down_proj", "act_fn")
_FOREIGN = ("pre_feedforward_layernorm", "post_feedforward_layernorm", "sinks")

Projection = Callable[[torch.Tensor], torch.Tensor]


def is_lean(decoder: Any) -> bool:
    """Whether a decoder has the parts that ``LeanStep`` knows, and none that it does not.

    Args:
        decoder: transformers' text model.
    """
    layers = getattr(decoder, "layers", ())
    return bool(len(layers)) and hasattr(decoder, "rotary_emb") and all(map(_is_lean_layer, layers))


def _is_lean_layer(layer: Any) -> bool:
    if not all(hasattr(layer, name) for name in _LAYER):
        return False
    attention = layer.self_attn
    known = all(hasattr(attention, name) for name in _ATTENTION)
    known = known and all(hasattr(layer.mlp, name) for name in _MLP)
    foreign = any(hasattr(layer, name) or hasattr(attention, name) for name in _FOREIGN)
    return known and not foreign and getattr(attention, "sliding_window", None) is None


@dataclass(frozen=True)
class _Layer:
    """What a step needs of one layer."""

    index: int
    scale: float
    qkv: Projection
    q_norm: nn.Module | None
    k_norm: nn.Module | None
    out: nn.Module
    gate_up: Projection
    activation: Any
    down: nn.Module
    first_norm: nn.Module
    second_norm: nn.Module


class LeanStep:
    """One token of every answer through all layers."""

    def __init__(self, policy: Policy, position_R: torch.Tensor, longest: int) -> None:
        """Compute the rotations of all steps.

        Args:
            policy: its decoder must be lean.
            position_R: position of each row's first answer token.
            longest: tokens of an answer, at most.
        """
        decoder = policy.core.get_decoder()
        self._embedding = policy.core.get_input_embeddings()
        self._norm = decoder.norm
        small = sum(p.numel() * p.element_size() for p in decoder.layers.parameters()) <= FUSED_BYTES
        self._layers = [_layer(layer, small) for layer in decoder.layers]
        attention = decoder.layers[0].self_attn
        self._width = int(attention.head_dim)
        self._kv_heads = attention.k_proj.out_features // self._width
        self._heads = attention.q_proj.out_features // self._width
        positions_RA = position_R[:, None] + torch.arange(longest, device=position_R.device)
        positions = policy.family.spread(positions_RA)
        cos, sin = decoder.rotary_emb(self._embedding.weight[:1, None], positions)
        half = sin.shape[-1] // 2
        # x cos + rotate_half(x) sin, with the sign of rotate_half in the sines.
        self._cos_RA1D = cos[:, :, None]
        self._sin_RA1D = torch.cat([-sin[..., :half], sin[..., half:]], -1)[:, :, None]

    def select(self, rows: torch.Tensor) -> None:
        """Keep the given rows, in this order."""
        self._cos_RA1D, self._sin_RA1D = self._cos_RA1D[rows], self._sin_RA1D[rows]

    def __call__(self, ids_R: torch.Tensor, prompt: SharedPrompt, cache: AnswerCache) -> torch.Tensor:
        """Hidden states (R, H) after one more token of each row.

        Args:
            ids_R: the tokens.
            prompt: what the rows are answers to.
            cache: keys and values so far; one place of each layer is written.
        """
        hidden = self._embedding(ids_R)
        cos, sin = self._cos_RA1D[:, cache.length], self._sin_RA1D[:, cache.length]
        for layer in self._layers:
            normed = _normalised(layer.first_norm, hidden)
            hidden = hidden + layer.out(self._attend(layer, normed, cos, sin, prompt, cache))
            gate, up = layer.gate_up(_normalised(layer.second_norm, hidden)).chunk(2, -1)
            hidden = hidden + layer.down(layer.activation(gate) * up)
        cache.length += 1
        return _normalised(self._norm, hidden)

    def _attend(
        self,
        layer: _Layer,
        hidden: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        prompt: SharedPrompt,
        cache: AnswerCache,
    ) -> torch.Tensor:
        rows = len(hidden)
        every = layer.qkv(hidden).view(rows, -1, self._width)
        turning, value = every.split([self._heads + self._kv_heads, self._kv_heads], 1)
        if layer.q_norm is not None and layer.k_norm is not None:
            query, key = turning.split([self._heads, self._kv_heads], 1)
            turning = torch.cat([_normalised(layer.q_norm, query), _normalised(layer.k_norm, key)], 1)
        query, key = _rotated(turning, cos, sin).split([self._heads, self._kv_heads], 1)
        own = cache.update(key[:, :, None], value[:, :, None], layer.index)
        out = decode(query[:, :, None], prompt.layers[layer.index], own, prompt.padding_P1T, layer.scale)
        return out.view(rows, -1)


def _layer(layer: Any, fused: bool) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    return _Layer(
        attention.layer_idx,
        attention.scaling,
        _together([attention.q_proj, attention.k_proj, attention.v_proj], fused),
        getattr(attention, "q_norm", None),
        getattr(attention, "k_norm", None),
        attention.o_proj,
        _together([mlp.gate_proj, mlp.up_proj], fused),
        mlp.act_fn,
        mlp.down_proj,
        layer.input_layernorm,
        layer.post_attention_layernorm,
    )


def _together(modules: Sequence[Any], fused: bool) -> Projection:
    """Several projections of one input as one; adapters and quantised ones are called as they are."""
    plain = all(type(m) is nn.Linear and not m._forward_hooks for m in modules)
    if not (fused and plain):
        return lambda x: torch.cat([m(x) for m in modules], -1)
    weight = torch.cat([m.weight for m in modules])
    biases = [m.bias for m in modules]
    if any(b is not None for b in biases):
        biases = [m.weight.new_zeros(len(m.weight)) if b is None else b
                  for m, b in zip(modules, biases, strict=True)]  # fmt: skip
        bias = torch.cat(biases)
        return lambda x: F.linear(x, weight, bias)
    return lambda x: F.linear(x, weight)


def _normalised(norm: Any, hidden: torch.Tensor) -> torch.Tensor:
    """RMS norm; a vector norm is one pass where a mean of squares is two."""
    half = hidden.dtype in (torch.bfloat16, torch.float16)
    wide = hidden.float() if half else hidden
    length = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
    scale = torch.rsqrt_(length.square_().div_(wide.shape[-1]).add_(norm.variance_epsilon))
    scaled = wide * scale
    return norm.weight * (scaled.to(hidden.dtype) if half else scaled)


def _rotated(x_RHD: torch.Tensor, cos_R1D: torch.Tensor, sin_R1D: torch.Tensor) -> torch.Tensor:
    halves = x_RHD.unflatten(-1, (2, -1)).flip(-2).flatten(-2)
    return torch.addcmul(x_RHD * cos_R1D, halves, sin_R1D)
