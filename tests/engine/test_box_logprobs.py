"""The log-probability of a box is the mean over the tokens that write it, counted here by brute force."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from vrft.geometry.frames import View
from vrft.models.load_policy import load_policy
from vrft.rollout.box_logprobs import box_logprobs, token_spans
from vrft.rollout.shared_prompt.sampling import Sampled, Sampling, sample
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.types import Form

VIEW = View("thousand", (1000, 1000), (1000, 1000))
TEXTS = {
    "paper": "<answer>[{'Position': [1, 2, 30, 400], 'Confidence': 0.9}, {'Position': [5, 6, 70, 80], "
    "'Confidence': 0.5}]</answer>",
    "other bytes": '<think>é 狗 𝟙</think>\n<answer>[{"bbox_2d": [1,22,30,40], "label": "狗é"}, '
    '{"bbox_2d": [7, 8, 99, 100], "label": "ß"}]</answer>',
    "corners": "<answer>(1,2),(30,40)</answer>",
}


@pytest.fixture(scope="module")
def policy(tiny_folders):
    return load_policy(str(tiny_folders["qwen3_vl"]), device="cpu", dtype="float64")


def by_hand(policy, sampled, numbers, text):
    """Mean over the tokens during which the decoded text grows within the numbers."""
    begin = text.index(numbers)
    end = begin + len(numbers)
    own = []
    for index, logprob in enumerate(sampled.logprobs):
        before, after = (len(policy.decode(sampled.token_ids[:n])) for n in (index, index + 1))
        own += [logprob] if before < end and after > begin and after > before else []
    return sum(own) / len(own)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("paper", ["1, 2, 30, 400", "5, 6, 70, 80"]),
        ("other bytes", ["1,22,30,40", "7, 8, 99, 100"]),
        ("corners", ["1,2),(30,40"]),
    ],
)
def test_the_mean_over_the_tokens_of_the_numbers(policy, name, written):
    text = TEXTS[name]
    ids = policy.answer_ids(text)
    draw = random.Random(0)
    sampled = Sampled(ids, tuple(-draw.random() for _ in ids), True)
    answer = parse_boxes_answer(text, VIEW, Form.DIRECT)
    found = box_logprobs(policy, sampled, answer)
    assert found == pytest.approx([by_hand(policy, sampled, numbers, text) for numbers in written])
    assert len(set(found)) == len(written)


def test_only_the_tokens_of_the_box_count(policy):
    text = TEXTS["paper"]
    ids = policy.answer_ids(text)
    answer = parse_boxes_answer(text, VIEW, Form.DIRECT)
    begin, end = answer.box_spans[1]
    spans = token_spans(policy.decode, ids)
    inside = [i for i, span in enumerate(spans) if span[0] < end and span[1] > begin]
    assert policy.decode(tuple(ids[i] for i in inside)).strip(" []") == text[begin:end]
    ones = Sampled(ids, tuple(-1.0 if i in inside else -9.0 for i in range(len(ids))), True)
    first, second = box_logprobs(policy, ones, answer)
    assert (first, second) == (-9.0, -1.0)


def test_what_was_sampled_has_one_number_a_box(policy, pictures):
    prompt = policy.prompt("What is the object?", policy.picture(pictures[0]))
    for drawn in sample(policy, [prompt], 4, Sampling(max_new_tokens=30), seed=1)[0]:
        answer = parse_boxes_answer(policy.decode(drawn.token_ids), VIEW, Form.DIRECT)
        assert len(box_logprobs(policy, drawn, answer)) == len(answer.boxes_xyxy_px)


def test_a_box_without_a_place_has_none_and_another_text_is_refused(policy):
    text = TEXTS["paper"]
    ids = policy.answer_ids(text)
    sampled = Sampled(ids, (-1.0,) * len(ids), True)
    answer = parse_boxes_answer(text, VIEW, Form.DIRECT)
    assert box_logprobs(policy, sampled, replace(answer, box_spans=())) == (None, None)
    one = replace(answer, box_spans=((0, 0), answer.box_spans[1]))
    assert box_logprobs(policy, sampled, one) == (None, -1.0)
    with pytest.raises(ValueError, match="read from"):
        box_logprobs(policy, sampled, parse_boxes_answer(TEXTS["corners"], VIEW, Form.DIRECT))


@given(st.text(alphabet="1, [é狗𝟙\ufffda", max_size=30))
def test_the_tokens_share_out_the_text_without_gaps(policy, text):
    ids = policy.answer_ids(text)
    spans = token_spans(policy.decode, ids)
    assert len(spans) == len(ids)
    edges = sorted(set(spans) - {(len(text), len(text))})
    assert [begin for begin, _ in edges] == [0, *(end for _, end in edges)][: len(edges)]
    assert "".join(text[begin:end] for begin, end in edges) == text
    # Characters of one byte are one token each or stand in one.
    for (begin, end), token in zip(spans, ids, strict=True):
        if text[begin:end].isascii() and begin < end:
            assert policy.decode((token,)) == text[begin:end]


def test_tokens_of_one_character_all_have_it(policy):
    ids = policy.answer_ids("1é狗2")
    one, *shared, two, end = token_spans(policy.decode, ids)
    assert (one, two, end) == ((0, 1), (3, 4), (4, 4))
    assert shared == [(1, 2)] * 2 + [(2, 3)] * 3


def test_decoders_that_drop_the_first_blank_and_that_look_far_back():
    vocabulary = {"<unk>": 0, "▁": 1, "▁1": 2, ",": 3, "▁22": 4, "x": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    ids = (2, 3, 4, 3, 2)
    assert tokenizer.decode(list(ids)) == "1, 22, 1"
    assert token_spans(lambda some: tokenizer.decode(list(some)), ids) == [
        (0, 1),
        (1, 2),
        (2, 5),
        (5, 6),
        (6, 8),
    ]

    def counted(some):
        return "".join(f"{index};" for index in range(len(some)))

    assert token_spans(counted, (7,) * 12)[-2:] == [(20, 23), (23, 26)]
