"""The architectures that every test of policies and engine runs on."""

from PIL import Image

FAMILY_NAMES = (
    "qwen2_vl",
    "qwen2_5_vl",
    "qwen3_vl",
    "internvl",
    "llava_onevision",
    "idefics3",
    "smolvlm",
    "gemma3",
)

TOKEN_TYPES = {
    "qwen2_vl": "mm_token_type_ids",
    "qwen2_5_vl": "mm_token_type_ids",
    "qwen3_vl": "mm_token_type_ids",
    "gemma3": "token_type_ids",
}
"""By what name a family's own processor hands over which tokens are a picture's."""
UNREAD = ("num_patches", "num_crops", "batch_num_images")
"""What image processors give and no model reads."""


def whole_inputs(policy, picture, ids):
    """What transformers' own forward pass takes of a picture, straight from the image processor."""
    found = policy.image_processor(images=[Image.open(picture).convert("RGB")], return_tensors="pt")
    inputs = {k: v.to(policy.core.dtype) if v.is_floating_point() else v for k, v in found.items()}
    if name := TOKEN_TYPES.get(policy.family.model_type):
        inputs[name] = (ids == policy.image_token_id).int()
    return {k: v for k, v in inputs.items() if k not in UNREAD}
