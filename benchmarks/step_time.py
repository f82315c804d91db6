"""Our training step beside TRL's, in one process, taking turns.

    python benchmarks/step_time.py --against trl --json

Same random Qwen2-VL, pictures, questions, G, lengths, beta, float32 and threads; both are made to
draw answers of the same length. Medians of the counted steps, phases and ratios go to
``benchmarks/results/step_time.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import torch
from machine import matrix_products
from models import save_pictures, save_random_qwen2_vl
from ours_side import Ours
from shapes import Shape
from step_arithmetic import sizes_of, training_flops
from trl_side import SETTINGS, run_trl

from vrft.run_folder import hardware, versions, write_json

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


def measure(shape: Shape, steps: int, peak: float, work: Path) -> dict[str, Any]:
    """Both engines on one shape.

    Args:
        shape: sizes.
        steps: counted steps of each.
        peak: the machine's matrix products, in operations a second.
        work: where model and pictures go.
    """
    model = save_random_qwen2_vl(work / "model")
    pictures = save_pictures(work / "pictures", shape.prompts, shape.picture_tokens)
    ours = Ours(model, pictures, shape)
    rows: list[dict[str, float]] = []
    trl = run_trl(model, pictures, ours.question, shape, WARM_UP + steps, lambda _: rows.append(ours.step()))
    own = {key: [row[key] for row in rows[WARM_UP:]] for key in ("step", "sampling", "training")}
    theirs = {key: values[WARM_UP:] for key, values in trl.items()}
    theirs["training"] = [a - b for a, b in zip(theirs["step"], theirs["sampling"], strict=True)]
    lengths = {row["answer_tokens"] for row in rows}
    if lengths != {shape.new_tokens}:
        raise RuntimeError(f"our answers have {lengths} tokens, not {shape.new_tokens}")
    medians = {name: {k: statistics.median(v) for k, v in side.items()} for name, side in
               (("vrft", own), ("trl", theirs))}  # fmt: skip
    sizes = sizes_of(ours.policy.core.config)
    flops = training_flops(sizes, shape, ours.prompt_tokens, ours.parity.path)
    return {
        "shape": vars(shape),
        "weights_millions": sum(p.numel() for p in ours.policy.model.parameters()) / 1e6,
        "prompt_tokens": ours.prompt_tokens,
        "counted_steps": steps,
        "median_seconds": medians,
        "all_seconds": {"vrft": own["step"], "trl": theirs["step"]},
        "times_as_fast": {k: medians["trl"][k] / medians["vrft"][k] for k in medians["vrft"]},
        "training_share_of_matmul_peak": flops / medians["vrft"]["training"] / peak,
        "form": ours.parity.path,
        "forms_against_plain": ours.parity.differences,
    }


def main() -> None:
    """Run the shapes and write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", choices=["trl"], default="trl")
    parser.add_argument("--steps", type=int, default=7, help="counted steps of each engine, five at least")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "step_time.json")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    peak = matrix_products()
    with tempfile.TemporaryDirectory() as scratch:
        found = {name: measure(SHAPES[name], a.steps, peak, Path(scratch)) for name in a.shapes}
    result = {
        "command": "python benchmarks/step_time.py --against trl --json",
        "date": date.today().isoformat(),
        "hardware": hardware(),
        "threads": a.threads,
        "matrix_product_gflops": peak / 1e9,
        "versions": versions() | {"trl": __import__("trl").__version__},
        "trl_settings": SETTINGS | {"dtype": "float32", "attention": "sdpa"},
        "targets": TARGETS,
        "shapes": found,
    }
    write_json(a.out, result)
    for name, row in found.items():
        ratios = ", ".join(f"{k} {v:.2f}" for k, v in row["times_as_fast"].items())
        if not a.json:
            print(f"{name:28s} times as fast: {ratios}")
    if a.json:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
