"""Random models and pictures for the benchmarks, saved as ordinary Hugging Face folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor

from vrft.miniature.tokenizer import special_ids, train_tokenizer

PATCH, MERGE = 8, 2
PIXELS_A_TOKEN = PATCH * MERGE
WORDS = ["Detect all objects belonging to the category 'seven' in the image 0 1 2 3 4 5 6 7 8 9"] * 3


def save_random_qwen2_vl(
    folder: Path, vocabulary: int = 2048, scale: float = 0.02, text: dict[str, int] | None = None
) -> Path:
    """A Qwen2-VL of about 2.8 million weights (with the default vocabulary), its tokenizer and processor.

    Args:
        folder: where to save; an existing model is kept.
        vocabulary: rows of the embedding; the tokenizer uses the first few hundred.
        scale: standard deviation of the weights.
        text: other numbers of the text model's configuration.
    """
    if (folder / "config.json").exists():
        return folder
    tokenizer = train_tokenizer(WORDS, vocab_size=400)
    ids = special_ids(tokenizer)
    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "initializer_range": scale,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
        "tie_word_embeddings": True,
    } | (text or {})
    vision = {
        "depth": 3, "embed_dim": 128, "num_heads": 4, "patch_size": PATCH, "mlp_ratio": 2,
        "hidden_size": sizes["hidden_size"], "spatial_merge_size": MERGE,
    }  # fmt: skip
    config = Qwen2VLConfig(
        text_config=sizes,
        vision_config=vision,
        image_token_id=ids["image"],
        video_token_id=ids["video"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        eos_token_id=ids["eos"],
        pad_token_id=ids["pad"],
        bos_token_id=ids["bos"],
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = ids["eos"]
    model.generation_config.pad_token_id = ids["pad"]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessor(
        patch_size=PATCH, merge_size=MERGE, min_pixels=PIXELS_A_TOKEN**2, max_pixels=2**22
    ).save_pretrained(folder)
    return folder


def save_pictures(folder: Path, count: int, tokens: int) -> list[Path]:
    """Pictures of noise, each ``tokens`` picture tokens (a square number) large."""
    side = round(tokens**0.5) * PIXELS_A_TOKEN
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for index in range(count):
        path = folder / f"{tokens}-{index}.png"
        pixels = np.random.default_rng(index).integers(0, 255, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        found.append(path)
    return found
