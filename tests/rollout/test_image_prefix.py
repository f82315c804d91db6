"""Prompts of one image that are encoded together give what each gives by itself, for every family."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch

from architectures import FAMILY_NAMES, ask, loaded, sample
from vrft.rollout.shared_prompt import decoders, image_prefix
from vrft.rollout.shared_prompt.decoders import decoder_of
from vrft.rollout.shared_prompt.image_prefix import Beginning, beginnings_of, prefill_together
from vrft.rollout.shared_prompt.prefill import prefill
from vrft.types import SamplingParams

CATEGORIES = ("seven", "7", "0 1 2 3 4 5 6 7 8 9 0 1 2 3", "eight")
ASKED = ((0, 0), (1, 1), (0, 2), (2, 3), (1, 0), (0, 3), (0, 3))
"""Image and category of each prompt: images mixed, the third asked about once, one question twice."""


@pytest.fixture(params=[*FAMILY_NAMES, "gemma3 behind a window of 8"])
def policy(request, tiny_folders, tmp_path):
    name, _, narrow = request.param.partition(" ")
    folder = tiny_folders[name]
    if narrow:
        folder = shutil.copytree(folder, tmp_path / "narrow")
        config = json.loads((folder / "config.json").read_text())
        config["text_config"]["sliding_window"] = 8
        (folder / "config.json").write_text(json.dumps(config))
    return loaded(folder, dtype="float64")


@pytest.fixture
def qwen(tiny_folders):
    return loaded(tiny_folders["qwen3_vl"], dtype="float64")


def prompts_of(policy, images, asked=ASKED):
    return [
        ask(policy, f"Detect all objects belonging to the category '{CATEGORIES[c]}'", images[p])
        for p, c in asked
    ]


@torch.no_grad()
def test_keys_values_and_last_states_are_those_of_every_prompt_by_itself(policy, images):
    prompts = prompts_of(policy, images)
    assert len({len(p.token_ids) for p in prompts}) >= 3
    beginnings = beginnings_of(policy, prompts)
    assert beginnings is not None and sorted(len(one.rows) for one in beginnings) == [1, 2, 4]
    together, apart = prefill_together(policy, prompts, beginnings), prefill(policy, prompts)
    for name in ("ids_PT", "mask_PT", "position_ids", "next_position_P"):
        assert torch.equal(getattr(together.batch, name), getattr(apart.batch, name))
    assert together.batch.prompts == apart.batch.prompts and together.prompt.starts == apart.prompt.starts
    assert (together.last_PH - apart.last_PH).abs().max() < 1e-6 * apart.last_PH.abs().max()
    assert together.prompt.layers.keys() == apart.prompt.layers.keys()
    real = apart.batch.mask_PT.bool()
    for layer, pair in apart.prompt.layers.items():
        for found, wanted in zip(together.prompt.layers[layer], pair, strict=True):
            assert found.shape == wanted.shape and found.isfinite().all()
            gap = (found - wanted).transpose(1, 2)[real].abs().max()
            assert gap < 1e-6 * wanted.abs().max()


def test_answers_are_the_same_either_way(policy, images):
    prompts = prompts_of(policy, images)
    for sampling in (
        SamplingParams(temperature=0, max_new_tokens=12),
        SamplingParams(3.0, max_new_tokens=20),
    ):
        together, apart = (sample(policy, prompts, 2, sampling, 7, share_images=way) for way in (True, False))
        for ours, theirs in zip(together, apart, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                assert a.token_ids == b.token_ids and a.finished == b.finished
                assert a.logprobs == pytest.approx(b.logprobs, abs=1e-6)


def test_a_beginning_is_what_all_prompts_of_an_image_have_in_common(qwen, images):
    prompts = prompts_of(qwen, images)
    for one in beginnings_of(qwen, prompts):
        ids = [prompts[row].token_ids for row in one.rows]
        assert len({prompts[row].media for row in one.rows}) == 1
        assert len({i[: one.length] for i in ids}) == 1
        assert len({i[: one.length + 1] for i in ids}) > 1 or one.length + 1 == min(map(len, ids))
        assert qwen.image_token_id not in {token for i in ids for token in i[one.length :]}


def test_where_nothing_is_common_or_too_little_is_saved_prompts_stay_apart(qwen, images, monkeypatch):
    assert beginnings_of(qwen, prompts_of(qwen, images, [(0, 0), (1, 0), (2, 0)])) is None
    once_more = [(0, 0), (1, 0), (2, 0), (0, 1)]
    monkeypatch.setattr(image_prefix, "LEAST_SAVED", 0.3)
    assert beginnings_of(qwen, prompts_of(qwen, images, once_more)) is None
    monkeypatch.setattr(image_prefix, "LEAST_SAVED", 0.0)
    assert beginnings_of(qwen, prompts_of(qwen, images, once_more)) is not None


def test_a_question_before_its_image_cannot_be_shared(qwen, images):
    one, two, *_ = prompts_of(qwen, images, [(0, 0), (0, 1)])
    assert beginnings_of(qwen, [one, two]) is not None
    turned = [replace(p, token_ids=(20 + n, *p.token_ids)) for n, p in enumerate((one, two))]
    assert beginnings_of(qwen, turned) is None


def test_equal_prompts_keep_one_token_of_their_own(qwen, images):
    (one,) = prompts_of(qwen, images, [(0, 0)])
    assert beginnings_of(qwen, [one] * 3) == [Beginning((0, 1, 2), len(one.token_ids) - 1)]


def test_sampling_takes_it_and_training_does_not(qwen, images, monkeypatch):
    taken = []

    def counted(*arguments):
        taken.append(len(arguments[1]))
        return prefill_together(*arguments)

    monkeypatch.setattr(decoders, "prefill_together", counted)
    prompts = prompts_of(qwen, images)
    sample(qwen, prompts, 1, SamplingParams(max_new_tokens=2))
    assert taken == [len(prompts)]
    sample(qwen, prompts, 1, SamplingParams(max_new_tokens=2), share_images=False)
    sample(qwen, prompts, 1, SamplingParams(max_new_tokens=2), encoded=prefill(qwen, prompts))
    decoder_of(qwen, prompts, 1, 2)  # gradient is on
    qwen.model.set_attn_implementation({"text_config": "sdpa"})
    sample(qwen, prompts, 1, SamplingParams(max_new_tokens=2))
    assert taken == [len(prompts)]


def test_each_beginning_runs_through_the_model_once(qwen, images):
    """Tokens that the text model sees: the beginnings, padded alike, and every rest."""
    prompts = prompts_of(qwen, images)
    beginnings = beginnings_of(qwen, prompts)
    seen = []
    layer = qwen.core.get_decoder().layers[0]
    hook = layer.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[:2]))
    prefill_together(qwen, prompts, beginnings)
    hook.remove()
    rests = sum(len(prompts[row].token_ids) - one.length for one in beginnings for row in one.rows)
    assert [tuple(shape) for shape in seen] == [(3, max(one.length for one in beginnings)), (1, rests)]
