"""The embedded weights are the ones the card names, small, and loadable by transformers alone."""

from __future__ import annotations

import hashlib

import pytest
from transformers import AutoModelForImageTextToText, AutoTokenizer

from vrft.errors import InputError
from vrft.miniature.location import MINIATURE, is_miniature, miniature_folder


def test_the_weights_are_frozen_by_the_cards_hash():
    folder = miniature_folder()
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert digest in (folder.parent / "card.md").read_text()
    assert sum(f.stat().st_size for f in folder.iterdir()) < 12 * 2**20


def test_transformers_loads_it_as_a_qwen3_vl():
    model = AutoModelForImageTextToText.from_pretrained(miniature_folder())
    tokenizer = AutoTokenizer.from_pretrained(miniature_folder())
    assert model.config.model_type == "qwen3_vl"
    assert tokenizer.decode(tokenizer("Locate the seven 12").input_ids) == "Locate the seven 12"
    assert len(tokenizer(" 407", add_special_tokens=False).input_ids) >= 3


def test_weights_are_found_by_name():
    assert miniature_folder(MINIATURE) == miniature_folder()
    assert is_miniature("miniature") and not is_miniature("larger")
    with pytest.raises(InputError, match=r"no embedded model 'larger'\. Choose one of: miniature"):
        miniature_folder("larger")
