"""Samplers behind one protocol: by name, alike, and drawing by seed and place alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as Pixels
from scipy.stats import chi2_contingency

from architectures import FAMILY_NAMES, ask, loaded, medium, prompts_of, sample
from vrft.errors import ConfigError, InputError
from vrft.miniature.scenes import draw_scene
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout.driver import prompts_for, roll_out
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.plain import PlainSampler
from vrft.rollout.rollout_options import RolloutOptions
from vrft.rollout.sampler import SAMPLERS, SERVED, load_sampler
from vrft.rollout.scripted import CharacterRenderer, ScriptedSampler
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler, uniform_numbers
from vrft.types import Example, Message, SampleSeed, SamplingParams

CPU = torch.device("cpu")
HERE = [name for name in SAMPLERS if name != SERVED]
"""What tests/served says of servers is the same."""


@pytest.fixture(params=FAMILY_NAMES)
def policy(request, tiny_folders):
    return loaded(tiny_folders[request.param], dtype="float64")


@pytest.fixture
def qwen(tiny_folders):
    return loaded(tiny_folders["qwen3_vl"], dtype="float64")


def assert_alike(ours, theirs):
    for group, other in zip(ours, theirs, strict=True):
        for a, b in zip(group, other, strict=True):
            assert replace(a, logprobs=()) == replace(b, logprobs=())
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)


def test_greedy_answers_of_the_plain_sampler_are_those_of_the_shared_one(policy, images):
    prompts = prompts_of(policy, images)
    greedy = SamplingParams(temperature=0, max_new_tokens=24)
    plain = PlainSampler(policy).generate(prompts, 2, greedy, SampleSeed.whole(2))
    assert_alike(plain, sample(policy, prompts, 2, greedy))


def test_the_plain_samplers_logprobs_are_those_of_the_scorer(policy, images):
    prompts = prompts_of(policy, images)
    params = SamplingParams(3.0, max_new_tokens=40, min_new_tokens=3)
    groups = PlainSampler(policy).generate(prompts, 16, params, SampleSeed.whole(2, seed=4))
    assert any(a.finished for group in groups for a in group)
    for prompt, group in zip(prompts, groups, strict=True):
        assert len({a.token_ids for a in group}) > 1
        logprobs, _ = AnswerScorer(policy)([prompt], [a.token_ids for a in group], 16, 3.0, "plain")
        for row, a in enumerate(group):
            assert 3 < len(a.token_ids) == len(a.logprobs) <= 40
            assert (a.token_ids[-1] in policy.end_token_ids) == a.finished
            assert not set(a.token_ids) & set(policy.placeholder_ids)
            assert a.logprobs == pytest.approx(logprobs[row, : len(a.token_ids)].tolist(), abs=1e-4)


def test_both_draw_from_one_distribution(qwen, images):
    """Second tokens too: the first decides much of them."""
    prompt, n = prompts_of(qwen, images)[0], 1500
    params = SamplingParams(1.3, top_p=0.8, top_k=12, max_new_tokens=2)
    drawn = [
        [a.token_ids for a in sampler.generate([prompt], n, params, SampleSeed.whole(1, seed=3))[0]]
        for sampler in (SharedPromptSampler(qwen), PlainSampler(qwen))
    ]
    counts = [[own.count(answer) for answer in set(drawn[0] + drawn[1])] for own in drawn]
    common = [pair for pair in zip(*counts, strict=True) if sum(pair) >= 10]
    assert len(common) > 5
    assert chi2_contingency(torch.tensor(common).T.numpy()).pvalue > 1e-4


def test_nothing_is_inherited_from_a_releases_generation_config(qwen, images):
    prompts = prompts_of(qwen, images)
    params = SamplingParams(1.0, max_new_tokens=12)
    before = PlainSampler(qwen).generate(prompts, 3, params, SampleSeed.whole(2, seed=1))
    config = qwen.core.generation_config
    config.repetition_penalty, config.temperature, config.top_k, config.no_repeat_ngram_size = 9.0, 0.1, 1, 1
    assert PlainSampler(qwen).generate(prompts, 3, params, SampleSeed.whole(2, seed=1)) == before
    assert qwen.core.generation_config is config


@pytest.mark.parametrize("kind", [SharedPromptSampler, PlainSampler])
def test_what_is_drawn_depends_on_seed_and_place_alone(kind, qwen, images):
    """Batches, their order, and processes that draw other parts decide nothing."""
    prompts = [ask(qwen, q, p) for q in ("What is it?", "Is it 7?") for p in images]
    params = SamplingParams(2.0, max_new_tokens=10)
    whole = kind(qwen).generate(prompts, 3, params, SampleSeed.whole(6, seed=5))
    places = (4, 0, 5)
    some = kind(qwen).generate([prompts[i] for i in places], 3, params, SampleSeed(5, places, 6))
    assert_alike(some, [whole[i] for i in places])
    assert kind(qwen).generate(prompts, 3, params, SampleSeed.whole(6, seed=6)) != whole


def test_the_numbers_of_some_places_are_columns_of_the_whole_lists():
    generator = torch.Generator().manual_seed(9)
    expected = torch.rand((7, 5 * 2), generator=generator)
    assert torch.equal(uniform_numbers(SampleSeed.whole(5, 9), 2, 7, CPU), expected)
    assert torch.equal(uniform_numbers(SampleSeed(9, (2, 3), 5), 2, 7, CPU), expected[:, 4:8])
    assert torch.equal(uniform_numbers(SampleSeed(9, (4, 1), 5), 2, 7, CPU), expected[:, [8, 9, 2, 3]])


def test_prompts_encoded_with_gradient_serve_drawing_and_one_backward_pass(policy, images):
    prompts = prompts_of(policy, images)
    sampler, params = SharedPromptSampler(policy, share_images=False), SamplingParams(max_new_tokens=8)
    encoded = sampler.encode(prompts)
    assert not policy.model.training
    groups = sampler.generate(prompts, 2, params, SampleSeed.whole(2, seed=1), encoded)
    assert_alike(groups, sample(policy, prompts, 2, params, seed=1))
    answers = [a.token_ids for group in groups for a in group]
    found = {}
    for reused in (encoded, None):
        logprobs, _ = AnswerScorer(policy)(prompts, answers, 2, 1.0, "shared", reused)
        logprobs.sum().backward()
        found[reused is None] = [p.grad.clone() for p in policy.model.parameters() if p.grad is not None]
        policy.model.zero_grad()
    assert all(torch.equal(a, b) for a, b in zip(found[True], found[False], strict=True))


def test_prefill_with_gradient_goes_through_the_scorer(qwen, images):
    """Whoever wraps the scorer sees every gradient pass."""
    scorer = AnswerScorer(qwen)
    seen = []
    scorer.register_forward_hook(lambda module, arguments, output: seen.append(len(arguments)))
    prompts = prompts_of(qwen, images)
    sampler = SharedPromptSampler(qwen, scorer=scorer)
    encoded = sampler.encode(prompts)
    sampler.generate(prompts, 2, SamplingParams(max_new_tokens=2), SampleSeed.whole(2), encoded)
    assert seen == [1]
    assert encoded.last_PH.requires_grad


def test_attention_that_cannot_share_prompts_encodes_none(tiny_folders, images):
    policy = loaded(tiny_folders["qwen3_vl"], attention="eager")
    assert SharedPromptSampler(policy).encode(prompts_of(policy, images)) is None
    assert PlainSampler(policy).encode(prompts_of(policy, images)) is None


@pytest.mark.parametrize("name", HERE)
def test_completions_say_which_weights_sampled_them_and_stop_texts_are_refused(name, qwen, images):
    sampler = load_sampler(name, qwen)
    prompts = prompts_of(qwen, images)
    assert sampler.generate([], 2, SamplingParams(), SampleSeed.whole(0)) == []
    sampler.sync(qwen, 7)
    (group, _) = sampler.generate(prompts, 2, SamplingParams(max_new_tokens=2), SampleSeed.whole(2))
    assert {said.policy_version for said in group} == {7}
    with pytest.raises(InputError, match=f"{name}.*END"):
        sampler.generate(prompts, 2, SamplingParams(stop=("END",)), SampleSeed.whole(2))
    sampler.close()


class Own(ScriptedSampler):
    """A sampler of a user."""

    def __init__(self, policy):
        super().__init__("own")
        self.policy = policy


def test_a_configuration_names_its_sampler(qwen):
    assert RolloutOptions().sampler == "shared_prompt"
    params = RolloutOptions(temperature=0.7, top_p=0.5, top_k=3, max_new_tokens=9, min_new_tokens=2).params()
    assert params == SamplingParams(0.7, 0.5, 3, 9, 2)
    assert type(load_sampler("plain", qwen)) is PlainSampler
    assert not load_sampler("shared_prompt", qwen, share_images=False).share_images
    own = load_sampler(f"{__file__}:Own", qwen)
    assert own.policy is qwen and own.texts == ("own",)
    with pytest.raises(ConfigError, match=r"'vlm'.*Did you mean 'vllm'.*shared_prompt, plain, vllm"):
        load_sampler("vlm", qwen)
    with pytest.raises(ConfigError, match="nowhere:Sampler"):
        load_sampler("nowhere:Sampler", qwen)


def test_a_script_is_said_in_turn_or_by_seed_and_place(images):
    renderer = CharacterRenderer()
    prompts = [renderer.first([Message("user", (medium(images[0]), f"{i}?"))]) for i in range(6)]
    in_turn = ScriptedSampler("a", "b", "c")
    said = in_turn.generate(prompts[:2], 2, SamplingParams(), SampleSeed.whole(2))
    assert [[s.text for s in group] for group in said] == [["a", "b"], ["c", "a"]]
    assert in_turn.asked == prompts[:2]
    by_chance = [ScriptedSampler("a", "b", "c", by_chance=True) for _ in range(2)]
    whole = by_chance[0].generate(prompts, 3, SamplingParams(), SampleSeed.whole(6, seed=1))
    assert len({s.text for group in whole for s in group}) == 3
    some = by_chance[1].generate([prompts[5], prompts[2]], 3, SamplingParams(), SampleSeed(1, (5, 2), 6))
    assert some == [whole[5], whole[2]]
    with pytest.raises(ValueError, match="1 places for 2"):
        in_turn.generate(prompts[:2], 1, SamplingParams(), SampleSeed.whole(1))


def test_a_conversation_of_characters_keeps_what_was_said(images):
    renderer = CharacterRenderer()
    first = renderer.first([Message("user", (medium(images[0]), "how?"))])
    said = renderer.said("so")
    following = renderer.following(first, said, [Message("user", ("and", medium(images[1])))])
    assert following.token_ids == (*first.token_ids, *said.token_ids, *map(ord, "and#"))
    assert [frame.window_px[2:] for frame in following.frames] == [(64.0, 48.0), (40.0, 64.0)]
    assert following.media == (medium(images[0]), medium(images[1]))
    assert [m.role for m in following.messages] == ["user", "assistant", "user"]
    assert said.span_logprob((0, 2)) == -0.1


@pytest.mark.parametrize("name", HERE)
def test_an_answer_that_was_begun_goes_on_as_the_policy_wrote_it(name, tmp_path):
    """The likeliest answer's first third, or two thirds, are shown: what follows is its rest."""
    policy = load_policy(ModelOptions(path="miniature"))
    examples = []
    for number in range(6):
        scene = draw_scene(np.random.default_rng([7, number // 2]), "train", ("seven", "circle"), (1, 1))
        Pixels.fromarray(scene.pixels).save(tmp_path / f"{number // 2}.png")
        shown = medium(tmp_path / f"{number // 2}.png")
        examples.append(Example(str(number), str(number), "classification", (shown,), "shape"))
    sampler, draw = load_sampler(name, policy), SampleSeed.whole(len(examples))
    greedy = SamplingParams(temperature=0, max_new_tokens=64)
    whole = [one for (one,) in roll_out(sampler, policy, examples, 1, greedy, draw)]
    ends = [one.completion.ends for one in whole]
    cuts = [own[len(own) * (1 + number % 2) // 3] for number, own in enumerate(ends)]
    begun = [one.completion.text[:cut] for one, cut in zip(whole, cuts, strict=True)]
    prompts = prompts_for(policy, examples, begun)
    resumed = [one for (one,) in roll_out(sampler, policy, examples, 1, greedy, draw, prompts=prompts)]
    for one, other, cut, prompt in zip(whole, resumed, cuts, prompts, strict=True):
        assert other.completion.text == one.completion.text[cut:]
        assert (other.answer.value, other.answer.thinking) == (one.answer.value, one.answer.thinking)
        assert prompt.token_ids[: len(one.turns[0].prompt.token_ids)] == one.turns[0].prompt.token_ids
    assert any("</think>" in text for text in begun)
