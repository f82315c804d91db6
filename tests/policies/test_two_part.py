"""Answers and prompts of any lengths, against a softmax written out for each token."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.models.attention.token_layout import lay_out
from vrft.models.attention.two_part import _repeated, attend

CPU = torch.device("cpu")
groups = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=4).filter(
    lambda lengths: all(any(group) for group in lengths)
)


def inputs(lengths, heads, kv_heads, seed=0, width=4, longest=70):
    generator = torch.Generator().manual_seed(seed)

    def some(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    tokens, prompts = sum(map(sum, lengths)), len(lengths)
    starts = tuple(int(n) for n in torch.randint(0, longest - 1, (prompts,), generator=generator))
    return (
        some(heads, tokens, width),
        (some(prompts, kv_heads, longest, width), some(prompts, kv_heads, longest, width)),
        (some(kv_heads, tokens, width), some(kv_heads, tokens, width)),
        starts,
    )


def by_token(query, prompt, own, lengths, starts, scale):
    """Every token on its own: the keys it may see, one softmax."""
    out, place = torch.zeros_like(query), 0
    each = query.shape[0] // own[0].shape[0]
    for index, group in enumerate(lengths):
        for length in group:
            for last in range(length):
                seen = slice(place, place + last + 1)
                for head in range(query.shape[0]):
                    kv = head // each
                    keys, values = (
                        torch.cat([p[index, kv, starts[index] :], o[kv, seen]])
                        for p, o in zip(prompt, own, strict=True)
                    )
                    weights = (keys @ query[head, place + last] * scale).softmax(0)
                    out[head, place + last] = weights @ values
            place += length
    return out


@pytest.mark.parametrize("form", ["fused", "repeated"])
@pytest.mark.parametrize(("heads", "kv_heads"), [(2, 2), (4, 2)])
@settings(max_examples=25, deadline=None)
@given(lengths=groups, seed=st.integers(0, 99))
def test_every_token_sees_its_prompt_and_its_own_past(form, heads, kv_heads, lengths, seed):
    query, prompt, own, starts = inputs(lengths, heads, kv_heads, seed)
    layout = lay_out(lengths, CPU)
    if form == "fused":
        found = attend(query, prompt, own, layout, starts, 0.3)
    else:
        found = _repeated(query, *prompt, *own, layout, starts, 0.3)
    expected = by_token(query.detach(), prompt, own, lengths, starts, 0.3)
    assert torch.allclose(found, expected, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(lengths=groups, seed=st.integers(0, 99))
def test_the_fused_gradient_is_that_of_the_plain_form(lengths, seed):
    query, prompt, own, starts = inputs(lengths, 4, 2, seed)
    layout = lay_out(lengths, CPU)
    weights = torch.randn(query.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    leaves = (query, *prompt, *own)
    fused = torch.autograd.grad((attend(query, prompt, own, layout, starts, 0.3) * weights).sum(), leaves)
    plain = torch.autograd.grad(
        (_repeated(query, *prompt, *own, layout, starts, 0.3) * weights).sum(), leaves
    )
    for ours, theirs in zip(fused, plain, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)


@given(groups)
def test_a_layout_holds_every_token_once_in_its_prompt_and_its_answer(lengths):
    layout = lay_out(lengths, CPU)
    tokens = sum(map(sum, lengths))
    rows = [[i for i in row if i < tokens] for row in layout.by_prompt.index_rA.tolist()]
    ends = torch.tensor([sum(g) for g in lengths]).cumsum(0).tolist()
    assert rows == [list(range(b, e)) for b, e in zip([0, *ends], ends, strict=False)]
    answers = [
        [i for i in row if i < tokens] for bucket in layout.by_answer for row in bucket.index_rA.tolist()
    ]
    assert sorted(i for row in answers for i in row) == list(range(tokens))
    assert sorted(map(len, answers)) == sorted(n for group in lengths for n in group if n)
    assert all(row == list(range(row[0], row[0] + len(row))) for row in answers)


def test_answers_of_one_length_are_views():
    layout = lay_out([[3, 3], [3, 3]], CPU)
    assert layout.by_prompt.whole and [bucket.whole for bucket in layout.by_answer] == [True]
    assert not lay_out([[3, 2]], CPU).by_answer[0].whole
