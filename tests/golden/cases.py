"""What the golden prompt ids are recorded of: folders in the released form, images, questions, settings.

Recorder and test make the same folders and images from here; only the recorder needs torchvision.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerBase

OWN = "own"
"""The name of a tiny folder's own chat template."""
QUESTIONS = (
    "Detect all objects belonging to the category 'fire hydrant' in the image, and provide the bounding "
    "boxes (between 0 and 1000, integer) and confidence (between 0 and 1, with two decimal places).\n"
    "If no object belonging to the category 'fire hydrant' in the image, return 'No Objects'.\n"
    "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags.The "
    "output answer format should be as follows:\n"
    "<think> ... </think> <answer>[{'Position': [x1, y1, x2, y2], 'Confidence': number}, ...]</answer>\n"
    "Please strictly follow the format.",
    "  Où est « l'été » — 物体在哪里？ 🐈 {{ x }} <b>&amp;</b> e\u0301\n",
)
"""The paper's detection prompt (arXiv 2503.01785, Table 1), and unicode with blanks at both ends."""
IMAGES_WH = ((56, 56), (150, 24), (41, 97), (5, 7), (200, 160))
"""Square, wide, tall, very small, and larger than most tiny folders see."""


@dataclass(frozen=True)
class Golden:
    """How a family's tiny folder is given the form of a release.

    Args:
        processor_class: its processor in transformers.
        processor: settings of ``processor_config.json``.
        tokens: the tokens that its tokenizer has by name.
        bos: the token that its tokenizer puts before a text, where it does.
        template: the name of its official chat template among TRL's.
        max_pixels: a budget as a user of vrft sets it.
        budget: the same budget as settings of the official image processor.
    """

    processor_class: str
    processor: dict = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    bos: str | None = None
    template: str | None = None
    max_pixels: int | None = None
    budget: dict = field(default_factory=dict)


_QWEN_BUDGET = {"size": {"shortest_edge": 256, "longest_edge": 2048}}
_SQUARE = 32 * 32
GOLDEN = {
    # Qwen2-VL's own template is that of Qwen2.5-VL to the byte.
    "qwen2_vl": Golden("Qwen2VLProcessor", template="qwen2_5_vl", max_pixels=2048, budget=_QWEN_BUDGET),
    "qwen2_5_vl": Golden("Qwen2_5_VLProcessor", template="qwen2_5_vl", max_pixels=2048, budget=_QWEN_BUDGET),
    "qwen3_vl": Golden("Qwen3VLProcessor", template="qwen3_vl", max_pixels=2048, budget=_QWEN_BUDGET),
    "internvl": Golden(
        "InternVLProcessor",
        {"image_seq_length": 4},
        {
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
        max_pixels=3 * _SQUARE,
        budget={"max_patches": 2},
    ),
    "llava_onevision": Golden(
        "LlavaOnevisionProcessor",
        {
            "num_image_tokens": 16,
            "vision_feature_select_strategy": "full",
            "vision_aspect_ratio": "anyres_max_2",
        },
        max_pixels=3 * _SQUARE,
        budget={"image_grid_pinpoints": [[32, 32], [32, 64], [64, 32]]},
    ),
    "idefics3": Golden(
        "Idefics3Processor",
        {"image_seq_len": 4},
        bos="<|begin_of_text|>",
        template="idefics3",
        max_pixels=2 * _SQUARE,
        budget={"size": {"longest_edge": 32}},
    ),
    "smolvlm": Golden(
        "SmolVLMProcessor",
        {"image_seq_len": 4},
        bos="<|im_start|>",
        template="smolvlm",
        max_pixels=2 * _SQUARE,
        budget={"size": {"longest_edge": 32}},
    ),
    # One size only: no budget changes it.
    "gemma3": Golden(
        "Gemma3Processor",
        {"image_seq_length": 4},
        {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
        bos="<bos>",
        template="gemma3",
    ),
}


def dress(name: str, folder: Path, template: Path | None = None) -> Path:
    """Give a tiny folder the form of its family's release, in place.

    Args:
        name: the family.
        folder: from ``tiny.save_tiny``.
        template: a chat template to take the place of the folder's own.

    Returns:
        The folder.
    """
    golden = GOLDEN[name]
    if golden.bos is not None:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.add_special_tokens({"bos_token": golden.bos})
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{golden.bos} $A", special_tokens=[(golden.bos, tokenizer.bos_token_id)]
        )
        tokenizer.save_pretrained(folder)
    merge(folder / "tokenizer_config.json", golden.tokens)
    merge(folder / "processor_config.json", {"processor_class": golden.processor_class} | golden.processor)
    if template is not None:
        (folder / "chat_template.jinja").write_bytes(template.read_bytes())
    return folder


def merge(path: Path, settings: dict) -> None:
    """Add settings to a JSON file, which need not exist."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | settings, indent=2), "utf-8")


def draw(folder: Path, size_wh: tuple[int, int]) -> Path:
    """An image whose red grows from left to right and whose green grows from top to bottom."""
    width, height = size_wh
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    path = folder / f"{width}x{height}.png"
    Image.fromarray(pixels).save(path)
    return path


def vocabulary_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """Beginning of a digest of all tokens and their ids: golden ids hold for one vocabulary."""
    return hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()).hexdigest()[:16]
