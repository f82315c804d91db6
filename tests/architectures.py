"""The architectures that every test of policies and engine runs on, and questions to them."""

import torch
from PIL import Image

from vrft.data.images import image_size_wh
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.types import Image as ImageMedium
from vrft.types import Message, SampleSeed, SamplingParams

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
UNREAD = ("num_patches", "num_crops", "batch_num_images")
"""What image processors give and no model reads."""


def medium(path):
    """A whole image."""
    return ImageMedium(path, image_size_wh(path))


def ask(policy, question, path):
    """The prompt of one question about one image."""
    return policy.first([Message("user", (medium(path), question))])


def whole_inputs(policy, image, ids):
    """What transformers' own forward pass takes of an image, straight from the image processor."""
    found = policy.image_processor(images=[Image.open(image).convert("RGB")], return_tensors="pt")
    inputs = {k: v.to(policy.core.dtype) if v.is_floating_point() else v for k, v in found.items()}
    if name := policy.family.token_types:
        inputs[name] = (ids == policy.image_token_id).int()
    return {k: v for k, v in inputs.items() if k not in UNREAD}


def loaded(folder, **options):
    """A policy on the CPU."""
    return load_policy(ModelOptions(path=str(folder), device="cpu", **options))


def sample(policy, prompts, n, params, seed=0, encoded=None, share_images=True):
    """Completions of the shared-prompt sampler to a whole list of prompts."""
    sampler = SharedPromptSampler(policy, share_images)
    return sampler.generate(prompts, n, params, SampleSeed.whole(len(prompts), seed), encoded)


def prompts_of(policy, images):
    """Two questions, each about an image of its own."""
    questions = ["What is the object?", "Detect all objects belonging to the category 'seven'"]
    return [ask(policy, q, p) for q, p in zip(questions, images, strict=False)]


def check_greedy_is_generate(policy, images):
    """Greedy answers, two to each prompt, are those of transformers' own ``generate``."""
    prompts = prompts_of(policy, images)
    ours = sample(policy, prompts, 2, SamplingParams(temperature=0, max_new_tokens=12))
    for prompt, group in zip(prompts, ours, strict=True):
        ids = torch.tensor([prompt.token_ids])
        generated = policy.core.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **whole_inputs(policy, prompt.media[0].path, ids),
            do_sample=False,
            max_new_tokens=12,
            suppress_tokens=list(policy.placeholder_ids),
        )[0, len(prompt.token_ids) :]
        assert group[0] == group[1]
        assert list(group[0].token_ids) == generated[: len(group[0].token_ids)].tolist()
