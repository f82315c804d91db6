"""Record what each family's own processor makes of a question about an image.

Runs where torchvision is, since the processors of most families need it; see README.md beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transformers import AutoConfig, AutoProcessor
from transformers.models.llava_onevision.modeling_llava_onevision import get_anyres_image_grid_shape

from golden.cases import GOLDEN, IMAGES_WH, OWN, QUESTIONS, draw, dress, merge, vocabulary_sha256
from tiny import save_tiny

PACKAGES = ("torch", "torchvision", "transformers", "tokenizers", "pillow")
OUT = Path(__file__).with_name("prompt_ids.json")


def of_patches(processor: Any, found: Any, config: Any) -> tuple[int, int]:
    """Qwen: the grid of patches."""
    _, rows, columns = found["image_grid_thw"][0].tolist()
    patch = processor.image_processor.patch_size
    return columns * patch, rows * patch


def of_tiles(processor: Any, found: Any, config: Any) -> tuple[int, int]:
    """Tiles, row by row, then the whole image: a new row begins where the drawn green jumps."""
    tiles = found["pixel_values"].flatten(0, -4)
    height, width = tiles.shape[-2:]
    cut = tiles[: max(1, len(tiles) - 1)]
    rows = 1 + int(np.sum(np.diff(cut[:, 1].mean((-2, -1)).numpy()) > 0.1))
    assert len(cut) % rows == 0
    return len(cut) // rows * width, rows * height


def of_resolutions(processor: Any, found: Any, config: Any) -> tuple[int, int]:
    """LLaVA-OneVision: the resolution that the model's own code reads the tiles by."""
    side = config.vision_config.image_size
    pinpoints = processor.image_processor.image_grid_pinpoints
    rows, columns = get_anyres_image_grid_shape(found["image_sizes"][0], pinpoints, side)
    assert found["pixel_values"].shape[1] == rows * columns + 1
    return columns * side, rows * side


def of_pixels(processor: Any, found: Any, config: Any) -> tuple[int, int]:
    """Gemma 3: what the tower takes."""
    height, width = found["pixel_values"].shape[-2:]
    return width, height


SEEN = {
    "qwen2_vl": of_patches,
    "qwen2_5_vl": of_patches,
    "qwen3_vl": of_patches,
    "internvl": of_tiles,
    "llava_onevision": of_resolutions,
    "idefics3": of_tiles,
    "smolvlm": of_tiles,
    "gemma3": of_pixels,
}
"""By family: width and height after the resize, read from what its processor returned."""


def settings_of(name: str) -> Iterator[tuple[str, int | None]]:
    """Template and budget of each folder of a family."""
    golden = GOLDEN[name]
    yield OWN, None
    if golden.template is not None:
        yield golden.template, None
    if golden.max_pixels is not None:
        yield OWN, golden.max_pixels


def record(name: str, templates: Path, root: Path) -> Iterator[dict]:
    """Every case of one family."""
    for template, max_pixels in settings_of(name):
        folder = save_tiny(name, root / f"{name}-{template}-{max_pixels}")
        dress(name, folder, None if template == OWN else templates / f"{template}.jinja")
        if max_pixels is not None:
            merge(folder / "preprocessor_config.json", GOLDEN[name].budget)
        processor = AutoProcessor.from_pretrained(folder)
        assert type(processor).__name__ == GOLDEN[name].processor_class
        config = AutoConfig.from_pretrained(folder)
        common = {
            "family": name,
            "template": template,
            "max_pixels": max_pixels,
            "vocabulary_sha256": vocabulary_sha256(processor.tokenizer),
        }
        for size in IMAGES_WH:
            image = Image.open(draw(root, size))
            for index, question in enumerate(QUESTIONS):
                content = [{"type": "image", "image": image}, {"type": "text", "text": question}]
                found = processor.apply_chat_template(
                    [{"role": "user", "content": content}],
                    tokenize=True,
                    return_dict=True,
                    return_tensors="pt",
                    add_generation_prompt=True,
                )
                patches = found["pixel_values"]
                yield common | {
                    "image_wh": size,
                    "input_wh": SEEN[name](processor, found, config),
                    "patches": len(patches if patches.dim() == 2 else patches.flatten(0, -4)),
                    "question": index,
                    "input_ids": found["input_ids"][0].tolist(),
                }


def main() -> None:
    """Write the golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--templates", type=Path, required=True, help="the folder trl/chat_templates")
    parser.add_argument("--trl", required=True, help="the version of TRL that the folder is of")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    official = sorted({golden.template for golden in GOLDEN.values() if golden.template})
    head = {
        "versions": {"python": platform.python_version(), "trl": given.trl}
        | {package: importlib.metadata.version(package) for package in PACKAGES},
        "templates_sha256": {
            name: hashlib.sha256((given.templates / f"{name}.jinja").read_bytes()).hexdigest()
            for name in official
        },
        "questions": QUESTIONS,
    }
    with tempfile.TemporaryDirectory() as root:
        cases = [case for name in GOLDEN for case in record(name, given.templates, Path(root))]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    # One case a line, so that a change shows which cases it is of.
    text = json.dumps(head, indent=1).removesuffix("\n}") + f',\n "cases": [\n{lines}\n]\n}}\n'
    given.out.write_text(text, "utf-8")
    print(f"{len(cases)} cases in {given.out}")


if __name__ == "__main__":
    main()
