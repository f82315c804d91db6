"""Memory and time of Qwen2.5-VL 3B to 72B on several GPUs, by arithmetic from their configurations.

    python benchmarks/scaling.py [--json] [--out FOLDER | --save]

Memory is what ``vrft check --gpus`` says. Nothing here is measured; the speeds below are assumptions, which
the result holds. Half a minute, no weights.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from released import RELEASED, save_released
from result_file import RESULTS, facts, result_parser, write_result

from vrft.config.run_config import make_config
from vrft.diagnostics.check.gpu_plan import LAYOUTS, engine_of, held
from vrft.diagnostics.check.memory_fit import LORA, MemoryFit, with_settings
from vrft.models.layer_sizes import Sizes
from vrft.training.memory import Load
from vrft.training.training_options import Gpus
from vrft.workflows.configured import policy_of

RESULT = RESULTS / "scaling.json"
SIZES = ("3B", "7B", "32B", "72B")
CASES = (*((size, Gpus(8, 80)) for size in SIZES), ("72B", Gpus(32, 80)))
NODE = 8
"""GPUs of a machine."""


@dataclass(frozen=True)
class Step:
    """A step of RFT: an image of about 850 x 850 pixels, a short question, answers with a thought."""

    prompts: int = 64
    group: int = 8
    prompt_tokens: int = 1000
    image_tokens: int = 900
    new_tokens: int = 200


@dataclass(frozen=True)
class Speeds:
    """What is assumed of an H100: products, its memory, links within and between machines."""

    flops: float = 400e12
    memory_bytes: float = 2.5e12
    link_bytes: float = 300e9
    network_bytes: float = 50e9


def seconds(sizes: Sizes, gpus: Gpus, step: Step, speeds: Speeds, engine_gpus: int) -> dict[str, float]:
    """Times of one step, each a lower bound of its kind.

    Args:
        sizes: of the model whose weights all learn.
        gpus: that train.
        step: its numbers.
        speeds: of a GPU and its links.
        engine_gpus: among which one vLLM engine divides its weights.
    """
    number = sizes.number_bytes
    # Every weight of a product is multiplied once a token; an embedding that is no head is looked up.
    text = (sizes.layer_bytes * sizes.text.layers + sizes.vocabulary * sizes.text.hidden * number) / number
    answers = step.prompts * step.group * step.new_tokens
    shared = step.prompts * step.prompt_tokens + answers
    plain = step.prompts * step.group * step.prompt_tokens + answers
    # Forward 2, backward 4, forward once more for activations that were not kept.
    rate = 8 * text / (gpus.count * speeds.flops)
    prefill = 2 * text * step.prompts * step.prompt_tokens / (gpus.count * speeds.flops)
    cached = (step.prompts * step.prompt_tokens + answers / 2) * sizes.text.layers * sizes.key_value * number
    read = sizes.weights_bytes / engine_gpus + cached / gpus.count
    link = speeds.link_bytes if gpus.count <= NODE else speeds.network_bytes
    divided = (sizes.weights_bytes - sizes.tower_bytes) * (1 - 1 / gpus.count)
    return {
        "gradient_shared": rate * shared,
        "gradient_plain": rate * plain,
        "rollout_vllm": prefill + step.new_tokens * read / speeds.memory_bytes,
        # Weights are gathered forwards and backwards; gradients are summed in float32.
        "gathers_of_a_micro_batch": (2 + 4 / number) * divided / link,
    }


def row(size: str, gpus: Gpus, step: Step, speeds: Speeds, folder: Path) -> dict[str, Any]:
    """One model on some GPUs."""
    name = f"Qwen/Qwen2.5-VL-{size}-Instruct"
    tree = {
        "task": "detection",
        "data": {"path": "unused"},
        "model": {"path": str(folder), "device": "cuda"},
        "optim": {"prompts_per_step": step.prompts},
        "rollout": {"group_size": step.group, "max_new_tokens": step.new_tokens},
    }
    config = make_config(tree)
    policy = policy_of(config, weights=False)
    assert sum(p.numel() for p in policy.model.parameters()) == RELEASED[name][-1]
    load = Load(step.prompt_tokens, 4 * step.image_tokens, step.image_tokens)
    fit = MemoryFit(policy, config, load, torch.device("cuda"))
    engine = engine_of(fit, gpus)
    adapter = fit.sizes(with_settings(config, LORA).model).learned
    return {
        "model": name,
        "weights": RELEASED[name][-1],
        "gpus": gpus.count,
        "gib": gpus.gib,
        "layouts": [held(fit, layout, gpus).row() for layout in LAYOUTS],
        "vllm": engine.row(),
        "seconds": seconds(fit.sizes(config.model), gpus, step, speeds, engine.tensor_parallel),
        "adapter_weights": adapter,
    }


def main() -> None:
    """Compute, print, write."""
    parser = result_parser(__doc__ or "", RESULT)
    parser.add_argument("--json", action="store_true", help="print the result")
    options = parser.parse_args()
    step, speeds, rows = Step(), Speeds(), []
    with tempfile.TemporaryDirectory() as scratch:
        for size in SIZES:
            folder = save_released(f"Qwen/Qwen2.5-VL-{size}-Instruct", Path(scratch) / size)
            rows += [row(size, gpus, step, speeds, folder) for one, gpus in CASES if one == size]
    result = {**facts(), "measured": False, "step": asdict(step), "speeds": asdict(speeds), "rows": rows}
    write_result(options, RESULT, result)


if __name__ == "__main__":
    main()
