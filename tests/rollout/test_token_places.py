"""The log-probability of a box is the mean over the tokens that write it, counted here by brute force."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from architectures import ask, loaded, sample
from vrft.models.token_ends import token_ends
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.types import Boxes, Completion, CoordinateFrame, Form, SamplingParams

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000))
TEXTS = {
    "paper": "<answer>[{'Position': [1, 2, 30, 400], 'Confidence': 0.9}, {'Position': [5, 6, 70, 80], "
    "'Confidence': 0.5}]</answer>",
    "other bytes": '<think>é 狗 𝟙</think>\n<answer>[{"bbox_2d": [1,22,30,40], "label": "狗é"}, '
    '{"bbox_2d": [7, 8, 99, 100], "label": "ß"}]</answer>',
    "corners": "<answer>(1,2),(30,40)</answer>",
}


@pytest.fixture(scope="module")
def policy(tiny_folders):
    return loaded(tiny_folders["qwen3_vl"], dtype="float64")


def box_logprobs(said, answer):
    """One number per box; None where its place is not known."""
    return [said.span_logprob(span) for span in answer.spans]


def drawn_as(policy, text):
    """A completion of a text whose tokens all have another log-probability."""
    ids = policy.said(text).token_ids
    draw = random.Random(0)
    return policy.completion(ids, [-draw.random() for _ in ids], finished=True)


def by_hand(policy, said, numbers):
    """Mean over the tokens during which the decoded text grows within the numbers."""
    begin = said.text.index(numbers)
    end = begin + len(numbers)
    own = []
    for index, logprob in enumerate(said.logprobs):
        before, after = (len(policy.decode(said.token_ids[:n])) for n in (index, index + 1))
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
    said = drawn_as(policy, TEXTS[name])
    assert said.text == TEXTS[name]
    found = box_logprobs(said, parse_boxes_answer(said.text, FRAME, Form.DIRECT))
    assert found == pytest.approx([by_hand(policy, said, numbers) for numbers in written])
    assert len(set(found)) == len(written)


def test_only_the_tokens_of_the_box_count(policy):
    text = TEXTS["paper"]
    said = policy.said(text)
    answer = parse_boxes_answer(text, FRAME, Form.DIRECT)
    begin, end = answer.spans[1]
    inside = [i for i, span in enumerate(said.token_spans) if span[0] < end and span[1] > begin]
    assert policy.decode([said.token_ids[i] for i in inside]).strip(" []") == text[begin:end]
    ones = replace(said, logprobs=tuple(-1.0 if i in inside else -9.0 for i in range(len(said.token_ids))))
    assert box_logprobs(ones, answer) == [-9.0, -1.0]


def test_what_was_sampled_has_one_number_per_box(policy, images):
    prompt = ask(policy, "What is the object?", images[0])
    for said in sample(policy, [prompt], 4, SamplingParams(max_new_tokens=30), seed=1)[0]:
        assert said.text == policy.decode(said.token_ids)
        answer = parse_boxes_answer(said.text, FRAME, Form.DIRECT)
        boxes = answer.value.xyxy_px if isinstance(answer.value, Boxes) else ()
        assert len(box_logprobs(said, answer)) == len(boxes)


def test_a_box_without_a_place_has_none(policy):
    said = drawn_as(policy, TEXTS["paper"])
    assert said.span_logprob((0, 0)) is None
    assert replace(said, ends=()).span_logprob((0, 5)) is None
    assert replace(said, logprobs=()).span_logprob((0, 5)) is None
    assert said.span_logprob((len(said.text), len(said.text) + 1)) is None


@given(st.text(alphabet="1, [é狗𝟙\ufffda", max_size=30))
def test_the_tokens_share_out_the_text_without_gaps(policy, text):
    said = policy.said(text)
    ids, spans = said.token_ids, said.token_spans
    assert len(spans) == len(ids)
    edges = sorted(set(spans) - {(len(text), len(text))})
    assert [begin for begin, _ in edges] == [0, *(end for _, end in edges)][: len(edges)]
    assert "".join(text[begin:end] for begin, end in edges) == text
    # Characters of one byte are one token each or are written by one.
    for (begin, end), token in zip(spans, ids, strict=True):
        if text[begin:end].isascii() and begin < end:
            assert policy.decode((token,)) == text[begin:end]


def test_tokens_of_one_character_all_have_it(policy):
    one, *shared, two, end = policy.said("1é狗2").token_spans
    assert (one, two, end) == ((0, 1), (3, 4), (4, 4))
    assert shared == [(1, 2)] * 2 + [(2, 3)] * 3


def spans_of(decode, ids):
    text = decode(ids)
    return list(Completion(text, ids, ends=token_ends(decode, ids, text)).token_spans)


def test_decoders_that_drop_the_first_blank_and_that_look_far_back():
    vocabulary = {"<unk>": 0, "▁": 1, "▁1": 2, ",": 3, "▁22": 4, "x": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    ids = (2, 3, 4, 3, 2)
    assert tokenizer.decode(list(ids)) == "1, 22, 1"
    assert spans_of(lambda some: tokenizer.decode(list(some)), ids) == [
        (0, 1),
        (1, 2),
        (2, 5),
        (5, 6),
        (6, 8),
    ]

    def counted(some):
        return "".join(f"{index};" for index in range(len(some)))

    assert spans_of(counted, (7,) * 12)[-2:] == [(20, 23), (23, 26)]


def test_a_decoder_that_rewrites_has_no_places():
    assert token_ends(lambda some: "ab"[: len(some)][::-1], (1, 2), "ba") == ()


def test_usual_answers_ask_about_single_tokens_only(policy, monkeypatch):
    """A place per token must cost next to nothing: no pair is decoded, and no token twice."""
    asked = []
    decode = policy.decode
    monkeypatch.setattr(type(policy), "decode", lambda self, ids: (asked.append(tuple(ids)), decode(ids))[1])
    policy._pieces.clear()
    ids = policy.said(TEXTS["paper"]).token_ids
    assert set(map(len, asked)) == {1} and len(asked) == len(set(ids))
