"""Changed images on their way through a policy and a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from painting import EXAMPLE, asking
from PIL import Image as PILImage

from vrft.config.run_config import make_config
from vrft.data.augment import AugmentOptions, augmented
from vrft.data.images import open_image
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.policy import SHOWN_CACHE, Policy
from vrft.rollout.driver import prompts_for
from vrft.run_folder import RunFolder
from vrft.types import Boxes, Image
from vrft.workflows.train import train_run

ALL = dict.fromkeys(AugmentOptions.model_fields, 1.0)


def policy_in(folder):
    return load_policy(ModelOptions(path=str(folder), device="cpu"))


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 255, (100, 140, 3), dtype=np.uint8)
    PILImage.fromarray(noise).save(path)
    asked = asking(size_wh=(140, 100), boxes=[(30.0, 20.0, 80.0, 70.0)])
    return replace(asked, media=(Image(path, (140, 100)),))


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_a_changed_image_is_as_one_that_was_saved_so(name, tiny_folders, example, tmp_path):
    policy = policy_in(tiny_folders[name])
    changed = augmented(example, AugmentOptions(**ALL), 0, 0)
    image = changed.image
    assert image.window_px and image.resized_wh and image.mirrored and image.edits
    path = tmp_path / "saved.png"
    open_image(image).save(path)
    saved = replace(changed, media=(Image(path, image.shown_wh),))
    ours, theirs = prompts_for(policy, [changed, saved])
    assert ours.token_ids == theirs.token_ids
    # The same numbers name the same place in both files.
    (own,), (other,) = ours.frames, theirs.frames
    assert own.input_wh == other.input_wh and other.window_px == (0.0, 0.0, *map(float, image.shown_wh))
    assert own.window_px == tuple(map(float, image.window_px)) and own.mirrored
    for target in changed.target.xyxy_px:
        written = own.box_from_px(target)
        assert own.box_to_px(written) == pytest.approx(target, abs=max(own.step_px))
    one, two = policy.image(image), policy.image(saved.image)
    for key, value in two.inputs.items():
        assert torch.equal(value, one.inputs[key])
    (first,), (second,) = (policy.features([shown]).pooler_output for shown in (one, two))
    assert torch.equal(first, second)


def test_an_image_and_its_changed_selves_are_not_mistaken_for_each_other(tiny_folders, example):
    policy = policy_in(tiny_folders["qwen3_vl"])
    color = AugmentOptions(color=1.0)
    media = [example.image, *(augmented(example, color, 0, place).image for place in range(2))]
    images = [policy.image(medium) for medium in media]
    parts = policy.features(images).pooler_output
    alone = [policy.features([image]).pooler_output[0] for image in images]
    assert all(torch.equal(a, b) for a, b in zip(parts, alone, strict=True))
    assert not torch.equal(alone[0], alone[1]) and not torch.equal(alone[1], alone[2])


def test_changed_images_are_encoded_once_and_push_no_original_out_of_memory(
    tiny_folders, example, monkeypatch
):
    policy = policy_in(tiny_folders["qwen3_vl"])
    encoded = []
    encode = type(policy.family).encode

    def spy(family, model, inputs):
        encoded.append(len(inputs))
        return encode(family, model, inputs)

    monkeypatch.setattr(type(policy.family), "encode", spy)
    kept = policy.image(example.image)
    policy.features([kept])
    options = AugmentOptions(**ALL)
    changed = [policy.image(augmented(example, options, 0, n).image) for n in range(3)]
    policy.features(changed)
    policy.features([*changed[:1], kept, *changed[1:]])
    assert encoded == [1, 3]
    for n in range(3, SHOWN_CACHE + 3):
        policy._features.put(augmented(example, options, 0, n).image, ("of another step",))
    assert policy._features.get(changed[0].medium) is None
    policy.features([kept])
    assert encoded == [1, 3]


@pytest.mark.parametrize("method", ["rft", "sft"])
def test_training_images_are_changed_and_no_other(method, tiny_folders, tmp_path, monkeypatch):
    examples = []
    for index in range(5):
        path = tmp_path / f"{index}.png"
        noise = np.random.default_rng(index).integers(0, 255, (80, 80, 3), dtype=np.uint8)
        PILImage.fromarray(noise).save(path)
        target = Boxes(((10.0, 10.0, 60.0, 60.0),))
        shown = (Image(path, (80, 80)),)
        examples.append(replace(EXAMPLE, id=str(index), record_id=str(index), media=shown, target=target))
    seen: list[Image] = []
    processed = Policy._processed
    monkeypatch.setattr(
        Policy, "_processed", lambda self, medium: seen.append(medium) or processed(self, medium)
    )
    config = make_config(
        {
            "method": method,
            "task": "detection",
            "form": "direct",
            "model": {"path": str(tiny_folders["qwen3_vl"]), "device": "cpu"},
            "data": {"path": "unused"},
            "augment": ALL,
            "rollout": {"group_size": 2, "max_new_tokens": 4, "resample": 1},
            "optim": {"steps": 2, "prompts_per_step": 3},
            "checks": {"validate_every": 1},
        }
    )
    train_run(config, RunFolder(tmp_path / "run"), examples[:4], examples[4:])
    changed = [image for image in seen if not image.is_plain]
    # No answer of a random policy is rewarded, so RFT draws three further questions per step.
    expected = {"sft": 2 * 3, "rft": 2 * (3 + 3)}[method]
    assert len(changed) == len(set(changed)) == expected
    assert {image.path for image in changed} <= {e.image.path for e in examples[:4]}
    assert examples[4].image in seen
    assert sorted(p.name for p in tmp_path.iterdir()) == [*(f"{n}.png" for n in range(5)), "run"]
