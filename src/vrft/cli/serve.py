"""``vrft serve``: a vLLM server whose answers training and evaluation can take."""

from __future__ import annotations

import shlex
from typing import Literal

from pydantic import Field

from vrft.cli.options import Args
from vrft.cli.output import print_line
from vrft.models.model_options import Dtype


class ServeArgs(Args):
    """Start a vLLM server that answers for training, probe, evaluation and prediction.

    vLLM lives in an environment of its own. The server runs until it is stopped. Everything after -- goes to
    'vllm serve', such as the number of GPUs.
    """

    positional = ("model", "more")
    examples = (
        "vrft serve Qwen/Qwen2.5-VL-3B-Instruct --vllm ~/vllm/bin/vllm --lora-rank 16",
        "vrft serve my_model --port 8001 -- --tensor-parallel-size 2",
        "vrft train mine.yaml rollout.sampler=vllm rollout.url=http://127.0.0.1:8000",
    )
    model: str = Field(
        description="A model folder, a hub id, or 'miniature'; of an adapter its base is served."
    )
    more: tuple[str, ...] = Field((), description="Further arguments of 'vllm serve', after --.")
    vllm: str = Field("vllm", description="The program of vLLM's own environment.")
    host: str = Field("127.0.0.1", description="Address to listen at; 0.0.0.0 for other machines.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen at.")
    dtype: Dtype = Field("auto", description="Precision of the weights: that of the training.")
    max_length: int | None = Field(None, ge=1, description="Most tokens of a prompt with its answer.")
    images: int = Field(1, ge=1, description="Most images of a prompt.")
    min_pixels: int | None = Field(None, ge=1, description="As model.min_pixels of the training.")
    max_pixels: int | None = Field(None, ge=1, description="As model.max_pixels of the training.")
    lora_rank: int = Field(0, ge=0, description="Rank of the adapter that is trained; 0 for all weights.")
    logprobs: Literal["raw_logprobs", "processed_logprobs"] = Field(
        "raw_logprobs", description="processed_logprobs where rollout.temperature is not 1."
    )
    show: bool = Field(False, description="Print the command, and start nothing.")


def run(args: ServeArgs) -> None:
    """Become the server."""
    from vrft.rollout.vllm.serve_command import ServeOptions, serve_command, start

    options = ServeOptions(**args.model_dump(exclude={"debug", "show"}))
    if args.show:
        print_line(shlex.join(serve_command(options)))
    else:
        start(options)
