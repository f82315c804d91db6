"""The miniature's architecture: an ordinary Qwen3-VL of about three million parameters.

Qwen3-VL and not Qwen2-VL, because its vision tower has learned absolute positions; a tower with rotary
positions alone did not learn to localise at this size.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from miniature_training.tokenizer import SPECIAL
from vrft.errors import ConfigError

PATCH = 8
MERGE = 2
GRID = 12
WIDTH, HEAD = 192, 32
"""Of the text model, and of each of its heads."""


def miniature_config(vocab_size: int, special: dict[str, int], width: int = WIDTH) -> Qwen3VLConfig:
    """Configuration of the miniature."""
    if width < 2 * HEAD or width % (2 * HEAD):
        raise ConfigError(f"A miniature cannot be {width} wide: take a multiple of {2 * HEAD}.")
    common = {"eos_token_id": special["eos"], "pad_token_id": special["pad"], "bos_token_id": special["bos"]}
    return Qwen3VLConfig(
        text_config={
            "vocab_size": vocab_size,
            "hidden_size": width,
            "intermediate_size": round(width / 12) * 32,
            "num_hidden_layers": 4,
            "num_attention_heads": width // HEAD,
            "num_key_value_heads": width // (2 * HEAD),
            "head_dim": HEAD,
            "max_position_embeddings": 2048,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
            "tie_word_embeddings": True,
            **common,
        },
        vision_config={
            "depth": 4,
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_heads": 4,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
            "out_hidden_size": width,
            "num_position_embeddings": GRID * GRID,
            "deepstack_visual_indexes": [1, 2],
        },
        image_token_id=special["image"],
        video_token_id=special["video"],
        vision_start_token_id=special["vision_start"],
        vision_end_token_id=special["vision_end"],
        tie_word_embeddings=True,
        **common,
    )


def build_miniature(
    vocab_size: int, special: dict[str, int], seed: int = 0, width: int = WIDTH
) -> Qwen3VLForConditionalGeneration:
    """Build the miniature with random weights."""
    torch.manual_seed(seed)
    config = miniature_config(vocab_size, special, width)
    config._attn_implementation = "sdpa"
    return Qwen3VLForConditionalGeneration(config)


def patchify(pixels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn resized images into the patches that Qwen's image processor makes (mean and std 0.5)."""
    n, height, width, _ = pixels.shape
    rows, columns = height // PATCH, width // PATCH
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    x = x.reshape(n, 3, rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH)
    # Patches of one merged token stand together; the still image is repeated for the two frames.
    x = x.permute(0, 2, 5, 3, 6, 1, 4, 7).unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, 2, -1, -1)
    return x.reshape(n * rows * columns, -1), torch.tensor([[1, rows, columns]]).expand(n, -1).contiguous()


def save_miniature(
    model: Qwen3VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> Path:
    """Write model, tokenizer, chat template and image processor settings as AutoProcessor expects them."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.bos_token_id = tokenizer.convert_tokens_to_ids(SPECIAL["bos"])
    half = Qwen3VLForConditionalGeneration(model.config).to(torch.bfloat16)
    half.load_state_dict(model.state_dict())
    half.generation_config = model.generation_config
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen3VLProcessor",
        "patch_size": PATCH,
        "merge_size": MERGE,
        "temporal_patch_size": 2,
        "size": {"shortest_edge": (2 * PATCH * MERGE) ** 2, "longest_edge": 96 * 96},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
        "resample": 3,
        "rescale_factor": 1 / 255,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
    return folder
