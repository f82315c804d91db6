"""Families: images are processed and written as each family's own processor does it, within a budget."""

from __future__ import annotations

import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from transformers import Gemma3Processor, Idefics3Processor
from transformers.models.internvl.processing_internvl import InternVLProcessor
from transformers.models.llava_onevision.processing_llava_onevision import LlavaOnevisionProcessor
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

from architectures import FAMILY_NAMES, ask, loaded, medium, sample
from vrft.errors import InputError, ModelError
from vrft.models.families import FAMILIES
from vrft.models.load_policy import lora_targets, save_policy
from vrft.models.model_options import LoraOptions
from vrft.rollout.logprobs import AnswerScorer
from vrft.types import SamplingParams

SIZES = [(64, 48), (30, 30), (20, 64), (200, 40), (41, 97), (33, 32), (90, 90), (1, 50)]
QUESTION = "  What is the object?\n"


def drawn(folder, size):
    path = folder / f"{size[0]}x{size[1]}.png"
    pixels = np.random.default_rng(size[0]).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def rendered(policy):
    content = [{"type": "image"}, {"type": "text", "text": QUESTION}]
    return policy.tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )


def own_internvl(policy, image):
    """transformers' own writing, unbound: the class itself needs torchvision."""
    given = SimpleNamespace(
        start_image_token="<img>", end_image_token="</img>", image_token="<IMG_CONTEXT>", image_seq_length=4
    )
    found = policy.image_processor(images=[image], crop_to_patches=True)
    return "<IMG_CONTEXT>", InternVLProcessor.replace_image_token(given, found, 0)


def own_llava(policy, image):
    given = SimpleNamespace(
        image_processor=policy.image_processor,
        image_token="<image>",
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_2",
    )
    for name in ("_get_number_of_features", "_get_unpadded_features"):
        setattr(given, name, getattr(LlavaOnevisionProcessor, name).__get__(given))
    found = policy.image_processor(images=[image], return_tensors="pt")
    return "<image>", LlavaOnevisionProcessor.replace_image_token(given, found, 0)


def own_smolvlm(policy, image):
    found = policy.image_processor(images=[image], return_row_col_info=True)
    marks = ("<fake_token_around_image>", "<image>", "<global-img>")
    return "<image>", get_image_prompt_string(found["rows"][0][0], found["cols"][0][0], 4, *marks)


REPLACED = {"internvl": own_internvl, "llava_onevision": own_llava, "smolvlm": own_smolvlm}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", REPLACED)
def test_an_image_is_written_as_the_familys_processor_writes_it(name, size, tiny_folders, tmp_path):
    policy = loaded(tiny_folders[name])
    path = drawn(tmp_path, size)
    marker, expected = REPLACED[name](policy, Image.open(path))
    text = rendered(policy)
    assert text.count(marker) == 1
    ids = policy.tokenizer(text.replace(marker, expected), add_special_tokens=False)["input_ids"]
    assert list(ask(policy, QUESTION, path).token_ids) == ids


@pytest.mark.parametrize("size", SIZES)
def test_idefics3_prompts_are_those_of_its_processor(size, tiny_folders, tmp_path):
    policy = loaded(tiny_folders["idefics3"])
    path = drawn(tmp_path, size)
    processor = Idefics3Processor(policy.image_processor, policy.tokenizer, image_seq_len=4)
    found = processor(images=[Image.open(path)], text=[rendered(policy)], add_special_tokens=False)
    assert list(ask(policy, QUESTION, path).token_ids) == list(found["input_ids"][0])


@pytest.mark.parametrize("size", SIZES)
def test_gemma3_prompts_are_those_of_its_processor(size, tiny_folders, tmp_path):
    policy = loaded(tiny_folders["gemma3"])
    path = drawn(tmp_path, size)
    marks = {"boi": "<start_of_image>", "eoi": "<end_of_image>", "image": "<image_soft_token>"}
    for role, token in marks.items():
        setattr(policy.tokenizer, f"{role}_token", token)
        setattr(policy.tokenizer, f"{role}_token_id", policy.tokenizer.convert_tokens_to_ids(token))
    processor = Gemma3Processor(policy.image_processor, policy.tokenizer, image_seq_length=4)
    found = processor(images=[Image.open(path)], text=[rendered(policy)], add_special_tokens=False)
    assert list(ask(policy, QUESTION, path).token_ids) == list(found["input_ids"][0])


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_features_are_as_many_as_placeholders_and_batches_change_none(name, tiny_folders, tmp_path):
    policy = loaded(tiny_folders[name], dtype="float64")
    found = [policy.image(medium(drawn(tmp_path, size))) for size in SIZES if name in TILED or min(size) > 8]
    together = policy.family.encode(policy.core.model, [policy_inputs(policy, p) for p in found])
    for image, (features, _) in zip(found, together, strict=True):
        prompt = ask(policy, QUESTION, image.medium.path)
        assert features.flatten(0, -2).shape[0] == prompt.token_ids.count(policy.image_token_id)
        ((alone, _),) = policy.family.encode(policy.core.model, [policy_inputs(policy, image)])
        assert torch.allclose(features, alone, atol=1e-9)


