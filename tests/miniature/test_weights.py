"""The embedded weights are the ones the card names, small, and loadable by transformers alone."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoTokenizer

from vrft.errors import InputError
from vrft.miniature.location import (
    EMBEDDED,
    KINDS,
    MINIATURE,
    REASONING,
    embedded_name,
    is_miniature,
    miniature_folder,
)

CARDS = {MINIATURE: "card.md", REASONING: "card_reasoning.md", KINDS: "card_kinds.md"}
PACKAGE = miniature_folder().parents[1]


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_weights_are_frozen_by_the_cards_hash(name):
    folder = miniature_folder(name)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert digest in (PACKAGE / CARDS[name]).read_text()
    assert sum(f.stat().st_size for f in folder.iterdir()) < 12 * 2**20


@pytest.mark.parametrize("name", [name for name in EMBEDDED if name != MINIATURE])
def test_those_that_learned_more_have_the_miniatures_tower_and_its_tokens(name):
    first, later = (load_file(miniature_folder(one) / "model.safetensors") for one in (MINIATURE, name))
    tower = [key for key in first if ".visual." in key or key.startswith("visual.")]
    assert len(tower) > 40 and first.keys() == later.keys()
    assert all(torch.equal(first[key], later[key]) for key in tower)
    old, new = (AutoTokenizer.from_pretrained(miniature_folder(one)).get_vocab() for one in (MINIATURE, name))
    assert old.items() <= new.items()
    assert (old == new) == (name == REASONING)


@pytest.mark.parametrize("name", EMBEDDED)
def test_transformers_loads_it_as_a_qwen3_vl(name):
    model = AutoModelForImageTextToText.from_pretrained(miniature_folder(name))
    tokenizer = AutoTokenizer.from_pretrained(miniature_folder(name))
    assert model.config.model_type == "qwen3_vl"
    assert tokenizer.decode(tokenizer("Locate the seven 12").input_ids) == "Locate the seven 12"
    assert len(tokenizer(" 407", add_special_tokens=False).input_ids) >= 3


def test_weights_are_found_by_name():
    assert miniature_folder(MINIATURE) == miniature_folder()
    assert is_miniature("miniature") and is_miniature("miniature-reasoning") and not is_miniature("larger")
    assert all(embedded_name(miniature_folder(name)) == name for name in EMBEDDED)
    assert embedded_name(PACKAGE) is None
    with pytest.raises(InputError, match=r"no embedded model 'larger'\. Choose one of: miniature"):
        miniature_folder("larger")
