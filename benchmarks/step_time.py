"""Our training step next to TRL's, in one process, taking turns.

    python benchmarks/step_time.py [--json] [--out FOLDER | --save]

Same random Qwen2-VL, images, questions, G, lengths, beta, float32 and threads; both are made to draw answers
of the same length. The result has medians of the counted steps, by phase, and their ratios.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from machine import matrix_products
from models import save_images, save_random_qwen2_vl
from ours_side import Ours
from result_file import RESULTS, facts, result_parser, write_result
from shapes import Shape
from step_arithmetic import sizes_of, training_flops
from trl_side import SETTINGS, run_trl

WARM_UP = 2
SHAPES = {
    "image_heavy": Shape(400, 2, 8, 96, 0.0),
    "image_heavy_kl": Shape(400, 2, 8, 96, 0.04),
    "text_heavy": Shape(36, 4, 8, 64, 0.0),
    "text_heavy_kl": Shape(36, 4, 8, 64, 0.04),
    "image_heavy_frozen_vision": Shape(400, 2, 8, 96, 0.0, frozen_vision=True),
    "image_heavy_lora": Shape(400, 2, 8, 96, 0.04, frozen_vision=True, lora=True),
}
TARGETS = {"image_heavy": 6.0, "image_heavy_kl": 6.0, "text_heavy": 2.5, "text_heavy_kl": 2.5}


RESULT = RESULTS / "step_time.json"


def measure(shape: Shape, steps: int, peak: float, work: Path) -> dict[str, Any]:
    """Both engines on one shape; ``peak`` is the machine's matrix products, in operations a second."""
    model = save_random_qwen2_vl(work / "model")
    images = save_images(work / "images", shape.prompts, shape.image_tokens)
    ours = Ours(model, images, shape)
    rows: list[dict[str, float]] = []
    trl = run_trl(model, images, ours.question, shape, WARM_UP + steps, lambda _: rows.append(ours.step()))
    own = {key: [row[key] for row in rows[WARM_UP:]] for key in ("step", "sampling", "training")}
    theirs = {key: values[WARM_UP:] for key, values in trl.items()}
    theirs["training"] = [a - b for a, b in zip(theirs["step"], theirs["sampling"], strict=True)]
    lengths = {row["answer_tokens"] for row in rows}
    if lengths != {shape.new_tokens}:
        raise RuntimeError(f"our answers have {lengths} tokens, not {shape.new_tokens}")
    medians = {name: {k: statistics.median(v) for k, v in side.items()} for name, side in
               (("vrft", own), ("trl", theirs))}  # fmt: skip
    sizes = sizes_of(ours.policy.core.config)
    flops = training_flops(sizes, shape, ours.prompt_tokens, ours.parity.method)
    return {
        "shape": vars(shape),
        "weights_millions": sum(p.numel() for p in ours.policy.model.parameters()) / 1e6,
        "prompt_tokens": ours.prompt_tokens,
        "counted_steps": steps,
        "median_seconds": medians,
        "all_seconds": {"vrft": own["step"], "trl": theirs["step"]},
        "times_as_fast": {k: medians["trl"][k] / medians["vrft"][k] for k in medians["vrft"]},
        "training_share_of_matmul_peak": flops / medians["vrft"]["training"] / peak,
        "method": ours.parity.method,
        "differences_from_plain": ours.parity.differences,
    }


def main() -> None:
    """Run the shapes and report them."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--steps", type=int, default=7, help="counted steps of each engine, five at least")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    peak = matrix_products()
    with tempfile.TemporaryDirectory() as scratch:
        found = {name: measure(SHAPES[name], a.steps, peak, Path(scratch)) for name in a.shapes}
    result = {
        **facts("trl"),
        "threads": a.threads,
        "matrix_product_gflops": peak / 1e9,
        "trl_settings": SETTINGS | {"dtype": "float32", "attention": "sdpa"},
        "targets": TARGETS,
        "shapes": found,
    }
    write_result(a, RESULT, result)
    for name, row in found.items():
        ratios = ", ".join(f"{k} {v:.2f}" for k, v in row["times_as_fast"].items())
        if not a.json:
            print(f"{name:28s} times as fast: {ratios}")


if __name__ == "__main__":
    main()
