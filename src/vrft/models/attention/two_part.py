"""Attention of answers to their prompts and to themselves, without repeating a prompt's keys.

The softmax runs over the prompt's keys and the answer's own. Each part is computed on its own by a fused
kernel that also gives the log of its normalizer, and the two are merged exactly (as ring attention does,
arXiv 2310.01889). Backward runs each part's kernel with the merged output and normalizer.

Axes as in ``token_layout``, and H query heads, K key heads, T prompt tokens, D head width.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from vrft.models.attention.token_layout import AnswerLayout, flattened, gathered

_FORWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def attend(
    query_HND: torch.Tensor,
    prompt_PKTD: tuple[torch.Tensor, torch.Tensor],
    own_KND: tuple[torch.Tensor, torch.Tensor],
    layout: AnswerLayout,
    starts: tuple[int, ...],
    scale: float,
    window: int | None = None,
) -> torch.Tensor:
    """Attention (H, N, D) of every answer token to its whole prompt and, causally, to its answer.

    ``prompt_PKTD`` are keys and values of P prompts, padded on the left up to ``starts``; a window counts
    the tokens that a token sees, itself included (the prompts' keys are then repeated). Gradient goes to
    queries and to both parts.
    """
    inputs = (query_HND, *prompt_PKTD, *own_KND, layout, starts, scale)
    if window is None and query_HND.device.type == "cpu":
        return _TwoPart.apply(*inputs)  # type: ignore[no-any-return, no-untyped-call]
    return _repeated(*inputs, window)


def _runs(starts: tuple[int, ...]) -> list[tuple[slice, int]]:
    """Neighbouring prompts of one length: (which prompts, where they begin). The kernel takes no padding."""
    runs: list[tuple[slice, int]] = []
    for index, start in enumerate(starts):
        if runs and runs[-1][1] == start:
            runs[-1] = (slice(runs[-1][0].start, index + 1), start)
        else:
            runs.append((slice(index, index + 1), start))
    return runs


class _TwoPart(torch.autograd.Function):
    """The fused form, on the CPU."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> torch.Tensor:
        query, prompt_k, prompt_v, own_k, own_v, layout, starts, scale = inputs
        far_query = gathered(query, layout.by_prompt)
        far_rows = [
            _FORWARD(far_query[run], prompt_k[run, :, start:], prompt_v[run, :, start:], scale=scale)
            for run, start in _runs(starts)
        ]
        near_rows = [
            _FORWARD(*(gathered(x, bucket) for x in (query, own_k, own_v)), is_causal=True, scale=scale)
            for bucket in layout.by_answer
        ]
        far_back, near_back = layout.from_prompts_N, layout.from_answers_N
        far = flattened([torch.cat([out for out, _ in far_rows])], far_back)
        far_norm = flattened([torch.cat([norm for _, norm in far_rows]).unsqueeze(-1)], far_back)
        near = flattened([out for out, _ in near_rows], near_back)
        near_norm = flattened([norm.unsqueeze(-1) for _, norm in near_rows], near_back)
        norm = torch.logaddexp(far_norm, near_norm)
        merged = far * (far_norm - norm).exp().to(far.dtype)
        merged += near * (near_norm - norm).exp().to(near.dtype)
        ctx.save_for_backward(query, prompt_k, prompt_v, own_k, own_v, merged, norm)
        ctx.layout, ctx.starts, ctx.scale = layout, starts, scale
        return merged

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        query, prompt_k, prompt_v, own_k, own_v, merged, norm = ctx.saved_tensors
        layout, scale = ctx.layout, ctx.scale
        flat = (grads[0], query, merged, norm)
        grad_P, query_P, merged_P, norm_P = (gathered(x, layout.by_prompt) for x in flat)
        far, d_prompt_k, d_prompt_v = [], torch.zeros_like(prompt_k), torch.zeros_like(prompt_v)
        for run, start in _runs(ctx.starts):
            keys, values = prompt_k[run, :, start:], prompt_v[run, :, start:]
            parts = (grad_P[run], query_P[run], keys, values, merged_P[run], norm_P[run].squeeze(-1))
            d_query, d_prompt_k[run, :, start:], d_prompt_v[run, :, start:] = _BACKWARD(
                *parts, 0.0, False, scale=scale
            )
            far.append(d_query)
        near = []
        for bucket in layout.by_answer:
            grad, rows, out, rows_norm = (gathered(x, bucket) for x in flat)
            own = gathered(own_k, bucket), gathered(own_v, bucket)
            parts = (grad, rows, *own, out, rows_norm.squeeze(-1))
            near.append(_BACKWARD(*parts, 0.0, True, scale=scale))
        d_query = flattened([torch.cat(far)], layout.from_prompts_N)
        d_near = [flattened([part[i] for part in near], layout.from_answers_N) for i in range(3)]
        return d_query + d_near[0], d_prompt_k, d_prompt_v, d_near[1], d_near[2], None, None, None


def _repeated(
    query: torch.Tensor,
    prompt_k: torch.Tensor,
    prompt_v: torch.Tensor,
    own_k: torch.Tensor,
    own_v: torch.Tensor,
    layout: AnswerLayout,
    starts: tuple[int, ...],
    scale: float,
    window: int | None = None,
) -> torch.Tensor:
    """The plain form, for devices without the fused one: each bucket's prompts are repeated."""
    width = layout.by_prompt.index_rA.shape[1]
    begins = torch.tensor(starts, device=query.device)
    found = []
    prompt_N = torch.arange(layout.tokens, device=query.device)
    prompt_N = (prompt_N if layout.from_prompts_N is None else layout.from_prompts_N) // width
    for bucket in layout.by_answer:
        which = prompt_N[bucket.index_rA[:, 0]]
        keys = torch.cat([prompt_k[which], gathered(own_k, bucket)], 2)
        values = torch.cat([prompt_v[which], gathered(own_v, bucket)], 2)
        rows, tokens = bucket.index_rA.shape
        places = torch.arange(prompt_k.shape[2], device=query.device)
        seen = (places >= begins[which][:, None])[:, None, None].expand(rows, 1, tokens, -1)
        own = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril()
        mask = torch.cat([seen, own.expand(rows, 1, -1, -1)], -1)
        if window is not None:
            mask &= torch.ones_like(mask[0, 0]).triu(prompt_k.shape[2] - window + 1)
        rows_query = gathered(query, bucket)
        # Grouped heads with a mask would leave the fused kernels of a GPU: keys are repeated instead.
        each = rows_query.shape[1] // keys.shape[1]
        keys, values = (x.repeat_interleave(each, 1) if each > 1 else x for x in (keys, values))
        found.append(F.scaled_dot_product_attention(rows_query, keys, values, attn_mask=mask, scale=scale))
    return flattened(found, layout.from_answers_N)
