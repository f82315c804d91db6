"""How the model's own attention layers come to read a shared prompt.

transformers calls an attention function by the name that its configuration holds, and hands every unknown
argument of ``forward`` down to it. Under the name ``NAME`` it calls the function below, which records the
prompt's keys while a prompt is encoded, and reads them while answers run. Without such an argument it is
transformers' own SDPA attention.

Axes as in ``vrft.models.attention.two_part``; R answers under way, G to each of P prompts, A tokens of each
so far.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from vrft.models.attention.token_layout import AnswerLayout
from vrft.models.attention.two_part import attend

NAME = "vrft_shared"
Pair = tuple[torch.Tensor, torch.Tensor]
"""Keys and values."""


class SharedPrompt:
    """Keys and values of P encoded prompts, one pair (P, K, T, D) per layer, by number.

    ``starts`` says where each prompt begins behind the padding on its left; ``layout`` which answer token
    belongs where, while all tokens of all answers run at once. Not a dataclass: FSDP2 copies those on their
    way into a layer, and what a layer records would go into the copy.
    """

    def __init__(
        self,
        layers: dict[int, Pair] | None = None,
        starts: tuple[int, ...] = (),
        layout: AnswerLayout | None = None,
    ) -> None:
        self.layers = {} if layers is None else layers
        self.starts, self.layout = starts, layout

    def laid_out(self, layout: AnswerLayout) -> SharedPrompt:
        """The same with a layout of answers."""
        return SharedPrompt(self.layers, self.starts, layout)

    def select(self, prompts: torch.Tensor) -> SharedPrompt:
        """Some of the prompts."""
        layers = {i: (k[prompts], v[prompts]) for i, (k, v) in self.layers.items()}
        return SharedPrompt(layers, tuple(self.starts[i] for i in prompts.tolist()))

    @cached_property
    def padding_P1T(self) -> torch.Tensor | None:
        """-inf where a prompt has padding, 0 elsewhere; None where there is none."""
        if not any(self.starts):
            return None
        keys = self.layers[min(self.layers)][0]
        starts = torch.tensor(self.starts, device=keys.device)[:, None, None]
        places = torch.arange(keys.shape[2], device=keys.device)
        return torch.zeros(places.shape, dtype=keys.dtype, device=keys.device).masked_fill(
            places < starts, -torch.inf
        )


class AnswerCache(Cache):  # type: ignore[misc]
    """Keys and values of answers under way, written into place: nothing is copied from step to step.

    They are kept as (P, K, G, A, D), so that one prompt's answers are together under each head.
    """

    def __init__(self, prompts: int, group: int, tokens: int) -> None:
        """Room for P prompts with G answers of at most ``tokens`` tokens."""
        super().__init__(layers=[])
        self.prompts, self.group, self.tokens, self.length = prompts, group, tokens, 0
        self.buffers: dict[int, Pair] = {}

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> Pair:
        """Write one token's keys and values (R, K, 1, D); give back all so far, (P, K, G, A, D)."""
        if layer_idx not in self.buffers:
            heads, width = key_states.shape[1], key_states.shape[-1]
            shape = (self.prompts, heads, self.group, self.tokens, width)
            self.buffers[layer_idx] = (key_states.new_empty(shape), value_states.new_empty(shape))
        whole = []
        for buffer, fresh in zip(self.buffers[layer_idx], (key_states, value_states), strict=True):
            rows = fresh.view(self.prompts, self.group, fresh.shape[1], fresh.shape[-1])
            buffer[:, :, :, self.length] = rows.transpose(1, 2)
            whole.append(buffer[:, :, :, : self.length + 1])
        return whole[0], whole[1]

    def select(self, rows_PG: torch.Tensor) -> None:
        """Keep the given rows, numbered as before, laid out as P prompts of G."""
        prompts, group = rows_PG.shape
        for layer, pair in self.buffers.items():
            kept = []
            for buffer in pair:
                _, heads, _, tokens, width = buffer.shape
                flat = buffer.transpose(1, 2).reshape(-1, heads, tokens, width)
                chosen = flat[rows_PG.flatten()].view(prompts, group, heads, tokens, width)
                kept.append(chosen.transpose(1, 2).contiguous())
            self.buffers[layer] = (kept[0], kept[1])
        self.prompts, self.group = prompts, group

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length


