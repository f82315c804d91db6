"""The command that starts a vLLM server which vrft can ask, and give weights."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from vrft.errors import InputError
from vrft.models.adapter_folder import adapter_chain
from vrft.models.model_options import Dtype
from vrft.models.model_source import innermost, resolve_source
from vrft.rollout.vllm.served_name import served_name
from vrft.rollout.vllm.server_plugin.vrft_vllm import NAME

PLUGIN = Path(__file__).parent / "server_plugin"
INSTALL = "Install vLLM in an environment of its own, and name its program: --vllm FOLDER/bin/vllm."
SETTINGS = {
    "VLLM_SERVER_DEV_MODE": "1",  # the routes that take over weights
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
    "VLLM_NO_USAGE_STATS": "1",
}
ON_PROCESSORS = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class ServeOptions:
    """How a model is served; None leaves it to vLLM.

    Args:
        model: a folder or hub id; of an adapter its base.
        vllm: the program.
        host: the address that it listens at.
        port: like ``host``.
        dtype: of its weights.
        max_length: tokens of a prompt and its answer, at most.
        images: that one prompt may show.
        min_pixels: least pixels after the image processor's resize, like ``max_pixels`` the most.
        max_pixels: see ``min_pixels``.
        lora_rank: largest rank of an adapter; 0 takes none.
        logprobs: of which logits: untouched ones, or those at the sampling's temperature.
        more: further arguments of ``vllm serve``.
    """

    model: str
    vllm: str = "vllm"
    host: str = "127.0.0.1"
    port: int = 8000
    dtype: Dtype = "auto"
    max_length: int | None = None
    images: int = 1
    min_pixels: int | None = None
    max_pixels: int | None = None
    lora_rank: int = 0
    logprobs: Literal["raw_logprobs", "processed_logprobs"] = "raw_logprobs"
    more: tuple[str, ...] = ()


def serve_command(options: ServeOptions, processors: bool | None = None) -> list[str]:
    """The command line, environment included.

    Args:
        options: what is served, and how.
        processors: whether vLLM runs without a GPU; None looks at this machine.

    Raises:
        InputError: there is no such model.
    """
    place = resolve_source(options.model)
    base = innermost(adapter_chain(place), place)
    processors = not torch.cuda.is_available() if processors is None else processors
    dtype = "float32" if options.dtype == "auto" and processors else options.dtype
    size = {
        key: value
        for key, value in (("shortest_edge", options.min_pixels), ("longest_edge", options.max_pixels))
        if value is not None
    }
    arguments: dict[str, object] = {
        "served-model-name": served_name(base),
        "host": options.host,
        "port": options.port,
        "dtype": dtype,
        "generation-config": "vllm",  # nothing is inherited from a checkpoint's
        "logprobs-mode": options.logprobs,
        "limit-mm-per-prompt": {"image": options.images, "video": 0},
        "weight-transfer-config": {"backend": NAME},
        **({"max-model-len": options.max_length} if options.max_length else {}),
        **({"mm-processor-kwargs": {"size": size}} if size else {}),
        **({"max-lora-rank": options.lora_rank} if options.lora_rank else {}),
        **({"block-size": 32} if processors else {}),
    }
    settings = {**SETTINGS, **(ON_PROCESSORS if processors else {}), "PYTHONPATH": str(PLUGIN)}
    return [
        "env",
        *(f"{name}={value}" for name, value in settings.items()),
        options.vllm,
        "serve",
        str(Path(base).resolve()) if Path(base).exists() else base,
        "--enable-scale-out",
        *(["--enable-lora"] if options.lora_rank else []),
        *(["--enforce-eager"] if processors else []),
        *_written(arguments),
        *options.more,
    ]


def _written(arguments: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for name, value in arguments.items():
        found += [f"--{name}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return found


def start(options: ServeOptions) -> None:
    """Become the server.

    Raises:
        InputError: vLLM's program is not there, or there is no such model.
    """
    if shutil.which(options.vllm) is None:
        raise InputError(f"--vllm: there is no program '{options.vllm}'. {INSTALL}")
    command = serve_command(options)
    os.execvp(command[0], command)
