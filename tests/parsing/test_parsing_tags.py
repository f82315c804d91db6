"""What counts as the demanded form, against a regular expression and counts."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.tasks.parsing.tags import split_tags, strip_end_tokens
from vrft.types import Fault, Form

TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
PATTERNS = {
    Form.THINK: r"<think>(?P<thought>.*)</think>\s*<answer>(?P<content>.*)</answer>",
    Form.DIRECT: r"<answer>(?P<content>.*)</answer>",
}


def has_demanded_form(text: str, form: Form) -> bool:
    demanded = {Form.THINK: TAGS, Form.DIRECT: TAGS[2:]}[form]
    if any(text.count(tag) != (tag in demanded) for tag in TAGS):
        return False
    match = re.fullmatch(PATTERNS[form], text.strip(), re.DOTALL)
    if match is None or not match["content"].strip():
        return False
    return form is Form.DIRECT or match["thought"].strip() not in ("", "...")


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([*TAGS, "rose", " ", "...", "<think>a</think><answer>b</answer>"]), max_size=7)
)
@pytest.mark.parametrize("form", Form)
def test_formatted_means_exactly_the_demanded_form(form, pieces):
    text = "".join(pieces)
    assert parse_label_answer(text, form).formatted == has_demanded_form(text, form)


@pytest.mark.parametrize(
    ("text", "form", "content", "faults"),
    [
        ("<think>a</think><answer>b</answer>", Form.THINK, "b", set()),
        (" <think>\na\n</think>\n\n<answer>\nb\n</answer>\n", Form.THINK, "b", set()),
        ("<answer>b</answer>", Form.DIRECT, "b", set()),
        ("<answer>b</answer><|im_end|>\n<|endoftext|>", Form.DIRECT, "b", set()),
        ("<answer>b</answer>", Form.THINK, "b", {Fault.NO_THINK}),
        ("<think> ... </think><answer>b</answer>", Form.THINK, "b", {Fault.NO_THINK}),
        ("<think></think><answer>b</answer>", Form.THINK, "b", {Fault.NO_THINK}),
        ("<answer>b</answer><think>a</think>", Form.THINK, "b", {Fault.NO_THINK, Fault.OUTSIDE_TAGS}),
        ("<think>a</think><answer>b</answer>", Form.DIRECT, "b", {Fault.OUTSIDE_TAGS}),
        ("<think>a</think> so <answer>b</answer>", Form.THINK, "b", {Fault.OUTSIDE_TAGS}),
        ("<think>a</think><answer>b</answer>!", Form.THINK, "b", {Fault.OUTSIDE_TAGS}),
        ("<answer>x</answer><answer>b</answer>", Form.DIRECT, "b", {Fault.REPEATED_TAG, Fault.OUTSIDE_TAGS}),
        ("<answer>b</answer><answer>x", Form.DIRECT, "b", {Fault.REPEATED_TAG, Fault.OUTSIDE_TAGS}),
        ("<answer>b</answer> x </answer>", Form.DIRECT, "b", {Fault.REPEATED_TAG, Fault.OUTSIDE_TAGS}),
        ("<think>a</think> b", Form.THINK, "b", {Fault.NO_ANSWER_TAG}),
        ("b", Form.DIRECT, "b", {Fault.NO_ANSWER_TAG}),
        ("b</answer>", Form.DIRECT, "b", {Fault.NO_ANSWER_TAG}),
        ("<think>a</think><answer>b", Form.THINK, "b", {Fault.NO_ANSWER_TAG, Fault.TRUNCATED}),
        ("<think>a rose", Form.THINK, "", {Fault.NO_THINK, Fault.NO_ANSWER_TAG, Fault.TRUNCATED}),
        ("", Form.DIRECT, "", {Fault.NO_ANSWER_TAG}),
        ("<Think>a</Think><Answer>b</Answer>", Form.THINK, "b", {Fault.NO_ANSWER_TAG}),
        ("< think >a</ think >\n< answer > b </ answer >", Form.THINK, "b", {Fault.NO_ANSWER_TAG}),
        ("<ANSWER>b", Form.DIRECT, "b", {Fault.NO_ANSWER_TAG, Fault.TRUNCATED}),
        ("<answer><Answer>b</Answer></answer>", Form.DIRECT, "<Answer>b</Answer>", set()),
        (
            "<think>a. Final answer: b",
            Form.THINK,
            "b",
            {Fault.NO_THINK, Fault.NO_ANSWER_TAG, Fault.TRUNCATED},
        ),
        ("<think>a. Final Answer:\nb</think>", Form.THINK, "b", {Fault.NO_ANSWER_TAG}),
        ("<think>a. Final answer: b</think> c", Form.THINK, "c", {Fault.NO_ANSWER_TAG}),
    ],
)
def test_content_and_faults(text, form, content, faults):
    sections = split_tags(text, form)
    assert sections.content == content
    assert set(sections.faults) == faults


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("<think> It has petals. </think><answer>rose</answer>", "It has petals."),
        ("<think> It has pet", "It has pet"),
        ("<answer>rose</answer>", ""),
        ("<think></think> rose", ""),
    ],
)
def test_the_thought_is_kept(text, thinking):
    assert split_tags(text, Form.THINK).thinking == thinking


@pytest.mark.parametrize("token", ["<end_of_turn>", "<|end|>", "<end_of_utterance>", "<|eot_id|>"])
def test_end_tokens_of_other_families_are_not_part_of_a_bare_answer(token):
    assert strip_end_tokens(f" rose {token}\n") == "rose"
    assert strip_end_tokens(f"the {token} sign") == "the"
    first, second = "<answer>rose</answer>", "<answer>tulip</answer>"
    assert split_tags(f"{first}{token}\n{second}", Form.DIRECT) == split_tags(first, Form.DIRECT)


@settings(deadline=None)
@given(
    st.text("ab \n", max_size=8),
    st.lists(st.sampled_from(["<|im_end|>", "</s>", " ", "\n"]), max_size=5).map(
        lambda tail: ["<|im_end|>", *tail, "c"] if "</s>" in tail else tail
    ),
)
def test_end_tokens_are_not_words(words, tail):
    assert strip_end_tokens(words + "".join(tail)) == words.strip()


@pytest.mark.parametrize(
    ("text", "around"),
    [
        ("<think>a</think><answer>b</answer>", ""),
        ("x <think>a</think> y <answer>b</answer> z", "x \n y \n z"),
        ("x <answer>b</answer> <think>a", "x \n\n"),
        ("x </think> y <answer>b</answer>", "y"),
        ("<think>a</think> <answer>c</answer> <think>d</think> <answer>b</answer>", ""),
        ("x <think>a</think> b", "x"),
    ],
)
def test_what_is_around_answer_and_thoughts(text, around):
    assert split_tags(text, Form.THINK).around == around.strip()


def test_digits_on_both_sides_of_a_tag_are_no_number() -> None:
    assert split_tags("[1, 2, 3</answer>0, 40]", Form.DIRECT).content == "[1, 2, 3 0, 40]"
