"""A tiny random SAM, saved to disk as an ordinary Hugging Face folder."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import SamConfig, SamModel, SamProcessor
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

SIDE = 64


def save_tiny_sam(folder: Path, side: int = SIDE) -> Path:
    """Weights are drawn wide, so that masks differ much from box to box and image to image."""
    torch.manual_seed(1)
    vision = {
        "hidden_size": 16, "output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": SIDE, "patch_size": 8, "window_size": 4, "global_attn_indexes": [1],
        "num_pos_feats": 8, "mlp_dim": 32,
    }  # fmt: skip
    prompt = {"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4}
    decoder = {"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16}
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    model = SamModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(0.3 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    square = {"height": side, "width": side}
    SamProcessor(SamImageProcessorPil(size={"longest_edge": side}, pad_size=square)).save_pretrained(folder)
    return folder
