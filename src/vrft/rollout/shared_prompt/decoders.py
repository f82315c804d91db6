"""One decoding step over encoded prompts, for rows laid out as P prompts of G answers.

A step of a small batch costs little arithmetic; most of its time goes into module calls, masks and position
embeddings that are the same at every step. In ``FastDecoder`` a layer is its own products and nothing else
(``fused_layers``), and the rotations of all steps are computed at once. What a model's layers are called is
looked up, never assumed: a model that is built otherwise keeps the framework's step, and so does one whose
first steps differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from transformers import DynamicCache

from vrft.models.attention.shared_attention import AnswerCache, SharedPrompt, decode
from vrft.models.policy import Policy
from vrft.rollout.prompt_batch import PromptBatch, prompt_batch, row_arguments
from vrft.rollout.shared_prompt.fused_layers import Layer, is_known, layers_of, normalized
from vrft.rollout.shared_prompt.image_prefix import beginnings_of, prefill_together
from vrft.rollout.shared_prompt.prefill import Encoded, answer_hidden, prefill
from vrft.types import Prompt


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


LARGEST_GAP = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 0.05, torch.float16: 0.01}
"""Of hidden states, as a share of the largest; more is not rounding."""


class Decoder(Protocol):
    """Answers under way."""

    first_PH: torch.Tensor
    """Hidden state that predicts each prompt's first answer token."""
    first_position_P: torch.Tensor
    """Position of each prompt's first answer token."""

    def step(self, ids_R: torch.Tensor, position_R: torch.Tensor) -> torch.Tensor:
        """One token of each row at its position; the hidden states (R, H) that predict the next."""
        ...

    def select(self, prompts: torch.Tensor, rows_PG: torch.Tensor) -> None:
        """Keep some prompts, and of the rows those given, by their old numbers, in a new layout."""
        ...


class SharedDecoder:
    """Every answer reads its prompt's keys where they are, and writes its own into place."""

    def __init__(self, policy: Policy, encoded: Encoded, group_size: int, longest: int) -> None:
        self.first_PH, self.first_position_P = encoded.last_PH, encoded.batch.next_position_P
        self._policy, self._prompt = policy, encoded.prompt
        self._cache = AnswerCache(len(encoded.batch.prompts), group_size, longest)

    def step(self, ids_R: torch.Tensor, position_R: torch.Tensor) -> torch.Tensor:
        columns = ids_R[:, None], position_R[:, None]
        hidden_RAH = answer_hidden(self._policy, self._prompt, *columns, past_key_values=self._cache)
        self._cache.length += 1
        return hidden_RAH[:, -1]

    def select(self, prompts: torch.Tensor, rows_PG: torch.Tensor) -> None:
        if len(prompts) < self._cache.prompts:
            self._prompt = self._prompt.select(prompts)
        self._cache.select(rows_PG)


class FastDecoder(SharedDecoder):
    """The same, with a step of our own instead of the framework's."""

    def __init__(self, policy: Policy, encoded: Encoded, group_size: int, longest: int) -> None:
        super().__init__(policy, encoded, group_size, longest)
        first_R = encoded.batch.next_position_P.repeat_interleave(group_size)
        self._fast = FastStep(policy, first_R, longest)

    def step(self, ids_R: torch.Tensor, position_R: torch.Tensor) -> torch.Tensor:
        return self._fast(ids_R, self._prompt, self._cache)

    def select(self, prompts: torch.Tensor, rows_PG: torch.Tensor) -> None:
        super().select(prompts, rows_PG)
        self._fast.select(rows_PG.flatten())


class RepeatedDecoder:
    """The prompt's keys are repeated for every answer: for attention that cannot share them."""

    def __init__(self, policy: Policy, batch: PromptBatch, group_size: int, longest: int) -> None:
        output = policy.core.model(
            input_ids=batch.ids_PT,
            attention_mask=batch.mask_PT,
            position_ids=batch.position_ids,
            past_key_values=DynamicCache(config=policy.core.config.get_text_config()),
            use_cache=True,
            **row_arguments(policy, batch.ids_PT, batch.prompts),
        )
        self.first_PH, self.first_position_P = output.last_hidden_state[:, -1], batch.next_position_P
        self._policy, self._cache = policy, output.past_key_values
        self._cache.batch_repeat_interleave(group_size)
        self._mask = batch.mask_PT.repeat_interleave(group_size, 0)

    def step(self, ids_R: torch.Tensor, position_R: torch.Tensor) -> torch.Tensor:
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        output = self._policy.core.model(
            input_ids=ids_R[:, None],
            attention_mask=self._mask,
            position_ids=self._policy.family.spread(position_R[:, None]),
            past_key_values=self._cache,
            use_cache=True,
        )
        return output.last_hidden_state[:, -1]  # type: ignore[no-any-return]

    def select(self, prompts: torch.Tensor, rows_PG: torch.Tensor) -> None:
        rows = rows_PG.flatten()
        self._cache.batch_select_indices(rows)
        self._mask = self._mask[rows]


def decoder_of(
    policy: Policy,
    prompts: Sequence[Prompt],
    group_size: int,
    longest: int,
    encoded: Encoded | None = None,
    share_images: bool = True,
) -> Decoder:
    """The fastest decoder of P prompts with answers of at most ``longest`` tokens that gives the model's
    own hidden states; with ``share_images`` prompts of one image are encoded together, which is exact to
    rounding."""
    if not policy.shares_prompt:
        return RepeatedDecoder(policy, prompt_batch(policy, prompts), group_size, longest)
    if encoded is None:
        encoded = _encoded(policy, prompts, share_images)
    encoded = encoded.detached()
    if policy.fast_decode is None:
        policy.fast_decode = is_known(policy.core.get_decoder()) and _agree(policy, encoded)
    kind = FastDecoder if policy.fast_decode else SharedDecoder
    return kind(policy, encoded, group_size, longest)


def _encoded(policy: Policy, prompts: Sequence[Prompt], share_images: bool) -> Encoded:
    """Prompts encoded in the cheaper way."""
    beginnings = beginnings_of(policy, prompts) if share_images and not torch.is_grad_enabled() else None
    return prefill_together(policy, prompts, beginnings) if beginnings else prefill(policy, prompts)


def _agree(policy: Policy, encoded: Encoded) -> bool:
    """Whether two steps of our own give what two of the framework's give, to rounding."""
    found = []
    tokens_R, position_R = encoded.batch.ids_PT[:, -1], encoded.batch.next_position_P
    for kind in (SharedDecoder, FastDecoder):
        decoder = kind(policy, encoded, 1, 2)
        decoder.step(tokens_R, position_R)
        found.append(decoder.step(tokens_R, position_R + 1))
    gap = (found[0] - found[1]).abs().max() / found[0].abs().max()
    return bool(gap <= LARGEST_GAP.get(found[0].dtype, 1e-4))
