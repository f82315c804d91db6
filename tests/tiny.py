"""Tiny random policies of each architecture, saved to disk as ordinary Hugging Face folders."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from miniature_training.tokenizer import special_ids, train_tokenizer
from tiny_families import build_tiny

TEXTS = ["Detect all objects belonging to the category 'seven' 0 1 2 3 4 5 6 7 8 9 What is the object?"] * 3
WIDTH = 32
"""Of the text models; others are for what needs rows of 64 numbers."""
HEAD = 16
"""Of an attention head; what runs elsewhere may need wider ones."""


def _rope(head: int) -> dict:
    return {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [head // 4, head // 8, head // 8]}


def _text(vocab: int, width: int, head: int) -> dict:
    return {
        "vocab_size": vocab,
        "hidden_size": width,
        "intermediate_size": 48 if width == WIDTH else 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": width // head,
        "num_key_value_heads": 1,
        "max_position_embeddings": 1024,
        "rope_parameters": _rope(head),
        "tie_word_embeddings": True,
    }


def _qwen2(vocab: int, common: dict, width: int, head: int) -> Qwen2VLForConditionalGeneration:
    vision = {"depth": 2, "embed_dim": 32, "num_heads": 2, "patch_size": 8, "mlp_ratio": 2}
    vision["hidden_size"] = width
    return Qwen2VLForConditionalGeneration(
        Qwen2VLConfig(text_config=_text(vocab, width, head), vision_config=vision, **common)
    )


def _qwen25(vocab: int, common: dict, width: int, head: int) -> Qwen2_5_VLForConditionalGeneration:
    vision = {
        "depth": 2, "hidden_size": 32, "num_heads": 2, "patch_size": 8, "intermediate_size": 48,
        "out_hidden_size": width, "window_size": 32, "fullatt_block_indexes": [1],
    }  # fmt: skip
    config = Qwen2_5_VLConfig(text_config=_text(vocab, width, head), vision_config=vision, **common)
    return Qwen2_5_VLForConditionalGeneration(config)


def _qwen3(vocab: int, common: dict, width: int, head: int) -> Qwen3VLForConditionalGeneration:
    text = _text(vocab, width, head) | {
        "head_dim": head,
        "rope_parameters": _rope(head) | {"mrope_interleaved": True},
    }
    vision = {
        "depth": 2, "hidden_size": 32, "num_heads": 2, "patch_size": 8, "intermediate_size": 48,
        "out_hidden_size": width, "num_position_embeddings": 64, "deepstack_visual_indexes": [0],
    }  # fmt: skip
    return Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision, **common))


BUILDERS = {"qwen2_vl": _qwen2, "qwen2_5_vl": _qwen25, "qwen3_vl": _qwen3}
QWEN_PROCESSOR = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "patch_size": 8,
    "merge_size": 2,
    "temporal_patch_size": 2,
    "size": {"shortest_edge": 256, "longest_edge": 4096},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def save_tiny(model_type: str, folder: Path, width: int = WIDTH, head: int = HEAD) -> Path:
    """Save a random policy of one architecture; its weights are large enough that answers differ. Another
    width of the text model, or of its heads, is for the Qwens alone."""
    tokenizer = train_tokenizer(TEXTS, vocab_size=300)
    ids = special_ids(tokenizer)
    common = {
        "image_token_id": ids["image"],
        "video_token_id": ids["video"],
        "vision_start_token_id": ids["vision_start"],
        "vision_end_token_id": ids["vision_end"],
        "eos_token_id": ids["eos"],
        "pad_token_id": ids["pad"],
        "bos_token_id": ids["bos"],
        "tie_word_embeddings": True,
    }
    torch.manual_seed(0)
    if model_type in BUILDERS:
        model, settings = BUILDERS[model_type](len(tokenizer), common, width, head), QWEN_PROCESSOR
    else:
        model, settings = build_tiny(model_type, tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)
    model.generation_config.eos_token_id = ids["eos"]
    model.generation_config.pad_token_id = ids["pad"]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
