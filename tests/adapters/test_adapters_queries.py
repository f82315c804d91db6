"""Cutting the answer from what OpenRLHF calls a query."""

from __future__ import annotations

import pytest
from answers import CAT
from hypothesis import given
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.integrations.openrlhf import answer_of

PROMPT = "<|im_start|>user\n<|image_pad|>Which pet is this?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    "query_s_prompt",
    [
        PROMPT,
        PROMPT.replace("<|image_pad|>", "<|image_pad|>" * 300),
        PROMPT[25:],
        f"<s>{PROMPT}",
        PROMPT.replace("<|image_pad|>", ""),
    ],
)
def test_the_answer_is_what_follows_the_prompt(query_s_prompt):
    assert answer_of(query_s_prompt + CAT, PROMPT) == CAT


@pytest.mark.parametrize("repeated", [PROMPT, PROMPT[17:], PROMPT[30:], PROMPT[-20:]])
def test_an_answer_that_repeats_the_prompt_is_not_cut(repeated):
    expanded = PROMPT.replace("<|image_pad|>", "<|image_pad|>" * 9)
    assert answer_of(expanded + repeated + CAT, PROMPT) == repeated + CAT


def test_turns_before_the_last_are_no_answer():
    turns = PROMPT + "<answer>dog</answer><|im_end|>\n<|im_start|>user\nLook again.<|im_end|>\n"
    turns += "<|im_start|>assistant\n"
    assert answer_of(turns.replace("<|image_pad|>", "<|image_pad|>" * 9) + CAT, turns) == CAT


@given(st.text("abc \n<|>", min_size=70, max_size=90), st.text("xyz{}0123", max_size=40), st.integers(0, 6))
def test_a_prompt_may_have_lost_its_beginning(prompt, answer, lost):
    # The end of this prompt is found once in it.
    prompt += "Which pet?"
    assert answer_of(prompt[lost:] + answer, prompt) == answer


@pytest.mark.parametrize("query", ["", CAT, PROMPT[:20], "assist"])
def test_a_query_without_its_prompt_is_refused(query):
    with pytest.raises(InputError, match="end of its prompt"):
        answer_of(query, PROMPT)


def test_without_a_prompt_all_is_answer():
    assert answer_of(CAT, "") == CAT