TILED = ("internvl", "llava_onevision", "idefics3", "smolvlm", "gemma3")


def policy_inputs(policy, image):
    return {k: v.double() if v.is_floating_point() else v for k, v in image.inputs.items()}


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_an_answers_probability_depends_on_the_image(name, tiny_folders, images):
    policy = loaded(tiny_folders[name], dtype="float64")
    answers = [(11, 12, 13)]
    found = []
    for noise in (0.0, 0.1):
        policy.forget_features()
        policy.image(medium(images[0])).inputs["pixel_values"].add_(noise)
        logprobs, _ = AnswerScorer(policy)([ask(policy, QUESTION, images[0])], answers, 1, 1.0, "shared")
        found.append(logprobs)
    assert (found[0] - found[1]).abs().min() > 1e-6


@pytest.mark.parametrize(("name", "least"), [("internvl", 1), ("llava_onevision", 2), ("idefics3", 1)])
@pytest.mark.parametrize("tiles", [1, 2, 3, 5, 6])
def test_a_budget_holds_for_all_that_the_tower_sees(name, least, tiles, tiny_folders, tmp_path):
    if tiles < least:
        with pytest.raises(ModelError, match=f"{least * 32 * 32} or more"):
            loaded(tiny_folders[name], max_pixels=tiles * 32 * 32)
        return
    policy = loaded(tiny_folders[name], max_pixels=tiles * 32 * 32)
    for size in SIZES:
        path = drawn(tmp_path, size)
        inputs = policy.image(medium(path)).inputs
        assert inputs["pixel_values"].shape[-2:] == (32, 32)
        assert len(inputs["pixel_values"]) <= tiles
        # Model and processor still agree on how many tokens stand for it.
        sample(policy, [ask(policy, QUESTION, path)], 1, SamplingParams(max_new_tokens=1))


@pytest.mark.parametrize("name", ["internvl", "llava_onevision", "idefics3"])
def test_a_least_budget_adds_tiles(name, tiny_folders, tmp_path):
    path = drawn(tmp_path, (30, 30))
    tiles = [
        len(loaded(tiny_folders[name], min_pixels=least).image(medium(path)).inputs["pixel_values"])
        for least in (None, 5 * 32 * 32)
    ]
    assert tiles[1] >= 5
    assert tiles[1] >= tiles[0]


@pytest.mark.parametrize("short", [1, 3, 5])
@pytest.mark.parametrize("name", ["internvl", "llava_onevision", "idefics3", "smolvlm"])
def test_a_prompt_that_does_not_fit_is_given_a_budget_under_which_it_does(
    name, short, tiny_folders, tmp_path
):
    path = drawn(tmp_path, (90, 90))
    policy = loaded(tiny_folders[name])
    room = len(ask(policy, QUESTION, path).token_ids) + 10 - short
    policy.core.get_decoder().config.max_position_embeddings = room
    with pytest.raises(InputError, match="max_pixels") as refused:
        sample(policy, [ask(policy, QUESTION, path)], 1, SamplingParams(max_new_tokens=10))
    budget = int(re.search(r"max_pixels: (\d+)", str(refused.value)).group(1))
    smaller = loaded(tiny_folders[name], max_pixels=budget)
    smaller.core.get_decoder().config.max_position_embeddings = room
    sample(smaller, [ask(smaller, QUESTION, path)], 1, SamplingParams(max_new_tokens=10))


def test_gemma3_promises_no_budget(tiny_folders, images):
    policy = loaded(tiny_folders["gemma3"])
    policy.core.get_decoder().config.max_position_embeddings = 40
    with pytest.raises(InputError, match="No smaller image would do"):
        sample(policy, [ask(policy, QUESTION, images[0])], 1, SamplingParams(max_new_tokens=39))


