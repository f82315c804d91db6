"""Tiny random SAMs of three generations, saved to disk as ordinary Hugging Face folders."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    CLIPTextConfig,
    PreTrainedTokenizerFast,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2Model,
    Sam2VisionConfig,
    Sam3Config,
    Sam3Model,
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


def _vision_3() -> Sam3VisionConfig:
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
    return Sam3VisionConfig(
        backbone_config=backbone, fpn_hidden_size=32, backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]]
    )


def save_tiny_sam3(folder: Path) -> Path:
    """The part of SAM 3 that takes boxes and points."""
    torch.manual_seed(3)
    config = Sam3TrackerConfig(vision_config=_vision_3(), **_heads(SIDE_3, 14))
    return _drawn_wide(Sam3TrackerModel(config), folder)


def save_tiny_sam3_detector(folder: Path) -> Path:
    """The part of SAM 3 that takes words, with a tokenizer that knows three."""
    torch.manual_seed(4)
    part = {"hidden_size": 32, "num_attention_heads": 2}
    layers = {**part, "num_layers": 1, "intermediate_size": 64}
    text = CLIPTextConfig(
        **part, vocab_size=8, intermediate_size=64, num_hidden_layers=1, projection_dim=32,
        max_position_embeddings=32, eos_token_id=1,
    )  # fmt: skip
    config = Sam3Config(
        vision_config=_vision_3(),
        text_config=text,
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 6},
        mask_decoder_config=part,
    )
    words = Tokenizer(WordLevel({"[PAD]": 0, "[EOS]": 1, "cat": 2, "dog": 3, "[UNK]": 4}, "[UNK]"))
    words.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    return _drawn_wide(Sam3Model(config), folder)


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
