"""Tiny random SAMs of three generations, saved to disk as ordinary Hugging Face folders."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2Model,
    Sam2VisionConfig,
    Sam3TrackerConfig,
    Sam3TrackerModel,
    Sam3VisionConfig,
    Sam3ViTConfig,
    SamConfig,
    SamModel,
    SamProcessor,
)
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

SIDE = 64
SIDE_3 = 112


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
    _drawn_wide(SamModel(config), folder)
    square = {"height": side, "width": side}
    SamProcessor(SamImageProcessorPil(size={"longest_edge": side}, pad_size=square)).save_pretrained(folder)
    return folder


def save_tiny_sam2(folder: Path) -> Path:
    """As the hub's folders of SAM 2: without an image processor that works here."""
    torch.manual_seed(2)
    backbone = Sam2HieraDetConfig(
        hidden_size=12,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 2, 7, 2],
        embed_dim_per_stage=[12, 24, 48, 96],
        num_attention_heads_per_stage=[1, 2, 4, 8],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[96, 48, 24, 12],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=32,
    )
    return _drawn_wide(Sam2Model(Sam2Config(vision_config=vision, **_heads(SIDE, 16))), folder)


def save_tiny_sam3(folder: Path) -> Path:
    """The part of SAM 3 that takes boxes and points."""
    torch.manual_seed(3)
    backbone = Sam3ViTConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE_3,
        patch_size=14,
        pretrain_image_size=SIDE_3,
        window_size=4,
        global_attn_indexes=[1],
    )
    vision = Sam3VisionConfig(
        backbone_config=backbone, fpn_hidden_size=32, backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]]
    )
    return _drawn_wide(
        Sam3TrackerModel(Sam3TrackerConfig(vision_config=vision, **_heads(SIDE_3, 14))), folder
    )


def _heads(side: int, patch: int) -> dict[str, dict[str, int]]:
    return {
        "prompt_encoder_config": {
            "hidden_size": 32,
            "image_size": side,
            "patch_size": patch,
            "mask_input_channels": 4,
        },
        "mask_decoder_config": {
            "hidden_size": 32,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    }


def _drawn_wide(model: torch.nn.Module, folder: Path) -> Path:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(0.3 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    return folder
