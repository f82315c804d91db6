"""Tables of ``docs/large_models.md`` from ``results/scaling.json``."""

from __future__ import annotations

import json
from typing import Any

from result_file import RESULTS

RESULT = RESULTS / "scaling.json"
SHORT = {
    "optim.micro_prompts": "micro",
    "optim.activation_checkpointing": "checkpointed",
    "optim.activation_offload": "offloaded",
}


def _rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(RESULT.read_text())["rows"]
    return found


def _head(row: dict[str, Any]) -> str:
    return f"{row['model'].split('-')[-2]}, {row['gpus']} x {row['gib']:g} GiB"


def memory_table() -> str:
    """GiB of a GPU by layout; in bold what fits with a quarter to spare."""
    rows = _rows()
    lines = [f"| layout | {' | '.join(map(_head, rows))} |", "|---|" + "---|" * len(rows)]
    for place, layout in enumerate(rows[0]["layouts"]):
        cells = []
        for row in rows:
            one = row["layouts"][place]
            number = f"**{one['total']:.0f}**" if one["fits"] else f"{one['total']:.0f}"
            under = [SHORT[name] for name in one["settings"]]
            under += ["by layer"] if one.get("samples_by_layer") else []
            cells.append(f"{number} {', '.join(under)}".strip())
        lines.append(f"| {layout['layout']} | {' | '.join(cells)} |")
    engines = [f"{row['vllm']['total']:.0f} (TP {row['vllm']['tensor_parallel_size']})" for row in rows]
    lines.append(f"| vLLM's part | {' | '.join(engines)} |")
    return "\n".join(lines)


def time_table() -> str:
    """Seconds of a step's parts, each at least."""
    rows = _rows()
    titles = {
        "gradient_shared": "gradient, prompts shared (vrft)",
        "gradient_plain": "gradient, the prompt once an answer (others)",
        "rollout_vllm": "answers by vLLM",
        "gathers_of_a_micro_batch": "all weights sharded: gathers and sums of a micro-batch",
    }
    lines = [f"| seconds | {' | '.join(map(_head, rows))} |", "|---|" + "---|" * len(rows)]
    for key, title in titles.items():
        cells = [f"{row['seconds'][key]:.1f}" for row in rows]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    adapters = [f"{row['adapter_weights'] / 1e6:.0f} M" for row in rows]
    lines.append(f"| weights of an adapter of rank 16 | {' | '.join(adapters)} |")
    return "\n".join(lines)
