"""Our training step of Qwen2-VL-2B on a GPU, next to what the hardware can do.

    python benchmarks/gpu_step.py [--json] [--out FOLDER | --save]
    python benchmarks/gpu_step.py --tiny [--json] [--out FOLDER]

Qwen2-VL-2B's own configuration with random weights in bfloat16, 512 image tokens, G 8, 128 new tokens.
A decoding step is compared with the time in which the device's memory could be read for it, the training
pass with the device's matrix products; both are measured here, what they must read and compute is counted in
``step_arithmetic.py``.

``--tiny`` runs the same code on a random model of 2.8 million weights on the CPU in float32.
``--against trl`` runs TRL's GRPOTrainer after our steps, not in turn with them, since two engines at once may
not fit into a GPU; TRL generates with transformers, without vLLM.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from gpu_measures import Peaks, Setting, emptied, measure, measure_trl
from machine import gpu, matrix_products, memory_bandwidth
from models import QWEN2_VL_2B, SMALL
from result_file import RESULTS, facts, result_parser, write_result
from shapes import Shape

FEWEST_STEPS = 5
SHAPES = {
    "full": Shape(512, 1, 8, 128, 0.0),
    "full_kl": Shape(512, 1, 8, 128, 0.04),
    "frozen_vision": Shape(512, 2, 8, 128, 0.0, frozen_vision=True),
    "lora_kl": Shape(512, 4, 8, 128, 0.04, frozen_vision=True, lora=True),
}
"""Meant for 80 GB of GPU memory without activation checkpointing: by estimate, not by trial."""
RESULT = RESULTS / "gpu_step.json"
BIG = Setting("cuda", QWEN2_VL_2B, SHAPES)
TINY = Setting(
    "cpu",
    SMALL,
    {name: replace(s, image_tokens=32, group=4, new_tokens=8) for name, s in SHAPES.items()},
)


def times_as_fast(row: dict[str, Any]) -> dict[str, Any]:
    """How often our step fits into TRL's, by phase; nothing where TRL did not run."""
    theirs, ours = row.get("trl", {}).get("median_seconds", {}), row["median_seconds"]
    return {"times_as_fast": {phase: theirs[phase] / ours[phase] for phase in theirs}} if theirs else {}


def run(setting: Setting, names: list[str], steps: int, against: str | None) -> dict[str, Any]:
    """The named shapes on one device."""
    peaks = Peaks(matrix_products(setting.device), memory_bandwidth(setting.device))
    emptied(setting.device)
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            shape, work = setting.shapes[name], Path(scratch)
            row = measure(setting, shape, steps, peaks, work)
            emptied(setting.device)
            if against == "trl":
                row["trl"] = measure_trl(setting, shape, steps, row["question"], work)
                emptied(setting.device)
            found[name] = row | times_as_fast(row)
    return {
        **facts(*([against] if against else [])),
        "gpu": gpu() if setting.device == "cuda" else None,
        "threads": torch.get_num_threads(),
        "matrix_product_gflops": peaks.matrix_product_flops / 1e9,
        "memory_gigabytes_a_second": peaks.memory_bytes / 1e9,
        "shapes": found,
    }


def refusal(device: str, against: str | None) -> str | None:
    """Why nothing can be measured here; None where it can."""
    if device == "cpu":
        return None
    if not torch.cuda.is_available():
        return (
            "gpu_step.py needs a CUDA GPU, and PyTorch finds none here. "
            "Add --tiny to run the same code on a small model on the CPU."
        )
    if against is not None and torch.cuda.device_count() > 1:
        return "TRL would spread one process over all GPUs. Show it one: set CUDA_VISIBLE_DEVICES=0."
    return None


def line(name: str, row: dict[str, Any]) -> str:
    """One shape in words."""
    seconds, decode, share = row["median_seconds"], row["decoding_step"], row["training_pass"]
    gap = row["parity"]["logprob_max_abs_diff"]
    gap = "the shared method did not run" if gap is None else f"shared and plain method differ by {gap:.1e}"
    text = (
        f"{name:16s} step {seconds['step']:.3f} s (sampling {seconds['sampling']:.3f}, training "
        f"{seconds['training']:.3f}, update {seconds['update']:.3f}); decoding step "
        f"{1e3 * decode['seconds']:.2f} ms, {decode['times_the_floor']:.1f} times the memory floor; "
        f"training at {share['share_of_matmul_peak']:.0%} of the matrix-product peak; "
        f"{row['peak_memory_gib']:.1f} GiB; {gap}"
    )
    if "times_as_fast" in row:
        return f"{text}; {row['times_as_fast']['step']:.1f} times as fast as TRL"
    return f"{text}; TRL ran out of memory" if "trl" in row else text


def main() -> None:
    """Run the shapes and report them."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--tiny", action="store_true", help="a small model and small shapes on the CPU")
    parser.add_argument("--against", choices=["trl"])
    parser.add_argument("--shape", nargs="+", default=["full"], choices=list(SHAPES), metavar="SHAPE",
                        help=f"of {', '.join(SHAPES)}")  # fmt: skip
    parser.add_argument("--steps", type=int, default=7, help=f"counted steps, {FEWEST_STEPS} at least")
    parser.add_argument("--json", action="store_true", help="print the file")
    a = parser.parse_args()
    if a.steps < FEWEST_STEPS:
        parser.error(f"--steps must be {FEWEST_STEPS} at least")
    if a.tiny and a.save:
        parser.error("--tiny measures nothing that is worth committing: name a folder with --out")
    setting = TINY if a.tiny else BIG
    reason = refusal(setting.device, a.against)
    if reason is not None:
        sys.exit(reason)
    result = run(setting, a.shape, a.steps, a.against)
    write_result(a, RESULT, result)
    if not a.json:
        print("\n".join(line(name, row) for name, row in result["shapes"].items()))


if __name__ == "__main__":
    main()
