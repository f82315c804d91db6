"""The architecture is that of the shipped weights, and other widths are the same model, narrower or wider."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import Qwen3VLForConditionalGeneration

from miniature_training.architecture import build_miniature, miniature_config
from miniature_training.pretrain import take_tower
from vrft.errors import ConfigError
from vrft.miniature.location import miniature_folder

IDS = ("eos", "pad", "bos", "image", "video", "vision_start", "vision_end")
SPECIAL = {name: number for number, name in enumerate(IDS)}


def test_the_shipped_weights_are_of_this_architecture():
    shipped = json.loads((miniature_folder() / "config.json").read_text())
    made = miniature_config(shipped["text_config"]["vocab_size"], SPECIAL).to_dict()
    for part in ("text_config", "vision_config"):
        sizes = {k: v for k, v in shipped[part].items() if isinstance(v, int | list) and "token_id" not in k}
        assert sizes == {k: made[part][k] for k in sizes}


@pytest.mark.parametrize("width", [64, 128, 256])
def test_another_width_changes_the_text_model_alone(width):
    own, other = build_miniature(500, SPECIAL), build_miniature(500, SPECIAL, width=width)
    assert other.model.language_model.embed_tokens.weight.shape == (500, width)
    assert other.config.text_config.head_dim == own.config.text_config.head_dim
    tower = {n: p.shape for n, p in own.model.visual.named_parameters() if "merger" not in n}
    assert tower == {n: p.shape for n, p in other.model.visual.named_parameters() if "merger" not in n}


def test_a_narrower_miniature_may_have_the_shipped_ones_eyes():
    shipped = Qwen3VLForConditionalGeneration.from_pretrained(miniature_folder(), dtype=torch.float32)
    theirs = dict(shipped.model.visual.named_parameters())
    model = build_miniature(500, SPECIAL, width=128)
    before = {name: weight.clone() for name, weight in model.named_parameters() if ".visual." not in name}
    take_tower(model, miniature_folder())
    own = dict(model.model.visual.named_parameters())
    taken = {name for name in own if own[name].shape == theirs[name].shape}
    assert all(torch.equal(own[name], theirs[name]) for name in taken)
    assert own.keys() - taken == {n for n in own if "merger" in n and "linear_fc2" in n}
    assert all(
        torch.equal(weight, before[name]) for name, weight in model.named_parameters() if name in before
    )


@pytest.mark.parametrize("width", [0, 32, 96, 100, -64])
def test_a_width_that_makes_no_heads_is_refused(width):
    with pytest.raises(ConfigError, match=f"cannot be {width} wide"):
        miniature_config(500, SPECIAL, width)
