"""Random models and images for the benchmarks, saved as ordinary Hugging Face folders."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, Qwen2VLConfig, Qwen2VLImageProcessor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "dev"))

from miniature_training.tokenizer import special_ids, train_tokenizer

WORDS = ["Detect all objects belonging to the category 'seven' in the image 0 1 2 3 4 5 6 7 8 9"] * 3


@dataclass(frozen=True)
class Architecture:
    """Sizes of a Qwen2-VL, in the words of its configuration."""

    text: dict[str, Any]
    vision: dict[str, Any]

    @property
    def pixels_per_token(self) -> int:
        """Side of the square that one image token sees."""
        return int(self.vision["patch_size"] * self.vision["spatial_merge_size"])

    def with_vocabulary(self, rows: int) -> Architecture:
        """The same with another embedding."""
        return replace(self, text=self.text | {"vocab_size": rows})


SMALL = Architecture(
    text={
        "vocab_size": 2048,
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
    },
    vision={
        "depth": 3,
        "embed_dim": 128,
        "num_heads": 4,
        "patch_size": 8,
        "mlp_ratio": 2,
        "hidden_size": 192,
        "spatial_merge_size": 2,
    },
)
"""About 2.8 million weights."""

MIDDLE = Architecture(
    text=SMALL.text
    | {
        "vocab_size": 8192,
        "hidden_size": 512,
        "intermediate_size": 1408,
        "num_hidden_layers": 8,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
    },
    vision=SMALL.vision | {"hidden_size": 512},
)
"""About 28 million weights: large enough for its memory to be seen."""

QWEN2_VL_2B = Architecture(
    text={
        "vocab_size": 151_936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32_768,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    vision={
        "depth": 32,
        "embed_dim": 1280,
        "num_heads": 16,
        "patch_size": 14,
        "mlp_ratio": 4,
        "hidden_size": 1536,
        "spatial_merge_size": 2,
    },
)
"""Qwen/Qwen2-VL-2B-Instruct: 2,208,985,600 weights."""


def config_of(architecture: Architecture, ids: dict[str, int]) -> Qwen2VLConfig:
    """The model's configuration; ``ids`` are the tokenizer's special tokens by role."""
    ends = {f"{role}_token_id": ids[role] for role in ("eos", "pad", "bos")}
    return Qwen2VLConfig(
        text_config=architecture.text | ends | {"tie_word_embeddings": True},
        vision_config=architecture.vision,
        image_token_id=ids["image"],
        video_token_id=ids["video"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=True,
        **ends,
    )


def save_random_qwen2_vl(folder: Path, architecture: Architecture = SMALL, device: str = "cpu") -> Path:
    """A Qwen2-VL of random weights, its tokenizer and processor.

    Args:
        folder: where to save; an existing model is kept.
        architecture: its sizes; the tokenizer uses the first few hundred rows of the embedding.
        device: where the weights are drawn: in float32 on the CPU, in bfloat16 on a GPU.
    """
    if (folder / "config.json").exists():
        return folder
    tokenizer = train_tokenizer(WORDS, vocab_size=400)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    save_random_weights(folder, architecture, special_ids(tokenizer), dtype, device)
    tokenizer.save_pretrained(folder)
    return folder


def save_random_weights(
    folder: Path,
    architecture: Architecture,
    ids: dict[str, int],
    dtype: torch.dtype,
    device: str = "cpu",
    **saving: Any,
) -> None:
    """A Qwen2-VL of random weights and its image processor; ``ids`` are the tokenizer's special tokens by
    role, ``saving`` goes to ``save_pretrained``."""
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config_of(architecture, ids), dtype=dtype)
    model.generation_config.eos_token_id = ids["eos"]
    model.generation_config.pad_token_id = ids["pad"]
    model.save_pretrained(folder, **saving)
    Qwen2VLImageProcessor(
        patch_size=architecture.vision["patch_size"],
        merge_size=architecture.vision["spatial_merge_size"],
        min_pixels=architecture.pixels_per_token**2,
        max_pixels=2**22,
    ).save_pretrained(folder)


def token_grid(tokens: int) -> tuple[int, int]:
    """Rows and columns of an image's tokens, as near to a square as they divide.

    Example:
        >>> token_grid(512), token_grid(400)
        ((16, 32), (20, 20))
    """
    rows = next(n for n in range(int(tokens**0.5), 0, -1) if tokens % n == 0)
    return rows, tokens // rows


def save_images(folder: Path, count: int, tokens: int, architecture: Architecture = SMALL) -> list[Path]:
    """Images of noise, each ``tokens`` image tokens large."""
    rows, columns = (n * architecture.pixels_per_token for n in token_grid(tokens))
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for index in range(count):
        path = folder / f"{tokens}-{index}.png"
        pixels = np.random.default_rng(index).integers(0, 255, (rows, columns, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        found.append(path)
    return found