def shared_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    record: SharedPrompt | None = None,
    shared_prompt: SharedPrompt | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """What ``NAME`` stands for; arguments and result are those of every attention function of transformers.

    ``query`` is (rows, H, tokens, D); behind a shared prompt (1, H, N, D), or (R, H, 1, D) while decoding,
    where keys and values come from an ``AnswerCache``. ``record`` keeps this layer's keys and values while
    a prompt, or the rest of one, is encoded; ``shared_prompt`` is what the rows are answers to: no mask is
    read then.
    """
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    if record is not None:
        # A checkpointed layer runs again in backward; what was read then is what counts.
        record.layers.setdefault(layer, (key, value))
    if shared_prompt is None:
        kwargs |= {"scaling": scaling, "sliding_window": sliding_window}
        plain, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        return plain, None
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    prompt = shared_prompt.layers[layer]
    if key.ndim == 5:
        prompt_k, own_k = prompt[0], key
        beyond = sliding_window is not None and prompt_k.shape[2] + own_k.shape[3] > sliding_window
        window = sliding_window if beyond else None
        return decode(query, prompt, (key, value), shared_prompt.padding_P1T, scale, window), None
    layout, starts = shared_prompt.layout, shared_prompt.starts
    if layout is None:
        raise ValueError("answers that run at once need a layout")
    own = key[0], value[0]
    beyond = sliding_window is not None and prompt[0].shape[2] + layout.longest > sliding_window
    window = sliding_window if beyond else None
    found_HND = attend(query[0], prompt, own, layout, starts, scale=scale, window=window)
    return found_HND.transpose(0, 1)[None], None


def decode(
    query_RH1D: torch.Tensor,
    prompt_PKTD: Pair,
    own_PKGAD: Pair,
    padding_P1T: torch.Tensor | None,
    scale: float,
    window: int | None = None,
) -> torch.Tensor:
    """Attention (R, 1, H, D) of one new token of every answer: two products per part, one softmax over both.

    ``own_PKGAD`` includes the new token's; a window counts the tokens that it sees, itself included.
    """
    if window is not None:
        own_PKGAD = tuple(one[:, :, :, -window:] for one in own_PKGAD)  # type: ignore[assignment]
        prompt_PKTD, padding_P1T = _within(prompt_PKTD, padding_P1T, window - own_PKGAD[0].shape[3])
    prompts, kv_heads, group, _, width = own_PKGAD[0].shape
    heads = query_RH1D.shape[1]
    each = heads // kv_heads
    scaled = query_RH1D * scale if scale != 1 else query_RH1D
    query = scaled.reshape(prompts, group, kv_heads, each, width).transpose(1, 2)
    query = query.reshape(prompts * kv_heads, group * each, width)
    far = query @ prompt_PKTD[0].flatten(0, 1).mT
    if padding_P1T is not None:
        far = far.view(prompts, kv_heads * group * each, far.shape[-1]) + padding_P1T
    rows = prompts * kv_heads * group
    near = query.view(rows, each, width) @ own_PKGAD[0].flatten(0, 2).mT
    seen = far.shape[-1]
    weights = torch.cat([far.view(rows, each, seen), near], -1).softmax(-1)
    far_weights = weights[..., :seen].view(prompts * kv_heads, group * each, seen)
    out = (far_weights @ prompt_PKTD[1].flatten(0, 1)).view(rows, each, width)
    out = out.baddbmm(weights[..., seen:], own_PKGAD[1].flatten(0, 2))
    out = out.view(prompts, kv_heads, group, each, width).transpose(1, 2)
    return out.reshape(prompts * group, 1, heads, width)


def _within(
    prompt_PKTD: Pair, padding_P1T: torch.Tensor | None, seen: int
) -> tuple[Pair, torch.Tensor | None]:
    """The last tokens of the prompts that a window still reaches."""
    begin = prompt_PKTD[0].shape[2] - max(seen, 0)
    keys, values = (one[:, :, begin:] for one in prompt_PKTD)
    return (keys, values), None if padding_P1T is None else padding_P1T[..., begin:]


AttentionInterface.register(NAME, shared_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
