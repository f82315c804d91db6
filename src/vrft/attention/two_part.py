"""Attention of G answers to their one prompt and to themselves, without repeating the prompt's keys.

The softmax runs over the prompt's keys and the answer's own. Each part is computed on its own by a fused
kernel that also gives the log of its normaliser, and the two are merged exactly (as ring attention does,
arXiv 2310.01889). Backward runs each part's kernel with the merged output and normaliser.

Axes: P prompts, G answers a prompt, R = P*G, H query heads, K key heads, A answer tokens, T prompt tokens,
D head width.
"""

from __future__ import annotations

from typing import Any

import torch

_FORWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def attend(
    query_RHAD: torch.Tensor,
    prompt_PKTD: tuple[torch.Tensor, torch.Tensor],
    own_RKAD: tuple[torch.Tensor, torch.Tensor],
    starts: tuple[int, ...],
    scale: float,
) -> torch.Tensor:
    """Attention to the whole prompt and, causally, to the answer.

    Args:
        query_RHAD: queries of R answers.
        prompt_PKTD: keys and values of P prompts, padded on the left.
        own_RKAD: keys and values of the answers.
        starts: where each prompt begins behind its padding, P numbers.
        scale: multiplies the products.

    Returns:
        (R, H, A, D), with gradient to queries, keys and values of both parts.
    """
    fused = query_RHAD.device.type == "cpu"
    function = _TwoPart.apply if fused else _repeated
    return function(query_RHAD, *prompt_PKTD, *own_RKAD, starts, scale)  # type: ignore[no-any-return]


def _runs(starts: tuple[int, ...]) -> list[tuple[slice, int]]:
    """Neighbouring prompts of one length: (which prompts, where they begin). The kernel takes no padding."""
    runs: list[tuple[slice, int]] = []
    for index, start in enumerate(starts):
        if runs and runs[-1][1] == start:
            runs[-1] = (slice(runs[-1][0].start, index + 1), start)
        else:
            runs.append((slice(index, index + 1), start))
    return runs


def _grouped(rows_RHAD: torch.Tensor, prompts: int) -> torch.Tensor:
    """(R, H, A, D) to (P, H, G*A, D): all answers of a prompt as one row of queries."""
    rows, heads, tokens, width = rows_RHAD.shape
    split = rows_RHAD.view(prompts, rows // prompts, heads, tokens, width)
    return split.transpose(1, 2).reshape(prompts, heads, -1, width)


def _ungrouped(grouped_PHXD: torch.Tensor, rows: int) -> torch.Tensor:
    """The way back of ``_grouped``."""
    prompts, heads, _, width = grouped_PHXD.shape
    split = grouped_PHXD.view(prompts, heads, rows // prompts, -1, width)
    return split.transpose(1, 2).reshape(rows, heads, -1, width)


class _TwoPart(torch.autograd.Function):
    """The fused form, on the CPU."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> torch.Tensor:
        query, prompt_k, prompt_v, own_k, own_v, starts, scale = inputs
        rows, prompts = len(query), len(prompt_k)
        grouped = _grouped(query, prompts)
        parts = [
            _FORWARD(grouped[run], prompt_k[run, :, start:], prompt_v[run, :, start:], scale=scale)
            for run, start in _runs(starts)
        ]
        far = _ungrouped(torch.cat([out for out, _ in parts]), rows)
        far_norm = _ungrouped(torch.cat([norm for _, norm in parts]).unsqueeze(-1), rows)
        near, near_norm = _FORWARD(query, own_k, own_v, is_causal=True, scale=scale)
        near_norm = near_norm.unsqueeze(-1)
        norm = torch.logaddexp(far_norm, near_norm)
        merged = far * (far_norm - norm).exp().to(far.dtype)
        merged += near * (near_norm - norm).exp().to(near.dtype)
        ctx.save_for_backward(query, prompt_k, prompt_v, own_k, own_v, merged, norm)
        ctx.starts, ctx.scale = starts, scale
        return merged

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        query, prompt_k, prompt_v, own_k, own_v, merged, norm = ctx.saved_tensors
        rows, prompts = len(query), len(prompt_k)
        grad = grads[0].contiguous()
        grad_P, query_P, merged_P, norm_P = (_grouped(t, prompts) for t in (grad, query, merged, norm))
        d_far, d_prompt_k, d_prompt_v = [], torch.zeros_like(prompt_k), torch.zeros_like(prompt_v)
        for run, start in _runs(ctx.starts):
            d_part, d_prompt_k[run, :, start:], d_prompt_v[run, :, start:] = _BACKWARD(
                grad_P[run],
                query_P[run],
                prompt_k[run, :, start:],
                prompt_v[run, :, start:],
                merged_P[run],
                norm_P[run].squeeze(-1),
                0.0,
                False,
                scale=ctx.scale,
            )
            d_far.append(d_part)
        d_query, d_own_k, d_own_v = _BACKWARD(
            grad, query, own_k, own_v, merged, norm.squeeze(-1), 0.0, True, scale=ctx.scale
        )
        d_query = d_query + _ungrouped(torch.cat(d_far), rows)
        return d_query, d_prompt_k, d_prompt_v, d_own_k, d_own_v, None, None


def _repeated(
    query: torch.Tensor,
    prompt_k: torch.Tensor,
    prompt_v: torch.Tensor,
    own_k: torch.Tensor,
    own_v: torch.Tensor,
    starts: tuple[int, ...],
    scale: float,
) -> torch.Tensor:
    """The plain form, for devices without the fused one: the prompt's keys are repeated."""
    group, tokens = len(query) // len(prompt_k), query.shape[2]
    keys = torch.cat([prompt_k.repeat_interleave(group, 0), own_k], 2)
    values = torch.cat([prompt_v.repeat_interleave(group, 0), own_v], 2)
    own = torch.ones(tokens, own_k.shape[2], dtype=torch.bool, device=query.device).tril()
    begins = torch.tensor(starts, device=query.device).repeat_interleave(group)
    seen = torch.arange(prompt_k.shape[2], device=query.device) >= begins[:, None, None, None]
    mask = torch.cat([seen.expand(len(query), 1, tokens, -1), own.expand(len(query), 1, -1, -1)], -1)
    return torch.nn.functional.scaled_dot_product_attention(
        query, keys, values, attn_mask=mask, scale=scale, enable_gqa=query.shape[1] != keys.shape[1]
    )
