"""Prompts of one, two and three images, alone and in one batch, are those of each family's own processor."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from transformers import BatchFeature, Gemma3Processor, Idefics3Processor
from transformers.models.internvl.processing_internvl import InternVLProcessor
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor

from architectures import FAMILY_NAMES, UNREAD, loaded, medium
from vrft.rollout.hidden_states import HIDDEN
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.prompt_batch import prompt_batch
from vrft.types import Message

SEVERAL = tuple(name for name in FAMILY_NAMES if name != "llava_onevision")
COUNTS = (1, 2, 3)
SIZES = [(64, 48), (41, 97), (90, 90)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shown")
    paths = []
    for number, size in enumerate(SIZES):
        paths.append(folder / f"{number}.png")
        pixels = torch.randint(0, 255, (size[1], size[0], 3), generator=torch.Generator().manual_seed(number))
        Image.fromarray(pixels.to(torch.uint8).numpy()).save(paths[-1])
    return paths


def prompt_of(policy, paths):
    return policy.first([Message("user", (*map(medium, paths), "What moves?"))])


def template_text(policy, count):
    content = [{"type": "image"}] * count + [{"type": "text", "text": "What moves?"}]
    messages = [{"role": "user", "content": content}]
    return policy.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def processors_own(name, policy, paths):
    """Token ids and image inputs of transformers' processor of the family, or of its methods, unbound, where
    the class wants torchvision."""
    images, tokenizer = [Image.open(path) for path in paths], policy.tokenizer
    text = template_text(policy, len(paths))
    if name in ("idefics3", "smolvlm"):
        own = Idefics3Processor(policy.image_processor, tokenizer, image_seq_len=4)
        return own(images=[images], text=[text], add_special_tokens=False)
    if name == "gemma3":
        marks = {"boi": "<start_of_image>", "eoi": "<end_of_image>", "image": "<image_soft_token>"}
        for role, token in marks.items():
            setattr(tokenizer, f"{role}_token", token)
            setattr(tokenizer, f"{role}_token_id", tokenizer.convert_tokens_to_ids(token))
        own = Gemma3Processor(policy.image_processor, tokenizer, image_seq_length=4)
        return own(images=[images], text=[text], add_special_tokens=False)
    found = policy.image_processor(images=images, return_tensors="pt")
    mark = tokenizer.decode(policy.image_token_id)
    given = SimpleNamespace(image_token=mark, image_processor=policy.image_processor)
    method = Qwen2VLProcessor.replace_image_token
    if name == "internvl":
        given.start_image_token, given.end_image_token, given.image_seq_length = "<img>", "</img>", 4
        method = InternVLProcessor.replace_image_token
        found = policy.image_processor(images=images, crop_to_patches=True, return_tensors="pt")
    parts = text.split(mark)
    written = parts[0] + "".join(method(given, found, place) + part for place, part in enumerate(parts[1:]))
    return BatchFeature({"input_ids": [tokenizer(written, add_special_tokens=False)["input_ids"]], **found})


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", SEVERAL)
def test_ids_and_inputs_are_those_of_the_familys_processor(name, count, tiny_folders, shown):
    policy = loaded(tiny_folders[name])
    paths = shown[:count]
    own = processors_own(name, policy, paths)
    prompt = prompt_of(policy, paths)
    assert list(prompt.token_ids) == list(own["input_ids"][0])
    ours = policy.model_inputs(policy.images_of([prompt]))
    for key, value in ours.items():
        theirs = torch.as_tensor(own[key]).reshape(-1)
        assert torch.equal(value.reshape(-1).to(theirs.dtype), theirs), key
    assert set(ours) <= set(own) and not set(ours) & set(UNREAD)


@pytest.mark.parametrize("name", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_positions_of_a_mixed_batch_are_the_models_own_of_each_prompt(name, tiny_folders, shown):
    policy = loaded(tiny_folders[name])
    prompts = [prompt_of(policy, shown[:count]) for count in (2, 1, 3)]
    batch = prompt_batch(policy, prompts)
    for row, (prompt, count) in enumerate(zip(prompts, (2, 1, 3), strict=True)):
        ids = torch.tensor([prompt.token_ids])
        images = [Image.open(path) for path in shown[:count]]
        own = policy.core.model.get_rope_index(
            ids,
            mm_token_type_ids=(ids == policy.image_token_id).int(),
            image_grid_thw=policy.image_processor(images=images, return_tensors="pt")["image_grid_thw"],
        )[0]
        assert torch.equal(batch.position_ids[:, row, -ids.shape[1] :], own[:, 0])
        assert int(batch.next_position_P[row]) == int(own.max()) + 1


@pytest.mark.parametrize("name", SEVERAL)
def test_a_prompt_is_scored_alike_alone_and_among_prompts_of_other_numbers_of_images(
    name, tiny_folders, shown
):
    policy = loaded(tiny_folders[name], dtype="float64")
    prompts = [prompt_of(policy, shown[:count]) for count in (3, 1, 2)]
    answers = [(11, 12, 13), (14, 15), (16,)]
    for method in HIDDEN:
        together, mask = AnswerScorer(policy)(prompts, answers, 1, 1.0, method)
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            alone, _ = AnswerScorer(policy)([prompt], [answer], 1, 1.0, method)
            assert torch.allclose(together[row][mask[row]], alone[0], atol=1e-8), method


@pytest.mark.parametrize("name", SEVERAL)
def test_a_whole_forward_pass_of_transformers_agrees(name, tiny_folders, shown):
    """The processor's own tensors through the model's own forward pass give our log-probabilities."""
    policy = loaded(tiny_folders[name], dtype="float64")
    own = processors_own(name, policy, shown)
    answer = (11, 12, 13)
    ids = torch.tensor([[*own["input_ids"][0], *answer]])
    inputs = {k: torch.as_tensor(v) for k, v in own.items() if k not in ("input_ids", "attention_mask")}
    inputs = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items() if k not in UNREAD}
    if types := policy.family.token_types:
        inputs[types] = (ids == policy.image_token_id).int()
    with torch.no_grad():
        logits = policy.core(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs).logits[0]
    theirs = torch.log_softmax(logits[-4:-1], -1)[torch.arange(3), torch.tensor(answer)]
    ours, mask = AnswerScorer(policy)([prompt_of(policy, shown)], [answer], 1)
    assert torch.allclose(ours[mask], theirs, atol=1e-6)
