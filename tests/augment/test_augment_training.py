"""Changed pictures on their way through a policy and a run."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from painting import EXAMPLE, asking, edited
from PIL import Image

from vrft.config.run_config import make_config
from vrft.data.augment import DRAWS, augmented
from vrft.data.images import open_rgb
from vrft.models.load_policy import load_policy
from vrft.models.policy import Policy
from vrft.rollout.prompting import prompts_for
from vrft.run_folder import RunFolder
from vrft.tasks.task import load_task
from vrft.training.train import train_run
from vrft.types import BoxesTarget, Form

ALL = dict.fromkeys(DRAWS, 1.0)


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 255, (100, 140, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return replace(asking(image_wh=(140, 100), boxes=[(30.0, 20.0, 80.0, 70.0)]), image=path)


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl"])
def test_a_changed_picture_is_as_one_that_was_saved_so(name, tiny_folders, example, tmp_path):
    policy, task = load_policy(str(tiny_folders[name]), device="cpu"), load_task("detection")
    changed = augmented(example, ALL, 0, 0)
    assert len(changed.edits) == 4
    path = tmp_path / "saved.png"
    edited(open_rgb(example.image), changed).save(path)
    saved = replace(changed, image=path, edits=())
    (ours,), (theirs,) = (prompts_for(policy, task, [e], Form.DIRECT) for e in (changed, saved))
    assert ours.token_ids == theirs.token_ids
    assert ours.picture.view == theirs.picture.view
    assert ours.picture.view.original_wh == changed.image_wh
    for key, value in theirs.picture.inputs.items():
        assert torch.equal(value, ours.picture.inputs[key])
    (one,), (other,) = (policy.features([p.picture]).pooler_output for p in (ours, theirs))
    assert torch.equal(one, other)


def test_a_picture_and_its_changed_selves_are_not_mistaken_for_each_other(tiny_folders, example):
    policy = load_policy(str(tiny_folders["qwen3_vl"]), device="cpu")
    edits = [(), *(augmented(example, {"colour": 1.0}, 0, place).edits for place in range(2))]
    pictures = [policy.picture(example.image, e) for e in edits]
    parts = policy.features(pictures).pooler_output
    alone = [policy.features([picture]).pooler_output[0] for picture in pictures]
    assert all(torch.equal(a, b) for a, b in zip(parts, alone, strict=True))
    assert not torch.equal(alone[0], alone[1]) and not torch.equal(alone[1], alone[2])


def test_changed_pictures_are_encoded_once_and_leave_memory_with_their_step(
    tiny_folders, example, monkeypatch
):
    policy = load_policy(str(tiny_folders["qwen3_vl"]), device="cpu")
    encoded = []
    encode = Policy._encode
    monkeypatch.setattr(
        Policy, "_encode", lambda self, pictures: encoded.append(pictures) or encode(self, pictures)
    )
    kept = policy.picture(example.image)
    policy.features([kept])
    changed = [policy.picture(example.image, augmented(example, ALL, 0, n).edits) for n in range(3)]
    policy.features(changed)
    policy.features([*changed[:1], kept, *changed[1:]])
    assert [len(pictures) for pictures in encoded] == [1, 3]
    assert len(policy._edited_features) == 3
    del changed
    encoded.clear()
    gc.collect()
    assert len(policy._edited_features) == 0
    assert list(policy._pictures) == list(policy._features) == [example.image]


@pytest.mark.parametrize("kind", ["rft", "sft"])
def test_training_pictures_are_changed_and_no_other(kind, tiny_folders, tmp_path, monkeypatch):
    examples = []
    for index in range(5):
        path = tmp_path / f"{index}.png"
        noise = np.random.default_rng(index).integers(0, 255, (80, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        target = BoxesTarget(((10.0, 10.0, 60.0, 60.0),))
        examples.append(replace(EXAMPLE, id=str(index), image=path, image_wh=(80, 80), target=target))
    seen = []
    picture = Policy.picture

    def spy(self, path, edits=()):
        seen.append((path, edits))
        return picture(self, path, edits)

    monkeypatch.setattr(Policy, "picture", spy)
    config = make_config(
        {
            "kind": kind,
            "model": {"path": str(tiny_folders["qwen3_vl"]), "device": "cpu"},
            "data": {"path": "unused"},
            "augment": ALL,
            "prompt": {"form": "direct"},
            "rollout": {"group_size": 2, "max_new_tokens": 4, "resample": 1},
            "optim": {"steps": 2, "prompts_per_step": 3},
            "checks": {"validate_every": 1},
        }
    )
    folder = RunFolder(tmp_path / "run")
    train_run(config, folder, examples[:4], examples[4:])
    changed = [(path, edits) for path, edits in seen if edits]
    # No answer of a random policy earns anything, so RFT draws three further questions a step.
    expected = {"sft": 2 * 3, "rft": 2 * (3 + 3)}[kind]
    assert len(changed) == len({edits for _, edits in changed}) == expected
    assert {path for path, _ in changed} <= {e.image for e in examples[:4]}
    assert (examples[4].image, ()) in seen
    assert sorted(p.name for p in tmp_path.iterdir()) == [*(f"{n}.png" for n in range(5)), "run"]