def test_gemma3_refuses_a_budget_below_its_one_size(tiny_folders):
    with pytest.raises(ModelError, match="1024 or more"):
        loaded(tiny_folders["gemma3"], max_pixels=1000)
    loaded(tiny_folders["gemma3"], max_pixels=1024)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_all_between_pixels_and_features_is_frozen_and_nothing_else(name, tiny_folders, images):
    policy = loaded(tiny_folders[name])
    learned = {n for n, p in policy.model.named_parameters() if p.requires_grad}
    assert learned
    assert all(policy.family.decoder in n or "lm_head" in n for n in learned)
    policy.model.requires_grad_(True)
    policy.vision_frozen = False
    pooled = policy.features([policy.image(medium(images[0]))]).pooler_output
    sum(part.sum() for part in pooled).backward()
    assert not {n for n, p in policy.model.named_parameters() if p.grad is not None} & learned


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_lora_goes_to_the_text_model_of_every_family(name, tiny_folders):
    policy = loaded(tiny_folders[name], lora=LoraOptions(rank=4, alpha=8))
    learned = [n for n, p in policy.model.named_parameters() if p.requires_grad]
    # Seven projections per layer, two layers, two matrices each.
    assert len(learned) == 7 * 2 * 2
    assert all("lora" in n and f"{policy.family.decoder}." in n for n in learned)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_every_linear_layer_of_the_text_model_is_adapted_or_listed_as_left_out(name, tiny_folders):
    """A family whose layers have other names would silently learn a part of what it should."""
    policy = loaded(tiny_folders[name])
    core, family = policy.core, policy.family
    text = {id(m) for m in core.get_decoder().modules()} | {id(core.get_output_embeddings())}
    linear = [n for n, m in core.named_modules() if isinstance(m, nn.Linear) and id(m) in text]
    last = {n.rpartition(".")[2] for n in linear}
    assert last == {*family.adapted, *family.not_adapted}
    assert not {*family.adapted} & {*family.not_adapted}
    matched = [n for n in linear if re.fullmatch(lora_targets(family), n)]
    assert matched == [n for n in linear if n.rpartition(".")[2] in family.adapted]
    others = [n for n, m in core.named_modules() if id(m) not in text]
    assert not [n for n in others if re.fullmatch(lora_targets(family), n)]


def test_every_family_that_the_tests_run_on_is_known_and_the_other_way_round():
    assert set(FAMILY_NAMES) == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_taught_answer_ends_as_the_template_ends_it_and_so_does_a_drawn_one(name, tiny_folders):
    policy = loaded(tiny_folders[name])
    turns = [
        (role, [{"type": "text", "text": text}]) for role, text in (("user", "Is it?"), ("assistant", "Yes"))
    ]
    text = policy.tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in turns], tokenize=False)
    *words, end = policy.said("Yes").token_ids
    assert policy.tokenizer.decode(words) == "Yes"
    assert text.partition("Yes")[2].startswith(policy.tokenizer.decode([end]))
    assert end in policy.end_token_ids


def test_a_processors_own_settings_go_along_with_a_saved_policy(tiny_folders, tmp_path):
    source = tmp_path / "hub"
    shutil.copytree(tiny_folders["llava_onevision"], source)
    own = {"processor_class": "LlavaOnevisionProcessor", "num_image_tokens": 16}
    image_processor = json.loads((source / "preprocessor_config.json").read_text())
    (source / "processor_config.json").write_text(json.dumps(own | {"image_processor": image_processor}))
    policy = loaded(source, max_pixels=5 * 32 * 32)
    saved = save_policy(policy, tmp_path / "saved")
    assert json.loads((saved / "processor_config.json").read_text()) == own
    back = loaded(saved)
    assert back.image_processor.image_grid_pinpoints == policy.image_processor.image_grid_pinpoints
    assert back.image_processor.image_grid_pinpoints == back.core.config.image_grid_pinpoints


def test_a_template_without_a_place_for_images_is_refused(tiny_folders, tmp_path, images):
    folder = tmp_path / "blind"
    shutil.copytree(tiny_folders["internvl"], folder)
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'][1]['text'] }}")
    policy = loaded(folder)
    with pytest.raises(ModelError, match="IMG_CONTEXT"):
        ask(policy, "What?", images[0])
