"""Prompts of several images and turns: as the template writes them, and no sampled token is rewritten."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from architectures import FAMILY_NAMES, ask, loaded, medium, sample
from vrft.errors import InputError, ModelError
from vrft.models import policy as policy_module
from vrft.models.families.qwen_vl import QwenVL
from vrft.rollout.hidden_states import HIDDEN
from vrft.rollout.logprobs import AnswerScorer, PolicyScorer
from vrft.rollout.plain import PlainSampler
from vrft.types import Image, Message, SampleSeed, SamplingParams, Turn, Video

ONE_IMAGE = ("llava_onevision",)
SEVERAL = tuple(name for name in FAMILY_NAMES if name not in ONE_IMAGE)
GREEDY = SamplingParams(temperature=0, max_new_tokens=6)


def user(*content):
    return Message("user", content)


@pytest.fixture
def qwen(tiny_folders):
    return loaded(tiny_folders["qwen3_vl"], dtype="float64")


# ---- several images and messages in a first prompt


@pytest.mark.parametrize("name", SEVERAL)
def test_every_image_stands_where_the_conversation_shows_it(name, tiny_folders, images):
    policy = loaded(tiny_folders[name])
    first, second = medium(images[0]), medium(images[1])
    prompt = policy.first([user(first, "one", second, "two")])
    assert prompt.media == (first, second)
    assert prompt.frames == (policy.frame(first), policy.frame(second))
    mark = policy.tokenizer.decode(policy.image_token_id)
    imaged = [policy.image(m).text.count(mark) for m in (first, second)]
    assert prompt.token_ids.count(policy.image_token_id) == sum(imaged)
    text = policy.tokenizer.decode(prompt.token_ids)
    assert text.index("one") < text.index("two")
    alone = policy.first([user(first, "onetwo")])
    assert len(prompt.token_ids) > len(alone.token_ids) + imaged[1]


@pytest.mark.parametrize("name", SEVERAL)
def test_every_method_reads_all_images(name, tiny_folders, images):
    """Shared, packed and plain agree on prompts of two, one and no images; each image matters."""
    policy = loaded(tiny_folders[name], dtype="float64")
    first, second, third = map(medium, images)
    asked = [(first, "one", second, "two"), (third, "and this?"), ("What is 7?",)]
    prompts = [policy.first([user(*content)]) for content in asked]
    answers = [(11, 12, 13), (14,), (15, 16), (17, 18, 19), (20,), (21, 22)]
    found = {}
    for method in HIDDEN:
        logprobs, mask = AnswerScorer(policy)(prompts, answers, 2, 1.0, method)
        found[method] = logprobs[mask]
    assert (found["shared"] - found["plain"]).abs().max() < 1e-6
    assert (found["packed"] - found["plain"]).abs().max() < 1e-6
    for changed in ((third, "one", second, "two"), (first, "one", third, "two")):
        other, mask = AnswerScorer(policy)([policy.first([user(*changed)])], answers[:2], 2)
        assert (other[mask] - found["shared"][:4]).abs().max() > 1e-6


@pytest.mark.parametrize("name", SEVERAL)
def test_greedy_answers_to_two_images_are_those_of_generate(name, tiny_folders, images):
    policy = loaded(tiny_folders[name], dtype="float64")
    first, second, third = map(medium, images)
    prompts = [policy.first([user(*shown, "What?")]) for shown in ((first, second), (third, first), ())]
    plain = PlainSampler(policy).generate(prompts, 1, GREEDY, SampleSeed.whole(3))
    for (ours,), (theirs,) in zip(sample(policy, prompts, 1, GREEDY), plain, strict=True):
        assert ours.token_ids == theirs.token_ids
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-5)


@pytest.mark.parametrize("name", ONE_IMAGE)
def test_a_family_that_shows_one_image_refuses_two(name, tiny_folders, images):
    policy = loaded(tiny_folders[name])
    shown = [medium(path) for path in images[:2]]
    with pytest.raises(InputError, match=rf"{name}.*one image at a time.*has 2"):
        policy.first([user(*shown, "What?")])
    prompt = policy.first([user(shown[0], "What?")])
    with pytest.raises(InputError, match="has 2"):
        policy.following(prompt, policy.said("this"), [user(shown[1], "And?")])


def test_a_system_message_and_earlier_turns_are_the_templates(qwen, images):
    messages = [
        Message("system", ("Be brief.",)),
        user(medium(images[0]), "What is it?"),
        Message("assistant", ("A seven.",)),
        user("Sure?"),
    ]
    text = qwen.tokenizer.decode(qwen.first(messages).token_ids)
    assert text.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<|vision_start|>")
    assert text.endswith(
        "What is it?<|im_end|>\n<|im_start|>assistant\nA seven.<|im_end|>\n<|im_start|>user\n"
        "Sure?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_message_of_the_assistant_at_the_end_begins_the_answer(qwen, images):
    question = user(medium(images[0]), "What is it?")
    begun = qwen.first([question, Message("assistant", ("<think>",))])
    assert begun.token_ids == (*qwen.first([question]).token_ids, *qwen.said("<think>").token_ids[:-1])
    # And what is said to it goes on in the same turn.
    following = qwen.following(begun, qwen.said("so</think>7"), [user("Sure?")])
    assert following.messages[1] == Message("assistant", ("<think>so</think>7",))


def test_a_video_is_refused(qwen):
    with pytest.raises(InputError, match=r"qwen3_vl.*this is a video"):
        qwen.first([user(Video(Path("a.mp4"), (64, 48), (0.0, 1.0)), "What?")])


def test_messages_that_a_template_refuses_are_reported(tiny_folders, tmp_path, images):
    folder = tmp_path / "strict"
    shutil.copytree(tiny_folders["qwen3_vl"], folder)
    (folder / "chat_template.jinja").write_text("{{ raise_exception('Roles must alternate') }}")
    with pytest.raises(InputError, match=r"strict: its chat template refuses.*Roles must alternate"):
        ask(loaded(folder), "What?", images[0])


# ---- the next turn


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_following_prompt_begins_with_all_that_came_before(name, tiny_folders, images):
    policy = loaded(tiny_folders[name], dtype="float64")
    prompt = ask(policy, "What is the object?", images[0])
    params = SamplingParams(3.0, max_new_tokens=40)
    ended = [a for a in sample(policy, [prompt], 64, params, seed=4)[0] if a.finished and a.text.strip()]
    for said in ended[:3]:
        reply = policy.following(prompt, said, [user("Are you sure?")])
        before = prompt.token_ids + said.token_ids
        assert reply.token_ids[: len(before)] == before
        tail = policy.tokenizer.decode(reply.token_ids[len(before) :])
        assert tail.count("Are you sure?") == 1 and not tail.startswith(policy.tokenizer.decode(before[-1]))
        assert reply.messages == (*prompt.messages, Message("assistant", (said.text,)), user("Are you sure?"))
        assert reply.frames == prompt.frames
        # It can be answered, and once more.
        ((repeated,),) = sample(policy, [reply], 1, GREEDY)
        third = policy.following(reply, repeated, [user("Really?")])
        assert (
            third.token_ids[: len(reply.token_ids + repeated.token_ids)]
            == reply.token_ids + repeated.token_ids
        )
    assert ended


@pytest.mark.parametrize("name", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "internvl"])
def test_a_conversation_turn_by_turn_is_the_conversation_at_once(name, tiny_folders, images):
    policy = loaded(tiny_folders[name])
    first, crop = medium(images[0]), replace(medium(images[0]), window_px=(8, 8, 40, 40))
    prompt = policy.first([user(first, "What is it?")])
    turns = [("zoom(8, 8, 40, 40)", (crop, "This part.")), ("It is é 7.", ("Sure?",))]
    for text, content in turns:
        said = policy.said(text)
        prompt = policy.following(prompt, said, [user(*content)])
    assert prompt.token_ids == policy.first(prompt.messages).token_ids
    assert prompt.media == (first, crop)
    assert prompt.frames[1].window_px == (8.0, 8.0, 40.0, 40.0)
    assert prompt.frames[1].box_to_px(prompt.frames[1].box_from_px((10, 12, 30, 38))) == pytest.approx(
        (10, 12, 30, 38), abs=1
    )


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "internvl", "gemma3"])
def test_the_second_image_is_seen_in_the_second_turn(name, tiny_folders, images):
    policy = loaded(tiny_folders[name], dtype="float64")
    prompt, said = ask(policy, "What is it?", images[0]), policy.said("zoom")
    replies = [policy.following(prompt, said, [user(medium(path), "And?")]) for path in images[1:]]
    plain = PlainSampler(policy).generate(replies, 1, GREEDY, SampleSeed.whole(2))
    for (ours,), (theirs,) in zip(sample(policy, replies, 1, GREEDY), plain, strict=True):
        assert ours.token_ids == theirs.token_ids
    scores = PolicyScorer(policy).logprobs([Turn(reply, said) for reply in replies])
    assert max(abs(a - b) for a, b in zip(*scores, strict=True)) > 1e-6


def test_an_answer_that_was_cut_goes_on_or_is_closed(qwen, images):
    prompt = ask(qwen, "What is it?", images[0])
    *begun, end = qwen.said("so it").token_ids
    cut = qwen.completion(begun, [-1.0] * len(begun), finished=False)
    assert qwen.following(prompt, cut, []).token_ids == (*prompt.token_ids, *begun)
    wait = qwen.following(prompt, cut, [Message("assistant", (" wait,",))])
    assert wait.token_ids == (*prompt.token_ids, *begun, *qwen.said(" wait,").token_ids[:-1])
    assert wait.messages[-1] == Message("assistant", ("so it wait,",))
    closed = qwen.following(prompt, cut, [user("Well?")])
    assert closed.token_ids == qwen.following(prompt, qwen.said("so it"), [user("Well?")]).token_ids
    assert closed.token_ids[len(prompt.token_ids) + len(begun)] == end
    for messages in ([], [Message("assistant", ("more",))]):
        with pytest.raises(InputError, match="has ended cannot go on"):
            qwen.following(prompt, qwen.said("so it"), messages)


REWRITES = {
    "drops the thinking": "{{- (p.text.split('</think>')[-1] if m.role == 'assistant' else p.text) }}",
    "counts the turns": "{{- messages | length ~ p.text }}",
}


@pytest.mark.parametrize("what", REWRITES)
def test_a_template_that_would_rewrite_what_was_said_is_an_error(what, tiny_folders, tmp_path, images):
    folder = tmp_path / "rewriting"
    shutil.copytree(tiny_folders["internvl"], folder)
    template = (folder / "chat_template.jinja").read_text()
    assert "{{- p.text }}" in template
    (folder / "chat_template.jinja").write_text(template.replace("{{- p.text }}", REWRITES[what]))
    policy = loaded(folder)
    prompt = ask(policy, "What is it?", images[0])
    with pytest.raises(ModelError, match="rewrites earlier answers"):
        policy.following(prompt, policy.said("<think>so</think>7"), [user("Sure?")])


# ---- caches and scores


def test_images_are_kept_by_what_is_shown_of_them(qwen, images, monkeypatch):
    read = []
    opened = policy_module.open_image
    monkeypatch.setattr(policy_module, "open_image", lambda shown: (read.append(shown), opened(shown))[1])
    whole = medium(images[0])
    crop, mirrored = replace(whole, window_px=(0, 0, 32, 32)), replace(whole, mirrored=True)
    for shown in (whole, crop, mirrored, whole, crop, mirrored, Image(whole.path, whole.size_wh)):
        assert qwen.image(shown).medium == shown
    assert read == [whole, crop, mirrored]
    assert qwen.image(crop).frame.window_px == (0.0, 0.0, 32.0, 32.0) and qwen.image(mirrored).frame.mirrored
    flat = [qwen.image(m).inputs["pixel_values"] for m in (whole, mirrored)]
    assert not torch.equal(*flat)


def test_caches_hold_the_latest(qwen, images, monkeypatch):
    monkeypatch.setattr(policy_module, "IMAGE_CACHE", 2)
    monkeypatch.setattr(policy_module, "SHOWN_CACHE", 1)
    a, b, c = (qwen.image(medium(path)) for path in images)
    assert qwen.image(medium(images[2])) is c and qwen.image(medium(images[1])) is b
    assert qwen.image(medium(images[0])) is not a
    crops = [replace(medium(images[0]), window_px=(0, 0, 32, n)) for n in (32, 40)]
    kept = qwen.image(crops[0])
    assert qwen.image(crops[0]) is kept
    qwen.image(crops[1])
    assert qwen.image(crops[0]) is not kept
    assert qwen.image(medium(images[1])) is b, "what is shown otherwise pushes no plain image out"


def test_a_frozen_tower_encodes_each_image_once_and_a_twin_shares_it(qwen, images, monkeypatch):
    encoded = []
    encode = QwenVL.encode

    def counted(self, model, some):
        encoded.append(len(some))
        return encode(self, model, some)

    monkeypatch.setattr(QwenVL, "encode", counted)
    shown = [medium(images[0]), replace(medium(images[0]), mirrored=True)]
    for _ in range(2):
        qwen.features([qwen.image(m) for m in (*shown, shown[0])])
    assert encoded == [2]
    qwen.frozen_copy().features([qwen.image(m) for m in shown])
    assert encoded == [2]
    qwen.forget_features()
    qwen.features([qwen.image(m) for m in shown])
    assert encoded == [2, 2]
    qwen.vision_frozen = False
    qwen.frozen_copy().features([qwen.image(shown[0])])
    assert encoded == [2, 2, 1]


def test_a_frozen_copy_does_not_learn(qwen, images):
    prompt, said = ask(qwen, "What is it?", images[0]), qwen.said("7")
    twin = qwen.frozen_copy()
    turn = Turn(prompt, said)
    before = PolicyScorer(twin).logprobs([turn])
    with torch.no_grad():
        qwen.core.lm_head.weight.mul_(1.1)
    assert PolicyScorer(twin).logprobs([turn]) == before != PolicyScorer(qwen).logprobs([turn])
    assert not any(p.requires_grad for p in twin.model.parameters())


def test_turns_are_scored_in_order_whatever_their_prompts(qwen, images):
    prompts = [ask(qwen, q, p) for q, p in (("What is it?", images[0]), ("Is it 7?", images[1]))]
    turns = [Turn(prompts[i], qwen.said(text)) for i, text in ((0, "7"), (1, "no"), (0, "it is"), (1, ""))]
    turns.append(Turn(prompts[0], replace(qwen.said("x"), token_ids=())))
    found = PolicyScorer(qwen, temperature=0.7).logprobs(turns)
    for turn, logprobs in zip(turns, found, strict=True):
        ids = turn.completion.token_ids
        assert len(logprobs) == len(ids)
        if ids:
            alone, _ = AnswerScorer(qwen)([turn.prompt], [ids], 1, 0.7, "plain")
            assert logprobs == pytest.approx(alone[0].tolist(), abs=1e-9)
