"""Released models in the words of their own configurations: sizes, and how many weights their files hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models import QWEN2_VL_2B, WORDS, special_ids, train_tokenizer
from transformers import Qwen2VLImageProcessor

_TEXT: dict[str, Any] = {"num_hidden_layers": 36, "vocab_size": 151_936, "max_position_embeddings": 32_768}
_QWEN25: dict[str, Any] = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}
_QWEN25 |= {"patch_size": 14, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31]}
_QWEN3: dict[str, Any] = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16}
_QWEN3 |= {
    "patch_size": 16,
    "out_hidden_size": 2560,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [5, 11, 17],
}


def rope(sections: list[int], **more: Any) -> dict[str, Any]:
    """Positions on three axes."""
    return {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections} | more}


def widths(hidden: int, inner: int, heads: int, kv_heads: int) -> dict[str, Any]:
    """Of a text model."""
    named = {"hidden_size": hidden, "intermediate_size": inner}
    return named | {"num_attention_heads": heads, "num_key_value_heads": kv_heads}


RELEASED: dict[str, tuple[str, dict[str, Any], dict[str, Any], bool, int]] = {
    "Qwen/Qwen2-VL-2B-Instruct": ("qwen2_vl", QWEN2_VL_2B.text, QWEN2_VL_2B.vision, True, 2_208_985_600),
    "Qwen/Qwen2.5-VL-3B-Instruct": (
        "qwen2_5_vl",
        _TEXT | widths(2048, 11008, 16, 2) | rope([16, 24, 24]),
        _QWEN25 | {"out_hidden_size": 2048},
        True,
        3_754_622_976,
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": (
        "qwen2_5_vl",
        _TEXT
        | widths(3584, 18944, 28, 4)
        | rope([16, 24, 24])
        | {"num_hidden_layers": 28, "vocab_size": 152_064},
        _QWEN25 | {"out_hidden_size": 3584},
        False,
        8_292_166_656,
    ),
    "Qwen/Qwen2.5-VL-32B-Instruct": (
        "qwen2_5_vl",
        _TEXT
        | widths(5120, 27648, 40, 8)
        | rope([16, 24, 24])
        | {"num_hidden_layers": 64, "vocab_size": 152_064},
        _QWEN25 | {"intermediate_size": 3456, "out_hidden_size": 5120},
        False,
        33_452_718_336,
    ),
    "Qwen/Qwen2.5-VL-72B-Instruct": (
        "qwen2_5_vl",
        _TEXT
        | widths(8192, 29568, 64, 8)
        | rope([16, 24, 24])
        | {"num_hidden_layers": 80, "vocab_size": 152_064},
        _QWEN25 | {"intermediate_size": 3456, "out_hidden_size": 8192},
        False,
        73_410_777_344,
    ),
    "Qwen/Qwen3-VL-4B-Instruct": (
        "qwen3_vl",
        _TEXT | widths(2560, 9728, 32, 8) | {"head_dim": 128} | rope([24, 20, 20], mrope_interleaved=True),
        _QWEN3,
        True,
        4_437_815_808,
    ),
}
"""Type, text model, vision tower, whether embedding and head are one, and the number of weights."""


def save_released(name: str, folder: Path) -> Path:
    """A released model's configuration with a small tokenizer and no weights, to be opened on the device
    'meta'."""
    kind, text, vision, tied, _ = RELEASED[name]
    tokenizer = train_tokenizer(WORDS, vocab_size=400)
    ids = {f"{role}_token_id": number for role, number in special_ids(tokenizer).items()}
    content = {"model_type": kind, "tie_word_embeddings": tied, "vision_config": vision, **ids}
    content["text_config"] = text | {"tie_word_embeddings": tied}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(content))
    tokenizer.save_pretrained(folder)
    side = vision["patch_size"]
    Qwen2VLImageProcessor(patch_size=side, min_pixels=4 * side**2, max_pixels=2**22).save_pretrained(folder)
    return folder
