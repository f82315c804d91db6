"""Another base policy to try the small benchmark from: `python benchmarks/mini_base.py OUT --prose 0.5`.

The embedded miniature goes through the last stage of its pretraining once more, with another share of its
target answers in prose on dark backgrounds, and is saved to OUT. It replaces nothing: the main table is about
the embedded one. `python benchmarks/mini.py --study attempts --models OUT` then tries RFT and SFT from it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "dev"))

from miniature_training.architecture import save_miniature
from miniature_training.pool import draw_pool
from miniature_training.pretrain import STAGES, encode_pool, train_stage
from vrft.miniature.location import miniature_folder

SEED = 1
"""The shipped weights were made with 0."""
POOL = 8000


def main() -> None:
    """Train one stage, and save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--prose", type=float, default=0.5, help="0.88 in the shipped weights")
    parser.add_argument("--steps", type=int, default=STAGES[-1].steps)
    parser.add_argument("--pool", type=int, default=POOL, help="images to draw")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = miniature_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    pool = draw_pool(options.pool, SEED)
    stage = replace(STAGES[-1], prose=options.prose, steps=options.steps)
    checkpoint = options.out.with_suffix(".pt")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    train_stage(model, tokenizer, pool, encode_pool(model, pool), stage, checkpoint, SEED)
    print(save_miniature(model, tokenizer, options.out))


if __name__ == "__main__":
    main()
