"""A decoding step without the framework around it, for decoders built like Llama's.

A step of a small batch costs little arithmetic; most of its time goes into module calls, masks and position
embeddings that are the same at every step. Here a layer is its own products and nothing else
(``fused_layers``), and the rotations of all steps are computed at once. What a model's layers are
called is looked up, never assumed: a model that is built otherwise keeps the framework's step, and so does
one whose first steps differ.
"""

from __future__ import annotations

import torch

from vrft.models.attention.shared_attention import AnswerCache, SharedPrompt, decode
from vrft.models.policy import Policy
from vrft.rollout.shared_prompt.fused_layers import Layer, layers_of, normalized


class FastStep:
    """One token of every answer through all layers."""

    def __init__(self, policy: Policy, position_R: torch.Tensor, longest: int) -> None:
        """Compute the rotations of all steps, at most ``longest``, from each row's first position on."""
        decoder = policy.core.get_decoder()
        self._embedding = policy.core.get_input_embeddings()
        self._norm = decoder.norm
        self._layers = layers_of(decoder)
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
        """Hidden states (R, H) after one more token of each row; a place of each layer's cache is written."""
        hidden = self._embedding(ids_R)
        cos, sin = self._cos_RA1D[:, cache.length], self._sin_RA1D[:, cache.length]
        for layer in self._layers:
            hidden = layer.finish(hidden, self._attend(layer, hidden, cos, sin, prompt, cache))
        cache.length += 1
        return normalized(self._norm, hidden)

    def _attend(
        self,
        layer: Layer,
        hidden: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        prompt: SharedPrompt,
        cache: AnswerCache,
    ) -> torch.Tensor:
        rows = len(hidden)
        every = layer.qkv(hidden).view(rows, -1, self._width)
        turning, value = every.split([self._heads + self._kv_heads, self._kv_heads], 1)
        turned = _rotated(layer.head_norm(turning), cos, sin)
        query, key = turned.split([self._heads, self._kv_heads], 1)
        own = cache.update(key[:, :, None], value[:, :, None], layer.index)
        out = decode(query[:, :, None], prompt.layers[layer.index], own, prompt.padding_P1T, layer.scale)
        return out.view(rows, -1)


def _rotated(x_RHD: torch.Tensor, cos_R1D: torch.Tensor, sin_R1D: torch.Tensor) -> torch.Tensor:
    return torch.addcmul(x_RHD * cos_R1D, x_RHD.roll(x_RHD.shape[-1] // 2, -1), sin_R1D)
